"""What an OpenAPI file's operations read and write, sorted by resource."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from erp_vendors.openapi.paths import (
    is_key,
    is_parameter,
    joined,
    names_of,
    normalise,
    segments_of,
)
from erp_vendors.openapi.reader import FaultError

if t.TYPE_CHECKING:
    from erp_vendors.openapi.conversion import Schemas
    from erp_vendors.openapi.pattern import Pattern
    from erp_vendors.openapi.reader import Node, SchemaReader
    from erp_vendors.schemas import Schema

_LONGEST = 1_000
"""Characters of a path."""


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
        replication_key: Property that says when a row changed, as far as the pattern tells.
        write_path: Path of its POST, or of its PUT without the key; None when there is neither.
        creates: It has a POST.
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
    creates: bool = False
    write_schema: Schema | None = None
    answer_schema: Schema | None = None
    list_name: str | None = None


class _ListedRows(t.NamedTuple):
    """An answer with rows.

    Attributes:
        schema: JSON schema of a row; None if the file does not say.
    """

    schema: Schema | None


class _WriteOperation(t.NamedTuple):
    """What a POST or PUT takes and answers; schemas are None if the file does not say."""

    creates: bool
    schema: Schema | None
    answer: Schema | None
    list_name: str | None


@dataclasses.dataclass
class _Found:
    """What the file says of one resource.

    Attributes:
        path: Path of the list, after the prefix.
        given: The path whose GET lists it, as the file has it.
        listing: The answer that lists its rows.
        loose: An answer that should list rows, but is no list.
        detail: The answer with a single row.
        write: Its POST, or else its PUT.
    """

    path: str
    given: str = ""
    listing: _ListedRows | None = None
    loose: _ListedRows | None = None
    detail: _ListedRows | None = None
    write: _WriteOperation | None = None


class Operations:
    """The operations of a file, sorted by the resource they belong to.

    Attributes:
        left_out: Why a path of the file cannot be used, by path.
    """

    def __init__(self, reader: SchemaReader, schemas: Schemas, pattern: Pattern) -> None:
        """Make an empty collection.

        Args:
            reader: Reads the document.
            schemas: Makes the schemas.
            pattern: The vendor's pattern.
        """
        self.left_out: dict[str, str] = {}
        self._reader = reader
        self._schemas = schemas
        self._pattern = pattern
        self._owners: dict[str, str] = {}
        self._found: dict[str, _Found] = {}

    def add(self, item: Node, given: str, path: str) -> None:
        """Add the operations of one path: all of them, or none if one cannot be used.

        Args:
            item: What the file has for the path.
            given: The path as the file has it.
            path: The path after the prefix.
        """
        try:
            self._add(item, given, path)
        except FaultError as fault:
            self.left_out[given] = str(fault)

    def _add(self, item: Node, given: str, path: str) -> None:
        if not given.startswith("/"):
            raise FaultError(item, "a path begins with /")
        if re.search(r"[\s\\#]", given) or len(given) > _LONGEST:
            problem = f"a path has no space, backslash or #, and at most {_LONGEST:,} characters"
            raise FaultError(item, problem)
        segments = segments_of(path)
        if self._pattern.open_end:
            while segments and is_parameter(segments[-1]) and not is_key(segments[-1]):
                segments.pop()
        single = bool(segments) and is_parameter(segments[-1])
        owner = segments[:-1] if single else segments
        if all(map(is_parameter, owner)):
            return
        name = normalise(joined(owner))
        # It has its name even if it cannot be used, so that the others keep theirs.
        self._owners.setdefault(name, joined(owner))
        found = self._found.get(name) or _Found(path=self._owners[name])
        found = dataclasses.replace(found)
        item = self._reader.resolved(item)
        for method in ("get", "put", "post"):
            if method not in item.content:
                continue
            operation = self._reader.resolved(item.at(method))
            if method == "get":
                self._read(found, operation, given, single=single)
            elif "{" not in found.path and (method == "put" or not single):
                self._write(found, operation, creates=method == "post")
        self._found[name] = found

    def resources(self) -> list[OpenApiResource]:
        """All of them, named."""
        names = names_of(self._owners.values())
        return [
            resource
            for found in self._found.values()
            if (resource := self._resource(found, *names[found.path]))
        ]

    def _read(self, found: _Found, operation: Node, given: str, *, single: bool) -> None:
        answer = self._reader.answer(operation)
        if answer is None:
            return
        rows = self._reader.rows(answer, self._pattern.wrappers)
        if single:
            found.detail = self._rows(rows or answer)
        elif rows is not None:
            found.given = given
            # The rows of an index are not those of the stream.
            found.listing = _ListedRows(None) if self._pattern.detail_rows else self._rows(rows)
        elif not self._reader.lists(answer):
            # Some generators forget the brackets around a row.
            found.loose = self._rows(answer)

    def _rows(self, node: Node) -> _ListedRows:
        return _ListedRows(self._schemas.row(node))

    def _write(self, found: _Found, operation: Node, *, creates: bool) -> None:
        body = self._reader.body(operation)
        if body is None or (found.write and found.write.creates and not creates):
            return
        name, rows = None, self._reader.rows(body, ())
        if rows is None and self._pattern.detail_rows:
            # One array in an object, named after the entity (aimsio.md 6, DOC).
            lists = self._reader.lists(body)
            if len(lists) == 1:
                ((name, rows),) = lists.items()
        answer = self._reader.answer(operation)
        found.write = _WriteOperation(
            creates,
            self._schemas.written(rows or body),
            self._schemas.answer(answer) if answer else None,
            name,
        )

    def _resource(self, found: _Found, name: str, full_name: str) -> OpenApiResource | None:
        pattern, row, write = self._pattern, found.detail, found.write
        readable = found.listing is not None
        if pattern.detail_rows:
            # The rows of the list are an index.
            readable &= row is not None
        else:
            row = found.listing or found.loose or row
        if "{" in found.path:
            readable &= pattern.children and self._has_parent(found)
        if row is None and write is None:
            return None
        schema = row.schema if row else None
        entity = segments_of(found.path)[-1]
        return OpenApiResource(
            name=name,
            full_name=full_name,
            path=found.path if row is not None else "",
            readable=readable,
            schema=schema,
            primary_keys=tuple(_first(pattern.keys, entity, schema)),
            replication_key=next(iter(_first(pattern.stamps, entity, schema)), None),
            write_path=found.path if write else None,
            creates=write is not None and write.creates,
            write_schema=write.schema if write else None,
            answer_schema=write.answer if write else None,
            list_name=write.list_name if write else None,
        )

    def _has_parent(self, found: _Found) -> bool:
        """Whether something lists the records that a list is read for."""
        parent = self._found.get(normalise(found.path.partition("{")[0]))
        if parent is not None and parent.listing is not None and found.path.count("{") == 1:
            return True
        if found.given:
            self.left_out[found.given] = "needs one {parameter}, and a list at the path before it"
        return False


def _first(candidates: t.Iterable[str], entity: str, schema: Schema | None) -> t.Iterator[str]:
    """The first candidate that is a property, in its own spelling."""
    known = {name.lower(): name for name in (schema or {}).get("properties", {})}
    for candidate in candidates:
        name = candidate.replace("{entity}", entity).lower()
        if name in known:
            yield known[name]
            return
