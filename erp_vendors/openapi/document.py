"""Reads the user's own copy of a vendor's OpenAPI (3.0, 3.1) or Swagger (2.0) file.

It tells which lists can be read, what their rows look like, and what can be written. What it says
outranks the public documents.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
import typing as t
import urllib.parse

import yaml  # type: ignore[import-untyped, unused-ignore]

from erp_vendors.errors import ConfigError
from erp_vendors.openapi.operations import OpenApiResource, Operations
from erp_vendors.openapi.paths import is_parameter, segments_of
from erp_vendors.openapi.pattern import Pattern
from erp_vendors.openapi.reader import SchemaReader

_YAML_BOOL = re.compile("(?:true|True|TRUE|false|False|FALSE)$")


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
        operations = Operations(self._reader, pattern)
        for path, item in self._reader.members(self._reader.root, "paths"):
            short = self._relative(path, pattern.prefix, values or {})
            operations.add(short, self._reader.resolved(item))
        return operations.resources()

    def _relative(self, path: str, prefix: str, values: t.Mapping[str, str]) -> str:
        """A path without the prefix, wherever the file has put that: paths or server."""
        if not path.startswith("/"):
            raise self._reader.mistake(self._reader.root, "must begin with /", "paths", path)
        whole = segments_of(self._base) + segments_of(path)
        start = segments_of(prefix)
        for segments in (whole, segments_of(path)):
            if len(segments) >= len(start) and all(
                _fits(have, want, values) for have, want in zip(segments, start, strict=False)
            ):
                return "/" + "/".join(segments[len(start) :])
        return path


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


def _fits(have: str, want: str, values: t.Mapping[str, str]) -> bool:
    if not is_parameter(want):
        return have.lower() == want.lower()
    value = values.get(want.strip("{}"))
    return is_parameter(have) or (value is not None and have.lower() == value.lower())
