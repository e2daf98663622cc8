"""The rate budget of one vendor account: calls per second, per longer window, and in flight."""

from __future__ import annotations

import collections
import contextlib
import logging
import math
import threading
import time
import typing as t

import backoff

from erp_vendors.errors import Interrupted
from erp_vendors.http.adaptive import Adaptive
from erp_vendors.http.measures import RecentCalls, Spent, ThreadAccount, VendorCount

if t.TYPE_CHECKING:
    from erp_vendors.http.store import SharedRate

logger = logging.getLogger("erp.budget")

_SAFETY = 1.04
"""Calls are spaced 4% wider than the limit asks for, so that jitter on the way cannot squeeze one
call too many into one of the vendor's seconds; the rate stays above 95% of what is permitted."""
_CATCH_UP = 0.010
"""Seconds that a call which came late may bring the next one forward: a thread never wakes up on
time. Together with `_SAFETY` it still leaves 30 ms of each second for jitter on the way."""
_IDLE = 0.1
"""If a turn has passed by more than these seconds, no call was waiting for it: the next call is not
late, and nothing is caught up."""
_SHORTEST_SLEEP = 0.001
"""Seconds. A thread that sleeps for less only wakes up for nothing; if it comes late for that, the
next call is brought forward (`_CATCH_UP`)."""
_POLL_SECONDS = 0.5
"""A thread that waits for a place looks each so many seconds whether the run was asked to stop."""
_QUIET_SECONDS = 5.0
"""Waits longer than this many seconds are logged, so that nobody takes a wait for a hang."""
_SAME_SECONDS = 1.0
"""Waits of several threads that end within so many seconds of each other are logged as one."""
_SHORTEST_HOLD = 0.1
"""Shortest pause in seconds after the vendor has refused a call because of a limit."""
_LONGEST_HOLD = 60.0
"""Longest pause in seconds after such a refusal that names no time."""


class Clock:
    """Time and waiting; tests put a virtual one in its place."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Monotonic time in seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds.

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
        per_second: Calls in any second. A fraction above 1 is rounded down, because no second may
            see more: 2.5 permits 2. Below 1 it is one call in so many seconds: 0.5 is one in 2 s.
        in_flight: Calls at once.
        window_calls: Calls per longer window, or None.
        window_seconds: Length of that window in seconds.
    """

    per_second: float
    in_flight: int
    window_calls: int | None = None
    window_seconds: float = 0.0

    @property
    def spacing(self) -> float:
        """Seconds between two calls."""
        # One call per interval instead of N per second: calls of a burst arrive late and together.
        return _SAFETY / (math.floor(self.per_second) if self.per_second >= 1 else self.per_second)

    def rates(self) -> list[tuple[int, float]]:
        """Calls and the seconds in which they may be made, with some room against jitter."""
        rates = [(1, self.spacing)]
        if self.window_calls:
            rates.append((self.window_calls, self.window_seconds + 1))
        return rates


