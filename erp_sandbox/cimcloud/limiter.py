"""CIMcloud's limits (5.1): calls a second and calls a quarter of an hour."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from erp_sandbox.exchange import text_answer
from erp_sandbox.limits import FixedWindow, Limiter, SlidingWindow

if TYPE_CHECKING:
    from erp_sandbox.cimcloud.options import CimcloudOptions
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall
    from erp_sandbox.vendor import Workbench

JITTER_SECONDS = 0.05
"""Seconds by which calls may arrive closer together than they were sent; such calls are let in."""


class TwoWindows(Limiter):
    """Refuses what exceeds either window; refused calls do not count (INF).

    Args:
        bench: Clock and scale.
        options: Rate (calls per second), calls per window, window in seconds.
    """

    def __init__(self, bench: Workbench, options: CimcloudOptions) -> None:
        scale = bench.limit_scale
        self._options = options
        self._second = SlidingWindow(bench.clock, options.rate * scale, 1.0 - JITTER_SECONDS)
        self._quarter = FixedWindow(
            bench.clock, options.window_calls * scale, options.window_seconds
        )
        self.refused = 0

    async def enter(self, call: SandboxCall) -> SandboxAnswer | None:
        """Count a call, or refuse it with 429 and a plain text (INF)."""
        path = call.path.rstrip("/").lower()
        if not self._options.count_authenticate and path.endswith(("/authenticate", "/refresh")):
            return None
        wait, period, allowed = self._second.wait(), "1s", self._second.count
        if self._quarter.remaining() == 0:
            wait = self._quarter.reset_seconds()
            period, allowed = f"{self._options.window_seconds:g}s", self._quarter.count
            if self._options.window_seconds % 60 == 0:
                period = f"{self._options.window_seconds / 60:g}m"
        if wait > 0:
            self.refused += 1
            call.template = call.template or "(refused by the rate limit)"
            text = f"API calls quota exceeded! maximum admitted {allowed} per {period}."
            headers = {"Retry-After": str(math.ceil(wait))} if self._options.retry_after else {}
            return text_answer(text, self._options.limit_status, headers)
        self._second.add()
        self._quarter.add()
        return None

    def decorate(self, answer: SandboxAnswer) -> None:
        """Put the three headers on an answer; the reset is in seconds."""
        answer.headers["X-RateLimit-Limit"] = str(self._quarter.count)
        answer.headers["X-RateLimit-Remaining"] = str(self._quarter.remaining())
        answer.headers["X-RateLimit-Reset"] = str(math.ceil(self._quarter.reset_seconds()))
