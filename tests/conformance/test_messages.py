"""The Singer messages themselves: none, too many, in the wrong place, or broken."""

from __future__ import annotations

import re
import typing as t

from .findings import Findings

if t.TYPE_CHECKING:
    from .running import Bench


def test_empty_input_does_nothing(one_bench: Bench) -> None:
    run = one_bench.run([])
    assert (run.code, run.states) == (one_bench.adapter.ok, []), run.stderr
    assert one_bench.server.writes == 0


def test_a_schema_without_records_does_nothing(one_bench: Bench) -> None:
    run = one_bench.run([one_bench.schema()])
    assert (run.code, run.states) == (one_bench.adapter.ok, []), run.stderr
    assert one_bench.server.writes == 0


def test_of_states_alone_the_last_one_comes_out(one_bench: Bench) -> None:
    run = one_bench.run([one_bench.state(number) for number in range(5)])
    assert run.code == one_bench.adapter.ok, run.stderr
    assert run.state == one_bench.state(4)["value"]
    assert one_bench.server.writes == 0


def test_a_state_value_comes_out_as_it_is(one_bench: Bench) -> None:
    value = {"bookmarks": {"a": {"at": "2024-01-01T00:00:00.10Z", "n": 2**63, "x": None}}, "é": []}
    run = one_bench.run([{"type": "STATE", "value": value}])
    assert run.state == value


def test_a_schema_may_come_again_and_change(one_bench: Bench) -> None:
    spare = one_bench.adapter.spare
    records = one_bench.records(9)
    for record in records[6:]:
        record[spare] = "new"
    messages = one_bench.messages(records)
    new = one_bench.schema(**{spare: {"type": ["string", "null"]}})
    run = one_bench.run([*messages[:7], one_bench.schema(), *messages[7:13], new, *messages[13:]])
    assert (run.code, one_bench.reported) == (one_bench.adapter.ok, []), run.stderr
    assert one_bench.findings(records, run) == Findings()


def test_a_stream_that_nobody_knows_fails_the_run(one_bench: Bench) -> None:
    foreign = {**one_bench.schema(), "stream": "nobody_knows_this_stream"}
    run = one_bench.run([foreign, {"type": "RECORD", "stream": foreign["stream"], "record": {}}])
    assert run.code == one_bench.adapter.failed
    assert "nobody_knows_this_stream" in run.stderr
    assert (run.states, one_bench.server.writes) == ([], 0)


def test_a_record_before_its_schema_fails_the_run(one_bench: Bench) -> None:
    (record,) = one_bench.records(1)
    run = one_bench.run([one_bench.record(record), one_bench.schema(), one_bench.state(1)])
    assert run.code == one_bench.adapter.failed
    assert (run.states, one_bench.server.writes) == ([], 0)


def test_a_broken_line_is_named_and_what_came_before_is_settled(one_bench: Bench) -> None:
    records = one_bench.records(20)
    lines: list[t.Any] = one_bench.messages(records)
    lines.insert(25, '{"type": "RECORD", "stream": ')
    run = one_bench.run(lines)
    assert run.code == one_bench.adapter.failed
    assert re.search(r"\b26\b", run.stderr), "the number of the broken line"
    assert one_bench.position(run.state) == 12
    assert one_bench.findings(records[:12], run) == Findings()


def test_a_slow_input_is_written_while_it_comes(one_bench: Bench) -> None:
    records = one_bench.records(8)
    run = one_bench.run(one_bench.messages(records), pause=0.25)
    assert run.code == one_bench.adapter.ok, run.stderr
    assert one_bench.findings(records, run) == Findings()
    assert [at for at, _ in run.states if at < run.input_ended], "no STATE before the input's end"
