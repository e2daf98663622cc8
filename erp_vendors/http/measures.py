"""What a rate budget counts: calls of a thread, calls of late, and calls that a vendor has left.

Nothing in here is safe for threads by itself: the budget calls it under its lock.
"""

from __future__ import annotations

import math
import threading
import typing as t

_ROUNDED = 1.0
"""Seconds that are added to the time a vendor tells until its window ends. It tells whole seconds,
so the true time may be up to one second longer."""
_RECENT_SECONDS = 5.0
"""Length of the interval over which recent calls are counted."""


class Spent(t.NamedTuple):
    """What a thread has taken from a budget so far.

    Attributes:
        calls: Calls that it made, repetitions included.
        waited: Seconds that it waited for the vendor's limits.
    """

    calls: int
    waited: float


class ThreadAccount(threading.local):
    """What the current thread has taken so far, and the call that it is making.

    Attributes:
        calls: As in `Spent`.
        waited: As in `Spent`.
        permitted_at: When its last call was permitted.
        flying: Its call was permitted and is not over.
    """

    calls = 0
    waited = 0.0
    permitted_at = -math.inf
    flying = False


class RecentCalls:
    """Counts calls in the present interval and the one before it."""

    def __init__(self, now: float) -> None:
        self._present = self._before = (now, 0)

    def count(self, now: float, calls: int = 1) -> None:
        """Add calls.

        Args:
            now: The present.
            calls: How many were made.
        """
        begun, count = self._present
        if now - begun >= _RECENT_SECONDS:
            self._before, begun, count = self._present, now, 0
        self._present = (begun, count + calls)

    def rate(self, now: float) -> float:
        """Calls per second of late; 0 if no time has passed."""
        self.count(now, 0)
        seconds = now - self._before[0]
        return (self._before[1] + self._present[1]) / seconds if seconds > 0 else 0.0


class VendorCount:
    """How many calls the vendor says are left in its window (`X-RateLimit-Remaining`)."""

    def __init__(self) -> None:
        self._remaining: int | None = None
        self._resets_at = -math.inf

    def told(self, now: float, remaining: int, reset: float | None, flying: int) -> None:
        """An answer named the vendor's count.

        Args:
            now: The present.
            remaining: Calls left in the vendor's window.
            reset: Seconds until that window ends; None if not told.
            flying: Calls that were permitted and are not over.
        """
        ends = now + reset + _ROUNDED if reset else -math.inf
        # Answers overtake each other: of one window's counts, the lowest is the newest.
        if (
            self._remaining is not None
            and now < self._resets_at
            and ends < self._resets_at + 2 * _ROUNDED
            and remaining <= self._remaining + flying
        ):
            remaining = min(remaining, self._remaining)
        self._remaining, self._resets_at = remaining, ends

    def wait(self, now: float, flying: int) -> float:
        """Seconds until another call fits into the vendor's count.

        Args:
            now: The present.
            flying: Calls that were permitted and are not over; they may not be counted yet.

        Returns:
            0 if it fits now; infinity if only the answer to a call in flight can tell.
        """
        if self._remaining is None or now >= self._resets_at:
            return 0.0
        if self._remaining <= 0:
            return self._resets_at - now
        return math.inf if self._remaining <= flying else 0.0
