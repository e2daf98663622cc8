"""Reads the user's own copy of a vendor's OpenAPI (3.0, 3.1) or Swagger (2.0) file.

It tells which lists can be read, what their rows look like, and what can be written. What it says
outranks the public documents (README of the vendor sheets).
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import pathlib
import re
import typing as t
import urllib.parse

import yaml  # type: ignore[import-untyped, unused-ignore]

from erp_vendors.errors import ConfigError
from erp_vendors.openapi_schema import Node, SchemaReader

if t.TYPE_CHECKING:
    from erp_vendors.schemas import Schema

_YAML_BOOL = re.compile("(?:true|True|TRUE|false|False|FALSE)$")
_VERSION = re.compile(r"v\d+(?:_\d+)*")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How a vendor's paths and answers are built.

    Attributes:
        prefix: Start of a path that is no part of a resource's path. A `{name}` in it stands for
            any `{parameter}`, or for the value of that setting.
        detail_rows: The list is an index; its rows have the schema of the single GET.
        wrappers: Properties in which an answer that is an object holds its rows.
        open_end: Parameters at the end of a list's path belong to the list (search, page).
        children: A list below one record of another list can be read.
        keys: Properties that identify a new resource's rows, the first one that there is; with
            `{entity}` for the last segment of its path.
        stamps: Properties that say when a row changed, likewise.
    """

    prefix: str = ""
    detail_rows: bool = False
    wrappers: tuple[str, ...] = ()
    open_end: bool = False
    children: bool = False
    keys: tuple[str, ...] = ()
    stamps: tuple[str, ...] = ()


PATTERNS: dict[str, Pattern] = {
    # Index of ids, then one GET per record (aimsio.md 4.1, DOC); names after the entity (3, DOC).
    "aimsio": Pattern(
        prefix="/rest/api/standard/v1",
        detail_rows=True,
        keys=("{entity}Guid",),
        stamps=("{entity}UpdatedAt",),
    ),
    # OData lists (aims360.md 3, DOC); the stamp is assumed (7.1, INF).
    "aims360": Pattern(wrappers=("value",), stamps=("lastModifiedOn",)),
    # Search and page are segments of the path (cimcloud.md 1.1, DOC); stamp: 4.3 (INF).
    "cimcloud": Pattern(prefix="/{site_name}", open_end=True, stamps=("last_modify_date",)),
    "pentamic": Pattern(prefix="/api", children=True, keys=("id",)),
}
"""Patterns by vendor; the others have a plain one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenApiResource:
    """One resource, as far as the file describes it.

    Attributes:
        name: Last word of its path, in snake case; longer where two would be the same.
        full_name: All words of its path, its version too.
        path: Path after the prefix; empty when the file has no GET for it.
        readable: The GET answers with rows in the vendor's pattern.
        schema: JSON schema of a row, every property nullable; None if the file does not say.
        primary_keys: Properties that identify a row, as far as the pattern tells.
        replication_key: Property that says when a row changed, likewise.
        write_path: Path of its POST, or of its PUT without the key; None when there is neither.
        write_schema: JSON schema of one record of the body; None if the file does not say.
        answer_schema: JSON schema of the answer to a write that has worked: an object, or a list
            of objects; None if the file does not say.
        list_name: Property of the body that holds the records, if the pattern wraps them.
    """

    name: str
    full_name: str
    path: str = ""
    readable: bool = False
    schema: Schema | None = None
    primary_keys: tuple[str, ...] = ()
    replication_key: str | None = None
    write_path: str | None = None
    write_schema: Schema | None = None
    answer_schema: Schema | None = None
    list_name: str | None = None


class OpenApiDocument:
    """A file's content."""

    def __init__(self, content: object, where: str) -> None:
        """Check the outermost structure.

        Args:
            content: The parsed file.
            where: Names the setting and the file, for messages.

        Raises:
            ConfigError: If it is no OpenAPI 3 or Swagger 2 document.
        """
        self.where = where
        root = content if isinstance(content, dict) else {}
        version = str(root.get("openapi") or root.get("swagger") or "")
        if not re.match(r"3\.[01]|2\.0", version):
            said = f"its version is {version!r}" if version else "it has no 'openapi' or 'swagger'"
            msg = f"{where} is neither OpenAPI 3.0 or 3.1 nor Swagger 2.0: {said}"
            raise ConfigError(msg)
        self._reader = SchemaReader(root, where)
        if not isinstance(root.get("paths"), dict):
            raise self._reader.mistake(self._reader.root, "must be an object", "paths")
        self._base = _base_path(root)

    def resources(
        self, pattern: Pattern | None = None, values: t.Mapping[str, str] | None = None
    ) -> list[OpenApiResource]:
        """What can be read or written.

        Args:
            pattern: The vendor's pattern.
            values: Values that a name in the pattern's prefix stands for.

        Raises:
            ConfigError: If the file has a mistake; the message names the place.
        """
        pattern = pattern or Pattern()
        operations = _Operations(self._reader, pattern)
        for path, item in self._reader.members(self._reader.root, "paths"):
            short = self._relative(path, pattern.prefix, values or {})
            operations.add(short, self._reader.resolved(item))
        return operations.resources()

    def _relative(self, path: str, prefix: str, values: t.Mapping[str, str]) -> str:
        """A path without the prefix, wherever the file has put that: paths or server."""
        if not path.startswith("/"):
            raise self._reader.mistake(self._reader.root, "must begin with /", "paths", path)
        whole = _segments(self._base) + _segments(path)
        start = _segments(prefix)
        for segments in (whole, _segments(path)):
            if len(segments) >= len(start) and all(
                _fits(have, want, values) for have, want in zip(segments, start, strict=False)
            ):
                return "/" + "/".join(segments[len(start) :])
        return path


