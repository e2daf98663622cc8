"""What many threads write, together: making it durable takes long, one thing more does not."""

from __future__ import annotations

import queue
import threading
import typing as t

T = t.TypeVar("T")


class _Ticket(t.Generic[T]):
    """What one thread writes."""

    __slots__ = ("done", "error", "things")

    def __init__(self, things: t.Sequence[T]) -> None:
        self.things = things
        # A lock is a fifth of an event, and there are two tickets for each record.
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None


class Groups(t.Generic[T]):
    """One thread at a time writes what all have put down by then; the others wait for it.

    Signals raise in the main thread, at any point. So that thread never writes for others: a thread
    of its own does it in its place.
    """

    def __init__(self, write: t.Callable[[list[T]], object]) -> None:
        """Begin with nothing.

        Args:
            write: Writes things of several threads; none may depend on the order of two threads.
                What it raises is raised by each thread that is concerned.
        """
        self._write = write
        self._lock = threading.Lock()
        self._tickets: list[_Ticket[T]] = []
        self._led = self._closed = False
        self._deputy: threading.Thread | None = None
        self._handed: queue.SimpleQueue[_Ticket[T] | None] = queue.SimpleQueue()

    def write(self, things: t.Sequence[T]) -> None:
        """Write; it is done when this returns.

        Args:
            things: What to write.

        Raises:
            BaseException: What writing raised. If it is raised by a signal's handler instead, it is
                written or not; what others wrote with it is not concerned.
        """
        ticket = _Ticket(things)
        if threading.current_thread() is threading.main_thread() and not self._closed:
            self._hand_over(ticket)
        else:
            self._enter(ticket)
        ticket.done.acquire()
        if ticket.error is not None:
            raise ticket.error

    def close(self) -> None:
        """End the main thread's deputy; who writes later does so in its own thread."""
        self._closed = True
        self._handed.put(None)

    def _hand_over(self, ticket: _Ticket[T]) -> None:
        if self._deputy is None:
            self._deputy = threading.Thread(target=self._stand_in, daemon=True)
            self._deputy.start()
        self._handed.put(ticket)

    def _stand_in(self) -> None:
        while (ticket := self._handed.get()) is not None:
            self._enter(ticket)

    def _enter(self, ticket: _Ticket[T]) -> None:
        """Put a ticket down; who finds nobody writing writes until no ticket is left."""
        with self._lock:
            self._tickets.append(ticket)
            leads, self._led = not self._led, True
        while leads:
            with self._lock:
                tickets, self._tickets = self._tickets, []
                if not tickets:
                    self._led = leads = False
                    continue
            error: BaseException | None = None
            try:
                self._write([thing for ticket in tickets for thing in ticket.things])
            except BaseException as problem:  # noqa: BLE001 - raised by each that is concerned
                error = problem
            for ended in tickets:
                ended.error = error
                ended.done.release()
