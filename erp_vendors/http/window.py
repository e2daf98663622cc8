"""Concurrent calls with results in order."""

from __future__ import annotations

import collections
import itertools
import queue
import threading
import typing as t

if t.TYPE_CHECKING:
    from typing_extensions import Self

    from erp_vendors.http.budget import Limits

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


K = t.TypeVar("K", bound=t.Hashable)


class ReadAhead(t.Generic[K, R]):
    """Asks for pages before they are wanted, in threads; a call gives one page as `fetch` would.

    One page is asked for ahead of its time, after that two, four and so on up to the limit. Only
    pages that follow a full one are asked for, so a short listing costs no call more than without.
    """

    def __init__(
        self,
        fetch: t.Callable[[K], R],
        expected: t.Callable[[K, R], t.Iterator[K]],
        limits: Limits,
    ) -> None:
        """Make a reader; use it as a context, whose end starts no further call.

        Args:
            fetch: Gives the page at a place.
            expected: The places that will be asked for after a page, in order; none after the last.
            limits: What the vendor permits: never more in flight than that, and never more than
                half a second's calls, because some of them may lie behind the end.
        """
        self._fetch = fetch
        self._expected = expected
        self._most = max(1, min(limits.in_flight, int(limits.per_second / 2)))
        self._width = 1
        self._coming: dict[K, Outcome[K, R]] = {}
        self._work: queue.SimpleQueue[Outcome[K, R] | None] = queue.SimpleQueue()
        self._threads = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._coming.clear()
        for _thread in range(self._threads):
            self._work.put(None)

    def __call__(self, place: K) -> R:
        """The page at a place.

        Args:
            place: Where it begins.

        Raises:
            Exception: Whatever `fetch` raises.
        """
        coming = self._coming.get(place)
        if coming is None:
            # Not what was expected: what is on its way is of no use either.
            self._coming.clear()
            self._width = 1
            page = self._fetch(place)
        else:
            coming.wait()
            del self._coming[place]
            if coming.error is not None:
                self._coming.clear()
                raise coming.error
            page = t.cast("R", coming.result)
            self._width = min(2 * self._width, self._most)
        for ahead in itertools.islice(self._expected(place, page), self._width):
            if ahead not in self._coming:
                self._ask(ahead)
        return page

    def _ask(self, place: K) -> None:
        outcome: Outcome[K, R] = Outcome(place)
        self._coming[place] = outcome
        self._work.put(outcome)
        if self._threads < self._most:
            self._threads += 1
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while (outcome := self._work.get()) is not None:
            if self._coming.get(outcome.item) is outcome:  # else nobody wants it any more
                outcome.settle(self._fetch)


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
