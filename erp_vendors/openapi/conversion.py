"""JSON schemas of records and answers, out of the schemas of an OpenAPI file."""

from __future__ import annotations

import typing as t

from erp_vendors.openapi.reader import KINDS, Flat, Node

if t.TYPE_CHECKING:
    from erp_vendors.openapi.reader import SchemaReader
    from erp_vendors.schemas import Schema

NESTED = (10_000, 4_000, 0)
"""Characters of a row's schema with its nested levels: what is tried until all schemas of a file
have no more than `ALL`. A schema that has more is cut at the deepest level that fits."""
ALL = 400_000
"""Characters of the schemas of all rows of a file, which make the catalog."""
_OTHERS = 32_000
"""Characters of what is written, and of an answer to that, with its nested levels."""
_WIDEST = 128_000
"""Characters of the first level of any schema; what is beyond is left out."""
_DEPTHS = (1, 2, 3, 4, 8)
"""Levels of nesting to try, as long as a schema is small enough."""
_DESCRIPTION = 300
"""Characters of a description."""
_PROPERTY = 90
"""Characters of a property's schema without its name and description, at most."""


class Schemas:
    """Makes the JSON schemas of a document's records; each is made once."""

    def __init__(self, reader: SchemaReader) -> None:
        """Make schemas.

        Args:
            reader: Reads the document.
        """
        self._reader = reader
        self._nested = NESTED[0]
        self._made: dict[tuple[str, bool, bool, int], Schema | None] = {}

    def limit(self, nested: int) -> None:
        """Make rows' schemas of another size from now on.

        Args:
            nested: Characters that one may have if it has more than one level.
        """
        self._nested = nested

    def row(self, node: Node) -> Schema | None:
        """The JSON schema of a row: every property may be null, write-only ones are left out.

        Args:
            node: The row's schema in the document.

        Returns:
            A schema without references, open for further properties; None if no property is known.
        """
        return self._record(node, write=False, required=False)

    def written(self, node: Node) -> Schema | None:
        """The JSON schema of a record that is written.

        Args:
            node: The record's schema in the document.

        Returns:
            As `row`, but required properties are named and may not be null, and read-only
            properties are left out.
        """
        return self._record(node, write=True, required=True)

    def answer(self, node: Node) -> Schema | None:
        """The JSON schema of the answer to a write.

        Args:
            node: The answer's schema in the document.

        Returns:
            A schema without references, of an object or a list of objects, in which required
            properties are named; None if no property is known, as anything would fit then.
        """
        rows = self._reader.rows(node, ())
        if rows is None and not self._reader.flat(node).is_record:
            return None
        record = self._record(rows or node, write=False, required=True)
        return record if rows is None or record is None else {"type": "array", "items": record}

    def _record(self, node: Node, *, write: bool, required: bool) -> Schema | None:
        place = node.place
        if isinstance(node.content, dict) and node.content.keys() == {"$ref"}:
            place = self._reader.resolved(node).place
        limit = _OTHERS if required else self._nested
        key = (place, write, required, limit)
        if key not in self._made:
            self._made[key] = self._new(node, write=write, required=required, limit=limit)
        return self._made[key]

    def _new(self, node: Node, *, write: bool, required: bool, limit: int) -> Schema | None:
        if not self._reader.flat(node).properties:
            return None
        made: Schema | None = None
        for depth in _DEPTHS:
            conversion = _Conversion(
                self._reader,
                write=write,
                required=required,
                depth=depth,
                limit=limit if depth > 1 else _WIDEST,
            )
            try:
                made = conversion.record(node)
            except _BudgetError:
                break
            if conversion.whole:
                break
        return made


class _BudgetError(Exception):
    """A schema is too large at this depth."""


class _Conversion:
    """Turns one schema of the document into JSON schema, down to a depth of nesting.

    Attributes:
        whole: Nothing lies deeper than that.
    """

    def __init__(
        self,
        reader: SchemaReader,
        *,
        write: bool,
        required: bool,
        depth: int,
        limit: int,
    ) -> None:
        self._reader = reader
        self._write = write
        self._required = required
        self._depth = depth
        self._left = limit
        self.whole = True

    def record(self, node: Node) -> Schema:
        """A record; it is never null."""
        flat = self._reader.flat(node)
        return {"type": "object", **self._object(flat, 1, flat.refs)}

    def _object(self, flat: Flat, level: int, stack: frozenset[str]) -> Schema:
        properties: dict[str, Schema] = {}
        for name, nodes in flat.properties.items():
            node = nodes[0]
            if len(nodes) > 1:
                place = " and ".join(each.place for each in nodes)
                node = Node({"allOf": [each.content for each in nodes]}, place)
            inner = self._reader.flat(node)
            if ("readOnly" if self._write else "writeOnly") in inner.flags:
                continue
            self._left -= _PROPERTY + len(name) + len(_description(inner))
            if self._left < 0:
                if self._depth > 1:
                    raise _BudgetError
                break
            nullable = not (self._required and name in flat.required)
            properties[name] = self._value(node, level, stack, nullable=nullable)
        schema: Schema = {"description": _description(flat)} if flat.description else {}
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
            schema["description"] = _description(flat)
        if len(flat.formats) == 1 and None not in flat.formats:
            schema["format"] = next(iter(flat.formats))
        # A record within itself has no end, and a very large one no use. A navigation property is
        # in no answer, unless it was asked for.
        cut = bool((flat.refs | flat.inner) & stack) or "x-ms-navigationProperty" in flat.flags
        if not cut and level >= self._depth and (flat.properties or flat.items):
            self.whole, cut = False, True
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


def _description(flat: Flat) -> str:
    text = flat.description
    return text if len(text) <= _DESCRIPTION else f"{text[:_DESCRIPTION].rstrip()}..."
