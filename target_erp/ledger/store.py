"""Where the ledger lies: SQLite in WAL mode, or PostgreSQL for runs on several machines."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import sqlite3
import threading
import typing as t
import weakref

from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.http.redact import redact
from target_erp.ledger.tables import migrate

_BUSY_SECONDS = 60
_CACHE_KIB = 4_096
_ROWS = 500
"""Rows of one statement, at most."""
_VARIABLES = 32_766 if sqlite3.sqlite_version_info >= (3, 32) else 999
"""Values that SQLite takes in one statement."""
_STATEMENTS = 64
"""Compiled statements that a connection keeps: one of many rows takes a tenth of a megabyte."""

_WORDS = {
    "sqlite": {
        "erp_nothing()": "x''",
        "erp_now()": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    },
    "postgresql": {
        "erp_nothing()": "''::bytea",
        "erp_now()": "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        "?": "%s",
    },
}
"""What statements have in place of what each dialect calls by another name: empty bytes, and epoch
milliseconds by the clock of the database."""

Row = tuple[t.Any, ...]


class Change(t.NamedTuple):
    """A statement that changes the store.

    Attributes:
        statement: SQL with `{rows}` behind VALUES; or, for one row, with `?` for each value.
        row: SQL of one row, with `?` for each value; empty if the statement has no `{rows}`.
        rows: The values, at least one row. SQLite's driver is slow with None and `bytes`, so
            `NULLIF` and `bytearray` are better where there are many.
        shared: Values that come before those of the rows.
    """

    statement: str
    row: str
    rows: list[Row]
    shared: Row = ()


class LedgerError(ErpError):
    """The ledger cannot be read or written, so nothing may be sent."""


class Store:
    """Two connections: reading does not wait for a commit that is under way."""

    def __init__(self, connect: t.Callable[[], t.Any], *, dialect: str, where: str) -> None:
        """Open a store and bring its tables to this version.

        Args:
            connect: Opens a DB-API connection.
            dialect: `sqlite` or `postgresql`.
            where: What the ledger is called in errors.
        """
        self._dialect = dialect
        self._words = _WORDS[dialect]
        self._where = where
        self._writer = connect()
        _close_with(self, self._writer)
        with self._transaction() as cursor:
            if dialect == "postgresql":
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('erp_ledger'))")
            migrate(cursor, dialect, where)
        self._reader = connect()
        _close_with(self, self._reader)
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False

    def read(self, statement: str, values: Row) -> list[Row]:
        """Read rows.

        Args:
            statement: SQL with `?` for each value.
            values: The values.

        Raises:
            LedgerError: If the store fails.
        """
        with self._reading, self._explained():
            self._check_open()
            cursor = self._reader.execute(self._sql(statement), values)
            rows: list[Row] = cursor.fetchall()
            if self._dialect == "postgresql":
                self._reader.rollback()  # ends the transaction that a SELECT begins
            return rows

    def apply(self, changes: t.Sequence[Change]) -> None:
        """Make changes in one transaction.

        Args:
            changes: The changes, in their order.

        Raises:
            LedgerError: If the store fails; then nothing was changed.
        """
        with self._writing, self._explained():
            self._check_open()
            if self._dialect == "postgresql":
                with self._transaction() as cursor:
                    for statement, one, rows, shared in changes:
                        sql = self._sql(statement.format(rows=one))
                        cursor.executemany(sql, [(*shared, *row) for row in rows])
                return
            # After each step the driver has to wait for the interpreter, which may take longer
            # than the step: so many rows make one, and a single step needs no transaction.
            steps = [
                (self._sql(sql), values) for change in changes for sql, values in _steps(*change)
            ]
            if len(steps) == 1:
                self._writer.execute(*steps[0])
                return
            with self._transaction() as cursor:
                for sql, values in steps:
                    cursor.execute(sql, values)

    def among(self, column: str, values: list[str]) -> tuple[str, Row]:
        """A condition that a column has one of some values.

        Args:
            column: Column name.
            values: The values, at least one.

        Returns:
            SQL, and the values that go with it.
        """
        if self._dialect == "postgresql":
            return f"{column} = ANY(?)", (values,)
        return f"{column} IN ({','.join('?' * len(values))})", tuple(values)

    def close(self) -> None:
        """Close both connections, when nobody is using them; later uses fail."""
        with self._reading, self._writing:
            self._closed = True
            self._reader.close()
            self._writer.close()

    def _check_open(self) -> None:
        # SQLite's driver crashes when another thread closes the connection that it uses.
        if self._closed:
            msg = f"the ledger {self._where} is closed: the run is over"
            raise LedgerError(msg)

    def _sql(self, statement: str) -> str:
        for word, own in self._words.items():
            if word in statement:
                statement = statement.replace(word, own)
        return statement

    @contextlib.contextmanager
    def _explained(self) -> t.Iterator[None]:
        try:
            yield
        except ErpError:
            raise
        except Exception as error:  # noqa: BLE001 - each driver has its own; PostgreSQL's is optional
            text = redact(" ".join(str(error).split()))
            msg = f"the ledger {self._where} (setting 'ledger') fails: {text}"
            raise LedgerError(msg) from None

    @contextlib.contextmanager
    def _transaction(self) -> t.Iterator[t.Any]:
        cursor = self._writer.cursor()
        try:
            if self._dialect == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            if self._dialect == "sqlite":
                cursor.execute("COMMIT")  # a step less than the driver's own way
            else:
                self._writer.commit()
        except BaseException:
            self._writer.rollback()
            raise
        finally:
            cursor.close()


def _steps(
    statement: str, one: str, rows: list[Row], shared: Row
) -> t.Iterator[tuple[str, list[t.Any]]]:
    size = min(_ROWS, (_VARIABLES - len(shared)) // len(rows[0]))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        sql = statement.format(rows=",".join([one] * len(some)))
        yield sql, [*shared, *itertools.chain.from_iterable(some)]


def _close_with(store: Store, connection: t.Any) -> None:  # noqa: ANN401 - DB-API has no type
    # A run that ends in an error may never get to close it. At the end of the process it is left
    # alone, because a thread may be using it.
    weakref.finalize(store, connection.close).atexit = False


def open_store(setting: str) -> Store:
    """Open, and where needed make, the store of a setting.

    Args:
        setting: Path of an SQLite file, or a `postgresql://` URL.

    Raises:
        ConfigError: If it cannot be opened.
    """
    if setting.startswith(("postgresql://", "postgres://")):
        return _open_postgres(setting)
    path = pathlib.Path(setting)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path,
            check_same_thread=False,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            cached_statements=_STATEMENTS,
        )
        connection.create_function("erp_unhex", 1, bytes.fromhex, deterministic=True)
        connection.execute("PRAGMA journal_mode = WAL")
        # A receipt that is lost with the power would be a doubled record.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return connection

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Store(connect, dialect="sqlite", where=setting)
    except (OSError, sqlite3.Error) as error:
        msg = f"cannot open the ledger (setting 'ledger') at {path}: {error}"
        raise ConfigError(msg) from None


def _open_postgres(url: str) -> Store:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError:
        msg = "a ledger in PostgreSQL needs psycopg: pip install 'erp-singer[postgres]'"
        raise ConfigError(msg) from None
    try:
        password = psycopg.conninfo.conninfo_to_dict(url).get("password")
        redact.add(str(password) if password else None)
        return Store(lambda: psycopg.connect(url), dialect="postgresql", where="in PostgreSQL")
    except psycopg.Error as error:
        msg = f"cannot open the ledger (setting 'ledger') in PostgreSQL: {str(error).strip()}"
        raise ConfigError(redact(" ".join(msg.split()))) from None
