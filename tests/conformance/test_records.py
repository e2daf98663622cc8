"""What stands in the records: twice the same, new versions, any text and number, poison."""

from __future__ import annotations

import decimal
import json
import random
import typing as t

import pytest

from .book import POISON
from .findings import Findings

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench


COUNT = 40
"""Records per test."""
SEED = 7
"""Of orders by chance."""

TEXTS = {
    "combining marks": "e\u0301 \u1112\u1161\u11ab",
    "composed": "\u00e9 \ud55c",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e8\U0001f1ed",
    "right to left": "\u202b\u05e9\u05dc\u05d5\u05dd\u202c \u0645\u0631\u062d\u0628\u0627",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\u0085\u2028\u2029\ufeff",
    "quotes": """'' " \\ ` ${x} {{x}} %s <b>&amp;</b> ]]> --""",
    "blanks": "  two before and after  ",
    "looks like a number": "007",
    "looks like a date": "2024-02-30T24:00:00+05:45",
    "looks like JSON": '{"a": [null, true, 1.0]}',
    "looks like null": "null",
    "outside of the basic plane": "\U00020000\U0010fffd",
    "long": "änd so ön… " * 20_000,
}
NUMBERS = (
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "1234567890123456789012345678901234567890",
    "1234567890123456789012345678901234567.123",
    "0.1234567890123456789012345678901234567890",
    "1e-30",
    "1E+30",
    "1.10",
    "100.0",
    "-0.0",
    "0.1",
    "1e400",
)


def test_the_same_record_twice_is_one_record(bench: Bench) -> None:
    records = [record for record in bench.records(COUNT) for _ in range(2)]
    records += bench.records(COUNT)
    run = bench.run(bench.messages(records, every=7))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()
    assert bench.position(run.state) == len(records)


def test_of_many_versions_the_last_one_stands(bench: Bench) -> None:
    """Keys in any order, between each other's versions; each key's versions in theirs."""
    if not bench.adapter.updates:
        pytest.skip("this API has no updates")
    keys = [number for number in range(12) for _ in range(5)]
    random.Random(SEED).shuffle(keys)  # noqa: S311 - no secret
    records = [
        {
            **bench.adapter.record(number),
            bench.adapter.text: f"version {keys[:place].count(number)}",
        }
        for place, number in enumerate(keys)
    ]
    run = bench.run(bench.messages(records, every=9))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


def test_a_new_version_where_nothing_can_be_changed_is_reported(bench: Bench) -> None:
    if bench.adapter.updates:
        pytest.skip("this API has updates")
    records = bench.records(5)
    changed = {**records[2], bench.adapter.text: "changed"}
    assert bench.run(bench.messages(records)).code == bench.adapter.ok
    run = bench.run(bench.messages([*records[:3], changed, *records[3:]]))
    assert run.code == bench.adapter.rejected, run.stderr
    assert bench.reported == [records[2][bench.adapter.key]]
    assert bench.findings(records) == Findings()


def test_the_same_input_again_writes_nothing_in_any_order(bench: Bench) -> None:
    records = bench.records(COUNT)
    assert bench.run(bench.messages(records)).code == bench.adapter.ok
    random.Random(SEED).shuffle(records)  # noqa: S311 - no secret
    bench.server.reset(keep=True)
    run = bench.run(bench.messages(records))
    assert run.code == bench.adapter.ok
    assert bench.server.writes == 0
    assert bench.position(run.state) == COUNT


def test_an_update_is_sent_alone(bench: Bench) -> None:
    if not bench.adapter.updates:
        pytest.skip("this API has no updates")
    records = bench.records(COUNT)
    assert bench.run(bench.messages(records)).code == bench.adapter.ok
    records[5] = {**records[5], bench.adapter.text: "changed"}
    bench.server.reset(keep=True)
    assert bench.run(bench.messages(records)).code == bench.adapter.ok
    assert bench.server.writes == 1
    newest = bench.server.log[-1]
    assert (newest.key, newest.place) == (records[5][bench.adapter.key], 0)
    assert newest.row[bench.adapter.text] == "changed"


