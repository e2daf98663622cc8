"""A small warehouse loader: one SQLite table per stream, rows replaced by key.

It is here so that the demo needs no server; `target-postgres` takes its place in production.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import json
import sqlite3
import typing as t

from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink
from typing_extensions import override

_COLUMN_TYPES = {"integer": "INTEGER", "boolean": "INTEGER", "number": "NUMERIC"}


class SqliteSink(BatchSink):
    """One table."""

    max_size = 5_000

    @property
    def table(self) -> str:
        """The table's name, quoted."""
        return _quoted(self.stream_name)

    @contextlib.contextmanager
    def connection(self) -> t.Iterator[sqlite3.Connection]:
        """One transaction on the warehouse."""
        with (
            contextlib.closing(sqlite3.connect(self.config["database"], timeout=30)) as connection,
            connection,
        ):
            yield connection

    @override
    def setup(self) -> None:
        """Create the table, or the columns that it lacks."""
        columns: dict[str, dict[str, t.Any]] = self.schema["properties"]
        with self.connection() as connection:
            keys = ", ".join(map(_quoted, self.key_properties))
            constraint = f", PRIMARY KEY ({keys})" if keys else ""
            clauses = ", ".join(_clause(name, columns[name]) for name in columns)
            connection.execute(f"CREATE TABLE IF NOT EXISTS {self.table} ({clauses}{constraint})")
            self._add_columns(connection, columns)

    @override
    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Insert the rows, or replace the ones that have their keys.

        Args:
            context: The SDK's batch, with `records`.
        """
        records: list[dict[str, t.Any]] = context["records"]
        names = list(dict.fromkeys(name for record in records for name in record))
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {self.table} ({', '.join(map(_quoted, names))}) VALUES ({marks})"  # noqa: S608 - quoted
        if self.key_properties:
            changes = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in names)
            keys = ", ".join(map(_quoted, self.key_properties))
            statement += f" ON CONFLICT ({keys}) DO UPDATE SET {changes}"
        with self.connection() as connection:
            self._add_columns(connection, {name: {} for name in names})
            connection.executemany(
                statement, [[_value(record.get(name)) for name in names] for record in records]
            )

    @override
    def activate_version(self, new_version: int) -> None:
        """Mark the rows that the newest complete copy of the stream no longer holds.

        Args:
            new_version: Version of that copy.
        """
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        with self.connection() as connection:
            connection.execute(
                f"UPDATE {self.table} SET _sdc_deleted_at = ? "  # noqa: S608 - quoted
                "WHERE _sdc_table_version <> ? AND _sdc_deleted_at IS NULL",
                (now, new_version),
            )

    def _add_columns(
        self, connection: sqlite3.Connection, columns: t.Mapping[str, dict[str, t.Any]]
    ) -> None:
        rows = connection.execute("SELECT name FROM pragma_table_info(?)", (self.stream_name,))
        present = {str(name) for (name,) in rows}
        for name in [name for name in columns if name not in present]:
            connection.execute(
                f"ALTER TABLE {self.table} ADD COLUMN {_clause(name, columns[name])}"
            )


class TargetSqlite(Target):
    """Loads streams into an SQLite file."""

    name = "target-sqlite"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        th.Property("database", th.StringType, required=True, description="Path of the file.")
    ).to_dict()
    default_sink_class = SqliteSink

    def __init__(self, **kwargs: t.Any) -> None:  # noqa: ANN401 - as in the SDK
        super().__init__(**kwargs)
        self.max_parallelism = 1  # SQLite has one writer at a time


def _clause(name: str, schema: t.Mapping[str, t.Any]) -> str:
    kinds = schema.get("type", "string")
    known = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    column_type = _COLUMN_TYPES.get(known[0], "TEXT") if len(known) == 1 else ""
    return f"{_quoted(name)} {column_type}".rstrip()


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def _value(value: object) -> object:
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str, ensure_ascii=False)
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value) if isinstance(value, decimal.Decimal) else value


if __name__ == "__main__":
    TargetSqlite.cli()
