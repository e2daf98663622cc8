"""In which state a run leaves its sinks, and what of that a receiver has not been told yet.

A receiver that wants to hear of changes alone hears of a sink when it fails, when more of its
records are rejected than the settings allow, when outcomes are unknown, when a plan did not approve
its writes, and when all that is over.
What it was told last stands in the reports that the ledger keeps of the runs: of each run the
states of its own sinks, so that runs of other sinks say nothing about them.
"""

from __future__ import annotations

import json
import typing as t

from erp_plugin.cli import FAILED
from target_erp.planning.planner import allowance

if t.TYPE_CHECKING:
    from erp_ledger import LedgerRun

TOLD = "told"
"""Member of a report in the ledger: what the receiver of the webhook was told last."""
CHANGES = "changes"
"""Member of a report that goes to the receiver: what has changed since."""
RECOVERED = "recovered"
Sink = tuple[str, str]
"""Account and name of a sink; without a name, a run that did not get as far as any sink."""
SinkStates = dict[Sink, list[str]]
"""What is wrong with each sink; nothing, if all is well."""


class Told(t.NamedTuple):
    """What the receiver was told last of a sink.

    Attributes:
        state: What was wrong with it; nothing, if all was well or it was never told.
        at: UTC time (ISO 8601, with milliseconds) of that; empty if it was never told.
    """

    state: list[str]
    at: str


def states_of(
    report: t.Mapping[str, t.Any],
    sinks: t.Iterable[Sink],
    whole: Sink,
    max_rejects: int | str,
) -> SinkStates:
    """In which state a run leaves its sinks.

    Args:
        report: The run's report.
        sinks: Its sinks.
        whole: What stands for the run itself, where it failed before it had any sink.
        max_rejects: Rejections that are no reason to tell of: a number, or a percentage of the
            sink's records.
    """
    failed = report["exit_code"] == FAILED
    states = {}
    for sink in sinks:
        counts: t.Mapping[str, t.Any] = report["streams"].get(sink[1], {})
        rejected = counts.get("refused", 0) + counts.get("waiting", 0)
        wrong = {
            "failed": failed,
            "rejections": rejected
            > allowance("webhook.max_rejects", max_rejects, counts.get("read", 0)),
            "unknown": counts.get("unknown", 0) > 0,
            "not_approved": counts.get("not_approved", 0) > 0,
        }
        states[sink] = [name for name, is_so in wrong.items() if is_so]
    if not failed or not states:
        states[whole] = ["failed"] if failed else []
    return states


def told_before(runs: t.Iterable[LedgerRun], sinks: t.Collection[Sink]) -> dict[Sink, Told]:
    """What the receiver was told last of some sinks.

    A run hands on what it knew when it ended, and one beside it may have told the receiver later.

    Args:
        runs: Earlier runs, newest first.
        sinks: The sinks; one that it was never told of is well.
    """
    found = dict.fromkeys(sinks, Told([], ""))
    for run in runs:
        for entry in json.loads(run.report or "{}").get(TOLD, ()):
            sink = entry["account"], entry["sink"]
            if sink in found and entry["at"] > found[sink].at:
                found[sink] = Told(list(entry["state"]), entry["at"])
    return found


def as_told(told: t.Mapping[Sink, Told]) -> list[dict[str, t.Any]]:
    """What a report in the ledger has of it.

    Args:
        told: What the receiver was told.
    """
    return [
        {"account": account, "sink": sink, **one._asdict()} for (account, sink), one in told.items()
    ]


def changes_of(before: t.Mapping[Sink, Told], now: SinkStates) -> list[dict[str, t.Any]]:
    """What the receiver does not know yet.

    Args:
        before: What it was told last.
        now: How the sinks are.
    """
    return [
        {
            "account": sink[0],
            "sink": sink[1],
            "before": before[sink].state,
            "now": state or [RECOVERED],
        }
        for sink, state in now.items()
        if state != before[sink].state
    ]