@dataclasses.dataclass
class _Found:
    """What is known of one normalised path."""

    path: str
    listing: Node | None = None
    loose: Node | None = None
    detail: Node | None = None
    write_path: str | None = None
    body: Node | None = None
    reply: Node | None = None
    list_name: str | None = None


class _Operations:
    """Sorts the operations of a file by the resource they belong to."""

    def __init__(self, reader: SchemaReader, pattern: Pattern) -> None:
        self._reader = reader
        self._pattern = pattern
        self._found: dict[str, _Found] = {}

    def add(self, path: str, item: Node) -> None:
        """Take the operations of one path."""
        segments = _segments(path)
        if self._pattern.open_end:
            while segments and _is_parameter(segments[-1]):
                segments.pop()
        single = bool(segments) and _is_parameter(segments[-1])
        owner = segments[:-1] if single else segments
        if not owner or not any(not _is_parameter(segment) for segment in owner):
            return
        found = self._found.setdefault(
            normalise("/".join(owner)), _Found(path="/" + "/".join(owner))
        )
        for method in ("get", "put", "post"):
            if method not in item.content:
                continue
            operation = self._reader.resolved(item.at(method))
            if method == "get":
                self._read(found, operation, single=single)
            elif "{" not in found.path and (method == "put" or not single):
                # POST comes last and wins: it creates, and with some vendors updates, too.
                self._write(found, operation)

    def resources(self) -> list[OpenApiResource]:
        """All of them, named."""
        names = _names([found.path for found in self._found.values()])
        return [
            resource for found in self._found.values() if (resource := self._resource(found, names))
        ]

    def _read(self, found: _Found, operation: Node, *, single: bool) -> None:
        answer = self._reader.answer(operation)
        if answer is None:
            return
        rows = self._reader.rows(answer, self._pattern.wrappers)
        if single:
            found.detail = rows or answer
        elif rows is not None:
            found.listing = rows
        elif not self._reader.lists(answer):
            # Some generators forget the brackets around a row.
            found.loose = answer

    def _write(self, found: _Found, operation: Node) -> None:
        body = self._reader.body(operation)
        if body is None:
            return
        name, rows = None, self._reader.rows(body, ())
        if rows is None and self._pattern.detail_rows:
            # One array in an object, named after the entity (aimsio.md 6, DOC).
            lists = self._reader.lists(body)
            if len(lists) == 1:
                ((name, rows),) = lists.items()
        found.write_path, found.body, found.list_name = found.path, rows or body, name
        found.reply = self._reader.answer(operation)

    def _resource(
        self, found: _Found, names: t.Mapping[str, tuple[str, str]]
    ) -> OpenApiResource | None:
        pattern, row = self._pattern, found.detail
        readable = found.listing is not None
        if pattern.detail_rows:
            # The rows of the list are an index.
            readable &= row is not None
        else:
            row = found.listing or found.loose or row
        if "{" in found.path:
            parent = self._found.get(normalise(found.path.partition("{")[0]))
            readable &= pattern.children and parent is not None and parent.listing is not None
        if row is None and found.write_path is None:
            return None
        schema = self._reader.schema(row) if row else None
        name, full_name = names[found.path]
        entity = _segments(found.path)[-1]
        return OpenApiResource(
            name=name,
            full_name=full_name,
            path=found.path if row is not None else "",
            readable=readable,
            schema=schema,
            primary_keys=tuple(_first(pattern.keys, entity, schema)),
            replication_key=next(iter(_first(pattern.stamps, entity, schema)), None),
            write_path=found.write_path,
            write_schema=self._reader.schema(found.body, write=True) if found.body else None,
            answer_schema=self._reader.answer_schema(found.reply) if found.reply else None,
            list_name=found.list_name,
        )


