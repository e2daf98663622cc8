"""An API that fails: with every record, with one alone, or with one that it has carried out."""

from __future__ import annotations

import contextlib
import json
import typing as t
from concurrent import futures

import pytest

from .adapter import load
from .findings import Findings
from .running import Bench, RunningServer

if t.TYPE_CHECKING:
    import pathlib

    from .book import Row

_NO_ROUTE = ["<html><body>No such page</body></html>"]

OUTAGES: dict[str, Row] = {
    "404": {"kind": "status", "status": 404, "bodies": _NO_ROUTE},
    "405": {"kind": "status", "status": 405, "bodies": _NO_ROUTE},
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503, "bodies": ["<html><body>Down</body></html>"]},
    "a login page": {"kind": "garbage"},
}
"""What every write meets."""
CASES = (
    *(("404", count) for count in (1, 30)),
    *(("405", count) for count in (1, 2)),
    *(("500", count) for count in (1, 2, 30)),
    *(("503", count) for count in (1, 30)),
    *(("a login page", count) for count in (1, 2, 30)),
)
"""Outages, and how many records there are to meet them."""


def test_an_outage_fails_the_run_and_refuses_nothing(bench: Bench, tmp_path: pathlib.Path) -> None:
    """However many records there are to meet it. All cases at once: they mostly wait."""
    cases = {f"{name}, {count} records": (OUTAGES[name], count) for name, count in CASES}
    problems = {}
    with futures.ThreadPoolExecutor(len(cases)) as pool:
        running = {
            case: pool.submit(_outlast, bench.server.adapter, tmp_path / str(place), outage, count)
            for place, (case, (outage, count)) in enumerate(cases.items())
        }
        for case, future in running.items():
            if error := future.exception():
                problems[case] = str(error)
    assert not problems, "\n".join(f"{case}: {said}" for case, said in problems.items())


def _outlast(adapter: str, folder: pathlib.Path, outage: Row, count: int) -> None:
    """An outage that every write meets, and a run after it."""
    folder.mkdir()
    with contextlib.closing(RunningServer(adapter)) as server:
        bench = Bench(load(adapter), server, folder)
        records = bench.records(count)
        server.rule(**outage)
        run = bench.run(bench.messages(records))
        assert (run.code, bench.reported) == (bench.adapter.failed, []), run.stderr
        assert (bench.position(run.state), server.log) == (0, []), run.stderr
        server.no_rules()
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
