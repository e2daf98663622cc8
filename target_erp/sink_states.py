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


def told_before(runs: t.Iterable[LedgerRun], sinks: t.Collection[Sink]) -> SinkStates:
    """What the receiver was told last of some sinks.

    Args:
        runs: Earlier runs, newest first.
        sinks: The sinks; one that it was never told of is well.
    """
    found: SinkStates = {}
    for run in runs:
        for entry in json.loads(run.report or "{}").get(TOLD, ()):
            found.setdefault((entry["account"], entry["sink"]), list(entry["state"]))
        if found.keys() >= set(sinks):
            break
    return {sink: found.get(sink, []) for sink in sinks}


def as_told(states: SinkStates) -> list[dict[str, t.Any]]:
    """What a report in the ledger has of it.

    Args:
        states: What the receiver was told.
    """
    return [{"account": account, "sink": sink, "state": s} for (account, sink), s in states.items()]


def changes_of(before: SinkStates, now: SinkStates) -> list[dict[str, t.Any]]:
    """What the receiver does not know yet.

    Args:
        before: What it was told last.
        now: How the sinks are.
    """
    return [
        {
            "account": sink[0],
            "sink": sink[1],
            "before": before[sink],
            "now": state or [RECOVERED],
        }
        for sink, state in now.items()
        if state != before[sink]
    ]
