"""Rate limits: the shared parts and the hook that a vendor fills."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erp_sandbox.clock import SandboxClock
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall


class Limiter:
    """No limit; the base of every vendor's limit."""

    async def enter(self, call: SandboxCall) -> SandboxAnswer | None:  # noqa: ARG002 - for overriders
        """Let a call in, now or later.

        Returns:
            None to go on (then :meth:`leave` follows), or an answer that refuses the call.

        Raises:
            CutConnection: The vendor hangs up instead of answering.
        """
        return None

    def leave(self, call: SandboxCall) -> None:
        """Note that a call let in by :meth:`enter` has been handled."""

    def decorate(self, answer: SandboxAnswer) -> None:
        """Add the headers that the vendor puts on each answer."""


class SlidingWindow:
    """At most ``count`` events within any ``seconds``.

    Args:
        clock: Source of elapsed seconds.
        count: Events allowed.
        seconds: Length of the window.
    """

    def __init__(self, clock: SandboxClock, count: float, seconds: float) -> None:
        self._clock = clock
        self._count = max(1, int(count))
        self._seconds = seconds
        self._events: deque[float] = deque()

    @property
    def count(self) -> int:
        """Events allowed in a window."""
        return self._count

    def wait(self) -> float:
        """Return the seconds until one more event fits; 0 if it fits now."""
        now = self._clock.elapsed()
        while self._events and self._events[0] <= now - self._seconds:
            self._events.popleft()
        if len(self._events) < self._count:
            return 0.0
        return max(0.0, self._events[-self._count] + self._seconds - now)

    def add(self) -> None:
        """Count an event now."""
        self._events.append(self._clock.elapsed())


class FixedWindow:
    """At most ``count`` events in a window that starts with the first of them.

    Args:
        clock: Source of elapsed seconds.
        count: Events allowed.
        seconds: Length of the window.
    """

    def __init__(self, clock: SandboxClock, count: float, seconds: float) -> None:
        self._clock = clock
        self.count = max(1, int(count))
        self._seconds = seconds
        self._start: float | None = None
        self._used = 0

    def _roll(self) -> float:
        now = self._clock.elapsed()
        if self._start is not None and now >= self._start + self._seconds:
            self._start, self._used = None, 0
        return now

    def remaining(self) -> int:
        """Return how many events still fit."""
        self._roll()
        return max(0, self.count - self._used)

    def reset_seconds(self) -> float:
        """Return the seconds until the window ends."""
        now = self._roll()
        return self._seconds if self._start is None else self._start + self._seconds - now

    def add(self) -> None:
        """Count an event now."""
        now = self._roll()
        if self._start is None:
            self._start = now
        self._used += 1
