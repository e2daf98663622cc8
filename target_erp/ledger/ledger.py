"""The ledger's store: SQLite in WAL mode, or PostgreSQL for fleets."""

from __future__ import annotations

import contextlib
import datetime as dt
import pathlib
import sqlite3
import threading
import typing as t
import weakref

from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from target_erp.ledger.entry import Entry, Mark

VERSION = 1
"""Version of the tables; `_MIGRATIONS` leads to it from every earlier one."""

_MIGRATIONS: dict[int, tuple[str, ...]] = {
    0: (
        """CREATE TABLE erp_entries (
            account TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL,
            digest TEXT NOT NULL, mark TEXT NOT NULL, vendor_id TEXT, attempts INTEGER NOT NULL,
            run TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, body TEXT,
            PRIMARY KEY (account, stream, key))""",
        """CREATE INDEX erp_open ON erp_entries (account, stream)
            WHERE mark IN ('intent', 'unknown')""",
        """CREATE TABLE erp_runs (
            run TEXT PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT, report TEXT)""",
    ),
}
_COLUMNS = "key, digest, mark, vendor_id, attempts, run, first_at, last_at, body"
_UPSERT = f"""INSERT INTO erp_entries (account, stream, {_COLUMNS})
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (account, stream, key) DO UPDATE SET digest = excluded.digest,
        mark = excluded.mark, vendor_id = COALESCE(excluded.vendor_id, erp_entries.vendor_id),
        attempts = erp_entries.attempts + excluded.attempts, run = excluded.run,
        last_at = excluded.last_at, body = excluded.body"""  # noqa: S608 - constant column names


class Run(t.NamedTuple):
    """A run of the target.

    Attributes:
        run: Its id.
        started_at: UTC time (ISO 8601).
        ended_at: UTC time, or None while it runs or if it was killed.
        report: Its report as JSON text, or None.
    """

    run: str
    started_at: str
    ended_at: str | None
    report: str | None


class Found(t.NamedTuple):
    """A line, and where it belongs."""

    account: str
    stream: str
    entry: Entry


class Connection(t.Protocol):
    """The part of DB-API 2.0 that both drivers share."""

    def cursor(self) -> t.Any:  # noqa: ANN401
        """A cursor."""

    def commit(self) -> None:
        """Commit."""

    def rollback(self) -> None:
        """Roll back."""

    def close(self) -> None:
        """Close."""


