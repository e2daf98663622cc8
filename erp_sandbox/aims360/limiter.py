"""AIMS360's limit (5.1), and overload that is played on demand (5.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from erp_sandbox.aims360.values import refusal
from erp_sandbox.limits import Limiter, SlidingWindow

if TYPE_CHECKING:
    from erp_sandbox.aims360.options import Aims360Options
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall
    from erp_sandbox.vendor import Workbench

_PLAIN_STATUS = 400


def overload(status: int, wait: float = 0.0) -> SandboxAnswer:
    """Return the overload answer: HTTP 400 with a code of its own (OBS(v), 5.2).

    Args:
        status: 400, or another one (INF), which then carries Retry-After.
        wait: Seconds until a call fits again.
    """
    headers = {} if status == _PLAIN_STATUS else {"Retry-After": str(math.ceil(wait))}
    text = "An error occurred while processing the request."
    return refusal(status, "Request_ProcessingFailed", text, headers).answer


class CallsPerMinute(Limiter):
    """Refuses what exceeds the calls of a rolling minute, and each n-th call if asked.

    Args:
        bench: Clock and scale.
        options: The rates.
        limited: False plays only the overload that the options demand.
    """

    def __init__(self, bench: Workbench, options: Aims360Options, *, limited: bool) -> None:
        self._options = options
        count = options.calls_per_minute * bench.limit_scale
        self._window = SlidingWindow(bench.clock, count, 60.0) if limited else None
        self._calls = 0
        self.refused = 0

    async def enter(self, call: SandboxCall) -> SandboxAnswer | None:
        """Count a call, or refuse it."""
        self._calls += 1
        every = self._options.overload_every
        wait = 0.0 if self._window is None else self._window.wait()
        if wait > 0 or (every and self._calls % every == 0):
            self.refused += 1
            call.template = "(refused by overload)"
            return overload(self._options.overload_status, wait)
        if self._window is not None:
            self._window.add()
        return None
