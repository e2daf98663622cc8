"""How far below the configured limit calls are kept because the vendor showed that it is too much.

A sign that a vendor is overloaded (a 429, repeated time-outs) lowers the pace by a factor; every
answer raises it by a step, up to the limit and never above it. With a share p of calls refused the
pace settles where p * (1 - _FACTOR) equals _STEP: a vendor that refuses fewer than one call in
thirty is called at the full rate, and one that permits less than was configured refuses no more
than about that share.
"""

from __future__ import annotations

import math

_FACTOR = 0.7
_STEP = 0.01
_FLOOR = 0.1
"""The pace never falls below a tenth of the limit; pauses (`Budget.hold`) do the rest."""
_TIME_OUTS_SECONDS = 300.0
"""A time-out is a sign of overload if there was another one within so many seconds: some vendors
queue calls instead of refusing them, until the calls time out (aimsio.md 5.1)."""


class Adaptive:
    """The pace as a share of the limit; not safe for threads by itself.

    Only calls that began after the last change for the worse say anything about the present pace:
    the others in flight at that time will be refused, too, or were let in before.

    Attributes:
        share: Pace as a share of the limit, at most 1.
        refusals: Signs of overload in a row.
    """

    def __init__(self) -> None:
        self.share = 1.0
        self.refusals = 0
        self._changed_at = -math.inf
        self._timed_out_at = -math.inf

    def refused(self, now: float, began: float) -> bool:
        """The vendor refused a call because there are too many.

        Args:
            now: The present.
            began: When the call was permitted.

        Returns:
            Whether the pace is lower now.
        """
        if began < self._changed_at:
            return False
        self._changed_at = now
        self.refusals += 1
        self.share = max(_FLOOR, self.share * _FACTOR)
        return True

    def timed_out(self, now: float, began: float) -> bool:
        """A call was not answered in time.

        Args:
            now: The present.
            began: When the call was permitted.

        Returns:
            Whether the pace is lower now.
        """
        repeated = now - self._timed_out_at <= _TIME_OUTS_SECONDS
        self._timed_out_at = now
        return repeated and self.refused(now, began)

    def answered(self, began: float) -> None:
        """A call was answered, with success or a refusal that has nothing to do with limits.

        Args:
            began: When the call was permitted.
        """
        if began >= self._changed_at:
            self.refusals = 0
            self.share = min(1.0, self.share + _STEP)
