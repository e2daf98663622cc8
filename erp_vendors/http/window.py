"""Concurrent calls with results in order, and calls that are made before they are asked for."""

from __future__ import annotations

import collections
import contextvars
import itertools
import queue
import threading
import typing as t

if t.TYPE_CHECKING:
    from types import TracebackType

    from erp_vendors.http.budget import Limits

T = t.TypeVar("T")
R = t.TypeVar("R")


class CallOutcome(t.Generic[T, R]):
    """What became of one item: its result, or the exception that its call raised.

    Attributes:
        item: The item.
        result: What the call gave; None until then.
        error: What the call raised, or None.
        dropped: Nobody wants the result any more; the call is not made if it has not begun.
        beside: The call was made while another one was under way.
    """

    __slots__ = ("_done", "beside", "dropped", "error", "item", "result")

    def __init__(self, item: T) -> None:
        self.item = item
        self.result: R | None = None
        self.error: Exception | None = None
        self.dropped = self.beside = False
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


class _Workers(t.Generic[T, R]):
    """Threads that make calls; each is started when there is work for it."""

    def __init__(self, call: t.Callable[[T], R], most: int) -> None:
        self._call = call
        self._most = most
        self._started = 0
        self._work: queue.SimpleQueue[CallOutcome[T, R] | None] = queue.SimpleQueue()
        self._closed = threading.Event()

    def take(self, item: T) -> CallOutcome[T, R]:
        outcome: CallOutcome[T, R] = CallOutcome(item)
        self._work.put(outcome)
        if self._started < self._most:
            self._started += 1
            # Daemon threads: an interrupted run must not wait for a slow vendor before it can exit.
            # The thread gets the caller's context: it says for which stream calls are counted.
            begin = contextvars.copy_context().run
            threading.Thread(target=begin, args=(self._run,), daemon=True).start()
        return outcome

    def close(self) -> None:
        """Start no further call."""
        self._closed.set()
        for _ in range(self._started):
            self._work.put(None)

    def _run(self) -> None:
        while (outcome := self._work.get()) is not None:
            if not (self._closed.is_set() or outcome.dropped):
                outcome.settle(self._call)


def ordered_map(
    call: t.Callable[[T], R], items: t.Iterable[T], *, workers: int, ahead: int | None = None
) -> t.Iterator[CallOutcome[T, R]]:
    """Call a function for many items in threads and yield the outcomes in the items' order.

    Args:
        call: Made for each item in a worker thread.
        items: The items; taken one by one, never more than the window ahead of the consumer.
        workers: Threads, that is the largest number of calls at once.
        ahead: Size of the window in items (default: twice the workers).

    Yields:
        One outcome per item, in order. Closing the iterator starts no further call.
    """
    crew = _Workers(call, workers)
    window: collections.deque[CallOutcome[T, R]] = collections.deque()
    limit = ahead or 2 * workers
    try:
        for item in items:
            window.append(crew.take(item))
            if len(window) >= limit:
                head = window.popleft()
                head.wait()
                yield head
        while window:
            head = window.popleft()
            head.wait()
            yield head
    finally:
        crew.close()


class Coming(t.NamedTuple):
    """What a page tells about those after it.

    Attributes:
        items: What will be asked for next, in this order; without end if the end is not known.
        certain: All of them exist. Otherwise only the first is sure to be needed, to learn whether
            the list goes on, and calls for the others may be wasted.
    """

    items: t.Iterable[t.Any]
    certain: bool


class ReadAhead(t.Generic[T, R]):
    """Calls a function with what it will be called with next, before that happens.

    Use it like the function: an item that was not foreseen is called at the moment it is asked for.

    Where nobody knows the end of the list, one call is made ahead at first. It is never wasted: it
    is needed to learn where the list ends. With each page that was used, from the fourth on, two
    more calls are made ahead, so that a short list wastes none. Where the vendor counts calls over
    a longer time, it stays at one.

    For speed: pages at 50 ms are read 6.4 (AIMS360), 4.8 (CIMcloud) and 5.7 (AIM) times as fast
    as one after the other (benchmarks/README.md). Benchmark: `paged_reads`. It may go when vendors
    give whole lists.

    Attributes:
        side_by_side: A result was used that may be older than the one before it, because both
            calls were made at once.
    """

    def __init__(
        self, call: t.Callable[[T], R], coming: t.Callable[[T, R], Coming], limits: Limits
    ) -> None:
        """Make it. Use it as a context manager, which starts no further call at its end.

        Args:
            call: The function, such as one that reads a page.
            coming: Says from an item and its result what comes next.
            limits: What the vendor permits. If that is one call at once, nothing is foreseen.
        """
        self._call = call
        self._coming = coming
        self._most = limits.in_flight if limits.in_flight > 1 else 0
        self._guesses = min(1, self._most) if limits.window_calls else self._most
        self._crew = _Workers(call, self._most)
        self._foreseen: dict[T, CallOutcome[T, R]] = {}
        self._used = 0
        self.side_by_side = False

    def __call__(self, item: T) -> R:
        """The result for an item.

        Args:
            item: What to call the function with.

        Raises:
            Exception: What the function raises for this item.
        """
        outcome = self._foreseen.pop(item, None)
        if outcome is None:
            self._drop(self._foreseen)
            result = self._call(item)
        else:
            outcome.wait()
            if outcome.error is not None:
                raise outcome.error
            self.side_by_side = self.side_by_side or outcome.beside
            result = t.cast("R", outcome.result)
        self._used += 1
        self._foresee(self._coming(item, result))
        return result

    def __enter__(self) -> ReadAhead[T, R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._crew.close()

    def _foresee(self, coming: Coming) -> None:
        many = self._most if coming.certain else min(self._guesses, max(1, 2 * self._used - 4))
        wanted = dict.fromkeys(itertools.islice(coming.items, many))
        self._drop(self._foreseen.keys() - wanted.keys())
        for item in wanted:
            if item not in self._foreseen:
                outcome = self._foreseen[item] = self._crew.take(item)
                outcome.beside = len(self._foreseen) > 1

    def _drop(self, items: t.Iterable[T]) -> None:
        for item in tuple(items):
            self._foreseen.pop(item).dropped = True
