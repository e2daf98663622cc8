"""The log of calls and the counters of the report."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erp_sandbox.exchange import SandboxCall

LOG_LENGTH = 10_000
"""Calls kept in the log."""
BODY_LIMIT = 4_096
"""Bytes of a request body up to which the log keeps it."""


@dataclass
class RecordedCall:
    """One logged call. Times are seconds since the epoch on the real clock."""

    number: int
    call: SandboxCall
    started: float
    ended: float | None = None
    status: int | None = None
    outcome: str = "open"
    fault: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the entry as the control endpoint shows it."""
        call = self.call
        body: str | None = None
        if call.body and not call.private and len(call.body) <= BODY_LIMIT:
            body = call.body.decode(errors="replace")
        return {
            "number": self.number,
            "vendor": call.vendor,
            "method": call.method,
            "path": call.raw_path,
            "query": call.query,
            "template": call.template,
            "status": self.status,
            "outcome": self.outcome,
            "fault": self.fault,
            "started": f"{self.started:.6f}",
            "ended": None if self.ended is None else f"{self.ended:.6f}",
            "body": body,
            "body_bytes": len(call.body),
            "written": dict(call.outcomes),
        }


@dataclass
class Counters:
    """What one vendor has received since the last reset."""

    calls: int = 0
    by_path: Counter[tuple[str, str]] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    writes: dict[str, Counter[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    max_in_flight: int = 0
    max_per_second: int = 0
    last_second: deque[float] = field(default_factory=deque)


class Recorder:
    """Counts and logs every call to a vendor."""

    def __init__(self) -> None:
        self._entries: deque[RecordedCall] = deque(maxlen=LOG_LENGTH)
        self._counters: dict[str, Counters] = {}
        self._number = 0

    def begin(self, call: SandboxCall) -> RecordedCall:
        """Count a call on its arrival."""
        now = time.monotonic()
        counters = self._counters.setdefault(call.vendor, Counters())
        counters.calls += 1
        counters.in_flight += 1
        counters.max_in_flight = max(counters.max_in_flight, counters.in_flight)
        recent = counters.last_second
        recent.append(now)
        while recent[0] <= now - 1.0:
            recent.popleft()
        counters.max_per_second = max(counters.max_per_second, len(recent))
        self._number += 1
        entry = RecordedCall(self._number, call, time.time())
        self._entries.append(entry)
        return entry

    def end(self, entry: RecordedCall, *, status: int | None, outcome: str) -> None:
        """Count how a call ended.

        Args:
            entry: What :meth:`begin` returned.
            status: HTTP status sent, or None when the connection was cut without one.
            outcome: ``answered``, ``cut``, ``half_body`` or ``timeout``.
        """
        entry.status, entry.outcome, entry.ended = status, outcome, time.time()
        call = entry.call
        counters = self._counters.setdefault(call.vendor, Counters())
        counters.in_flight = max(0, counters.in_flight - 1)
        counters.by_path[call.method, call.template or call.raw_path] += 1
        counters.by_status[outcome if status is None else str(status)] += 1
        if entry.fault is not None:
            counters.faults[entry.fault] += 1
        if call.method in {"POST", "PUT", "DELETE", "PATCH"} and call.resource:
            self.count_writes(call.vendor, call.resource, {"calls": 1, **call.outcomes})

    def count_writes(self, vendor: str, resource: str, outcomes: dict[str, int]) -> None:
        """Add to the written records of a resource, by outcome."""
        counters = self._counters.setdefault(vendor, Counters())
        counters.writes.setdefault(resource, Counter()).update(outcomes)

    def reset(self) -> None:
        """Forget everything counted and logged, but not the calls still in flight."""
        self._entries.clear()
        for vendor, old in self._counters.items():
            self._counters[vendor] = Counters(in_flight=old.in_flight, max_in_flight=old.in_flight)

    def report(self, vendor: str) -> dict[str, object]:
        """Return the counters of one vendor."""
        counters = self._counters.get(vendor, Counters())
        return {
            "calls": counters.calls,
            "by_path": {
                f"{method} {path}": count
                for (method, path), count in sorted(counters.by_path.items())
            },
            "by_status": dict(sorted(counters.by_status.items())),
            "max_calls_in_one_second": counters.max_per_second,
            "max_in_flight": counters.max_in_flight,
            "in_flight": counters.in_flight,
            "writes": {name: dict(counts) for name, counts in sorted(counters.writes.items())},
            "faults": dict(counters.faults),
        }

    def entries(self, vendor: str | None = None, since: int = 0) -> list[dict[str, object]]:
        """Return logged calls, oldest first.

        Args:
            vendor: Only this vendor's.
            since: Only those with a larger number.
        """
        return [
            entry.as_json()
            for entry in self._entries
            if entry.number > since and vendor in {None, entry.call.vendor}
        ]
