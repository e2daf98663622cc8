"""What an OpenAPI file's operations read and write, sorted by resource."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_vendors.openapi.conversion import answer_schema, record_schema
from erp_vendors.openapi.paths import is_parameter, names_of, normalise, segments_of

if t.TYPE_CHECKING:
    from erp_vendors.openapi.pattern import Pattern
    from erp_vendors.openapi.reader import Node, SchemaReader
    from erp_vendors.schemas import Schema


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


@dataclasses.dataclass
class _Found:
    """What the file says of one resource.

    Attributes:
        path: Path of the list, after the prefix.
        listing: Schema of the rows in the answer that lists them.
        loose: Schema of an answer that should list rows, but is no list.
        detail: Schema of the answer with a single row.
        write_path: Path that records are written to.
        body: Schema of one record in the body of a write.
        reply: Schema of the answer to a write.
        list_name: Property of the body that holds the records.
    """

    path: str
    listing: Node | None = None
    loose: Node | None = None
    detail: Node | None = None
    write_path: str | None = None
    body: Node | None = None
    reply: Node | None = None
    list_name: str | None = None


class Operations:
    """The operations of a file, sorted by the resource they belong to."""

    def __init__(self, reader: SchemaReader, pattern: Pattern) -> None:
        self._reader = reader
        self._pattern = pattern
        self._found: dict[str, _Found] = {}

    def add(self, path: str, item: Node) -> None:
        """Add the operations of one path."""
        segments = segments_of(path)
        if self._pattern.open_end:
            while segments and is_parameter(segments[-1]):
                segments.pop()
        single = bool(segments) and is_parameter(segments[-1])
        owner = segments[:-1] if single else segments
        if not owner or not any(not is_parameter(segment) for segment in owner):
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
        names = names_of([found.path for found in self._found.values()])
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
        schema = record_schema(self._reader, row) if row else None
        name, full_name = names[found.path]
        entity = segments_of(found.path)[-1]
        return OpenApiResource(
            name=name,
            full_name=full_name,
            path=found.path if row is not None else "",
            readable=readable,
            schema=schema,
            primary_keys=tuple(_first(pattern.keys, entity, schema)),
            replication_key=next(iter(_first(pattern.stamps, entity, schema)), None),
            write_path=found.write_path,
            write_schema=(
                record_schema(self._reader, found.body, write=True) if found.body else None
            ),
            answer_schema=answer_schema(self._reader, found.reply) if found.reply else None,
            list_name=found.list_name,
        )


def _first(candidates: t.Iterable[str], entity: str, schema: Schema | None) -> t.Iterator[str]:
    """The first candidate that is a property, in its own spelling."""
    known = {name.lower(): name for name in (schema or {}).get("properties", {})}
    for candidate in candidates:
        name = candidate.replace("{entity}", entity).lower()
        if name in known:
            yield known[name]
            return