def load(path: str, setting: str = "openapi") -> OpenApiDocument:
    """Read a file.

    Args:
        path: Where it is; JSON or YAML.
        setting: Setting that names it, for messages.

    Raises:
        ConfigError: If it cannot be read or is no OpenAPI or Swagger document.
    """
    file = pathlib.Path(path).expanduser()
    try:
        stat = file.stat()
        return _load(file, setting, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        msg = f"{setting} ({file}) cannot be read: {error.strerror}"
        raise ConfigError(msg) from None


def normalise(path: str) -> str:
    """A path in the form in which two spellings of it are equal.

    Args:
        path: A path after the prefix.
    """
    return "/".join(
        "{}" if _is_parameter(segment) else segment.lower() for segment in _segments(path)
    )


@functools.lru_cache(maxsize=8)
def _load(file: pathlib.Path, setting: str, *_version: int) -> OpenApiDocument:
    where = f"{setting} ({file})"
    body = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode()
        # The C loader is ten times as fast, and JSON's parser faster still.
        content = json.loads(text) if text.lstrip().startswith("{") else _from_yaml(text)
    except json.JSONDecodeError as error:
        msg = f"{where} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        raise ConfigError(msg) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        why = getattr(error, "problem", None) or "it cannot be parsed"
        msg = f"{where} is not YAML: {place}{why}"
        raise ConfigError(msg) from None
    except UnicodeDecodeError:
        msg = f"{where} is not text in UTF-8"
        raise ConfigError(msg) from None
    return OpenApiDocument(content, where)


def _from_yaml(text: str) -> object:
    """YAML without guesses: `no` and `on` are words, and dates, numbers and keys such as 200 text.

    A schema's types do not depend on any number in it.
    """
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    kept = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}
    rules = {
        first: [rule for rule in rules if rule[0] in kept]
        for first, rules in base.yaml_implicit_resolvers.items()
    }
    for first in "tTfF":
        rules.setdefault(first, []).append(("tag:yaml.org,2002:bool", _YAML_BOOL))
    loader = type("_Loader", (base,), {"yaml_implicit_resolvers": rules})
    return yaml.load(text, loader)  # noqa: S506 - a safe loader, with fewer rules


def _base_path(root: t.Mapping[str, t.Any]) -> str:
    """Path of the first server (OpenAPI 3), or `basePath` (Swagger 2)."""
    servers = root.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], dict):
        return urllib.parse.urlsplit(str(servers[0].get("url", ""))).path
    return str(root.get("basePath") or "")


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _is_parameter(segment: str) -> bool:
    return "{" in segment


def _fits(have: str, want: str, values: t.Mapping[str, str]) -> bool:
    if not _is_parameter(want):
        return have.lower() == want.lower()
    value = values.get(want.strip("{}"))
    return _is_parameter(have) or (value is not None and have.lower() == value.lower())


def _first(candidates: t.Iterable[str], entity: str, schema: Schema | None) -> t.Iterator[str]:
    """The first candidate that is a property, in its own spelling."""
    known = {name.lower(): name for name in (schema or {}).get("properties", {})}
    for candidate in candidates:
        name = candidate.replace("{entity}", entity).lower()
        if name in known:
            yield known[name]
            return


def _names(paths: t.Collection[str]) -> dict[str, tuple[str, str]]:
    """Short and full name by path; a short one has as many words as make it the only one."""
    words = {
        path: [snake(segment) for segment in _segments(path) if not _is_parameter(segment)]
        for path in paths
    }
    names = {path: ("_".join(parts), "_".join(parts)) for path, parts in words.items()}
    for length in range(max(map(len, words.values()), default=0), 0, -1):
        tails = {path: "_".join(_unversioned(parts)[-length:]) for path, parts in words.items()}
        counts = collections.Counter(tails.values())
        for path, tail in tails.items():
            if counts[tail] == 1 and tail:
                names[path] = (tail, names[path][1])
    return names


def _unversioned(words: t.Iterable[str]) -> list[str]:
    return [word for word in words if not _VERSION.fullmatch(word)]


def snake(word: str) -> str:
    """A word of a path in snake case: `GLAccount` becomes `gl_account`.

    Args:
        word: A segment.
    """
    word = re.sub(r"([A-Z]{2,})s(?![a-z])", lambda plural: plural[1].capitalize() + "s", word)
    word = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", word)
    word = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", word)
    return re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_").lower()
