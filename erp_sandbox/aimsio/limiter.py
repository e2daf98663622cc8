"""Aimsio's limits (5.1): calls queue above the rate, and a long queue ends in a time-out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from erp_sandbox.exchange import TIMEOUT, CutConnection, text_answer
from erp_sandbox.limits import Limiter, SlidingWindow

if TYPE_CHECKING:
    from erp_sandbox.aimsio.options import AimsioOptions
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall
    from erp_sandbox.vendor import Workbench


class QueueLimiter(Limiter):
    """Lets in a number of calls a second and a number at the same time, first come first served.

    Args:
        bench: Clock and scale.
        options: Rate (calls per second), parallel calls, seconds in the queue.
    """

    def __init__(self, bench: Workbench, options: AimsioOptions) -> None:
        self._options = options
        self._window = SlidingWindow(bench.clock, options.rate * bench.limit_scale, 1.0)
        self._parallel = max(1, int(options.parallel * max(1.0, bench.limit_scale)))
        # A lock hands over in order of arrival; so the holder is the head of the queue.
        self._head = asyncio.Lock()
        self._free = asyncio.Semaphore(self._parallel)
        self._working = 0
        self.timeouts = 0
        self.queued = 0

    async def enter(self, call: SandboxCall) -> SandboxAnswer | None:
        """Wait for a turn; hang up when it does not come in time."""
        alone = self._working == 0 and not self._head.locked()
        if self._options.sequential_free and alone:
            await self._free.acquire()
        else:
            try:
                await asyncio.wait_for(self._turn(), self._options.queue_seconds)
            except asyncio.TimeoutError:
                self.timeouts += 1
                call.template = call.template or "(timed out in the queue)"
                if self._options.timeout == "504":
                    return text_answer("Gateway Timeout", 504)
                raise CutConnection(TIMEOUT) from None
        self._working += 1
        return None

    async def _turn(self) -> None:
        waited = self._head.locked() or self._free.locked()
        async with self._head:
            await self._free.acquire()
            try:
                while (seconds := self._window.wait()) > 0:
                    waited = True
                    await asyncio.sleep(seconds)
            except BaseException:
                self._free.release()
                raise
            self._window.add()
            self.queued += waited

    def leave(self, call: SandboxCall) -> None:  # noqa: ARG002 - same signature as the base
        """Free the place of a call."""
        self._working -= 1
        self._free.release()
