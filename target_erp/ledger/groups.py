"""Writes of many threads in one transaction: a commit waits for the disk, a line does not."""

from __future__ import annotations

import threading
import typing as t

if t.TYPE_CHECKING:
    from target_erp.ledger.store import Store

Row = tuple[t.Any, ...]


class _Ticket:
    """The rows of one thread."""

    __slots__ = ("done", "error", "rows")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.done = threading.Event()
        self.error: Exception | None = None


class GroupCommit:
    """One thread at a time commits what all have put down by then; the others wait for it."""

    def __init__(self, store: Store, statement: str) -> None:
        self._store = store
        self._statement = statement
        self._lock = threading.Lock()
        self._tickets: list[_Ticket] = []
        self._led = False

    def write(self, rows: list[Row]) -> None:
        """Write rows; they are on the disk when this returns.

        Args:
            rows: Values of the statement.

        Raises:
            LedgerError: If the store fails.
        """
        ticket = _Ticket(rows)
        with self._lock:
            self._tickets.append(ticket)
            leads, self._led = not self._led, True
        if leads:
            self._lead()
        else:
            ticket.done.wait()
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
                self._store.change(
                    self._statement, [row for ticket in tickets for row in ticket.rows]
                )
            except Exception as problem:  # noqa: BLE001 - raised by each thread that is concerned
                error = problem
            for ticket in tickets:
                ticket.error = error
                ticket.done.set()
