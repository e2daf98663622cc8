"""Runs as people see them, read from the reports that the ledger keeps."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import typing as t

if t.TYPE_CHECKING:
    from erp_ledger import LedgerRun

WRITTEN = ("created", "updated", "written", "deleted")
"""Outcomes of records that the run has changed at the vendor."""
OPEN = ("not_approved", "refused", "waiting", "unknown")
"""Outcomes that somebody has to look at."""
OUTCOMES = (*WRITTEN, "unchanged", "skipped", "left_out", *OPEN)
"""All that may become of a record in a run; what a trial leaves out comes again."""
_NO_OUTCOMES = frozenset({"read", "calls", "seconds", "seconds_waiting"})
"""Numbers in the report of a sink that count no outcome."""


class State(enum.Enum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    REJECTED = "rejected records"
    FAILED = "failed"
    UNFINISHED = "has not ended"
    """It is still running, or it was killed."""


_STATES: dict[int | None, State] = {0: State.SUCCEEDED, 1: State.FAILED, 3: State.REJECTED}


@dataclasses.dataclass(frozen=True, slots=True)
class PastRun:
    """A run and its report.

    Attributes:
        run: Its id.
        started_at: UTC time (ISO 8601).
        ended_at: UTC time; empty if it has not ended.
        exit_code: 0, 1 or 3; None if nobody noted it.
        error: One line, or empty.
        seconds: How long it took; None if it has not ended.
        read: Records of its input.
        streams: Records by outcome, by sink: `OUTCOMES`, and any that a later version has added.
        calls: Calls to all vendors.
        waited: Seconds that calls waited for the vendors' limits, summed over calls side by side.
    """

    run: str
    started_at: str
    ended_at: str
    exit_code: int | None
    error: str
    seconds: float | None
    read: int
    streams: dict[str, collections.Counter[str]]
    calls: int
    waited: float

    @property
    def counts(self) -> collections.Counter[str]:
        """Records of all sinks by outcome."""
        return sum(self.streams.values(), collections.Counter())

    @property
    def state(self) -> State:
        """How it ended."""
        if not self.ended_at:
            return State.UNFINISHED
        return _STATES.get(self.exit_code, State.FAILED)


def outcomes_in(counts: t.Iterable[t.Mapping[str, int]]) -> list[str]:
    """All outcomes that some counts may be shown by: `OUTCOMES`, and behind them any others.

    Args:
        counts: Records by outcome.
    """
    others = {name for some in counts for name in some}.difference(OUTCOMES)
    return [*OUTCOMES, *sorted(others)]


def spoken(outcome: str) -> str:
    """An outcome as people read it.

    Args:
        outcome: Its name in a report.
    """
    return outcome.replace("_", " ")


def past_run(run: LedgerRun) -> PastRun:
    """Read a run of the ledger.

    Args:
        run: With or without a report.
    """
    report = _object(json.loads(run.report or "{}"))
    vendors = [_object(vendor) for vendor in _object(report.get("vendors")).values()]
    code = report.get("exit_code")
    return PastRun(
        run=run.run,
        started_at=run.started_at,
        ended_at=run.ended_at or "",
        exit_code=code if isinstance(code, int) else None,
        error=str(report.get("error") or ""),
        seconds=_number(report["seconds"]) if "seconds" in report else None,
        read=int(_number(report.get("records_read"))),
        streams={
            str(name): _outcomes(_object(stream))
            for name, stream in _object(report.get("streams")).items()
        },
        calls=int(sum(_number(vendor.get("calls")) for vendor in vendors)),
        waited=sum(_number(vendor.get("seconds_waiting")) for vendor in vendors),
    )


def _outcomes(stream: dict[str, t.Any]) -> collections.Counter[str]:
    counts = {name: int(_number(value)) for name, value in stream.items()}
    return +collections.Counter({n: counts[n] for n in counts if n not in _NO_OUTCOMES})


def _object(value: object) -> dict[str, t.Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float:
    # A report that somebody has changed by hand must not keep the others from being shown.
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0
