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


@pytest.fixture
def deleting(bench: Bench) -> Bench:
    """A bench whose target deletes."""
    if not bench.adapter.deletes:
        pytest.skip("this target deletes nothing here")
    bench.adapter.let_delete()
    return bench


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


def test_what_is_gone_is_deleted(deleting: Bench) -> None:
    records = deleting.records(8)
    assert version(deleting, records, 1).code == deleting.adapter.ok
    run = version(deleting, records[:6], 2)
    assert (run.code, deleting.reported) == (deleting.adapter.ok, []), run.stderr
    assert deleting.server.keys == keys(deleting, records[:6])


@pytest.mark.parametrize("refused_by", ["the API", "its schema"])
def test_what_is_refused_is_not_gone(deleting: Bench, refused_by: str) -> None:
    adapter, records = deleting.adapter, deleting.records(8)
    assert version(deleting, records, 1).code == adapter.ok
    schema = deleting.schema(**{adapter.text: {"type": ["string", "null"]}})
    bad: t.Any = POISON if refused_by == "the API" else ["no text"]
    second = [*records[:3], {**records[3], adapter.text: bad}, *records[4:6]]
    run = version(deleting, second, 2, schema)
    assert run.code == adapter.rejected, run.stderr
    assert deleting.reported == keys(deleting, records[3:4])
    gone = set(keys(deleting, records)) - set(deleting.server.keys)
    assert gone == set(keys(deleting, records[6:])), run.stderr


def test_an_input_that_fails_deletes_nothing(deleting: Bench) -> None:
    records = deleting.records(8)
    assert version(deleting, records, 1).code == deleting.adapter.ok
    messages = deleting.messages(records[:6])
    run = deleting.run([*messages, '{"type": "RECORD"', deleting.activate_version(2)])
    assert run.code == deleting.adapter.failed, run.stderr
    assert deleting.server.keys == keys(deleting, records)