class Ledger:
    """Lines by account, stream and business key; safe to use from many threads."""

    def __init__(self, connection: Connection, *, placeholder: str, where: str) -> None:
        self._connection = connection
        self._placeholder = placeholder
        self._where = where
        self._lock = threading.Lock()
        # A run that ends in an error may never get to close it.
        weakref.finalize(self, connection.close)
        self._migrate()

    def look(self, account: str, stream: str, key: str) -> Entry | None:
        """The line of a record, or None.

        Args:
            account: See `account_of`.
            stream: Sink name.
            key: Business key.
        """
        rows = self._read(
            f"SELECT {_COLUMNS} FROM erp_entries WHERE account = ? AND stream = ? AND key = ?",  # noqa: S608
            (account, stream, key),
        )
        return _entry(rows[0]) if rows else None

    def open_entries(self, account: str, stream: str) -> list[Entry]:
        """Lines whose outcome nobody has noted, oldest first.

        Args:
            account: See `account_of`.
            stream: Sink name.
        """
        rows = self._read(
            f"SELECT {_COLUMNS} FROM erp_entries WHERE account = ? AND stream = ? "  # noqa: S608
            "AND mark IN ('intent', 'unknown') ORDER BY last_at, key",
            (account, stream),
        )
        return [_entry(row) for row in rows]

    def write(self, account: str, stream: str, entries: t.Iterable[Entry]) -> None:
        """Write lines in one transaction; on the disk when this returns.

        Args:
            account: See `account_of`.
            stream: Sink name.
            entries: Lines; each replaces the earlier line of its key, keeps a known vendor id, and
                adds to its attempts.
        """
        now = _now()
        rows = [
            (
                account,
                stream,
                entry.key,
                entry.digest,
                entry.mark.value,
                entry.vendor_id,
                entry.attempts,
                entry.run,
                entry.first_at or now,
                now,
                entry.body,
            )
            for entry in entries
        ]
        with self._transaction() as cursor:
            cursor.executemany(self._sql(_UPSERT), rows)

    def begin_run(self, run: str) -> None:
        """Note that a run has started.

        Args:
            run: Its id.
        """
        with self._transaction() as cursor:
            cursor.execute(
                self._sql("INSERT INTO erp_runs (run, started_at) VALUES (?, ?)"), (run, _now())
            )

    def end_run(self, run: str, report: str) -> None:
        """Note that a run has ended.

        Args:
            run: Its id.
            report: Its report as JSON text.
        """
        with self._transaction() as cursor:
            cursor.execute(
                self._sql("UPDATE erp_runs SET ended_at = ?, report = ? WHERE run = ?"),
                (_now(), report, run),
            )

    def runs(self, limit: int) -> list[Run]:
        """The newest runs, newest first.

        Args:
            limit: How many at most.
        """
        rows = self._read(
            "SELECT run, started_at, ended_at, report FROM erp_runs ORDER BY run DESC LIMIT ?",
            (limit,),
        )
        return [Run(*row) for row in rows]

    def find(self, stream: str = "", key: str = "", mark: Mark | None = None) -> list[Found]:
        """Lines of all accounts, by any of their parts, newest first.

        Args:
            stream: Sink name; empty for all.
            key: Business key as `name=value`, or the value alone; empty for all.
            mark: What is known; None for all.
        """
        conditions, values = ["1 = 1"], []
        if stream:
            conditions.append("stream = ?")
            values.append(stream)
        if key:
            conditions.append("(key = ? OR key LIKE ?)")
            values += [key, f"%={key}"]
        if mark:
            conditions.append("mark = ?")
            values.append(mark.value)
        rows = self._read(
            f"SELECT account, stream, {_COLUMNS} FROM erp_entries "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY last_at DESC, key",
            tuple(values),
        )
        return [Found(account, name, _entry(row)) for account, name, *row in rows]

    def close(self) -> None:
        """Close the store."""
        self._connection.close()

    def _migrate(self) -> None:
        with self._transaction() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS erp_ledger (version INTEGER NOT NULL)")
            cursor.execute("SELECT version FROM erp_ledger")
            row = cursor.fetchone()
            version = 0 if row is None else int(row[0])
            if row is None:
                cursor.execute("INSERT INTO erp_ledger (version) VALUES (0)")
            if version > VERSION:
                msg = (
                    f"the ledger {self._where} was written by a newer erp-singer (version "
                    f"{version}, this one knows {VERSION}); upgrade, or set another 'ledger'"
                )
                raise ConfigError(msg)
            for step in range(version, VERSION):
                for statement in _MIGRATIONS[step]:
                    cursor.execute(statement)
            cursor.execute(self._sql("UPDATE erp_ledger SET version = ?"), (VERSION,))

    def _read(self, statement: str, values: tuple[t.Any, ...]) -> list[tuple[t.Any, ...]]:
        with self._transaction() as cursor:
            cursor.execute(self._sql(statement), values)
            return list(cursor.fetchall())

    def _sql(self, statement: str) -> str:
        return statement.replace("?", self._placeholder)

    @contextlib.contextmanager
    def _transaction(self) -> t.Iterator[t.Any]:
        with self._lock:
            cursor = self._connection.cursor()
            try:
                yield cursor
            except BaseException:
                self._connection.rollback()
                raise
            else:
                self._connection.commit()
            finally:
                cursor.close()


def open_ledger(setting: str) -> Ledger:
    """Open, and where needed make, the ledger of a setting.

    Args:
        setting: Path of an SQLite file, or a `postgresql://` URL.

    Raises:
        ConfigError: If it cannot be opened.
    """
    if setting.startswith(("postgresql://", "postgres://")):
        return _open_postgres(setting)
    path = pathlib.Path(setting)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, check_same_thread=False, timeout=60)
        connection.execute("PRAGMA journal_mode = WAL")
        # A receipt that is lost with the power would be a doubled record.
        connection.execute("PRAGMA synchronous = FULL")
        return Ledger(connection, placeholder="?", where=setting)
    except (OSError, sqlite3.Error) as error:
        msg = f"cannot open the ledger (setting 'ledger') at {path}: {error}"
        raise ConfigError(msg) from None


def _open_postgres(url: str) -> Ledger:
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError:
        msg = "a ledger in PostgreSQL needs psycopg: pip install 'erp-singer[postgres]'"
        raise ConfigError(msg) from None
    try:
        password = psycopg.conninfo.conninfo_to_dict(url).get("password")
        redact.add(str(password) if password else None)
        connection = psycopg.connect(url)
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('erp_ledger'))")
        return Ledger(connection, placeholder="%s", where="in PostgreSQL")
    except psycopg.Error as error:
        msg = f"cannot open the ledger (setting 'ledger') in PostgreSQL: {str(error).strip()}"
        raise ConfigError(redact(" ".join(msg.split()))) from None


def _entry(row: t.Sequence[t.Any]) -> Entry:
    key, digest, mark, vendor_id, attempts, run, first_at, last_at, body = row
    return Entry(key, digest, Mark(mark), vendor_id, int(attempts), run, first_at, last_at, body)


def _now() -> str:
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
