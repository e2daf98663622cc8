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


@pytest.mark.parametrize("count", [1, 2, 30])
@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_an_outage_fails_the_run_and_refuses_nothing(
    bench: Bench, outage: Row, count: int
) -> None:
    records = bench.records(count)
    bench.server.rule(**outage)
    run = bench.run(bench.messages(records))
    assert (run.code, bench.reported) == (bench.adapter.failed, []), run.stderr
    assert (bench.position(run.state), bench.server.log) == (0, [])
    bench.server.no_rules()
    again = bench.run(bench.messages(records))
    assert (again.code, bench.reported) == (bench.adapter.ok, []), again.stderr
    assert bench.findings(records, run, again) == Findings()


def test_a_record_that_alone_meets_500_holds_up_no_other(bench: Bench) -> None:
    """It is tried again in later runs, and reported at last; STATE does not pass it before."""
    place, more = 4, 6
    records = bench.records(12)
    key = str(records[place][bench.adapter.key])
    bench.server.rule("status", status=500, contains=json.dumps(key))
    runs = []
    for number in range(1, bench.adapter.gives_up_after + 1):
        runs.append(bench.run(bench.messages(records)))
        run, is_last = runs[-1], number == bench.adapter.gives_up_after
        written = {commit.key for commit in bench.server.log}
        assert written == {str(record[bench.adapter.key]) for record in records} - {key}
        assert bench.reported == ([key] if is_last else []), run.stderr
        assert run.code == (bench.adapter.rejected if is_last else bench.adapter.failed)
        assert bench.position(run.state) == (len(records) if is_last else place)
        if not is_last:
            # Without others that get through nobody could tell it from an outage.
            records += [bench.adapter.record(len(records) + n) for n in range(more)]
    assert bench.findings(records, *runs) == Findings()


@pytest.mark.parametrize("runs", [1, 0], ids=["once", "until it is reported"])
def test_an_older_version_that_comes_again_is_written_again(bench: Bench, runs: int) -> None:
    """The newer one was carried out, although the API answered with 500."""
    if not bench.adapter.updates:
        pytest.skip("this API has no updates")
    old = {**bench.adapter.record(0), bench.adapter.text: "old"}
    new = {**old, bench.adapter.text: "new"}
    key = str(old[bench.adapter.key])
    assert bench.run(bench.messages([old])).code == bench.adapter.ok
    bench.server.rule("status", status=500, after=True, contains=json.dumps(key))
    others = bench.records(bench.adapter.gives_up_after + 1)[1:]
    for other in others[: runs or None]:
        bench.run(bench.messages([new, other]))
    bench.server.no_rules()
    run = bench.run(bench.messages([old]))
    assert run.code == bench.adapter.ok, run.stderr
    (row,) = [commit.row for commit in bench.server.log if commit.key == key][-1:]
    assert row[bench.adapter.text] == "old"


def test_what_was_refused_after_a_lost_answer_may_have_been_carried_out(bench: Bench) -> None:
    if not bench.adapter.updates:
        pytest.skip("this API has no updates")
    old = {**bench.adapter.record(0), bench.adapter.text: "old"}
    new = {**old, bench.adapter.text: "new"}
    key = str(old[bench.adapter.key])
    assert bench.run(bench.messages([old])).code == bench.adapter.ok
    bench.server.rule("cut", after=True, times=1, contains=json.dumps(key))
    bench.server.rule("status", status=400, contains=json.dumps(key))
    bench.run(bench.messages([new]))
    bench.server.no_rules()
    run = bench.run(bench.messages([old]))
    assert run.code == bench.adapter.ok, run.stderr
    (row,) = [commit.row for commit in bench.server.log if commit.key == key][-1:]
    assert row[bench.adapter.text] == "old"
