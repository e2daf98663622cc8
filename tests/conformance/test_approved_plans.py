"""Approved plans: exactly what was planned is written, if it has changed on neither side.

These tests are for targets that can make a plan and apply it.
"""

from __future__ import annotations

import signal
import typing as t

import pytest

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench

THEIRS, EDITED, LATER = "by somebody else", "not as it was planned", "a later version"


def plan(bench: Bench, records: list[Row]) -> None:
    """Let the target make a plan, and hand it over to be applied."""
    if not bench.adapter.plans:
        pytest.skip("this target makes no plans that it can apply")
    before = bench.server.log
    bench.adapter.make_plan(bench.folder)
    run = bench.run(bench.messages(records))
    assert run.code == bench.adapter.ok, run.stderr
    assert run.states == [], "a plan settles nothing"
    assert bench.server.log == before, "a plan writes nothing"
    bench.adapter.apply_plan(bench.folder)


def test_a_plan_writes_nothing_and_is_written_when_it_is_applied(bench: Bench) -> None:
    records = bench.records(6)
    plan(bench, records)
    logs = []
    for _ in range(2):
        run = bench.run(bench.messages(records))
        assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
        assert bench.position(run.state) == len(records)
        logs.append(bench.server.log)
    assert bench.server.keys == sorted(record[bench.adapter.key] for record in records)
    assert logs[0] == logs[1], "what is written is not written again"


def test_of_new_records_only_what_is_approved_is_made(bench: Bench) -> None:
    """One comes otherwise than planned, one was not planned, and one is there by now."""
    adapter, records = bench.adapter, bench.records(8)
    plan(bench, records[:6])
    elsewhere = bench.elsewhere()
    text = adapter.text
    theirs = {**records[3], text: THEIRS}
    assert elsewhere.run(elsewhere.messages([theirs])).code == adapter.ok
    given = [*records[:2], {**records[2], text: EDITED}, *records[3:]]
    run = bench.run(bench.messages(given))
    assert run.code == adapter.rejected, run.stderr
    expected = {record[adapter.key]: [record[text]] for record in (*records[:2], *records[4:6])}
    assert bench.values(text) == expected | {theirs[adapter.key]: [THEIRS]}
    assert bench.position(run.state) <= 2, "STATE does not pass what was not approved"


def test_of_changes_only_what_is_approved_is_made(bench: Bench) -> None:
    """A person changes one record after the plan was made, and one comes otherwise."""
    adapter, records = bench.adapter, bench.records(6)
    if not adapter.updates:
        pytest.skip("this API has no updates")
    if adapter.plans:
        assert bench.run(bench.messages(records)).code == adapter.ok
    given = [{**record, adapter.text: LATER} for record in records]
    plan(bench, given[:5])
    bench.server.edit(records[3][adapter.key], **{adapter.text: THEIRS})
    given[1] = {**given[1], adapter.text: EDITED}
    run = bench.run(bench.messages(given))
    assert run.code == adapter.rejected, run.stderr
    old = records[0][adapter.text]
    expected = [LATER, old, LATER, THEIRS, LATER, old]
    assert [bench.values(adapter.text)[record[adapter.key]] for record in records] == [
        [text] for text in expected
    ]
    assert bench.position(run.state) <= 1, "STATE does not pass what was not approved"


def test_a_plan_may_be_applied_again_after_a_kill(bench: Bench) -> None:
    adapter, records = bench.adapter, bench.records(12)
    plan(bench, records[:10])
    given = [*records[:5], records[11], *records[5:10]]
    run = bench.run(bench.messages(given), death={"skip": 1, "after": True})
    assert run.code == -signal.SIGKILL, run.stderr
    run = bench.run(bench.messages(given))
    assert run.code == adapter.rejected, run.stderr
    assert bench.server.keys == sorted(record[adapter.key] for record in records[:10])
    assert bench.server.stats["duplicates"] == 0
