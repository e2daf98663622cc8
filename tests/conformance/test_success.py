"""Answers with a status of success that are none: nothing counts as written because of them."""

from __future__ import annotations

import typing as t

import pytest

from .findings import Findings

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench, Run


COUNT = 40
"""Records per test."""
RUNS = 3
"""Runs until each record must be written or reported."""

BODIES = (
    "<!DOCTYPE html><html><body><form>Log in</form></body></html>",
    '{"a":',
    '{"error": "maintenance"}',
    '{"Message": "An error has occurred."}',
    '{"success": false, "errors": [{"code": "E1"}]}',
    "null",
    "{}",
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_answers_that_are_no_success_do_not_count_as_one(bench: Bench, after: bool) -> None:  # noqa: FBT001
    records = bench.records(COUNT)
    bodies = [body for body in BODIES if body not in bench.adapter.success]
    bench.server.rule("garbage", after=after, bodies=bodies, probability=0.7, each=1)
    runs: list[Run] = []
    # A run may end at its first answers; how many are under way by then differs.
    while bench.server.stats["faults"] < [len(bodies)] and len(runs) < RUNS:
        _run_on(bench, records, runs)
    assert bench.server.stats["faults"] >= [len(bodies)], "some of the answers were never given"
    bench.server.no_rules()
    for _ in range(RUNS - 1):
        if runs[-1].code == bench.adapter.failed:
            _run_on(bench, records, runs)
    assert runs[-1].code in {bench.adapter.ok, bench.adapter.rejected}, runs[-1].stderr
    assert _position(bench, runs) == COUNT
    assert bench.findings(records, *runs) == Findings()


def _run_on(bench: Bench, records: list[Row], runs: list[Run]) -> None:
    """Run once more, with what STATE has not passed yet."""
    start = _position(bench, runs)
    runs.append(bench.run(bench.messages(records, start, every=5)))
    _is_sound(bench, records, runs)


def _is_sound(bench: Bench, records: list[Row], runs: list[Run]) -> None:
    """What STATE has passed is written or reported; and success means that all is written."""
    position, last = _position(bench, runs), runs[-1]
    found = bench.findings(records, *runs)
    assert (found.doubled, found.stale, found.altered, found.ahead) == ([], [], [], [])
    lost = {str(record[bench.adapter.key]) for record in records[:position]} & set(found.lost)
    assert not lost, "STATE has passed records that are neither written nor reported"
    assert last.code != bench.adapter.ok or (position == len(records) and not bench.reported)


def _position(bench: Bench, runs: list[Run]) -> int:
    return max((bench.position(run.state) for run in runs), default=0)
