"""Writes of many threads in one transaction: a commit waits for the disk, a line does not."""

from __future__ import annotations

import threading
import typing as t

from target_erp.ledger.store import Change

if t.TYPE_CHECKING:
    from target_erp.ledger.store import Row, Store


class _Ticket:
    """The changes of one thread."""

    __slots__ = ("changes", "done", "error")

    def __init__(self, changes: t.Sequence[Change]) -> None:
        self.changes = changes
        # A lock is a fifth of an event, and there are two tickets for each record.
        self.done = threading.Lock()
        self.done.acquire()
        self.error: Exception | None = None


class GroupCommit:
    """One thread at a time commits what all have put down by then; the others wait for it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._tickets: list[_Ticket] = []
        self._led = False

    def write(self, changes: t.Sequence[Change]) -> None:
        """Make changes; they are on the disk when this returns.

        Args:
            changes: The changes; none of them may depend on the order in which they are made.

        Raises:
            LedgerError: If the store fails.
        """
        ticket = _Ticket(changes)
        with self._lock:
            self._tickets.append(ticket)
            leads, self._led = not self._led, True
        if leads:
            self._lead()
        else:
            ticket.done.acquire()
        if ticket.error is not None:
            raise ticket.error

    def _lead(self) -> None:
        while True:
            with self._lock:
                tickets, self._tickets = self._tickets, []
                if not tickets:
                    self._led = False
                    return
            error: Exception | None = None
            try:
                self._store.apply(_merged(tickets))
            except Exception as problem:  # noqa: BLE001 - raised by each thread that is concerned
                error = problem
            for ticket in tickets:
                ticket.error = error
                ticket.done.release()


def _merged(tickets: t.Iterable[_Ticket]) -> list[Change]:
    rows: dict[tuple[str, str, Row], list[Row]] = {}
    for ticket in tickets:
        for statement, row, some, shared in ticket.changes:
            rows.setdefault((statement, row, shared), []).extend(some)
    return [Change(statement, row, some, shared) for (statement, row, shared), some in rows.items()]
