"""The ASGI application: finds the vendor, applies limits and faults, records, answers."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from erp_sandbox.clock import SandboxClock
from erp_sandbox.config import check_options
from erp_sandbox.exchange import (
    CUT,
    CutConnection,
    Refusal,
    SandboxAnswer,
    SandboxCall,
    text_answer,
)
from erp_sandbox.faults import Faults
from erp_sandbox.recorder import Recorder
from erp_sandbox.store import TableStore
from erp_sandbox.variants import check_variants, play_variants
from erp_sandbox.vendor import Workbench, all_variants, vendors

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from erp_sandbox.config import Settings
    from erp_sandbox.faults import SandboxFault
    from erp_sandbox.recorder import RecordedCall
    from erp_sandbox.vendor import SandboxVendor

_LOG = logging.getLogger(__name__)


class Sandbox:
    """All vendors behind one ASGI application.

    Args:
        settings: How it runs.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SandboxClock()
        self.recorder = Recorder()
        self.store = TableStore(settings.database)
        self.faults = Faults(settings.seed)
        self.faults.add(list(settings.faults))
        bench = Workbench(
            self.store,
            self.clock,
            self.recorder,
            settings.size,
            settings.seed,
            settings.limits,
            settings.limit_scale,
        )
        self.vendors: dict[str, SandboxVendor] = {}
        known = vendors()
        unknown = set(settings.vendors) - set(known)
        if unknown:
            message = f"options for unknown vendors: {', '.join(sorted(unknown))}"
            raise ValueError(message)
        points = all_variants()
        check_variants(settings.variants, points)
        for name, kind in known.items():
            options = kind.Options(**settings.vendors.get(name, {}))
            play_variants(options, name, settings.variants, points)
            check_options(options)
            vendor = kind(bench, options)
            vendor.ensure_data()
            self.vendors[name] = vendor
        self.control: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        raw = scope["raw_path"].decode("ascii", "replace")
        prefix, slash, rest = raw[1:].partition("/")
        vendor = self.vendors.get(prefix)
        if vendor is not None:
            await self._vendor_call(scope, receive, send, vendor, slash + rest)
        elif self.control is not None:
            await self.control(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                for vendor in self.vendors.values():
                    await vendor.stop()
                self.store.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _vendor_call(
        self, scope: Scope, receive: Receive, send: Send, vendor: SandboxVendor, raw_path: str
    ) -> None:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        query = scope["query_string"].decode("latin-1")
        call = SandboxCall(vendor.name, scope["method"], raw_path, query, headers, bytes(body))
        entry = self.recorder.begin(call)
        status: int | None = None
        outcome = "failed"
        try:
            answer, fault = await self._perform(vendor, call, entry)
            if fault is not None and fault.kind == "cut_after":
                raise CutConnection(CUT)  # noqa: TRY301 - one place that cuts
            status = answer.status
            if fault is not None and fault.kind == "half_body":
                outcome = "half_body"
                await _send(send, answer, length=len(answer.body) // 2)
                await _close(scope, receive, flush=True)
            else:
                outcome = "answered"
                # Counted before the last byte leaves: a client that has its answer finds the
                # call in the report.
                self.recorder.end(entry, status=status, outcome=outcome)
                await _send(send, answer)
        except CutConnection as cut:
            outcome = cut.outcome
            self.recorder.end(entry, status=None, outcome=outcome)
            await _close(scope, receive, flush=False)
        finally:
            if entry.ended is None:
                self.recorder.end(entry, status=status, outcome=outcome)

    async def _perform(
        self, vendor: SandboxVendor, call: SandboxCall, entry: RecordedCall
    ) -> tuple[SandboxAnswer, SandboxFault | None]:
        refusal = await vendor.limiter.enter(call)
        fault: SandboxFault | None = None
        if refusal is not None:
            answer = refusal
        else:
            try:
                seconds, fault = self.faults.pick(call)
                if fault is not None:
                    entry.fault = fault.kind
                elif seconds:
                    entry.fault = "delay"
                seconds += self.settings.latency_ms / 1000
                if seconds:
                    await asyncio.sleep(seconds)
                if fault is not None and fault.kind == "cut_before":
                    raise CutConnection(CUT)
                if fault is not None and fault.kind == "status":
                    answer = fault.own_answer(503, "Service Unavailable")
                else:
                    answer = await self._handle(vendor, call)
            finally:
                vendor.limiter.leave(call)
        vendor.limiter.decorate(answer)
        if fault is not None:
            answer = fault.spoil(answer)
        return answer, fault

    async def _handle(self, vendor: SandboxVendor, call: SandboxCall) -> SandboxAnswer:
        try:
            return await vendor.handle(call)
        except Refusal as refusal:
            return refusal.answer
        except Exception:  # noqa: BLE001 - logged; a real server answers 500 too
            _LOG.exception("%s %s failed", call.method, call.raw_path)
            return text_answer("Internal Server Error", 500)
        finally:
            self.store.commit()


async def _send(send: Send, answer: SandboxAnswer, length: int | None = None) -> None:
    """Send an answer; with ``length`` only so many bytes of the body that its header announces."""
    lines: list[tuple[bytes, bytes]] = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    lines += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": lines})
    body = answer.body if length is None else answer.body[:length]
    await send({"type": "http.response.body", "body": body, "more_body": length is not None})


async def _close(scope: Scope, receive: Receive, *, flush: bool) -> None:
    """Close the TCP connection under the request and wait until it is gone."""
    transport: Any = scope["state"]["sandbox_transport"]
    if flush:
        transport.close()
    else:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
