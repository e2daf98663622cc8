"""Group commit: several threads share one durable commit, which costs as much as one thread's."""

from __future__ import annotations

import queue
import threading
import typing as t

T = t.TypeVar("T")


class _CommitRequest(t.Generic[T]):
    """The changes that one thread wants to have committed."""

    __slots__ = ("changes", "error", "is_leader", "woken")

    def __init__(self, changes: t.Sequence[T]) -> None:
        self.changes = changes
        # A lock that is released once: an event's `wait` is Python code, in the midst of which a
        # signal's handler may raise and leave the event's own lock in disorder.
        self.woken = threading.Lock()
        self.woken.acquire()
        self.is_leader = False
        self.error: BaseException | None = None


class GroupCommit(t.Generic[T]):
    """The first thread that commits becomes the leader; it writes the changes of all that wait.

    Signals raise in the main thread, at any point. So that thread never writes for others: a thread
    of its own does it in its place.
    """

    def __init__(self, write: t.Callable[[list[T]], object]) -> None:
        """Make a group commit.

        Args:
            write: Writes the changes of several threads, in any order of the threads.
                What it raises is raised by each thread that is concerned.
        """
        self._write = write
        self._lock = threading.Lock()
        self._requests: list[_CommitRequest[T]] = []
        self._has_leader = self._closed = False
        self._committer: threading.Thread | None = None
        self._handed: queue.SimpleQueue[_CommitRequest[T] | None] = queue.SimpleQueue()

    def write(self, changes: t.Sequence[T]) -> None:
        """Write; it is done when this returns.

        Args:
            changes: What to write.

        Raises:
            BaseException: What writing raised. If it is raised by a signal's handler instead, it is
                written or not; what others wrote with it is not concerned.
        """
        request = _CommitRequest(changes)
        if threading.current_thread() is threading.main_thread() and not self._closed:
            self._hand_over(request)
            request.woken.acquire()
        else:
            self._enter(request)
        if request.error is not None:
            raise request.error

    def close(self) -> None:
        """End the main thread's committing thread; later commits run in their own thread."""
        self._closed = True
        self._handed.put(None)

    def _hand_over(self, request: _CommitRequest[T]) -> None:
        if self._committer is None:
            self._committer = threading.Thread(target=self._commit_for_main, daemon=True)
            self._committer.start()
        self._handed.put(request)

    def _commit_for_main(self) -> None:
        while (request := self._handed.get()) is not None:
            own = _CommitRequest(request.changes)
            self._enter(own)
            request.error = own.error
            request.woken.release()

    def _enter(self, request: _CommitRequest[T]) -> None:
        """Add a request and wait until it is written, by this thread or by another.

        A thread that finds no leader becomes it: it writes all requests there are, its own among
        them, and makes one of the threads that came meanwhile the next leader.
        """
        with self._lock:
            self._requests.append(request)
            request.is_leader, self._has_leader = not self._has_leader, True
        if not request.is_leader:
            request.woken.acquire()
        if not request.is_leader:
            return
        with self._lock:
            requests, self._requests = self._requests, []
        error: BaseException | None = None
        try:
            self._write([change for request in requests for change in request.changes])
        except BaseException as problem:  # noqa: BLE001 - raised by each that is concerned
            error = problem
        for ended in requests:
            ended.error = error
            if ended is not request:
                ended.woken.release()
        with self._lock:
            self._has_leader = bool(self._requests)
            if self._has_leader:
                self._requests[0].is_leader = True
                self._requests[0].woken.release()
