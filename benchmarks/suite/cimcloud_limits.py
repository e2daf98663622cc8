"""CIMcloud's limits, 2 calls a second and 100 in 15 minutes, on a clock that only pretends to run.

The budget hands out permissions as it does in a run; each call takes no time, so nothing but the
limits holds it back.
"""

from __future__ import annotations

import itertools
import typing as t

from benchmarks.harness import Report
from erp_vendors.cimcloud.settings import WINDOW_CALLS, WINDOW_SECONDS
from erp_vendors.http.budget import Budget, Clock, Limits

PER_SECOND = 2.0


class VirtualClock(Clock):
    """Passes as fast as somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def now(self) -> float:
        """Seconds slept so far."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self._now += max(0.0, seconds)


def run(*, quick: bool) -> Report:
    """Measure; a virtual hour is so short that `quick` changes nothing."""
    del quick
    report = Report()
    clock = VirtualClock()
    limits = Limits(PER_SECOND, 4, WINDOW_CALLS, WINDOW_SECONDS)
    budget = Budget("cimcloud", limits, clock)
    windows = 5
    times: list[float] = []
    for _ in range(windows * WINDOW_CALLS):
        with budget.call():
            budget.pace()
            times.append(clock.now())
    # The first call of each window, which is as early as the vendor permits, or a little later.
    starts = times[::WINDOW_CALLS]
    taken = (starts[-1] - starts[0]) / (windows - 1)
    report.values["cimcloud_window"] = 100 * WINDOW_SECONDS / taken
    report.values["cimcloud_window_peak"] = _most(times, WINDOW_SECONDS)
    burst = times[:WINDOW_CALLS]
    rate = (len(burst) - 1) / (burst[-1] - burst[0])
    report.values["cimcloud_seconds"] = 100 * rate / PER_SECOND
    report.values["cimcloud_seconds_peak"] = _most(times, 1.0)
    hours = times[-1] / 3600
    report.notes.append(f"{len(times)} calls in {hours:.2f} virtual hours")
    return report


def _most(times: t.Sequence[float], seconds: float) -> int:
    """Largest number of moments in any span of time."""
    pairs = itertools.combinations_with_replacement(range(len(times)), 2)
    return max(last - first + 1 for first, last in pairs if times[last] - times[first] < seconds)
