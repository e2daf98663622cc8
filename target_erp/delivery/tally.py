"""How many records of a sink ended how, and what they cost."""

from __future__ import annotations

import collections

from target_erp.delivery.model import GOT_THROUGH, Outcome


class Tally(collections.Counter[Outcome]):
    """Number of records of one stream by outcome, and what they cost.

    Attributes:
        read: Records in the input.
        calls: Calls to the vendor.
        seconds: Seconds that all workers together spent on them.
        waited: Of these, seconds in which the vendor's limits allowed no call.
        left_out: Records that a trial left out (`max_records`, `only`).
    """

    read = 0
    calls = 0
    seconds = 0.0
    waited = 0.0
    left_out = 0

    def add(self, now: tuple[int, float], before: tuple[int, float]) -> None:
        """Add what some work cost.

        Args:
            now: See `Writer.spent`.
            before: The same, before the work.
        """
        self.calls += now[0] - before[0]
        self.waited += now[1] - before[1]

    @property
    def accepted(self) -> int:
        """Records that the vendor has executed in this run."""
        return sum(self[Outcome(name)] for name in GOT_THROUGH)
