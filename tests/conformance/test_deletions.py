"""ACTIVATE_VERSION: what the input does not have any more is deleted, and nothing else.

These tests are for targets that can delete.
"""

from __future__ import annotations

import typing as t

import pytest

from .book import POISON

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench, Run


def begin(bench: Bench) -> list[Row]:
    """Write some records with a target that deletes."""
    if not bench.adapter.deletes:
        pytest.skip("this target deletes nothing here")
    bench.adapter.let_delete()
    records = bench.records(8)
    run = version(bench, records, 1)
    assert run.code == bench.adapter.ok, run.stderr
    return records


def version(bench: Bench, records: list[Row], number: int, schema: Row | None = None) -> Run:
    """A run of the target with one version of the stream."""
    messages = [
        {**message, "version": number} if message["type"] == "RECORD" else message
        for message in bench.messages(records)
    ]
    messages[0] = schema or messages[0]
    return bench.run([*messages, bench.activate_version(number)])


def keys(bench: Bench, records: list[Row]) -> list[str]:
    return sorted(str(record[bench.adapter.key]) for record in records)


def test_records_that_are_gone_are_deleted(bench: Bench) -> None:
    records = begin(bench)
    run = version(bench, records[:6], 2)
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.server.keys == keys(bench, records[:6])


@pytest.mark.parametrize("refused_by", ["the API", "its schema"])
def test_a_refused_record_is_not_gone(bench: Bench, refused_by: str) -> None:
    adapter, records = bench.adapter, begin(bench)
    schema = bench.schema(**{adapter.text: {"type": ["string", "null"]}})
    bad: t.Any = POISON if refused_by == "the API" else ["no text"]
    second = [*records[:3], {**records[3], adapter.text: bad}, *records[4:6]]
    run = version(bench, second, 2, schema)
    assert run.code == adapter.rejected, run.stderr
    assert bench.reported == keys(bench, records[3:4])
    gone = set(keys(bench, records)) - set(bench.server.keys)
    assert gone == set(keys(bench, records[6:])), run.stderr


def test_an_input_that_fails_deletes_nothing(bench: Bench) -> None:
    records = begin(bench)
    messages = bench.messages(records[:6])
    run = bench.run([*messages, '{"type": "RECORD"', bench.activate_version(2)])
    assert run.code == bench.adapter.failed, run.stderr
    assert bench.server.keys == keys(bench, records)
