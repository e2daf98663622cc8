"""The vendors' clock, which a test may shift."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class SandboxClock:
    """Wall time and elapsed time of the played vendors, both in seconds."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0
        self._lead = 0.0

    def now(self) -> float:
        """Return the vendors' wall time as seconds since the epoch."""
        return time.time() + self.offset_seconds

    def now_ms(self) -> int:
        """Return the vendors' wall time as milliseconds since the epoch."""
        return int(self.now() * 1000)

    def utc(self) -> datetime:
        """Return the vendors' wall time as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), tz=timezone.utc)

    def elapsed(self) -> float:
        """Return seconds that never run backwards, for limits and windows.

        Shifting the clock ahead also carries limit windows ahead; shifting it back does not
        bring a finished window back.
        """
        return time.monotonic() + self._lead

    def shift(self, offset_seconds: float) -> None:
        """Set the distance from the real clock.

        Args:
            offset_seconds: Seconds ahead of (or, negative, behind) the real clock.
        """
        self._lead += max(0.0, offset_seconds - self.offset_seconds)
        self.offset_seconds = offset_seconds
