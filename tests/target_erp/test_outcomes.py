"""Every outcome of a record has its place wherever outcomes are listed, judged or shown."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from singer_sdk import metrics

from target_erp import report
from target_erp.delivery.model import UNSUCCESSFUL, Outcome
from target_erp.delivery.tally import Tally
from target_erp.measurements import SinkMeter
from target_erp.report.past_runs import OPEN, OUTCOMES, spoken
from target_erp.sink_states import states_of
from target_erp.summary import Summary
from tests.support.packages import ROOT

if t.TYPE_CHECKING:
    from singer_sdk.metrics import Point

SUCCESSES = {
    Outcome.CREATED,
    Outcome.UPDATED,
    Outcome.WRITTEN,
    Outcome.DELETED,
    Outcome.UNCHANGED,
    Outcome.SKIPPED,
}
"""What needs nobody; every other outcome does."""
SINK = ("account", "sink")


class Ended:
    """A run in which one record ended in some way."""

    skipped: t.ClassVar[dict[str, t.Any]] = {}
    unapproved: t.ClassVar[dict[str, t.Any]] = {}

    def __init__(self, outcome: Outcome) -> None:
        self.tallies = {"sink": Tally({outcome: 1})}
        self.tallies["sink"].read = 1


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_is_shown_everywhere(outcome: Outcome) -> None:
    page = (pathlib.Path(report.__file__).parent / "page.html").read_text()
    assert outcome.value in OUTCOMES, "the report calls it other"
    assert f".{outcome.value} {{ fill:" in page, "it has no colour"
    schemes = page.count("--created:")
    assert page.count(f"--{outcome.value}:") == schemes, "it has no colour in some scheme"
    promises = (ROOT / "docs" / "writing.md").read_text().partition("\n## ")[0]
    assert f"\n| {spoken(outcome.value)} |" in promises, "nobody is told what it means"
    shown = Summary("run", Ended(outcome), {}).as_json(0, "")["streams"]["sink"]
    assert shown[outcome.value] == 1


@pytest.mark.parametrize("outcome", Outcome)
def test_whether_somebody_has_to_look_is_judged_alike_everywhere(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = outcome not in SUCCESSES
    summary = Summary("run", Ended(outcome), {})
    assert (outcome in UNSUCCESSFUL) == fails
    assert (outcome.value in OPEN) == fails
    assert bool(summary.rejections(0) or summary.unapproved(0)) == fails, "exit code 3"
    states = states_of(summary.as_json(0, ""), [SINK], ("account", ""), 0)
    assert bool(states[SINK]) == fails, "the webhook is told"
    points: list[Point[float]] = []
    monkeypatch.setattr(metrics, "log", lambda _, point: points.append(point))
    SinkMeter(Ended(outcome).tallies).tell(last=True)
    told = [(p.tags["outcome"], p.tags["status"]) for p in points if "outcome" in p.tags]
    assert told == [(outcome.value, "failed" if fails else "succeeded")]
