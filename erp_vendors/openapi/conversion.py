"""JSON schemas of records and answers, out of the schemas of an OpenAPI file."""

from __future__ import annotations

import typing as t

from erp_vendors.openapi.reader import KINDS, Flat, Node

if t.TYPE_CHECKING:
    from erp_vendors.openapi.reader import SchemaReader
    from erp_vendors.schemas import Schema

_PROPERTIES = 2_000
"""Properties of one schema, nested ones included; above this its deepest levels are left open."""
_DEPTHS = (8, 4, 3, 2, 1)
"""Levels of nesting to try, until a schema is small enough."""


def record_schema(
    reader: SchemaReader, node: Node, *, write: bool = False, required: bool | None = None
) -> Schema | None:
    """The JSON schema of a record.

    Args:
        reader: Reads the document.
        node: The record's schema in the document.
        write: The schema is for writing: required properties are named and may not be null, and
            read-only properties are left out. Otherwise every property may be null, and write-only
            properties are left out.
        required: Required properties are named (default: only for writing).

    Returns:
        A schema without references, open for further properties; None if no property is known.
    """
    if not reader.flat(node).properties:
        return None
    required = write if required is None else required
    for depth in _DEPTHS:
        limit = None if depth == _DEPTHS[-1] else _PROPERTIES
        conversion = _Conversion(reader, write=write, required=required, depth=depth, limit=limit)
        try:
            return conversion.record(node)
        except _TooLargeError:
            continue
    raise AssertionError  # the last depth has no limit


def answer_schema(reader: SchemaReader, node: Node) -> Schema | None:
    """The JSON schema of the answer to a write.

    Args:
        reader: Reads the document.
        node: The answer's schema in the document.

    Returns:
        A schema without references, of an object or a list of objects, in which required
        properties are named; None if no property is known, as anything would fit then.
    """
    rows = reader.rows(node, ())
    if rows is None and not reader.flat(node).is_record:
        return None
    record = record_schema(reader, rows or node, required=True)
    return record if rows is None or record is None else {"type": "array", "items": record}


class _TooLargeError(Exception):
    """A schema has too many properties at this depth."""


class _Conversion:
    """Turns one schema of the document into JSON schema, down to a depth of nesting."""

    def __init__(
        self,
        reader: SchemaReader,
        *,
        write: bool,
        required: bool,
        depth: int,
        limit: int | None,
    ) -> None:
        self._reader = reader
        self._write = write
        self._required = required
        self._depth = depth
        self._left = limit

    def record(self, node: Node) -> Schema:
        """A record; it is never null."""
        flat = self._reader.flat(node)
        return {"type": "object", **self._object(flat, 1, flat.refs)}

    def _object(self, flat: Flat, level: int, stack: frozenset[str]) -> Schema:
        if self._left is not None:
            self._left -= len(flat.properties)
            if self._left < 0:
                raise _TooLargeError
        properties: dict[str, Schema] = {}
        for name, nodes in flat.properties.items():
            node = nodes[0]
            if len(nodes) > 1:
                place = " and ".join(each.place for each in nodes)
                node = Node({"allOf": [each.content for each in nodes]}, place)
            if ("readOnly" if self._write else "writeOnly") in self._reader.flat(node).hidden:
                continue
            nullable = not (self._required and name in flat.required)
            properties[name] = self._value(node, level, stack, nullable=nullable)
        schema: Schema = {"description": flat.description} if flat.description else {}
        schema["properties"] = properties
        required = [name for name in properties if name in flat.required]
        if self._required and required:
            schema["required"] = required
        schema["additionalProperties"] = True
        return schema

    def _value(self, node: Node, level: int, stack: frozenset[str], *, nullable: bool) -> Schema:
        flat = self._reader.flat(node)
        kinds = [kind for kind in KINDS if kind in flat.kinds]
        if "number" in kinds and "integer" in kinds:
            kinds.remove("integer")
        schema: Schema = {}
        if kinds:
            types = [*kinds, "null"] if nullable or flat.nullable else kinds
            schema["type"] = types if len(types) > 1 else types[0]
        if flat.description:
            schema["description"] = flat.description
        if len(flat.formats) == 1 and None not in flat.formats:
            schema["format"] = next(iter(flat.formats))
        # A record within itself has no end, and a very large one no use.
        cut = bool(flat.refs & stack) or level >= self._depth
        if "object" in kinds:
            inner = Flat() if cut else flat
            schema |= {**self._object(inner, level + 1, stack | flat.refs), **schema}
        if "array" in kinds:
            items = (
                {}
                if cut or flat.items is None
                else self._items(flat.items, level, stack | flat.refs)
            )
            schema["items"] = items
        return schema

    def _items(self, node: Node, level: int, stack: frozenset[str]) -> Schema:
        return self._value(node, level + 1, stack, nullable=True)
