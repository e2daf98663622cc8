"""The text of an OpenAPI file, as JSON or YAML: objects, lists, text, booleans and null."""

from __future__ import annotations

import dataclasses
import json
import re
import stat
import typing as t

import yaml  # type: ignore[import-untyped, unused-ignore]

from erp_vendors.errors import ConfigError

if t.TYPE_CHECKING:
    import pathlib

MAX_BYTES = 32_000_000
"""Size of a file; the largest public ones that describe one service have 12 MB."""
MAX_DEPTH = 200
"""Levels of nesting in YAML; JSON's parser has a limit of its own."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C is ten times as fast."""


def read(file: pathlib.Path, where: str) -> bytes:
    """The bytes of a file.

    Args:
        file: Where it is.
        where: Names the setting and the file, for messages.

    Raises:
        ConfigError: If it cannot be read, is too large, or is no regular file: a pipe would wait,
            and a device has no end.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            msg = f"{where} cannot be read: it is no regular file"
            raise ConfigError(msg)
        with file.open("rb") as stream:
            body = stream.read(MAX_BYTES + 1)
    except OSError as error:
        msg = f"{where} cannot be read: {error.strerror}"
        raise ConfigError(msg) from None
    if len(body) > MAX_BYTES:
        msg = f"{where} has more than {MAX_BYTES // 1_000_000} MB; take out what is not needed"
        raise ConfigError(msg)
    return body


def parsed(body: bytes, where: str) -> object:
    """The content of a file; every key is text, and numbers are text, too.

    Args:
        body: Its bytes.
        where: Names the setting and the file, for messages.

    Raises:
        ConfigError: If it is neither JSON nor YAML.
    """
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode()
        return _from_json(text) if text.lstrip().startswith("{") else _from_yaml(text)
    except json.JSONDecodeError as error:
        problem = f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        why = getattr(error, "problem", None) or "it cannot be parsed"
        problem = f"is not YAML: {place}{why}"
    except UnicodeDecodeError:
        problem = "is not text in UTF-8"
    except RecursionError:
        problem = "is nested too deeply"
    msg = f"{where} {problem}"
    raise ConfigError(msg) from None


def _from_json(text: str) -> object:
    # A number's digits say nothing of a schema's types, and might be too many to count with.
    content = json.loads(text, parse_int=str, parse_float=str)
    if _SURROGATE.search(text):
        # Half of a surrogate pair is no character, and cannot be written as UTF-8.
        whole = json.dumps(content, ensure_ascii=False).encode(errors="replace")
        content = json.loads(whole)
    return content


@dataclasses.dataclass(slots=True)
class _Open:
    """An object or a list that has begun.

    Attributes:
        value: What it holds so far.
        key: Key of an object's next value, None while a key is expected.
        merged: What its `<<` refer to.
    """

    value: t.Any
    key: str | None = None
    merged: list[t.Any] = dataclasses.field(default_factory=list)

    @property
    def awaits_key(self) -> bool:
        return self.key is None and isinstance(self.value, dict)

    def put(self, value: object) -> None:
        """Add a key or a value."""
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is None:
            self.key = value if isinstance(value, str) else "(a key that is no text)"
        else:
            if self.key == "<<":
                self.merged.append(value)
            else:
                self.value[self.key] = value
            self.key = None

    def close(self) -> None:
        """Fill in what `<<` refers to; what stands here itself outranks that."""
        for given in self.merged:
            for other in given if isinstance(given, list) else [given]:
                if isinstance(self.value, dict) and isinstance(other, dict):
                    self.value |= {**other, **self.value}


def _from_yaml(text: str) -> object:
    """YAML without guesses: `no` and `on` are words, and dates, numbers and keys such as 200 text.

    It is made of the parser's events, because PyYAML's own composer has no limit for nesting and
    ends the process, and its constructors know keys and tags that JSON does not have.
    """
    top = _Open([])
    stack, anchors = [top], dict[str, t.Any]()
    for event in yaml.parse(text, _LOADER):
        if isinstance(event, yaml.DocumentStartEvent) and top.value:
            raise yaml.MarkedYAMLError(
                problem="a second document begins", problem_mark=event.start_mark
            )
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop().close()
        elif isinstance(event, yaml.NodeEvent):
            value = _value(event, anchors, key=stack[-1].awaits_key)
            if event.anchor and not isinstance(event, yaml.AliasEvent):
                anchors[event.anchor] = value
            stack[-1].put(value)
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(_Open(value))
                if len(stack) > MAX_DEPTH:
                    raise RecursionError
    return top.value[0] if top.value else None


def _value(event: yaml.NodeEvent, anchors: t.Mapping[str, object], *, key: bool) -> object:
    """What an event stands for: an empty object or list, text, a boolean or null."""
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            problem = f"nothing is called &{event.anchor}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return anchors[event.anchor]
    if isinstance(event, yaml.CollectionStartEvent):
        return {} if isinstance(event, yaml.MappingStartEvent) else []
    # A key, what is quoted and what has a tag are text.
    return event.value if key or not event.implicit[0] else _plain(event.value)


def _plain(text: str) -> str | bool | None:
    if text in _NULL:
        return None
    return text in _TRUE if text in _TRUE | _FALSE else text
