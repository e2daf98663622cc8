"""Questions to the demo's warehouse."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import typing as t

_SQL = pathlib.Path(__file__).with_name("edits.sql")


class Edit(t.NamedTuple):
    """A view of `edits.sql`: what people corrected, and where it goes.

    Attributes:
        view: Its name.
        vendor: Where it goes.
        resource: What it is there.
        key: The column by which a record is known.
        column: A column that shows the edit.
        refused: Place of the record that must be refused.
    """

    view: str
    vendor: str
    resource: str
    key: str
    column: str
    refused: int

    @property
    def sink(self) -> str:
        """The sink."""
        return f"{self.vendor}_{self.resource}"


EDITS = (
    Edit("edited_employees", "aimsio", "employees", "employeeCode", "employeePhone", 2),
    Edit("edited_accounts", "cimcloud", "accounts", "ref_id", "nm", 1),
    Edit("edited_orders", "aims360", "orders", "thirdPartyOrderID", "note1", 1),
    Edit("edited_customers", "aim", "customers", "Acct", "Email", 2),
    Edit("edited_payers", "pentamic", "customers", "id", "phone", 0),
)


class Warehouse:
    """The SQLite file that target-sqlite filled.

    Args:
        path: The file.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def counts(self, since: str = "") -> dict[str, int]:
        """Rows by table.

        Args:
            since: Count only what was loaded at this moment (UTC, ISO 8601) or later.
        """
        tables = self._ask("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {
            table: self._ask(
                f'SELECT count(*) FROM "{table}" WHERE _sdc_received_at >= ?',  # noqa: S608
                since,
            )[0][0]
            for (table,) in tables
        }

    def edit(self) -> None:
        """Make the views of `edits.sql`."""
        with self._connection() as connection:
            connection.executescript(_SQL.read_text("utf-8"))

    def view(self, name: str) -> list[dict[str, t.Any]]:
        """All rows of a table or view."""
        with self._connection() as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')]  # noqa: S608

    def deleted(self, index: str) -> list[tuple[str, str]]:
        """Entity and id of the objects that an index no longer lists.

        Args:
            index: The index's table.
        """
        query = f'SELECT entity, id FROM "{index}" WHERE _sdc_deleted_at IS NOT NULL'  # noqa: S608
        return t.cast("list[tuple[str, str]]", self._ask(query))

    def _connection(self) -> contextlib.closing[sqlite3.Connection]:
        return contextlib.closing(sqlite3.connect(self._path, timeout=30))

    def _ask(self, query: str, *values: str) -> list[tuple[t.Any, ...]]:
        with self._connection() as connection:
            return connection.execute(query, values).fetchall()
