"""Tells once a minute what became of the records of each sink, and what that took."""

from __future__ import annotations

import collections
import time
import typing as t

from singer_sdk.metrics import Metric

from erp_plugin.points import INTERVAL, ErpMetric, tell
from target_erp.delivery.model import UNSUCCESSFUL, Outcome

if t.TYPE_CHECKING:
    from target_erp.delivery.tally import Tally


class SinkMeter:
    """Tells how counts have grown since they were told last."""

    def __init__(self, tallies: t.Mapping[str, Tally]) -> None:
        """Make a meter of a run that begins.

        Args:
            tallies: Counts by sink, which grow.
        """
        self._tallies = tallies
        self._told_at = time.monotonic()
        self._told: collections.Counter[tuple[str, Outcome | str]] = collections.Counter()

    def tell_if_due(self) -> None:
        """Log what has come, unless that was done within the last minute."""
        if time.monotonic() - self._told_at >= INTERVAL:
            self.tell()

    def tell(self, *, last: bool = False) -> None:
        """Log what has come since the last time.

        Args:
            last: The run is over. Before that, a record that waits has not ended yet.
        """
        self._told_at = time.monotonic()
        for sink, tally in list(self._tallies.items()):
            for outcome in Outcome:
                if outcome is Outcome.WAITING and not last:
                    continue
                if records := self._grown(sink, outcome, tally[outcome]):
                    tell(
                        "counter",
                        Metric.RECORD_COUNT,
                        records,
                        sink,
                        succeeded=outcome not in UNSUCCESSFUL,
                        outcome=outcome.value,
                    )
            if calls := self._grown(sink, "calls", tally.calls):
                tell("counter", Metric.HTTP_REQUEST_COUNT, calls, sink)
            if seconds := self._grown(sink, "seconds", round(1000 * tally.seconds)):
                tell("timer", Metric.BATCH_PROCESSING_TIME, seconds / 1000, sink)
            if waited := self._grown(sink, "waited", round(1000 * tally.waited)):
                tell("timer", ErpMetric.RATE_LIMIT_WAIT, waited / 1000, sink)

    def _grown(self, sink: str, what: Outcome | str, count: int) -> int:
        grown = count - self._told[sink, what]
        if grown > 0:  # what was counted before its time is taken back: then it has not grown
            self._told[sink, what] = count
        return max(0, grown)
