"""A small reader of the demo's warehouse: each configured table or view is a stream."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import typing as t

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from typing_extensions import override

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

_ANY_VALUE = {"type": ["string", "integer", "number", "array", "null"]}
_LIST = "[{"
"""How a text begins that holds a list of objects: SQLite has no lists."""


class ViewStream(Stream):
    """The rows of one table or view."""

    def __init__(self, tap: Tap, view: str, keys: t.Sequence[str]) -> None:
        with self._connection(tap.config) as connection:
            rows = connection.execute("SELECT name FROM pragma_table_info(?)", (view,))
            columns = {str(name): _ANY_VALUE for (name,) in rows}
        super().__init__(tap, {"type": "object", "properties": columns}, view)
        self.primary_keys = tuple(keys)

    @staticmethod
    def _connection(
        config: t.Mapping[str, t.Any],
    ) -> contextlib.closing[sqlite3.Connection]:
        return contextlib.closing(sqlite3.connect(config["database"], timeout=30))

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """All rows."""
        with self._connection(self.config) as connection:
            connection.row_factory = sqlite3.Row
            view = self.name.replace('"', '""')
            for row in connection.execute(f'SELECT * FROM "{view}"'):  # noqa: S608 - quoted
                yield {name: _value(value) for name, value in dict(row).items()}


def _value(value: t.Any) -> t.Any:  # noqa: ANN401
    is_list = isinstance(value, str) and value.startswith(_LIST)
    return json.loads(value) if is_list else value


class TapSqlite(Tap):
    """Reads tables and views of an SQLite file."""

    name = "tap-sqlite"
    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        th.Property("database", th.StringType, required=True, description="Path of the file."),
        th.Property(
            "views",
            th.ObjectType(additional_properties=th.ArrayType(th.StringType)),
            required=True,
            description="Tables and views to read, each with its key columns.",
        ),
    ).to_dict()
    # The views change with the warehouse.
    dynamic_catalog = True

    @override
    def discover_streams(self) -> list[Stream]:
        """One stream per view."""
        views: dict[str, list[str]] = self.config["views"]
        return [ViewStream(self, view, keys) for view, keys in views.items()]


if __name__ == "__main__":
    TapSqlite.cli()
