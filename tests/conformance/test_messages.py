"""The Singer messages themselves: none, too many, in the wrong place, or broken."""

from __future__ import annotations

import json
import re
import socket
import typing as t

import pytest

from .findings import Findings

if t.TYPE_CHECKING:
    import pathlib

    from .running import Bench, Run


DEEP = 5_000
"""Levels of lists in each other."""

# @stream is the input's stream, @key the record's key, @record the members of a record.
BROKEN = {
    "no object": "[1]",
    "an unknown type": '{"type": "RECORDS", "stream": "@stream", "record": {@record}}',
    "a record that is null": '{"type": "RECORD", "stream": "@stream", "record": null}',
    "a record that is a list": '{"type": "RECORD", "stream": "@stream", "record": [1]}',
    "no record": '{"type": "RECORD", "stream": "@stream"}',
    "a record that is too deep": (
        '{"type": "RECORD", "stream": "@stream", "record": {@record, "deep": '
        f"{'[' * DEEP}{']' * DEEP}}}}}"
    ),
    "a number without end": (
        '{"type": "RECORD", "stream": "@stream", "record": '
        '{@record, "@number": 1e9999999999999999999}}'
    ),
    "no stream": '{"type": "RECORD", "record": {@record}}',
    "a schema that is null": '{"type": "SCHEMA", "stream": "@stream", "schema": null}',
    "a schema that is a list": '{"type": "SCHEMA", "stream": "@stream", "schema": []}',
    "key properties that are no names": (
        '{"type": "SCHEMA", "stream": "@stream", "schema": {"properties": {}}, '
        '"key_properties": [["@key"]]}'
    ),
    "a state without a value": '{"type": "STATE"}',
}
"""Lines that cannot be understood."""
ANNOTATED = (
    ("date-time", "2024-01-01T10:15:00"),
    ("time", "10:15:00"),
    ("email", "nobody"),
    ("uuid", "7"),
    ("a word of the tap's own", "-"),
)
"""Formats, and values that a tap sends under them."""


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


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_ends_the_run_behind_what_came_before(one_bench: Bench, line: str) -> None:
    adapter, (*records, last) = one_bench.adapter, one_bench.records(8)
    names = {"@stream": adapter.stream, "@key": adapter.key, "@number": adapter.number}
    for name, value in {**names, "@record": json.dumps(last)[1:-1]}.items():
        line = line.replace(name, value)
    lines: list[t.Any] = [
        *one_bench.messages(records),
        line,
        one_bench.record(last),
        one_bench.state(8),
    ]
    run = one_bench.run(lines)
    _is_failure(one_bench, run, str(len(lines) - 2))
    assert one_bench.position(run.state) == len(records)
    assert one_bench.findings(records, run) == Findings()


def test_a_batch_of_files_is_refused_and_no_file_is_read(
    one_bench: Bench, tmp_path: pathlib.Path
) -> None:
    if one_bench.adapter.batches:
        pytest.skip("this target reads BATCH messages")
    *records, last = one_bench.records(8)
    file = tmp_path / "batch.jsonl"
    file.write_text(json.dumps(last) + "\n")
    batch = {
        "type": "BATCH",
        "stream": one_bench.adapter.stream,
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [file.as_uri()],
    }
    run = one_bench.run([*one_bench.messages(records), batch, one_bench.state(8)])
    _is_failure(one_bench, run, "batch_config")
    assert one_bench.position(run.state) == len(records)
    assert one_bench.findings(records, run) == Findings()
    assert file.exists()


def _is_failure(bench: Bench, run: Run, word: str) -> None:
    """The run has failed, and one line says why, with a certain word."""
    assert run.code == bench.adapter.failed, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    *_, why = run.stderr.strip().splitlines()
    assert re.search(rf"\b{word}\b", why), run.stderr


def test_a_record_without_its_key_is_reported_and_holds_up_no_other(bench: Bench) -> None:
    records = bench.records(6)
    without = {name: value for name, value in records[3].items() if name != bench.adapter.key}
    records.pop(3)
    messages = bench.messages(records)
    run = bench.run([*messages[:7], bench.record(without), *messages[7:]])
    assert run.code == bench.adapter.rejected, run.stderr
    assert len(bench.reported) == 1
    assert bench.findings(records, run) == Findings()
    assert bench.position(run.state) == len(records)


def test_a_schema_may_come_with_another_key(bench: Bench) -> None:
    """What came under the first one is one record with what comes under the second."""
    spare = bench.adapter.spare
    records = [{**record, spare: f"S-{n}"} for n, record in enumerate(bench.records(6))]
    other = {**bench.schema(), "key_properties": [spare]}
    messages = bench.messages(records)
    run = bench.run([*messages, other, *messages[1:]])
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()
    bench.server.reset(keep=True)
    run = bench.run([messages[0], *messages[1:], other, *messages[1:]])
    assert (run.code, bench.server.writes) == (bench.adapter.ok, 0), run.stderr


def test_annotations_of_a_schema_refuse_nothing(bench: Bench) -> None:
    records = bench.records(len(ANNOTATED))
    messages: list[t.Any] = []
    for record, (format_, value) in zip(records, ANNOTATED, strict=True):
        record[bench.adapter.text] = value
        said = {"type": ["string", "null"], "format": format_, "contentEncoding": "base64"}
        messages += [bench.schema(**{bench.adapter.text: said}), bench.record(record)]
    run = bench.run(messages)
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


def test_nothing_that_a_schema_refers_to_is_fetched(
    one_bench: Bench, tmp_path: pathlib.Path
) -> None:
    adapter = one_bench.adapter
    records = one_bench.records(4, **{adapter.spare: "no integer"})
    file = tmp_path / "schema.json"
    file.write_text('{"type": "integer"}')
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.settimeout(0.01)
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/s.json"
        schema = one_bench.schema(
            **{adapter.text: {"$ref": url}, adapter.spare: {"$ref": file.as_uri()}}
        )
        run = one_bench.run([schema, *map(one_bench.record, records)])
        assert (run.code, one_bench.reported) == (adapter.ok, []), run.stderr
        with pytest.raises(TimeoutError):
            nobody.accept()
    assert one_bench.findings(records, run) == Findings()


def test_a_slow_input_is_written_while_it_comes(one_bench: Bench) -> None:
    records = one_bench.records(8)
    run = one_bench.run(one_bench.messages(records), pause=0.25)
    assert run.code == one_bench.adapter.ok, run.stderr
    assert one_bench.findings(records, run) == Findings()
    assert [at for at, _ in run.states if at < run.input_ended], "no STATE before the input's end"
