"""Numbers of leases: each owner has a higher one than the owner before, and can prove it."""

from __future__ import annotations

import typing as t

from erp_ledger.store import Change, LedgerError

if t.TYPE_CHECKING:
    from erp_ledger.store import LedgerStore

# An owner that has not given its lease back may be alive, unless its lock shows that it is dead.
# Its calls may be under way until the longest time that it named has passed since its last proof.
_TAKE_OVER = """INSERT INTO erp_leases AS old
        (partition, number, token, longest, proven_at, busy_until)
    VALUES (?, 1, ?, ?, erp_now(), 0)
    ON CONFLICT (partition) DO UPDATE SET number = old.number + 1,
        busy_until = CASE WHEN old.token IN ('', excluded.token) THEN old.busy_until
            ELSE erp_later(old.busy_until, erp_last_proof() + old.longest) END,
        token = excluded.token, longest = excluded.longest, proven_at = excluded.proven_at"""
_LEFT = """SELECT busy_until - erp_now() FROM erp_leases WHERE partition = ?
    AND EXISTS (SELECT 1 FROM erp_intents WHERE erp_intents.partition = erp_leases.partition)"""
_GIVE_BACK = (
    "UPDATE erp_leases SET token = '', busy_until = {busy} WHERE partition = ? AND number = ?"
)
_PROVE = "UPDATE erp_leases SET proven_at = erp_now() WHERE {numbers}"


class Fence:
    """The numbers of this process's leases."""

    def __init__(self, store: LedgerStore) -> None:
        """Make a fence without any lease.

        Args:
            store: Where all processes see the numbers.
        """
        self._store = store
        self._numbers: dict[int, int] = {}

    def take_over(self, partition: int, token: str, longest: int) -> None:
        """Become the owner of a lease; the owner before can prove nothing from then on.

        Args:
            partition: Number of the account and stream.
            token: What identifies the lock behind the lease; not empty.
            longest: Milliseconds that a call may take, from the last proof to its end.

        Raises:
            LedgerError: If the store fails.
        """
        rows = self._store.apply(
            [Change(_TAKE_OVER, "", [(partition, token, longest)])],
            then=("SELECT number FROM erp_leases WHERE partition = ?", (partition,)),
        )
        self._numbers[partition] = int(rows[0][0])

    def left(self, partition: int) -> float:
        """Seconds until no call of an earlier owner can be under way; 0 or less if none can.

        Args:
            partition: Number of the account and stream.

        Raises:
            LedgerError: If the store fails.
        """
        rows = self._store.read(_LEFT, (partition,))
        return int(rows[0][0]) / 1000 if rows else 0.0

    def prove(self) -> None:
        """Prove all leases now.

        Raises:
            LedgerError: If another process has taken one over, or the store fails.
        """
        self._store.apply([], guarded=True)

    def check(self, cursor: t.Any) -> None:  # noqa: ANN401 - DB-API has no type
        """Prove all leases as part of a transaction: no other process can be faster than it.

        Args:
            cursor: A cursor of the store, in its transaction.

        Raises:
            LedgerError: If another process has taken one over.
        """
        numbers = list(self._numbers.items())
        if not numbers:
            return
        ours = " OR ".join(["partition = ? AND number = ?"] * len(numbers))
        values = [value for pair in numbers for value in pair]
        cursor.execute(self._store.sql(_PROVE.format(numbers=ours)), values)
        if cursor.rowcount != len(numbers):
            msg = (
                "another run has taken over what this run writes to (its session in the ledger's "
                "database had ended); this run ends before it sends anything more"
            )
            raise LedgerError(msg)

    def give_back(self, partition: int, *, waited: bool, ended: bool) -> None:
        """Give a lease back.

        Args:
            partition: Number of the account and stream.
            waited: The calls of earlier owners are over.
            ended: Those of this process are over, too.

        Raises:
            LedgerError: If the store fails.
        """
        number = self._numbers.pop(partition)
        busy = "busy_until" if not waited else "0" if ended else "erp_now() + longest"
        self._store.apply([Change(_GIVE_BACK.format(busy=busy), "", [(partition, number)])])
