"""The rate budget of one vendor account: calls per second, per longer window, and in flight."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import typing as t

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from erp_vendors.errors import Interrupted

logger = logging.getLogger("erp.budget")

_SAFETY = 1.03
"""Windows are stretched by 3%, so that jitter on the way to the vendor cannot squeeze one call too
many into one of its seconds; the rate stays above 95% of what is permitted."""
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


class Budget:
    """Hands out permissions to call; shared by all threads that use one account."""

    def __init__(self, vendor: str, limits: Limits, clock: Clock | None = None) -> None:
        self.vendor = vendor
        self.clock = clock or Clock()
        self.limits = limits
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.in_flight)
        self._second = InMemoryBucket([_per_second(limits.per_second)])
        self._window = (
            InMemoryBucket([Rate(limits.window_calls, int(limits.window_seconds * 1000))])
            if limits.window_calls
            else None
        )
        self._held_until = 0.0
        self.calls = 0
        self.waited = 0.0

    @contextlib.contextmanager
    def call(self) -> t.Iterator[None]:
        """Wait for a place and for the rate, then hold the place during one call.

        Raises:
            Interrupted: If the run is asked to stop while waiting.
        """
        started = self.clock.now()
        self._places.acquire()
        try:
            self._wait_for_rate()
            with self._lock:
                self.calls += 1
                self.waited += self.clock.now() - started
            yield
        finally:
            self._places.release()

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

    def _wait_for_rate(self) -> None:
        while (wait := self._try()) > 0:
            if wait >= _QUIET_SECONDS:
                logger.info("%s: %.0f s until the rate limit allows a call", self.vendor, wait)
            self.clock.sleep(wait)

    def _try(self) -> float:
        """Take a permission, or say how many seconds to wait before the next try."""
        with self._lock:
            now = self.clock.now()
            if self._held_until > now:
                return self._held_until - now
            item = RateItem(self.vendor, int(now * 1000))
            for bucket in (self._window, self._second):
                if bucket is not None:
                    bucket.leak(item.timestamp)
            window = self._window
            if window is not None and window.count() >= window.rates[0].limit:
                return _wait_in(window, item)
            if not self._second.put(item):
                return _wait_in(self._second, item)
            if window is not None:
                window.put(item)
            return 0.0


def _per_second(calls: float) -> Rate:
    # A rate below one call a second becomes one call in a longer interval.
    if calls < 1:
        return Rate(1, int(1000 * _SAFETY / calls))
    return Rate(int(calls), int(1000 * _SAFETY * int(calls) / calls))


def _wait_in(bucket: InMemoryBucket, item: RateItem) -> float:
    oldest = bucket.peek(bucket.rates[0].limit - 1)
    if oldest is None:
        return 0.001
    return max(1, oldest.timestamp + bucket.rates[0].interval - item.timestamp + 1) / 1000
