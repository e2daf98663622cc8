"""Streams that learn columns from their records, before the SCHEMA message and after it."""

from __future__ import annotations

import copy
import typing as t

from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from erp_vendors.elements import NoRecord
from tap_erp.columns import learn
from tap_erp.stream import ErpStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from erp_vendors.schemas import Schema
    from tap_erp.base import BaseTap

_SHAPES = 1_000
"""Shapes of rows (columns and types) that are remembered.

For speed, 17% (decision 0011; benchmark `raw_tap`): a row of a known shape is not looked at column
by column. This may go when `learn` costs as little without it.
"""

Rows = t.Iterable[t.Mapping[str, t.Any]]


class LearningStream(ErpStream):
    """A stream that emits a new SCHEMA message before a record with a new column or type."""

    learns = True

    def __init__(self, tap: BaseTap, **kwargs: t.Any) -> None:  # noqa: ANN401 - as in `ErpStream`
        super().__init__(tap, **kwargs)
        self._met: set[tuple[str, type]] = set()
        self._shapes: set[tuple[object, ...]] = set()
        self._last_shape: tuple[object, ...] = ()

    @override
    def _write_batch(self, records: t.Sequence[Record]) -> None:
        self.learn(records)
        super()._write_batch(records)

    def learn(self, rows: Rows) -> None:
        """Add the columns that have values in some rows, which are about to be emitted."""
        news = [row for row in rows if not isinstance(row, NoRecord) and self._has_news(row)]
        if news:
            found: Schema = {"properties": {}}
            learn(found, ({name: v for name, v in row.items() if v is not None} for row in news))
            self.add_columns(found["properties"])

    def _has_news(self, row: t.Mapping[str, t.Any]) -> bool:
        """Whether a row has a column, or a type in a column, that no row before it had."""
        shape = (tuple(row), tuple(map(type, row.values())))
        if shape == self._last_shape:
            return False
        self._last_shape = shape
        if shape in self._shapes:
            return False
        if len(self._shapes) >= _SHAPES:
            self._shapes.clear()
        self._shapes.add(shape)
        news = False
        for name, value in row.items():
            if value is not None and (name, value.__class__) not in self._met:
                self._met.add((name, value.__class__))
                news = True
        return news

    def add_columns(self, columns: t.Mapping[str, Schema]) -> None:
        """Add columns to the schema, and new types to columns that it has.

        Args:
            columns: JSON schema by column.
        """
        known = self.effective_schema["properties"]
        changes = {
            name: merged
            for name, column in columns.items()
            if (merged := _merged(known.get(name), column)) != known.get(name)
        }
        if changes:
            schema = copy.deepcopy(self.effective_schema)
            schema["properties"].update(changes)
            self._schema = self._input_schema = schema
            self._publish()

    def set_keys(self, primary_keys: t.Sequence[str], replication_key: str | None) -> None:
        """Use other keys than those that were assumed; only before the first record."""
        gone = {*self.primary_keys, self.replication_key} - {*primary_keys, replication_key}
        self.primary_keys = tuple(primary_keys)
        self.replication_key = replication_key
        if gone:
            self._shapes.clear()
            self._last_shape = ()
            self._met.clear()
            schema = copy.deepcopy(self.effective_schema)
            for name in gone:
                schema["properties"].pop(name, None)
            self._schema = self._input_schema = schema
            self._publish()

    def _publish(self) -> None:
        """Hand the schema to the SDK's mapper, which makes the SCHEMA messages."""
        schema = get_selected_schema(self.name, self.effective_schema, self.mask)
        self.erp.mapper.register_raw_stream_schema(self.name, schema, self.primary_keys)
        self._stream_maps = None
        self._lines = None  # they are made for one schema
        if self._announced:
            self._write_schema_message()


def _merged(known: Schema | None, found: Schema) -> Schema:
    if known is None:
        return dict(found)
    kinds = known.get("type")
    if kinds is None:
        return known
    kinds = _kinds(kinds)
    # Whole numbers are learned as numbers, because the next one may have a fraction.
    new = [
        kind
        for kind in _kinds(found["type"])
        if kind not in {*kinds, "null"} and not (kind == "number" and "integer" in kinds)
    ]
    return {**known, "type": [*new, *kinds]} if new else known


def _kinds(said: str | t.Sequence[str]) -> list[str]:
    """The types that a schema allows, which may be one name or a list."""
    return [said] if isinstance(said, str) else list(said)
