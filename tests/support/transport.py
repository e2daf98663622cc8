"""Transports for tests, and a clock that needs no time."""

from __future__ import annotations

import threading
import typing as t

from erp_vendors.http import Transport, TransportOptions
from erp_vendors.http.budget import Budget, Clock, Limits

if t.TYPE_CHECKING:
    from erp_vendors.http.auth import Auth
    from tests.support.stub import Reply, Request

FAST = Limits(per_second=100_000, in_flight=50)


class VirtualClock(Clock):
    """A clock whose waits are over at once, for any number of threads.

    A wait ends so many seconds after the time that its own thread saw last, so threads that wait
    side by side do not add up their waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._lock = threading.Lock()
        self._seen = threading.local()
        self.slept: list[float] = []

    def now(self) -> float:
        with self._lock:
            self._seen.at = self._now
            return self._now

    @property
    def seen(self) -> float:
        """What this thread saw last; others may have turned the clock on since."""
        return float(self._seen.at)

    def sleep(self, seconds: float) -> None:
        super().sleep(0)
        with self._lock:
            self.slept.append(seconds)
            self._now = max(self._now, getattr(self._seen, "at", self._now) + seconds)


def make_transport(
    url: str,
    auth: Auth | None = None,
    *,
    limits: Limits = FAST,
    clock: Clock | None = None,
    **options: t.Any,
) -> Transport:
    """A transport of the vendor "demo", without limits unless they are given."""
    budget = Budget("demo", limits, clock)
    return Transport(TransportOptions(vendor="demo", base_url=url, **options), budget, auth)


def answers(*replies: Reply) -> t.Callable[[Request], Reply]:
    """A script that gives these replies in turn, and the last one for ever."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
