"""Streams that learn columns from their records, before the SCHEMA message and after it."""

from __future__ import annotations

import copy
import typing as t

from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from erp_vendors.elements import NoRecord
from tap_erp.columns import kinds_of, widened
from tap_erp.stream import ErpStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_erp.base import BaseTap
    from tap_erp.columns import Kinds, Rows

_SHAPES = 1_000
"""Shapes of rows (columns and types) that are remembered.

For speed, 17% (decision 0011; benchmark `raw_tap`): a row of a known shape is not looked at column
by column. This may go when `kinds_of` costs as little without it.
"""


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
        """Add the columns of some rows, which are about to be emitted."""
        news = [row for row in rows if not isinstance(row, NoRecord) and self._has_news(row)]
        if news:
            self.add_columns(kinds_of(news))

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
            if (name, value.__class__) not in self._met:
                self._met.add((name, value.__class__))
                news = True
        return news

    def add_columns(self, columns: t.Mapping[str, Kinds]) -> None:
        """Add columns to the schema, and new types to columns that it has.

        Args:
            columns: JSON types by column; none for a column that was always null.
        """
        known, stable = self.effective_schema["properties"], stable_columns(self.erp)
        changes = {
            name: column
            for name, kinds in columns.items()
            # By its types, a column is announced when it has one.
            if (kinds or stable or name in known)
            and (column := widened(known.get(name), kinds, stable=stable)) is not known.get(name)
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


def stable_columns(tap: BaseTap) -> bool:
    """Whether columns are announced so that no value to come makes them different."""
    return tap.config.get("undocumented_columns") != "as_seen"
