"""Answers that are lost, broken or put off: each record is written, and none twice."""

from __future__ import annotations

import typing as t

import pytest

from .findings import Findings

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench


COUNT = 30
"""Records per test."""

FAULTS: dict[str, Row] = {
    "cut before": {"kind": "cut"},
    "cut after": {"kind": "cut", "after": True},
    "503 before": {"kind": "status"},
    "503 after": {"kind": "status", "after": True},
    "half a body": {"kind": "half", "after": True},
    "garbage before": {"kind": "garbage"},
    "garbage after": {"kind": "garbage", "after": True},
}
"""What happens to a write; `after` means that it has been carried out."""


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_lost_answer_neither_loses_nor_doubles(bench: Bench, fault: Row) -> None:
    records = bench.records(COUNT)
    # Half of the calls meet it, each once: a call that is repeated gets through.
    bench.server.rule(each=1, probability=0.5, **fault)
    run = bench.run(bench.messages(records, every=COUNT))
    assert bench.server.stats["faults"] > [2], "the fault never happened"
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()
    assert bench.position(run.state) == COUNT


def test_a_write_may_be_carried_out_after_its_connection_broke(bench: Bench) -> None:
    """The server is still at it when the target, which got no answer, asks for the record."""
    records = bench.records(COUNT)
    bench.server.rule("late", seconds=0.7, probability=0.2, each=1)
    run = bench.run(bench.messages(records, every=COUNT))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


def test_asking_what_became_of_a_write_may_fail_too(bench: Bench) -> None:
    records = bench.records(COUNT)
    bench.server.rule("cut", after=True, each=1, probability=0.3)
    bench.server.rule("status", on="read", each=1)
    bench.server.rule("cut", on="read", each=1)
    run = bench.run(bench.messages(records, every=COUNT))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


@pytest.mark.parametrize(
    ("storm", "headers"), [(10, {"Retry-After": "1"}), (2, {})], ids=["told how long", "not told"]
)
def test_a_storm_of_429_is_waited_out(bench: Bench, storm: int, headers: dict[str, str]) -> None:
    records = bench.records(COUNT)
    bench.server.rule("status", status=429, headers=headers, skip=5, times=storm, on="")
    run = bench.run(bench.messages(records, every=COUNT))
    assert bench.server.stats["faults"] == [storm]
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


def test_retry_after_is_obeyed(bench: Bench) -> None:
    bench.server.rule("status", status=429, headers={"Retry-After": "2"}, skip=3, times=1)
    records = bench.records(COUNT)
    run = bench.run(bench.messages(records, every=COUNT))
    stats = bench.server.stats
    (told,) = stats["fault_times"]
    # Calls that were under way when the answer came may still arrive.
    assert [at - told for at in stats["times"] if told + 0.5 < at < told + 1.9] == []
    assert stats["times"][-1] > told
    assert bench.findings(records, run) == Findings()


def test_slow_answers_are_waited_for(bench: Bench) -> None:
    bench.server.rule("delay", seconds=0.7, times=3)
    records = bench.records(COUNT)
    run = bench.run(bench.messages(records, every=COUNT))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


def test_versions_keep_their_order_when_answers_are_lost(bench: Bench) -> None:
    if not bench.adapter.updates:
        pytest.skip("this API has no updates")
    records = [
        {**record, bench.adapter.text: f"version {version}"}
        for version in range(3)
        for record in bench.records(12)
    ]
    bench.server.rule("cut", after=True, probability=0.3, each=1)
    bench.server.rule("status", probability=0.3, each=1)
    run = bench.run(bench.messages(records, every=5))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()
