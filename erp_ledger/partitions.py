"""What all parts of the ledger have in common: the store, its partitions and its commits."""

from __future__ import annotations

import datetime as dt
import threading
import typing as t

from erp_ledger.fence import Fence
from erp_ledger.group_commit import GroupCommit
from erp_ledger.store import Change

if t.TYPE_CHECKING:
    from erp_ledger.store import LedgerStore, Row

_NEW_PARTITION = """INSERT INTO erp_partitions (partition, account, stream)
    SELECT COALESCE(MAX(partition), 0) + 1, ?, ? FROM erp_partitions WHERE 1 = 1
    ON CONFLICT DO NOTHING"""


class Partitions:
    """The store, where each account and stream is a partition with a number.

    Attributes:
        fence: The numbers of this process's leases.
    """

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._numbers: dict[tuple[str, str], int] = {}
        self._numbers_lock = threading.Lock()
        self._commits = GroupCommit(self._commit)
        self.fence = Fence(store)

    def commit(self, changes: t.Sequence[Change]) -> None:
        """Make changes; they are on the disk when this returns.

        What several threads change at once is one transaction.

        Args:
            changes: What other methods gave.

        Raises:
            LedgerError: If the store fails.
        """
        if changes:
            self._commits.write(changes)

    def _commit(self, changes: list[Change]) -> None:
        """Commit the changes of several threads; rows of the same statement go together."""
        rows: dict[tuple[str, str, Row], list[Row]] = {}
        for statement, row, some, shared in changes:
            rows.setdefault((statement, row, shared), []).extend(some)
        merged = [Change(*key[:2], some, key[2]) for key, some in rows.items()]
        self._store.apply(merged, guarded=True)

    def guard(self, check: t.Callable[[t.Any], None] | None) -> None:
        """Make each commit depend on a check.

        Args:
            check: See `LedgerStore.apply`; None for none.
        """
        self._store.guard = check

    def partition(self, account: str, stream: str) -> int:
        """The number of a partition, which is given out now if it has none.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        return t.cast("int", self._partition(account, stream, make=True))

    def close(self) -> None:
        """Close the store."""
        self._commits.close()
        self._store.close()

    def _rows_of(
        self, account: str, stream: str, table: str, columns: str, names: t.Iterable[str]
    ) -> dict[str, Row]:
        """The rows of some names in a partitioned table, by the name that was asked for.

        Args:
            account: Whose data it is.
            stream: Sink name.
            table: Name of the table.
            columns: Its columns, the one with the name first.
            names: Names, any number; those without a row are left out.
        """
        partition = self._partition_of(account, stream)
        wanted = {stored(name): name for name in names}
        if partition is None or not wanted:
            return {}
        query = f"SELECT {columns} FROM {table} WHERE partition = ?"  # noqa: S608
        by = columns.partition(",")[0]
        rows = self._store.read_among(query, (partition,), by, list(wanted))
        return {wanted[row[0]]: row[1:] for row in rows}

    def _partition_of(self, account: str, stream: str) -> int | None:
        """The number of a partition; None if nothing was ever noted there."""
        return self._partition(account, stream, make=False)

    def _partition(self, account: str, stream: str, *, make: bool) -> int | None:
        with self._numbers_lock:
            while (account, stream) not in self._numbers:
                rows = self._store.read(
                    "SELECT partition FROM erp_partitions WHERE account = ? AND stream = ?",
                    (account, stream),
                )
                if rows:
                    self._numbers[account, stream] = int(rows[0][0])
                elif not make:
                    return None
                else:
                    # Another run may take the same number at the same time: then look again.
                    self._store.apply([Change(_NEW_PARTITION, "", [(account, stream)])])
            return self._numbers[account, stream]


def stored(key: str) -> str:
    """A business key as the store has it: PostgreSQL has no text with a zero in it.

    Args:
        key: Business key.
    """
    return key.replace("\0", "\\0") if "\0" in key else key


def now() -> int:
    """Epoch milliseconds."""
    return int(dt.datetime.now(dt.timezone.utc).timestamp() * 1000)


def iso(millis: int) -> str:
    """UTC time in ISO 8601.

    Args:
        millis: Epoch milliseconds.
    """
    moment = dt.datetime.fromtimestamp(millis / 1000, dt.timezone.utc)
    return moment.isoformat(timespec="milliseconds")
