"""The rate budget of one vendor account: calls per second, per longer window, and in flight."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import typing as t

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from erp_vendors.errors import Interrupted

if t.TYPE_CHECKING:
    from erp_vendors.http.store import SharedRate

logger = logging.getLogger("erp.budget")

_SAFETY = 1.04
"""Calls are spaced 4% wider than the limit asks for, so that jitter on the way cannot squeeze one
call too many into one of the vendor's seconds; the rate stays above 95% of what is permitted."""
_TICKS = 1_000_000
"""Ticks per second of the limiter's clock: microseconds, as milliseconds would round too much."""
_POLL_SECONDS = 0.5
"""A thread that waits for a place looks this often whether the run was asked to stop."""
_QUIET_SECONDS = 5.0
"""Waits longer than this many seconds are logged, so that nobody takes a wait for a hang."""


class Clock:
    """Time and waiting; tests put a virtual one in its place."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Monotonic time in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: How long.

        Raises:
            Interrupted: If `stop` was called, before or during the wait.
        """
        if self._stopped.wait(max(0.0, seconds)):
            msg = "the run was asked to stop"
            raise Interrupted(msg)

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to stop."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End every present and future wait."""
        self._stopped.set()


class Limits(t.NamedTuple):
    """What a vendor permits.

    Attributes:
        per_second: Calls in any second.
        in_flight: Calls at once.
        window_calls: Calls per longer window, or None.
        window_seconds: Length of that window in seconds.
    """

    per_second: float
    in_flight: int
    window_calls: int | None = None
    window_seconds: float = 0.0

    def rates(self) -> list[tuple[int, float]]:
        """Calls and the seconds in which they may be made, with some room against jitter."""
        # One call per interval instead of N per second: bursts pile up on the way, arrive late.
        rates = [(1, _SAFETY / self.per_second)]
        if self.window_calls:
            rates.append((self.window_calls, self.window_seconds + 1))
        return rates


class Budget:
    """Hands out permissions to call; shared by all threads that use one account."""

    def __init__(
        self,
        vendor: str,
        limits: Limits,
        clock: Clock | None = None,
        shared: SharedRate | None = None,
    ) -> None:
        """Make a budget.

        Args:
            vendor: Vendor block, for the log.
            limits: What the vendor permits.
            clock: Time and waiting.
            shared: Permissions shared with other processes, needed in addition.
        """
        self._shared = shared
        self.vendor = vendor
        self.clock = clock or Clock()
        self.limits = limits
        self._lock = threading.Lock()
        self._gate = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.in_flight)
        buckets = [InMemoryBucket([Rate(n, int(_TICKS * s))]) for n, s in limits.rates()]
        self._spacing = buckets[0]
        self._window = buckets[1] if limits.window_calls else None
        self._held_until = 0.0
        self.calls = 0
        self.waited = 0.0

    @contextlib.contextmanager
    def call(self) -> t.Iterator[None]:
        """Wait for a place and for the longer limits, then hold the place during one call.

        Raises:
            Interrupted: If the run is asked to stop while waiting.
        """
        started = self.clock.now()
        while not self._places.acquire(timeout=_POLL_SECONDS):
            self.clock.sleep(0)  # raises if the run was asked to stop
        try:
            self._sleep_while(self._closed)
            with self._lock:
                self.calls += 1
                self.waited += self.clock.now() - started
            yield
        finally:
            self._places.release()

    def pace(self) -> None:
        """Wait for this call's turn; called when the connection is up and nothing else is left.

        Raises:
            Interrupted: If the run is asked to stop while waiting.
        """
        with self._gate:  # one sleeper at a time, so that turns are neither lost nor raced for
            self._sleep_while(self._take)
            while self._shared is not None and (wait := self._shared.take()) > 0:
                self.clock.sleep(wait)

    def hold(self, seconds: float, why: str) -> None:
        """Let no call start for a while: the vendor said so.

        Args:
            seconds: How long from now.
            why: Reason, for the log.
        """
        with self._lock:
            until = self.clock.now() + seconds
            if until <= self._held_until:
                return
            self._held_until = until
        if seconds >= _QUIET_SECONDS:
            logger.info("%s: waiting %.0f s (%s)", self.vendor, seconds, why)

    def obey_headers(self) -> None:
        """The vendor counts for us in its answers: its count replaces our longer window."""
        self._window = None

    def _sleep_while(self, seconds: t.Callable[[float], float]) -> None:
        """Sleep as long as there are seconds to wait, which are asked for under the lock."""
        while True:
            with self._lock:
                wait = seconds(self.clock.now())
            if wait <= 0:
                return
            if wait >= _QUIET_SECONDS:
                logger.info("%s: %.0f s until the rate limit allows a call", self.vendor, wait)
            self.clock.sleep(wait)

    def _closed(self, now: float) -> float:
        """Seconds of a wait that may be long; the vendor would close an open connection."""
        return max(self._held_until - now, _until_free(self._window, now))

    def _take(self, now: float) -> float:
        """Take a permission of each kind, or none of any and say how many seconds to wait."""
        buckets = [bucket for bucket in (self._spacing, self._window) if bucket is not None]
        wait = max(self._closed(now), *(_until_free(bucket, now) for bucket in buckets))
        if wait <= 0:
            for bucket in buckets:
                bucket.put(RateItem(self.vendor, int(now * _TICKS)))
        return wait


def _until_free(bucket: InMemoryBucket | None, now: float) -> float:
    """Seconds until a bucket has a permission; not above 0 if it has one."""
    if bucket is None:
        return 0.0
    ticks = int(now * _TICKS)
    bucket.leak(ticks)
    rate = bucket.rates[0]
    oldest = bucket.peek(rate.limit - 1)
    return 0.0 if oldest is None else (oldest.timestamp + rate.interval + 1 - ticks) / _TICKS
