"""Lost updates: what a person has changed at the vendor meanwhile is not overwritten unseen.

These tests are for targets that can be told so. What is kept from the target is reported.
"""

from __future__ import annotations

import typing as t

import pytest

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench

THEIRS, LATER = "by a person", "a later version"


def begin(bench: Bench) -> list[Row]:
    """Write some records with a target that refuses conflicts."""
    if not bench.adapter.conflicts:
        pytest.skip("this target overwrites what others have changed, or this API has no updates")
    bench.adapter.refuse_conflicts()
    records = bench.records(6)
    run = bench.run(bench.messages(records))
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    return records


def later(bench: Bench, records: list[Row], text: str = LATER) -> list[Row]:
    """The next version of some records."""
    return [{**record, bench.adapter.text: text} for record in records]


def texts(bench: Bench) -> list[t.Any]:
    """The text of each record at the vendor, in the order of the keys."""
    return [values for _, values in sorted(bench.values(bench.adapter.text).items())]


def test_what_a_person_has_changed_stands_run_after_run(bench: Bench) -> None:
    adapter, records = bench.adapter, begin(bench)
    keys = sorted(str(record[adapter.key]) for record in records)
    bench.server.edit(keys[1], **{adapter.text: THEIRS})
    expected = [[THEIRS if number == 1 else LATER] for number in range(len(records))]
    for _ in range(2):
        run = bench.run(bench.messages(later(bench, records)))
        assert run.code == adapter.rejected, run.stderr
        assert set(bench.reported) == {keys[1]}
        assert texts(bench) == expected


def test_a_conflict_ends_when_the_persons_value_is_taken_over(bench: Bench) -> None:
    adapter, records = bench.adapter, begin(bench)[:1]
    (key,) = (str(record[adapter.key]) for record in records)
    bench.server.edit(key, **{adapter.text: THEIRS})
    codes = [
        bench.run(bench.messages(later(bench, records, text))).code
        for text in (LATER, THEIRS, LATER)
    ]
    assert codes == [adapter.rejected, adapter.ok, adapter.ok]
    assert bench.values(adapter.text)[key] == [LATER]


def test_what_a_person_has_changed_beside_it_stays(bench: Bench) -> None:
    """The target knows nothing of that property; where an update replaces all, it sends it."""
    adapter, records = bench.adapter, begin(bench)
    (key, *_) = (str(record[adapter.key]) for record in records)
    bench.server.edit(key, **{adapter.spare: THEIRS})
    run = bench.run(bench.messages(later(bench, records)))
    assert (run.code, bench.reported) == (adapter.ok, []), run.stderr
    assert texts(bench) == [[LATER]] * len(records)
    assert bench.values(adapter.spare)[key] == [THEIRS]


def test_a_target_is_in_no_conflict_with_itself(bench: Bench) -> None:
    """Whether its answers arrive or get lost, and whatever is repeated."""
    adapter, records = bench.adapter, begin(bench)
    for number in range(2):
        bench.server.rule("cut", after=True, skip=number, times=2, each=1)
        run = bench.run(bench.messages(later(bench, records, f"version {number}")))
        assert (run.code, bench.reported) == (adapter.ok, []), run.stderr
        assert texts(bench) == [[f"version {number}"]] * len(records)
