"""A vendor that counts calls per second and per longer window, on a virtual clock."""

from __future__ import annotations

import collections
import io
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import requests

from erp_vendors.cimcloud.client import CimcloudClient
from erp_vendors.cimcloud.settings import SETTINGS, VENDOR
from erp_vendors.http import wire
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.transport import VirtualClock

PER_SECOND = 2
PER_WINDOW = 100
WINDOW = 900.0
_LATENCY = 0.15


class Usage(t.NamedTuple):
    """What a client made of its permission.

    Attributes:
        calls: Calls that the vendor answered in that time.
        share: The same as a share of what the longer window permitted.
        most_in_a_second: In any second.
        most_in_a_window: In any 900 seconds.
        refused: Calls over one of the limits.
    """

    calls: int
    share: float
    most_in_a_second: int
    most_in_a_window: int
    refused: int


class Quota:
    """CIMcloud's limits (cimcloud.md 5.1): 2 calls per second and 100 per 15 minutes.

    With headers its window is a fixed one that begins with the first call after the last one ended;
    without, no 900 seconds may see more, which is stricter.
    """

    def __init__(self, clock: VirtualClock, *, headers: bool) -> None:
        self.clock = clock
        self.headers = headers
        self.times: list[float] = []
        self.refused = 0
        self._lock = threading.Lock()
        self._ends = 0.0
        self._left = PER_WINDOW

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        """Answer in the caller's thread, in place of the network, which knows no virtual time."""
        sending = wire._current.sending  # noqa: SLF001 - what a connection does
        assert sending is not None
        sending.pace()
        sending.sent = True
        with self._lock:
            now = self.clock.seen
            if now >= self._ends:
                self._ends, self._left = now + WINDOW, PER_WINDOW
            window = self._left > 0 if self.headers else self._around(WINDOW, now) < PER_WINDOW
            allowed = window and self._around(1, now) < PER_SECOND
            if allowed:
                self.times.append(now)
                self._left -= 1
            else:
                self.refused += 1
            answer = requests.Response()
            answer.headers["Content-Type"] = "application/json"
            if self.headers:
                answer.headers["X-RateLimit-Limit"] = str(PER_WINDOW)
                answer.headers["X-RateLimit-Remaining"] = str(self._left)
                # Part of a second is cut off.
                answer.headers["X-RateLimit-Reset"] = str(int(self._ends - now))
        self.clock.sleep(_LATENCY)
        answer.status_code = 200 if allowed else 429
        answer.request = request
        answer.raw = io.BytesIO(b"[]")
        return answer

    def _around(self, seconds: float, now: float) -> int:
        """Calls close enough to share a window; threads do not arrive in the order of time."""
        earlier = sum(now - seconds < at <= now for at in self.times)
        return max(earlier, sum(now <= at < now + seconds for at in self.times))


def most_within(times: t.Iterable[float], seconds: float) -> int:
    """The largest number of moments in any window of that length, one end open."""
    window: collections.deque[float] = collections.deque()
    most = 0
    for at in sorted(times):
        window.append(at)
        while window[0] <= at - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def use_cimcloud(windows: int, *, headers: bool, threads: int = 1) -> Usage:
    """Read from a CIMcloud that keeps its limits, for some of its windows of virtual time.

    Args:
        windows: Windows of 900 seconds.
        headers: Whether the vendor says in its answers how many calls are left.
        threads: Threads that call.
    """
    clock = VirtualClock()
    quota = Quota(clock, headers=headers)
    login = {"site_name": "demo", "auth_type": "basic", "username": "u", "password": "password-1"}
    client = CimcloudClient(Block(VENDOR, SETTINGS, login), Connection(clock=clock))

    def read(_: int) -> None:
        while clock.now() < windows * WINDOW:
            client.page(client.resources["accounts"])

    with (
        mock.patch.object(wire.WireAdapter, "send", quota.send),
        ThreadPoolExecutor(threads) as pool,
    ):
        list(pool.map(read, range(threads)))
    calls = sum(at < windows * WINDOW for at in quota.times)
    return Usage(
        calls,
        calls / (windows * PER_WINDOW),
        most_within(quota.times, 1),
        most_within(quota.times, WINDOW),
        quota.refused,
    )
