"""Streams that learn columns from their records, before the SCHEMA message and after it."""

from __future__ import annotations

import copy
import typing as t

from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from erp_vendors.elements import NoRecord
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from tap_erp.column_names import refused, renaming
from tap_erp.columns import kinds_of, misfit, types_of, widened
from tap_erp.stream import ErpStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from erp_vendors.schemas import Schema
    from tap_erp.base import BaseTap
    from tap_erp.columns import Kinds, Rows

_SHAPES = 1_000
"""Shapes of rows (columns and types) that are remembered.

For speed, 17% (decision 0011; benchmark `raw_tap`): a row of a known shape is not looked at column
by column. This may go when `kinds_of` costs as little without it.
"""

_SHOWN = 3
"""Columns that name a record which has no key."""
_SHOWN_TEXT = 100


class LearningStream(ErpStream):
    """A stream that emits a new SCHEMA message before a record with a new column or type.

    Attributes:
        typed: Columns that the settings type, by their schemas: they keep these.
    """

    learns = True
    #: Records get key and stamp under the documented names, too, where a site writes other letters.
    fills_in: t.ClassVar[bool] = False

    def __init__(self, tap: BaseTap, **kwargs: t.Any) -> None:  # noqa: ANN401 - as in `ErpStream`
        super().__init__(tap, **kwargs)
        self.typed: t.Mapping[str, Schema] = {}
        self._met: set[tuple[str, type]] = set()
        self._names_told: set[str] = set()
        self._types: dict[str, Kinds] | None = None
        self._shapes: set[tuple[object, ...]] = set()
        self._last_shape: tuple[object, ...] = ()

    @override
    def fitting(self, records: t.Sequence[Record]) -> t.Sequence[Record]:
        """The records whose values are of the types that the settings name."""
        if not self.typed:
            return records
        if self._types is None:
            kept = {c: s for c, s in self.typed.items() if self.mask["properties", c]}
            self._types = types_of(kept)
        return [record for record in records if self._fits(record, self._types)]

    def _fits(self, record: Record, types: t.Mapping[str, Kinds]) -> bool:
        column = misfit(record, types)
        if column is None:
            return True
        (kind,) = kinds_of([{column: record[column]}])[column]
        named = " or ".join(sorted(types[column] - {"null"}))
        names = self.primary_keys or list(record)[:_SHOWN]
        shown = redact.cut(", ".join(f"{name} {record.get(name)!r}" for name in names), _SHOWN_TEXT)
        self.missed(
            f"the {column} of a record is of type {kind}, but its schema in "
            f"{self.vendor}.resources says {named}, so the record is left out; give {column} a "
            f"type there that fits, and let the loader make its table anew ({shown})"
        )
        return False

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
        others = self._other_letters(columns)
        changes: dict[str, Schema] = {}
        own = (*self.primary_keys, self.replication_key) if self.fills_in else ()
        filled_in = {name.lower() for name in own if name}
        for name, kinds in columns.items():
            if name not in known and name.lower() in filled_in:
                continue  # loaders that know no case would have both
            was = known.get(others.get(name, name))
            # Without stable columns, a column is announced when a value has shown its type.
            if name in self.typed or not (kinds or stable or was is not None):
                continue
            column = widened(was, kinds, stable=stable)
            if column is not was or name in others:
                changes[name] = column
        if changes:
            schema = copy.deepcopy(self.effective_schema)
            for name, documented in others.items():
                del schema["properties"][documented]
                self.mask["properties", name] = self.mask["properties", documented]
            schema["properties"].update(changes)
            self._schema = self._input_schema = schema
            self._publish()

    def _other_letters(self, columns: t.Collection[str]) -> dict[str, str]:
        """Documented columns that this site writes in other upper and lower case.

        Only the site's name is announced, because loaders that know no case would have both.

        Args:
            columns: Names that came; those that came before them are known.

        Returns:
            The documented name by the one that came.
        """
        known = self.effective_schema["properties"]
        came = {*columns, *(name for name, _ in self._met)}
        kept = {*came, *self.primary_keys, *self.typed, self.replication_key}
        absent = {name.lower(): name for name in known if name not in kept}
        return {
            name: absent.pop(name.lower())
            for name in columns
            if name not in known and name.lower() in absent
        }

    @override
    def announce(self) -> None:
        super().announce()
        self._tell_of_names()

    def _tell_of_names(self) -> None:
        """Warn of columns whose names loaders cannot take, once of each."""
        for stream_map in self.stream_maps:
            names = list(stream_map.transformed_schema.get("properties", ()))
            for kind, columns in refused(names).items():
                if news := [name for name in columns if name not in self._names_told]:
                    self._names_told.update(news)
                    self.logger.warning(
                        "%s: columns %s (%s), and %s; for such a loader, give them other names by "
                        "the tap's setting stream_maps: %s",
                        self.name,
                        kind.what,
                        ", ".join(map(repr, news)),
                        kind.loaders,
                        codec.encode({self.name: renaming(news, names)}).decode(),
                    )

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
            self._tell_of_names()


def stable_columns(tap: BaseTap) -> bool:
    """Whether columns are announced so that no value to come makes them different."""
    return tap.config.get("undocumented_columns") != "as_seen"
