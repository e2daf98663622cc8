"""Reads the user's own copy of a vendor's OpenAPI (3.0, 3.1) or Swagger (2.0) file.

It tells which lists can be read, what their rows look like, and what can be written. What it says
outranks the public documents.
"""

from __future__ import annotations

import functools
import logging
import pathlib
import re
import typing as t
import urllib.parse

from erp_vendors.errors import ConfigError
from erp_vendors.openapi import content
from erp_vendors.openapi.conversion import ALL, NESTED, Schemas
from erp_vendors.openapi.operations import OpenApiResource, Operations
from erp_vendors.openapi.paths import is_parameter, joined, segments_of
from erp_vendors.openapi.pattern import Pattern
from erp_vendors.openapi.reader import SchemaReader, printable

logger = logging.getLogger("erp.openapi")


class OpenApiDocument:
    """A file's content."""

    def __init__(self, root: object, where: str) -> None:
        """Check the outermost structure.

        Args:
            root: The parsed file.
            where: Names the setting and the file, for messages.

        Raises:
            ConfigError: If it is no OpenAPI 3 or Swagger 2 document.
        """
        self.where = where
        root = root if isinstance(root, dict) else {}
        version = str(root.get("openapi") or root.get("swagger") or "")
        if not re.match(r"3\.[01]|2\.0", version):
            said = "it has no 'openapi' or 'swagger'"
            if version:
                said = f"its version is {printable(repr(version))}"
            msg = f"{where} is neither OpenAPI 3.0 or 3.1 nor Swagger 2.0: {said}"
            raise ConfigError(msg)
        self._reader = SchemaReader(root)
        self._schemas = Schemas(self._reader)
        if not isinstance(root.get("paths"), dict):
            msg = f"{where} at #/paths: must be an object"
            raise ConfigError(msg)
        self._bases = list(_base_paths(root))
        self._warned: set[str] = set()

    def resources(
        self, pattern: Pattern | None = None, values: t.Mapping[str, str] | None = None
    ) -> list[OpenApiResource]:
        """What can be read or written; a path that cannot be used is left out with a warning.

        Args:
            pattern: The vendor's pattern.
            values: Values that a name in the pattern's prefix stands for.
        """
        for nested in NESTED:
            self._schemas.limit(nested)
            operations, found = self._attempt(pattern or Pattern(), values or {})
            if sum(len(str(item.schema)) for item in found) <= ALL:
                break
        for path, why in operations.left_out.items():
            if path not in self._warned:
                self._warned.add(path)
                logger.warning("%s: %s is left out: %s", self.where, printable(path), why)
        return found

    def _attempt(
        self, pattern: Pattern, values: t.Mapping[str, str]
    ) -> tuple[Operations, list[OpenApiResource]]:
        operations = Operations(self._reader, self._schemas, pattern)
        for path, item in self._reader.members(self._reader.root, "paths"):
            operations.add(item, path, self._relative(path, pattern.prefix, values))
        return operations, operations.resources()

    def _relative(self, path: str, prefix: str, values: t.Mapping[str, str]) -> str:
        """A path without the prefix, wherever the file has put that: paths or server."""
        start = segments_of(prefix)
        for base in (*self._bases, ""):
            segments = segments_of(base) + segments_of(path)
            if len(segments) >= len(start) and all(
                _fits(have, want, values) for have, want in zip(segments, start, strict=False)
            ):
                return joined(segments[len(start) :])
        return path


def parse(body: bytes, where: str) -> OpenApiDocument:
    """Read a file's bytes.

    Args:
        body: JSON or YAML.
        where: Names the setting and the file, for messages.

    Raises:
        ConfigError: If it is no OpenAPI or Swagger document.
    """
    return OpenApiDocument(content.parsed(body, where), where)


def load(path: str, setting: str = "openapi") -> OpenApiDocument:
    """Read a file.

    Args:
        path: Where it is; JSON or YAML.
        setting: Setting that names it, for messages.

    Raises:
        ConfigError: If it cannot be read or is no OpenAPI or Swagger document.
    """
    try:
        file = pathlib.Path(path).expanduser()
        stat = file.stat()
    except (OSError, ValueError, RuntimeError) as error:  # such as a null character, or ~nobody
        msg = f"{setting} ({path}) cannot be read: {getattr(error, 'strerror', error)}"
        raise ConfigError(msg) from None
    return _load(file, setting, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=8)
def _load(file: pathlib.Path, setting: str, *_version: int) -> OpenApiDocument:
    where = f"{setting} ({file})"
    return parse(content.read(file, where), where)


def _base_paths(root: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Path of the first server (OpenAPI 3), or `basePath` (Swagger 2).

    It comes with its variables' defaults and without them: CIMcloud's site name is one.
    """
    servers = root.get("servers")
    if not (isinstance(servers, list) and servers and isinstance(servers[0], dict)):
        yield str(root.get("basePath") or "")
        return
    url, variables = str(servers[0].get("url") or ""), servers[0].get("variables")
    filled = url
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        if isinstance(variable, dict) and isinstance(variable.get("default"), str):
            filled = filled.replace(f"{{{name}}}", variable["default"])
    for each in dict.fromkeys((filled, url)):
        try:
            yield urllib.parse.urlsplit(each).path
        except ValueError:  # such as a bracket without its other half
            continue


def _fits(have: str, want: str, values: t.Mapping[str, str]) -> bool:
    if not is_parameter(want):
        return have.lower() == want.lower()
    value = values.get(want.strip("{}"))
    return is_parameter(have) or (value is not None and have.lower() == value.lower())
