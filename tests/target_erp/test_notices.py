"""The webhook that tells of changes alone: once per change, whatever runs come in between."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_vendors.errors import ConfigError
from target_erp.sink_states import Told, as_told, changes_of, states_of, told_before
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply, Stub, running_stub

if t.TYPE_CHECKING:
    from tests.support.plugins import Message
    from tests.support.stub import Request
    from tests.target_erp.conftest import Vendor

EMPLOYEES, COMPANIES = "aimsio_employees", "aimsio_companies"


class Receiver:
    """Takes what it is told, or not."""

    def __init__(self) -> None:
        self.takes = True
        self.told: list[Message] = []

    def answer(self, request: Request) -> Reply:
        if not self.takes:
            return Reply(403)
        self.told.append(t.cast("Message", request.json))
        return Reply()

    @property
    def changes(self) -> list[tuple[str, list[str], list[str]]]:
        """Sink, state before and state now of all that was told since the last look."""
        told = [
            (change["sink"], change["before"], change["now"])
            for report in self.told
            for change in report["changes"]
        ]
        self.told.clear()
        return told


class Site:
    """A target with a webhook that tells of changes."""

    def __init__(self, vendor: Vendor, hook: Stub, receiver: Receiver) -> None:
        self.vendor, self.hook, self.receiver = vendor, hook, receiver
        self.config = vendor.config()
        self._number = 0

    def run(self, *notes: str, sink: str = EMPLOYEES, **config: t.Any) -> int:
        """Write new records, of which those that are bad are refused; the exit code."""
        webhook = {"url": self.hook.url, "when": "change", **config.pop("webhook", {})}
        rows = []
        for note in notes:
            self._number += 1
            key = "employeeCode" if sink == EMPLOYEES else "companyCode"
            rows.append(record(sink, **{key: str(self._number)}, employeeNotes=note))
        self.vendor.judge = lambda row: "no" if row.get("employeeNotes") == "bad" else None
        return run_target({**self.config, **config, "webhook": webhook}, [schema(sink), *rows]).code


@pytest.fixture
def site(vendor: Vendor) -> t.Iterator[Site]:
    receiver = Receiver()
    with running_stub(receiver.answer) as hook:
        yield Site(vendor, hook, receiver)


def test_each_change_is_told_once(site: Site) -> None:
    assert site.run("good") == 0
    assert site.receiver.changes == [], "all is well, as it was before"
    assert site.run("bad", "good") == 3
    assert site.receiver.changes == [(EMPLOYEES, [], ["rejections"])]
    assert site.run("bad") == 3
    assert site.run("bad", "bad") == 3
    assert site.receiver.changes == []
    assert site.run("good") == 0
    assert site.receiver.changes == [(EMPLOYEES, ["rejections"], ["recovered"])]
    assert site.run("good") == 0
    assert site.receiver.changes == []


def test_what_the_receiver_did_not_take_is_told_by_the_next_run(site: Site) -> None:
    site.receiver.takes = False
    assert site.run("bad") == 3
    site.receiver.takes = True
    assert site.run("bad") == 3
    assert site.receiver.changes == [(EMPLOYEES, [], ["rejections"])]
    site.receiver.takes = False
    site.run("good")
    site.receiver.takes = True
    assert site.run("bad") == 3
    assert site.receiver.changes == [], "it knows of no recovery, and there is none any more"


def test_runs_of_another_sink_say_nothing_about_it(site: Site) -> None:
    site.run("bad")
    assert site.receiver.changes == [(EMPLOYEES, [], ["rejections"])]
    assert site.run("good", sink=COMPANIES) == 0
    assert site.receiver.changes == []
    site.run("bad")
    assert site.receiver.changes == []


def test_a_run_that_gets_nowhere_has_failed(site: Site) -> None:
    assert site.run("good", unknown_streams="error", sink="aimsio_nonsense") == 1
    ((sink, before, now),) = site.receiver.changes
    assert (sink, before, now) == ("", [], ["failed"])
    site.vendor.script = lambda _: Reply(401)
    assert site.run("good") == 1
    assert site.receiver.changes == [(EMPLOYEES, [], ["failed"])]
    site.vendor.script = lambda _: None
    assert site.run("good") == 0
    recovered = ["failed"], ["recovered"]
    assert site.receiver.changes == [(EMPLOYEES, *recovered), ("", *recovered)]


@pytest.mark.parametrize(
    ("allowed", "told"), [(1, False), ("50%", False), (0, True), ("10%", True)]
)
def test_a_few_rejections_may_be_no_news(site: Site, allowed: int | str, told: bool) -> None:  # noqa: FBT001
    assert site.run("bad", "good", webhook={"max_rejects": allowed}) == 3
    assert len(site.receiver.changes) == told


def test_a_wrong_threshold_ends_the_run(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"webhook\.max_rejects.*many"):
        site.run("good", webhook={"max_rejects": "many"})
    assert not site.vendor.writes


def test_each_run_is_told_without_the_setting(site: Site) -> None:
    for _ in range(2):
        site.run("good", webhook={"when": "run"})
    assert len(site.receiver.told) == 2
    assert not any("changes" in report or "told" in report for report in site.receiver.told)


def test_a_dry_run_tells_nobody(site: Site) -> None:
    site.run("bad", dry_run=True, plan_file="none")
    assert site.receiver.told == []


def test_several_things_may_be_wrong_at_once() -> None:
    counts = {"read": 4, "refused": 1, "waiting": 1, "unknown": 1}
    report = {"exit_code": 3, "streams": {"a": counts, "b": {"read": 1}}}
    sinks = [("x", "a"), ("x", "b"), ("y", "none")]
    now = states_of(report, sinks, ("x", ""), 1)
    assert now == {
        ("x", "a"): ["rejections", "unknown"],
        ("x", "b"): [],
        ("y", "none"): [],
        ("x", ""): [],
    }
    before = dict.fromkeys(now, Told([], ""))
    before["x", "a"], before["y", "none"] = Told(["unknown"], "1"), Told(["failed"], "1")
    assert changes_of(before, now) == [
        {"account": "x", "sink": "a", "before": ["unknown"], "now": ["rejections", "unknown"]},
        {"account": "y", "sink": "none", "before": ["failed"], "now": ["recovered"]},
    ]


class Past(t.NamedTuple):
    """An earlier run, as far as it matters here."""

    report: str | None


def test_what_was_told_last_counts_whichever_run_told_it() -> None:
    """A run that ends after another one hands on what it knew before that one told."""

    def run(**told: tuple[list[str], str]) -> Past:
        entries = {("x", name): Told(*one) for name, one in told.items()}
        return Past(json.dumps({"told": as_told(entries)}))

    runs = [
        *(Past(None), run(a=([], ""), b=(["failed"], "2026-01-01")), Past("{}")),
        *(run(a=(["unknown"], "2026-01-03"), b=([], "2025-12-31")), run(a=([], "2026-01-02"))),
    ]
    sinks = [("x", "a"), ("x", "b"), ("x", "c")]
    assert told_before(t.cast("t.Any", runs), sinks) == {
        ("x", "a"): Told(["unknown"], "2026-01-03"),
        ("x", "b"): Told(["failed"], "2026-01-01"),
        ("x", "c"): Told([], ""),
    }


def test_a_recovery_is_told_although_a_run_ended_while_the_failure_was_being_told(
    site: Site,
) -> None:
    """The second run ends before the first one has noted what it told."""
    second: list[int] = []

    def answer(request: Request) -> Reply:
        if not second:
            second.append(0)
            second[0] = site.run("good")
        return site.receiver.answer(request)

    site.hook.script = answer
    assert site.run("bad") == 3
    assert site.receiver.changes == [(EMPLOYEES, [], ["rejections"])]
    assert second == [0]
    assert site.run("good") == 0
    assert site.receiver.changes == [(EMPLOYEES, ["rejections"], ["recovered"])]