class Budget:
    """Hands out permissions to call; shared by all threads that use one account.

    Attributes:
        calls: Calls so far.
        waited: Seconds that threads waited for the limits, added up.
    """

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
        self._account = ThreadAccount()
        self._lock = threading.Lock()
        self._answer = threading.Condition(self._lock)
        self._gate = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.in_flight)
        self._adaptive = Adaptive()
        self._spacing = limits.spacing
        self._next_at = -math.inf
        self._window: collections.deque[float] | None = None
        if limits.window_calls:
            self._window = collections.deque(maxlen=limits.window_calls)
        self._held_until = -math.inf
        self._announced = -math.inf
        self._vendor_count = VendorCount()
        self._flying = 0
        self._under_way = 0
        self._probe_due = False
        self._probing: int | None = None
        self.calls = 0
        self.waited = 0.0
        self._recent = RecentCalls(self.clock.now())

    @contextlib.contextmanager
    def call(self) -> t.Iterator[None]:
        """Wait for a place and for the longer limits, then hold the place during one call.

        Raises:
            Interrupted: If the run is asked to stop while waiting.
        """
        account = self._account
        started = self.clock.now()
        while not self._places.acquire(timeout=_POLL_SECONDS):
            self.clock.sleep(0)  # raises if the run was asked to stop
        with self._lock:
            self._under_way += 1
        try:
            waited = self._sleep_while(self._closed) - started
            account.calls += 1
            account.waited += waited
            with self._lock:
                self.calls += 1
                self.waited += waited
            yield
        finally:
            with self._lock:
                if account.flying:
                    self._flying -= 1
                    account.flying = False
                if self._probing == threading.get_ident():
                    self._probing = None
                self._under_way -= 1
                self._answer.notify_all()
            self._places.release()

    def pace(self) -> bool:
        """Wait for this call's turn; called when the connection is up and nothing else is left.

        Returns:
            Whether there was anything to wait for.

        Raises:
            Interrupted: If the run is asked to stop while waiting.
        """
        started = self.clock.now()
        with self._gate:  # one sleeper at a time, so that turns are neither lost nor raced for
            if self._shared is None:
                permitted = self._sleep_while(self._take)
            else:
                permitted = self._take_shared(self._shared)
        waited = permitted - started
        if waited < _SHORTEST_SLEEP:
            return False
        self._account.waited += waited
        with self._lock:
            self.waited += waited
        return True

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
        self._announce(until, seconds, why)

    def hold_all(self, seconds: float, why: str = "the vendor limits the rate") -> None:
        """As `hold`, and for all processes that share the limits."""
        self.hold(seconds, why)
        if self._shared is not None:
            self._shared.hold(seconds)

    def limited(self, told: float | None) -> None:
        """The vendor refused the current thread's call because of a limit: all threads slow down.

        Args:
            told: Seconds that it asks to wait. If it named none, the wait grows with each refusal,
                and after it one call tries alone before the others follow.
        """
        with self._lock:
            slower = self._adaptive.refused(self.clock.now(), self._account.permitted_at)
            share, refusals = self._adaptive.share, self._adaptive.refusals
            if slower and not told:
                self._probe_due = True
        if slower:
            self._tell(share)
        if told:
            self.hold_all(max(told, _SHORTEST_HOLD))
        elif slower:
            seconds = backoff.full_jitter(min(2.0**refusals, _LONGEST_HOLD))
            self.hold_all(max(seconds, _SHORTEST_HOLD))

    def timed_out(self) -> None:
        """The current thread's call was not answered in time; if that repeats, all slow down."""
        with self._lock:
            slower = self._adaptive.timed_out(self.clock.now(), self._account.permitted_at)
            share = self._adaptive.share
        if slower:
            self._tell(share)

    def answered(self) -> None:
        """The current thread's call was answered and not limited: the pace may recover."""
        with self._lock:
            self._adaptive.answered(self._account.permitted_at)

    def obey_headers(self, remaining: int, reset: float | None) -> None:
        """The vendor counts for us in its answers: its count replaces our longer window.

        Args:
            remaining: Calls left in the vendor's window.
            reset: Seconds until that window ends; None if not told.
        """
        with self._lock:
            self._window = None
            self._vendor_count.told(self.clock.now(), remaining, reset, self._flying)
            wait = self._vendor_count.wait(self.clock.now(), 0)
        if self._shared is not None and 0 < wait < math.inf:
            self._shared.hold(wait)

    def spent(self) -> Spent:
        """Calls and waiting of the current thread so far; differences tell what a piece cost."""
        return Spent(self._account.calls, self._account.waited)

    @property
    def idle(self) -> bool:
        """Whether no call is under way, nor waits for its turn."""
        with self._lock:
            return not self._under_way

    @property
    def share(self) -> float:
        """Calls per second in the last seconds, as a share of the permitted ones; at most 1."""
        with self._lock:
            return min(1.0, self._recent.rate(self.clock.now()) / self.limits.per_second)

    @property
    def delay(self) -> float:
        """Seconds until the limits allow the next call; 0 if they do, apart from its turn."""
        with self._lock:
            wait = self._closed(self.clock.now())
        return 0.0 if wait == math.inf else max(0.0, wait)

    def _tell(self, share: float) -> None:
        logger.info(
            "%s: too many calls for the vendor; slowing down to %.0f%% of %g a second",
            self.vendor,
            100 * share,
            self.limits.per_second,
        )

    def _announce(self, until: float, seconds: float, why: str) -> None:
        """Log a long wait, once for all threads that wait for the same moment."""
        with self._lock:
            if seconds < _QUIET_SECONDS or until < self._announced + _SAME_SECONDS:
                return
            self._announced = until
        logger.info("%s: waiting %.0f s (%s)", self.vendor, seconds, why)

    def _sleep_while(self, seconds: t.Callable[[float], float]) -> float:
        """Sleep until there is nothing left to wait for.

        Args:
            seconds: Says for how many seconds to wait; called under the lock.

        Returns:
            The time at which there was nothing left.
        """
        while True:
            with self._lock:
                now = self.clock.now()
                wait = seconds(now)
                if wait <= 0:
                    return now
                if wait == math.inf:
                    self._answer.wait(_POLL_SECONDS)
            if wait == math.inf:
                self.clock.sleep(0)  # raises if the run was asked to stop
                continue
            self._announce(now + wait, wait, "the rate limit")
            self.clock.sleep(max(wait, _SHORTEST_SLEEP))

    def _closed(self, now: float) -> float:
        """Seconds until everything but the pace permits a call.

        They may be many, and the vendor would close a connection meanwhile, so this wait comes
        before there is one. Infinite if only the answer to a call in flight can tell.
        """
        if self._probing is not None and self._probing != threading.get_ident():
            return math.inf
        wait = self._held_until - now
        if self._window is not None and len(self._window) == self._window.maxlen:
            wait = max(wait, self._window[0] + self.limits.window_seconds + 1 - now)
        return max(wait, self._vendor_count.wait(now, self._flying))

    def _wait(self, now: float) -> float:
        """Seconds until this call's turn."""
        return max(self._closed(now), self._next_at - now)

    def _take(self, now: float) -> float:
        """Permit a call if nothing stands against it; else return the seconds to wait."""
        wait = self._wait(now)
        if wait <= 0:
            self._permit(now)
        return wait

    def _take_shared(self, shared: SharedRate) -> float:
        """Permit a call; the shared permission comes last, as it is good for a moment only."""
        while True:
            self._sleep_while(self._wait)
            wait = shared.take()
            if shared.held:
                self.hold(wait, "as the vendor told another process")
            elif wait > 0:
                self.clock.sleep(wait)
            else:
                with self._lock:
                    now = self.clock.now()
                    # If the vendor limited the account meanwhile, this permission is given up.
                    if self._closed(now) <= 0:
                        self._permit(now)
                        return now

    def _permit(self, now: float) -> None:
        late = now - self._next_at
        turn = now if late > _IDLE else now - min(late, _CATCH_UP)
        self._next_at = turn + self._spacing / self._adaptive.share
        if self._window is not None:
            self._window.append(now)
        if self._probe_due:
            self._probe_due = False
            self._probing = threading.get_ident()
        self._flying += not self._account.flying
        self._account.flying = True
        self._account.permitted_at = now
        self._recent.count(now)
