"""Where the ledger lies: SQLite in WAL mode, or PostgreSQL for runs on several machines."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import random
import sqlite3
import threading
import time
import typing as t
import weakref

from erp_ledger.migrations import migrate
from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.http.redact import redact
from erp_vendors.private import make_file
from erp_vendors.stores import explained, kind_of

_BUSY_SECONDS = 60
_SWITCH_SECONDS = 0.01
"""Pause before a file is switched to WAL mode anew, because another process was at it."""
_CONNECT_SECONDS = 10
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
        # With SQLite no proof is written, so an owner may have been alive until now.
        "erp_last_proof()": "erp_now()",
        "erp_now()": "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
        "erp_later(": "MAX(",
    },
    "postgresql": {
        "erp_nothing()": "''::bytea",
        "erp_last_proof()": "old.proven_at",
        "erp_now()": "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        "erp_later(": "GREATEST(",
        "?": "%s",
    },
}
"""What statements have in place of what the dialects call by different names: empty bytes, when a
lease was last proven, epoch milliseconds by the clock of the database, the later of two times."""

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


class LedgerStore:
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
        self.guard: t.Callable[[t.Any], None] | None = None

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
            cursor = self._reader.execute(self.sql(statement), values)
            rows: list[Row] = cursor.fetchall()
            if self._dialect == "postgresql":
                self._reader.rollback()  # ends the transaction that a SELECT begins
            return rows

    def read_among(self, statement: str, values: Row, column: str, wanted: list[str]) -> list[Row]:
        """Read the rows in which a column has one of some values.

        Args:
            statement: SQL that ends in a condition, with `?` for each value.
            values: The values.
            column: Column name.
            wanted: The values that the column may have, any number.

        Raises:
            LedgerError: If the store fails.
        """
        rows = []
        for start in range(0, len(wanted), _ROWS):
            condition, among = self.among(column, wanted[start : start + _ROWS])
            rows += self.read(f"{statement} AND {condition}", (*values, *among))
        return rows

    def apply(
        self,
        changes: t.Sequence[Change],
        *,
        guarded: bool = False,
        then: tuple[str, Row] | None = None,
    ) -> list[Row]:
        """Make changes in one transaction.

        Args:
            changes: The changes, in their order.
            guarded: Only if `guard` raises nothing, which is called first, with a cursor of the
                transaction where other processes could otherwise come in between, else with None.
            then: A query in the same transaction, and its values.

        Returns:
            The rows of that query.

        Raises:
            LedgerError: If the store fails; then nothing was changed.
        """
        guard = self.guard if guarded else None
        with self._writing, self._explained():
            self._check_open()
            if self._dialect == "postgresql":
                with self._transaction() as cursor:
                    if guard is not None:
                        guard(cursor)
                    for statement, one, rows, shared in changes:
                        sql = self.sql(statement.format(rows=one))
                        cursor.executemany(sql, [(*shared, *row) for row in rows])
                    return self._rows(cursor, then)
            if guard is not None:
                guard(None)
            # After each step the driver has to wait for the interpreter, which may take longer
            # than the step: so many rows make one, and a single step needs no transaction.
            steps = [
                (self.sql(sql), values) for change in changes for sql, values in _steps(*change)
            ]
            if len(steps) <= 1 and then is None:
                for step in steps:
                    self._writer.execute(*step)
                return []
            with self._transaction() as cursor:
                for sql, values in steps:
                    cursor.execute(sql, values)
                return self._rows(cursor, then)

    def sql(self, statement: str) -> str:
        """A statement in the words of the dialect.

        Args:
            statement: SQL with `?` for each value.
        """
        for word, own in self._words.items():
            if word in statement:
                statement = statement.replace(word, own)
        return statement

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

    def _rows(self, cursor: t.Any, query: tuple[str, Row] | None) -> list[Row]:  # noqa: ANN401
        if query is None:
            return []
        cursor.execute(self.sql(query[0]), query[1])
        rows: list[Row] = cursor.fetchall()
        return rows

    @contextlib.contextmanager
    def _explained(self) -> t.Iterator[None]:
        try:
            yield
        except ErpError:
            raise
        except Exception as error:  # noqa: BLE001 - each driver has its own; PostgreSQL's is optional
            msg = f"the ledger {self._where} (setting 'ledger') fails: {why(error)}"
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
    size = min(_ROWS, (_VARIABLES - len(shared)) // max(1, len(rows[0])))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        sql = statement.format(rows=",".join([one] * len(some)))
        yield sql, [*shared, *itertools.chain.from_iterable(some)]


def _close_with(store: LedgerStore, connection: t.Any) -> None:  # noqa: ANN401 - DB-API has no type
    # A run that ends in an error may never get to close it. At the end of the process it is left
    # alone, because a thread may be using it.
    weakref.finalize(store, connection.close).atexit = False


def open_store(setting: str) -> LedgerStore:
    """Open, and where needed make, the store of a setting.

    Args:
        setting: Path of an SQLite file, or a `postgresql://` URL.

    Raises:
        ConfigError: If it cannot be opened.
    """
    if kind_of("ledger", setting, "postgresql") == "postgresql":
        return LedgerStore(lambda: postgres(setting), dialect="postgresql", where="in PostgreSQL")
    path = pathlib.Path(setting).absolute()  # ":memory:" is a name like others

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path,
            check_same_thread=False,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            cached_statements=_STATEMENTS,
        )
        connection.create_function("erp_unhex", 1, bytes.fromhex, deterministic=True)
        _keep_log(connection)
        # A receipt that is lost with the power would be a doubled record.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        return connection

    make_file("ledger", path)  # SQLite gives its further files the mode of this one
    try:
        return LedgerStore(connect, dialect="sqlite", where=setting)
    except (OSError, sqlite3.Error) as error:
        msg = f"cannot open the ledger (setting 'ledger') at {path}: {error}"
        raise ConfigError(msg) from None


def _keep_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode. Of processes that do so at once SQLite lets none wait for another one.

    Args:
        connection: To the file, which may be new.

    Raises:
        sqlite3.Error: If that fails.
    """
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(random.uniform(0.5, 1.5) * _SWITCH_SECONDS)  # noqa: S311
        else:
            return


def why(error: Exception) -> str:
    """Why a driver failed, in one line without a secret.

    Args:
        error: What it raised.
    """
    own = isinstance(error, (sqlite3.Error, OSError))
    return redact(" ".join(str(error).split())) if own else explained(error)


def postgres(url: str, *, setting: str = "ledger", **options: t.Any) -> t.Any:  # noqa: ANN401 - the package may be absent
    """Connect to the ledger's server.

    Args:
        url: Where it is.
        setting: The setting that says so, for errors.
        **options: See `psycopg.connect`.

    Raises:
        ConfigError: If that fails.
    """
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError:
        msg = "a ledger in PostgreSQL needs psycopg: pip install 'erp-singer[postgres]'"
        raise ConfigError(msg) from None
    try:
        return psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, **options)
    except psycopg.Error as error:
        msg = f"cannot open the ledger (setting '{setting}') in PostgreSQL: {explained(error)}"
        raise ConfigError(msg) from None
