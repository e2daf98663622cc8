"""Group commit: several threads share one durable commit, which costs as much as one thread's."""

from __future__ import annotations

import queue
import threading
import typing as t

T = t.TypeVar("T")


class _Ticket(t.Generic[T]):
    """The changes that one thread wants to have committed."""

    __slots__ = ("error", "leads", "things", "woken")

    def __init__(self, things: t.Sequence[T]) -> None:
        self.things = things
        self.woken = threading.Event()
        self.leads = False
        self.error: BaseException | None = None


class GroupCommit(t.Generic[T]):
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
            ticket.woken.wait()
        else:
            self._enter(ticket)
        if ticket.error is not None:
            raise ticket.error

    def close(self) -> None:
        """End the main thread's committing thread; later commits run in their own thread."""
        self._closed = True
        self._handed.put(None)

    def _hand_over(self, ticket: _Ticket[T]) -> None:
        if self._deputy is None:
            self._deputy = threading.Thread(target=self._stand_in, daemon=True)
            self._deputy.start()
        self._handed.put(ticket)

    def _stand_in(self) -> None:
        while (ticket := self._handed.get()) is not None:
            own = _Ticket(ticket.things)
            self._enter(own)
            ticket.error = own.error
            ticket.woken.set()

    def _enter(self, ticket: _Ticket[T]) -> None:
        """Put a ticket down and wait until it is written, by this thread or by another.

        A thread that finds nobody writing writes what is there, then gives the lead to one of those
        who came meanwhile: nobody writes for others for longer than its own ticket takes.
        """
        with self._lock:
            self._tickets.append(ticket)
            ticket.leads, self._led = not self._led, True
        if not ticket.leads:
            ticket.woken.wait()
        if not ticket.leads:
            return
        with self._lock:
            tickets, self._tickets = self._tickets, []
        error: BaseException | None = None
        try:
            self._write([thing for ticket in tickets for thing in ticket.things])
        except BaseException as problem:  # noqa: BLE001 - raised by each that is concerned
            error = problem
        for ended in tickets:
            ended.error = error
            if ended is not ticket:
                ended.woken.set()
        with self._lock:
            self._led = bool(self._tickets)
            if self._led:
                self._tickets[0].leads = True
                self._tickets[0].woken.set()
