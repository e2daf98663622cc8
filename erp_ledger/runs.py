"""The runs of the target, with their reports."""

from __future__ import annotations

import datetime as dt
import secrets
import typing as t

from erp_ledger.partitions import Partitions, iso, now
from erp_ledger.store import Change

_TOKEN_BYTES = 4


def new_run() -> str:
    """Make the id of a run.

    Returns:
        Its UTC time, by which ids are sorted, and a random token: runs that share a ledger may
        begin within one tick of their machines' clocks.
    """
    moment = dt.datetime.now(dt.timezone.utc)
    return f"{moment:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(_TOKEN_BYTES)}"


class LedgerRun(t.NamedTuple):
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


class Runs(Partitions):
    """Runs by id."""

    def begin_run(self, run: str) -> None:
        """Note that a run has started.

        Args:
            run: Its id.
        """
        begun = "INSERT INTO erp_runs (run, started_at) VALUES (?, ?)"
        self._store.apply([Change(begun, "", [(run, iso(now()))])])

    def end_run(self, run: str, report: str) -> None:
        """Note that a run has ended.

        Args:
            run: Its id.
            report: Its report as JSON text.
        """
        ended = "UPDATE erp_runs SET ended_at = ?, report = ? WHERE run = ?"
        self._store.apply([Change(ended, "", [(iso(now()), report, run)])])

    def prune_runs(self, before: str) -> int:
        """Forget runs that ended long ago, or began long ago and never ended.

        Args:
            before: UTC time (ISO 8601, with milliseconds).

        Returns:
            How many they were.

        Raises:
            LedgerError: If the store fails.
        """
        old = "FROM erp_runs WHERE COALESCE(ended_at, started_at) < ?"
        [(count,)] = self._store.read(f"SELECT COUNT(*) {old}", (before,))
        self._store.apply([Change(f"DELETE {old}", "", [(before,)])])
        return int(count)

    def note_report(self, run: str, report: str) -> None:
        """Replace the report of a run that has ended.

        Args:
            run: Its id.
            report: Its report as JSON text.
        """
        noted = "UPDATE erp_runs SET report = ? WHERE run = ?"
        self._store.apply([Change(noted, "", [(report, run)])])

    def runs(self, limit: int) -> list[LedgerRun]:
        """The newest runs, newest first.

        Args:
            limit: How many at most.
        """
        rows = self._store.read(
            "SELECT run, started_at, ended_at, report FROM erp_runs ORDER BY run DESC LIMIT ?",
            (limit,),
        )
        return [LedgerRun(*row) for row in rows]