def test_state_is_never_ahead(bench: Bench) -> None:
    bench.server.rule("delay", seconds=0.03, probability=0.3)
    records = bench.records(COUNT)
    run = bench.run(bench.messages(records), pause=0.01)
    assert run.code == bench.adapter.ok, run.stderr
    assert bench.findings(records, run) == Findings()
    positions = [bench.position(state) for _, state in run.states]
    assert positions == sorted(positions)
    assert positions[-1] == COUNT


@pytest.mark.parametrize("answers", ["arrive", "get lost", "are unclear"])
def test_poison_stands_alone(bench: Bench, answers: str) -> None:
    records = bench.records(COUNT)
    bad = (0, 2, 13, 14, 15, COUNT - 1)
    for number in bad:
        records[number][bench.adapter.text] = f"{POISON} {number}"
    if answers == "get lost":
        bench.server.rule("cut", after=True, probability=0.4, each=1)
    if answers == "are unclear":
        bench.server.rule("garbage", after=True, probability=0.4, each=1)
    run = bench.run(bench.messages(records))
    assert run.code == bench.adapter.rejected, run.stderr
    assert bench.reported == sorted(records[number][bench.adapter.key] for number in bad)
    assert bench.findings(records, run) == Findings()
    assert bench.position(run.state) == COUNT


def test_text_arrives_as_it_is(bench: Bench) -> None:
    records = bench.records(len(TEXTS))
    for record, text in zip(records, TEXTS.values(), strict=True):
        record[bench.adapter.text] = text
    run = bench.run(bench.messages(records))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records) == Findings()


def test_half_a_surrogate_pair_harms_no_other_record(bench: Bench) -> None:
    """It is legal JSON text but no character: it may be replaced or rejected, nothing worse."""
    records = bench.records(3)
    records[1][bench.adapter.text] = "half \ud83d of it"
    run = bench.run(bench.messages(records))
    rejected = bench.reported == [records[1][bench.adapter.key]]
    assert run.code == (bench.adapter.rejected if rejected else bench.adapter.ok), run.stderr
    assert bench.findings(records[::2]).lost == []
    texts = [c.row[bench.adapter.text] for c in bench.server.log if c.key == _key(bench, 1)]
    assert texts in ([], ["half \ufffd of it"], ["half \ud83d of it"])
    assert bool(texts) is not rejected


def test_numbers_keep_their_digits(bench: Bench) -> None:
    records = bench.records(len(NUMBERS), **{bench.adapter.number: "@"})
    lines = [
        json.dumps(bench.record(record)).replace('"@"', number)
        for record, number in zip(records, NUMBERS, strict=True)
    ]
    run = bench.run([bench.schema(), *lines])
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    found: dict[str, t.Any] = {}
    for body in bench.server.bodies:
        sent = json.loads(body, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
        for row in _rows(sent, bench.adapter.key):
            found[row[bench.adapter.key]] = row[bench.adapter.number]
    for record, number in zip(records, NUMBERS, strict=True):
        arrived = found[record[bench.adapter.key]]
        assert isinstance(arrived, decimal.Decimal), f"{number} arrived as {arrived!r}"
        assert arrived.as_tuple() == decimal.Decimal(number).as_tuple()


def test_null_and_absent_are_not_filled(bench: Bench) -> None:
    spare = bench.adapter.spare
    records = [
        bench.adapter.record(0),
        {**bench.adapter.record(1), spare: None},
        {**bench.adapter.record(2), spare: ""},
        {**bench.adapter.record(3), spare: "x"},
    ]
    assert spare not in records[0]
    run = bench.run(bench.messages(records))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    rows = {commit.key: commit.row for commit in bench.server.log}
    assert spare not in rows[_key(bench, 0)]
    assert rows[_key(bench, 1)].get(spare) is None
    assert [rows[_key(bench, n)].get(spare) for n in (2, 3)] == ["", "x"]


def _key(bench: Bench, number: int) -> str:
    return str(bench.adapter.record(number)[bench.adapter.key])


def _rows(value: t.Any, key: str) -> t.Iterator[Row]:
    """The objects with a key, wherever they are."""
    if isinstance(value, dict):
        if key in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _rows(item, key)
