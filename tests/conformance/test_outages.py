"""An API that fails: with every record, with one alone, or with one that it has carried out."""

from __future__ import annotations

import json
import typing as t

import pytest

from .findings import Findings

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench


_NO_ROUTE = ["<html><body>No such page</body></html>"]

OUTAGES: dict[str, Row] = {
    "404": {"kind": "status", "status": 404, "bodies": _NO_ROUTE},
    "405": {"kind": "status", "status": 405, "bodies": _NO_ROUTE},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503, "bodies": ["<html><body>Down</body></html>"]},
    "a login page": {"kind": "garbage"},
}
"""What every write meets."""
MET_BY = (
    *(("404", 1), ("404", 30), ("405", 2), ("500", 1), ("500", 30), ("503", 2)),
    *(("a login page", 1), ("a login page", 30)),
)
"""Outages, and how many records there are to meet them: that must not decide what they mean."""


@pytest.mark.parametrize(("outage", "count"), MET_BY, ids=str)
def test_an_outage_fails_the_run_and_refuses_nothing(bench: Bench, outage: str, count: int) -> None:
    records = bench.records(count)
    bench.server.rule(**OUTAGES[outage])
    run = bench.run(bench.messages(records))
    assert (run.code, bench.reported) == (bench.adapter.failed, []), run.stderr
    assert (bench.position(run.state), bench.server.log) == (0, []), run.stderr
    bench.server.no_rules()
    again = bench.run(bench.messages(records))
    assert (again.code, bench.reported) == (bench.adapter.ok, []), again.stderr
    assert bench.findings(records, run, again) == Findings()


def test_a_record_that_alone_meets_500_holds_up_no_other(bench: Bench) -> None:
    """It is tried again in later runs, and reported at last; STATE does not pass it before."""
    place, more, adapter = 4, 6, bench.adapter
    records = bench.records(12)
    key = _key(bench, records[place])
    bench.server.rule("status", status=500, contains=json.dumps(key))
    runs = []
    for number in range(1, adapter.gives_up_after + 1):
        run, is_last = bench.run(bench.messages(records)), number == adapter.gives_up_after
        runs.append(run)
        written = {commit.key for commit in bench.server.log}
        assert written == {_key(bench, record) for record in records} - {key}, run.stderr
        assert bench.reported == ([key] if is_last else []), run.stderr
        assert run.code == (adapter.rejected if is_last else adapter.failed), run.stderr
        assert bench.position(run.state) == (len(records) if is_last else place), run.stderr
        if not is_last:
            # Without others that get through nobody could tell it from an outage.
            records += [adapter.record(len(records) + n) for n in range(more)]
    assert bench.findings(records, *runs) == Findings()


@pytest.mark.parametrize("often", [False, True], ids=["once", "until it is reported"])
def test_an_older_version_that_comes_again_is_written_again(bench: Bench, often: bool) -> None:  # noqa: FBT001
    """The newer one was carried out, although the API answered with 500, once or in each run."""
    old, new = _versions(bench)
    assert bench.run(bench.messages([old])).code == bench.adapter.ok
    bench.server.rule("status", status=500, after=True, contains=json.dumps(_key(bench, old)))
    for other in bench.records(1 + (bench.adapter.gives_up_after if often else 1))[1:]:
        bench.run(bench.messages([new, other]))
    bench.server.no_rules()
    _holds_the_old_one_again(bench, old)


def test_a_version_refused_after_a_lost_answer_may_have_been_carried_out(bench: Bench) -> None:
    old, new = _versions(bench)
    assert bench.run(bench.messages([old])).code == bench.adapter.ok
    mine = json.dumps(_key(bench, old))
    bench.server.rule("cut", after=True, times=1, contains=mine)
    bench.server.rule("status", status=400, contains=mine)
    bench.run(bench.messages([new]))
    bench.server.no_rules()
    _holds_the_old_one_again(bench, old)


def _versions(bench: Bench) -> tuple[Row, Row]:
    if not bench.adapter.updates:
        pytest.skip("this API has no updates")
    old = {**bench.adapter.record(0), bench.adapter.text: "old"}
    return old, {**old, bench.adapter.text: "new"}


def _holds_the_old_one_again(bench: Bench, old: Row) -> None:
    run = bench.run(bench.messages([old]))
    assert run.code == bench.adapter.ok, run.stderr
    rows = [commit.row for commit in bench.server.log if commit.key == _key(bench, old)]
    assert rows[-1][bench.adapter.text] == "old"


def _key(bench: Bench, record: Row) -> str:
    return str(record[bench.adapter.key])
