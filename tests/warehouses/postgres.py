"""meltanolabs-target-postgres with a schema of its own, and what its tables hold."""

# ruff: noqa: S608 - the names in the statements are those of our own streams

from __future__ import annotations

import contextlib
import json
import typing as t
import urllib.parse

from tests.support.programs import program, run
from tests.support.services import POSTGRES, postgres_url
from tests.warehouses.vendor_tables import DERIVED, as_json

if t.TYPE_CHECKING:
    import pathlib

    import psycopg

Message = dict[str, t.Any]

LOADER = "meltanolabs-target-postgres==0.8.1"
_LIVE = "_sdc_deleted_at is null"
_TEXT = {"text", "character varying"}


class Postgres:
    """A warehouse.

    Attributes:
        schema: Its schema.
        database: A connection, whose search path is that schema.
        state: What the loader said last, as a runner would keep it.
        keys: Key properties by stream, as announced.
    """

    def __init__(self, database: psycopg.Connection[t.Any], folder: pathlib.Path) -> None:
        self.database = database
        self.schema = str(self.value("select current_schema()"))
        self.state: Message = {}
        self.keys: dict[str, list[str]] = {}
        self._folder = folder
        self._command = program("target-postgres", LOADER)

    def load(self, lines: bytes, **settings: t.Any) -> None:
        """Run the loader on what a tap said, to its end."""
        for line in lines.splitlines():
            if line.startswith(b'{"type":"SCHEMA"'):
                said = json.loads(line)
                self.keys[said["stream"]] = list(said.get("key_properties") or ())
        file = self._folder / "loader.json"
        file.write_text(json.dumps({**self.config(), **settings}))
        states = run(self._command, self._folder, "--config", file, lines=lines).splitlines()
        if states:
            self.state = json.loads(states[-1])

    def config(self) -> Message:
        """Settings of the loader that say where the warehouse is."""
        server = urllib.parse.urlsplit(POSTGRES)
        return {
            "host": server.hostname,
            "port": server.port or 5432,
            "user": server.username,
            "password": server.password or "none",
            "database": server.path.strip("/"),
            "default_target_schema": self.schema,
        }

    def value(self, query: str, *values: object) -> t.Any:
        """The first value that a query gives."""
        found = self.rows(query, *values)
        return found[0][0] if found else None

    def rows(self, query: str, *values: object) -> list[tuple[t.Any, ...]]:
        """The rows that a query gives."""
        return self.database.execute(t.cast("t.Any", query), values or None).fetchall()

    def tables(self) -> set[str]:
        """Names of the tables that were loaded."""
        query = "select table_name from information_schema.tables where table_schema = %s"
        return {name for (name,) in self.rows(query, self.schema)}

    def live_keys(self, stream: str) -> set[tuple[t.Any, ...]]:
        """The keys of the rows that are not marked as deleted."""
        return {*self.rows(f"select {_names(self.keys[stream])} from {_q(stream)} where {_LIVE}")}

    def deleted_keys(self, stream: str) -> set[tuple[t.Any, ...]]:
        """The keys of the rows that are marked as deleted."""
        query = f"select {_names(self.keys[stream])} from {_q(stream)} where not ({_LIVE})"
        return {*self.rows(query)}

    def lacks(self, stream: str, rows: list[Message]) -> list[t.Any]:
        """Rows of the vendor that a table lacks, or has otherwise: columns and keys."""
        return self._compare(stream, rows, "e.row is not null and")

    def differs(self, stream: str, rows: list[Message]) -> list[t.Any]:
        """As `lacks`; and rows that are alive in the table, and not the vendor's."""
        return self._compare(stream, rows, "")

    def _compare(self, stream: str, rows: list[Message], only: str) -> list[t.Any]:
        """Compare a table with a vendor's rows, column by column.

        A column of text holds the very characters of the vendor's value; all others the same value.
        """
        self.database.execute("create temporary table if not exists expected (row jsonb)")
        self.database.execute("truncate expected")
        with self.database.cursor() as cursor:
            texts = [(as_json(row),) for row in rows]
            cursor.executemany("insert into expected values (%s::jsonb)", texts)
        kinds = self.kinds(stream)
        unknown = {name for row in rows for name, value in row.items() if value is not None}
        missing = unknown - kinds.keys()
        if missing:
            return [("no such column", *sorted(missing))]
        expected = {name for row in rows for name in row} & kinds.keys()
        columns = sorted(expected - DERIVED.get(stream, set()))
        if not self.keys[stream]:
            return self._compare_all(stream, columns, kinds)
        keys = [f"a.{_q(key)}::text = e.row ->> '{key}'" for key in self.keys[stream]]
        joined = (
            f"(select t.*, true as here from {_q(stream)} t where {_LIVE}) a "
            f"full join expected e on {' and '.join(keys)}"
        )
        found: list[t.Any] = self.rows(
            f"select 'row', e.row, a.* from {joined} where {only} (a.here is null or e.row is null)"
        )
        for column in columns:
            theirs, ours = _theirs(column, kinds), _ours(column, kinds)
            found += self.rows(
                f"select '{column}', {ours}, {theirs} from {joined} "
                f"where a.here and e.row is not null and {theirs} is distinct from {ours}"
            )
        return found

    def _compare_all(self, stream: str, columns: list[str], kinds: dict[str, str]) -> list[t.Any]:
        """Without a key: each row as often as the vendor has it."""
        ours = ", ".join(_ours(name, kinds, beside=False) for name in columns)
        theirs = ", ".join(_theirs(name, kinds) for name in columns)
        live = f"select {ours} from {_q(stream)} a where {_LIVE}"
        held = f"select {theirs} from expected e"
        return [
            *self.rows(f"select 'too many', x.* from ({live} except all {held}) x"),
            *self.rows(f"select 'missing', x.* from ({held} except all {live}) x"),
        ]

    def kinds(self, stream: str) -> dict[str, str]:
        """The type of each column."""
        query = (
            "select column_name, data_type from information_schema.columns "
            "where table_schema = %s and table_name = %s"
        )
        return dict(self.rows(query, self.schema, stream))


@contextlib.contextmanager
def warehouse(folder: pathlib.Path) -> t.Iterator[Postgres]:
    """An empty warehouse."""
    with postgres_url() as url:
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(url, autocommit=True) as database:
            yield Postgres(database, folder)


def _q(name: str) -> str:
    return f'"{name}"'


def _names(keys: list[str]) -> str:
    return ", ".join(f"{_q(key)}::text" for key in keys)


def _ours(column: str, kinds: dict[str, str], *, beside: bool = True) -> str:
    """The loaded value; text that stands beside an object of the vendor's is read as JSON."""
    own = f"a.{_q(column)}"
    if kinds[column] in _TEXT:
        nested = f"case when {_is_nested(column)} then jsonb_strip_nulls({own}::jsonb) else"
        return f"{nested} to_jsonb({own}) end" if beside else f"to_jsonb({own})"
    return f"jsonb_strip_nulls(nullif(to_jsonb({own}), 'null'))"


def _theirs(column: str, kinds: dict[str, str]) -> str:
    """The vendor's value."""
    value = f"jsonb_strip_nulls(nullif(e.row -> '{column}', 'null'))"
    if kinds[column] in _TEXT:
        nested = f"case when {_is_nested(column)} then {value} else"
        return f"{nested} to_jsonb(e.row ->> '{column}') end"
    return value


def _is_nested(column: str) -> str:
    return f"jsonb_typeof(e.row -> '{column}') in ('object', 'array')"
