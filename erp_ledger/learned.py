"""What runs learn for later ones: answers that mean success, and records that keep failing."""

from __future__ import annotations

import typing as t

from erp_ledger.partitions import Partitions, now, stored
from erp_ledger.store import Change

_LEARNED = """INSERT INTO erp_answers (partition, shape, run, noted_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (partition, shape) DO NOTHING"""
_STRIKE = """INSERT INTO erp_failing (partition, key, runs, run) VALUES {rows}
    ON CONFLICT (partition, key) DO UPDATE SET runs = erp_failing.runs + 1, run = excluded.run
    WHERE erp_failing.run <> excluded.run"""
_CLEAR = "DELETE FROM erp_failing WHERE partition = ? AND key IN (VALUES {rows})"


class LearnedAnswers(Partitions):
    """Learned answers and failing records, by account and stream."""

    def learned(self, account: str, stream: str) -> list[str]:
        """Shapes of answers that were proven to be a success, in the order of their discovery.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        rows = self._store.read(
            "SELECT shape FROM erp_answers WHERE partition = ? ORDER BY noted_at, shape",
            (self._partition_of(account, stream),),
        )
        return [shape for (shape,) in rows]

    def learn(self, account: str, stream: str, shape: str, run: str) -> None:
        """Note a shape of answers; it is on the disk when this returns.

        Args:
            account: Whose data it is.
            stream: Sink name.
            shape: What such an answer looks like, a short JSON text without anybody's data.
            run: The run that proved it.

        Raises:
            LedgerError: If the store fails.
        """
        row = (self.partition(account, stream), shape, run, now())
        self.commit([Change(_LEARNED, "", [row])])

    def failing(self, account: str, stream: str) -> dict[str, int]:
        """Number of runs in which records met server errors while others got through, by key.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        rows = self._store.read(
            "SELECT key, runs FROM erp_failing WHERE partition = ?",
            (self._partition_of(account, stream),),
        )
        return {key: int(runs) for key, runs in rows}

    def strike(
        self, account: str, stream: str, keys: t.Collection[str], run: str
    ) -> dict[str, int]:
        """Count a run in which records met server errors; it is on the disk when this returns.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys; each counts once a run, however often it is given.
            run: The run.

        Returns:
            The new numbers of runs, by key.

        Raises:
            LedgerError: If the store fails.
        """
        if not keys:
            return {}
        partition = self.partition(account, stream)
        rows = [(partition, key, 1, run) for key in dict.fromkeys(map(stored, keys))]
        self.commit([Change(_STRIKE, "(?, ?, ?, ?)", list(rows))])
        failing = self.failing(account, stream)
        return {key: failing[stored(key)] for key in keys}

    def cleared(self, account: str, stream: str, keys: t.Iterable[str]) -> list[Change]:
        """The changes that take records out of those that keep failing.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys; those of other records do no harm.

        Returns:
            Changes for `commit`, together with the receipt.
        """
        rows = [(stored(key),) for key in keys]
        partition = self._partition_of(account, stream)
        if partition is None or not rows:
            return []
        return [Change(_CLEAR, "(?)", list(rows), (partition,))]
