"""The ledger for who only looks: it is never locked, made or changed, whoever is writing to it."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import threading
import typing as t
import urllib.parse

from erp_ledger.migrations import check_version
from erp_ledger.partitions import iso
from erp_ledger.runs import LedgerRun
from erp_ledger.store import LedgerError, postgres, why
from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.stores import kind_of

if t.TYPE_CHECKING:
    from erp_ledger.store import Row

_BUSY_SECONDS = 60
_AT_ONCE = 1_000
"""Rows of one query: each is a transaction of its own, so that none of them is long."""
_NOTHING = -1 << 62


class LedgerOutcome(t.NamedTuple):
    """What the ledger knows of a record.

    Attributes:
        account: Whose data it is.
        stream: Sink name.
        key: Business key, as `name=value`.
        vendor_id: The vendor's own id, if it was learned.
        status: What became of its newest version; see `RecordStatus`.
        run: Run that noted that.
        first_at: UTC time of the first line of this key (ISO 8601).
        last_at: UTC time of this line.
        attempts: Number of times that it was sent.
    """

    account: str
    stream: str
    key: str
    vendor_id: str | None
    status: str
    run: str
    first_at: str
    last_at: str
    attempts: int


class ReadOnlyLedger:
    """Runs and outcomes; safe to use from many threads."""

    def __init__(self, connection: t.Any, where: str, setting: str, mark: str) -> None:  # noqa: ANN401
        """Take over a connection; see `open_read_only`.

        Args:
            connection: A DB-API connection that cannot write and commits by itself.
            where: What the ledger is called in errors.
            setting: The setting that names it.
            mark: What stands for a value in a statement.

        Raises:
            ConfigError: If it is no ledger, or one of another version.
        """
        self._connection = connection
        self._where = where
        self._setting = setting
        self._mark = mark
        self._reading = threading.Lock()
        try:
            found = self._read("SELECT version FROM erp_ledger")
        except LedgerError as error:
            msg = f"setting '{setting}': there is no ledger {where} that can be read ({error})"
            raise ConfigError(msg) from None
        check_version(int(found[0][0]) if found else 0, where, setting)

    def runs(self, since: str) -> t.Iterator[list[LedgerRun]]:
        """The runs that began or ended at a time or later, oldest first.

        Args:
            since: UTC time (ISO 8601, as the ledger writes it); empty for all.

        Yields:
            Several at once.

        Raises:
            LedgerError: If the ledger cannot be read.
        """
        last = ""
        while rows := self._read(
            "SELECT run, started_at, ended_at, report FROM erp_runs "
            "WHERE run > ? AND COALESCE(ended_at, started_at) >= ? ORDER BY run LIMIT ?",
            (last, since, _AT_ONCE),
        ):
            last = rows[-1][0]
            yield [LedgerRun(*row) for row in rows]

    def outcomes(self, since: int | None) -> t.Iterator[list[LedgerOutcome]]:
        """What became of the records that the ledger noted at a time or later, in no order of time.

        Records may change while this is read; each is given at most once. What a run has under way
        is not among it.

        Args:
            since: Epoch milliseconds; None for all.

        Yields:
            Several at once.

        Raises:
            LedgerError: If the ledger cannot be read.
        """
        oldest = _NOTHING if since is None else since
        for partition, account, stream in self._read(
            "SELECT partition, account, stream FROM erp_partitions ORDER BY partition"
        ):
            after = ""
            values: Row = (partition, oldest)
            while rows := self._read(
                "SELECT key, vendor_id, status, run, first_at, last_at, attempts FROM erp_records "  # noqa: S608
                f"WHERE partition = ? AND last_at >= ? {after}ORDER BY key LIMIT {_AT_ONCE}",
                values,
            ):
                after, values = "AND key > ? ", (partition, oldest, rows[-1][0])
                yield [
                    LedgerOutcome(
                        account, stream, key, own_id, status, run, iso(first), iso(last), int(sent)
                    )
                    for key, own_id, status, run, first, last, sent in rows
                ]

    def close(self) -> None:
        """Close the connection, when nobody is using it."""
        with self._reading:
            self._connection.close()

    def _read(self, statement: str, values: Row = ()) -> list[Row]:
        try:
            with self._reading:
                cursor = self._connection.execute(statement.replace("?", self._mark), values)
                rows: list[Row] = cursor.fetchall()
                return rows
        except ErpError:
            raise
        except Exception as error:  # noqa: BLE001 - each driver has its own; PostgreSQL's is optional
            msg = f"the ledger {self._where} (setting '{self._setting}') cannot be read: "
            raise LedgerError(msg + why(error)) from None


def open_read_only(value: str, setting: str) -> ReadOnlyLedger:
    """Open a ledger without any wish to write.

    Args:
        value: Path of an SQLite file, or a `postgresql://` URL.
        setting: The setting that holds it, for errors.

    Raises:
        ConfigError: If there is none, or one of another version; it is left as it is.
    """
    if kind_of(setting, value, "postgresql") == "postgresql":
        connection = postgres(value, setting=setting, autocommit=True)
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
            ledger = ReadOnlyLedger(connection, "in PostgreSQL", setting, "%s")
            undo.pop_all()
            return ledger
    path = pathlib.Path(value).absolute()
    if not path.is_file():
        msg = (
            f"setting '{setting}': there is no ledger at {path}; target-erp makes it with its "
            "first run, and this must be the target's setting 'ledger'"
        )
        raise ConfigError(msg)
    with contextlib.ExitStack() as undo:
        try:
            file = sqlite3.connect(
                f"file:{urllib.parse.quote(str(path))}?mode=ro",
                uri=True,
                check_same_thread=False,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            msg = f"setting '{setting}': cannot read {path}: {why(error)}"
            raise ConfigError(msg) from None
        undo.callback(file.close)
        ledger = ReadOnlyLedger(file, str(path), setting, "?")
        undo.pop_all()
        return ledger
