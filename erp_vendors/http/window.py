"""Concurrent calls with results in order."""

from __future__ import annotations

import collections
import queue
import threading
import typing as t

T = t.TypeVar("T")
R = t.TypeVar("R")


class Outcome(t.Generic[T, R]):
    """What became of one item: its result, or the exception that its call raised."""

    __slots__ = ("_done", "error", "item", "result")

    def __init__(self, item: T) -> None:
        self.item = item
        self.result: R | None = None
        self.error: Exception | None = None
        self._done = threading.Event()

    def settle(self, call: t.Callable[[T], R]) -> None:
        """Make the call and keep what it gives."""
        try:
            self.result = call(self.item)
        except Exception as error:  # noqa: BLE001 - handed to the consumer, which decides
            self.error = error
        finally:
            self._done.set()

    def wait(self) -> None:
        """Block until the call is over."""
        self._done.wait()


def ordered_map(
    call: t.Callable[[T], R], items: t.Iterable[T], *, workers: int, ahead: int | None = None
) -> t.Iterator[Outcome[T, R]]:
    """Call a function for many items in threads and yield the outcomes in the items' order.

    Args:
        call: Made for each item in a worker thread.
        items: The items; taken one by one, never more than the window ahead of the consumer.
        workers: Threads, that is the largest number of calls at once.
        ahead: Size of the window in items (default: twice the workers).

    Yields:
        One outcome per item, in order. Closing the iterator starts no further call.
    """
    work: queue.SimpleQueue[Outcome[T, R] | None] = queue.SimpleQueue()
    closed = threading.Event()

    def run() -> None:
        while (outcome := work.get()) is not None:
            if not closed.is_set():
                outcome.settle(call)

    # Daemon threads: an interrupted run must not wait for a slow vendor before it can exit.
    threads = [threading.Thread(target=run, daemon=True) for _ in range(workers)]
    window: collections.deque[Outcome[T, R]] = collections.deque()
    limit = ahead or 2 * workers
    started = 0
    try:
        for item in items:
            outcome: Outcome[T, R] = Outcome(item)
            window.append(outcome)
            work.put(outcome)
            if started < len(threads):
                threads[started].start()
                started += 1
            if len(window) >= limit:
                head = window.popleft()
                head.wait()
                yield head
        while window:
            head = window.popleft()
            head.wait()
            yield head
    finally:
        closed.set()
        for _ in range(started):
            work.put(None)
