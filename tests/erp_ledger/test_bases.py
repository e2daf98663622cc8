"""Bases: what a writer last knew of the fields of a record, as keyed hashes."""

from __future__ import annotations

import contextlib
import decimal
import sqlite3
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_ledger import Ledger, LedgerRecord, RecordStatus, open_ledger
from erp_ledger.field_hashes import MOST_FIELDS, FieldHashes, either, entries_of, same

if t.TYPE_CHECKING:
    import pathlib

HASHES = FieldHashes(b"a key of this ledger")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
ALIKE: list[tuple[t.Any, t.Any]] = [
    (decimal.Decimal("1.50"), "1.5"),
    (1, "1"),
    (decimal.Decimal("0.00"), 0),
    (True, "1"),
    (False, "false"),
    (None, ""),
    (None, "  "),
    ([], None),
    ([], ""),
    ("1.50", decimal.Decimal("1.5")),
    ("true", True),
    ([" a"], [" a"]),
    ({"a": 1, "b": None}, {"a": "1"}),
]
UNLIKE: list[tuple[t.Any, t.Any]] = [
    ("007", "7"),
    ("a", "A"),
    (0, None),
    (False, None),
    ("1e5", "100000"),
    ([1], ["2"]),
    ("2026-01-31", "2026-02-01"),
    (1, decimal.Decimal("1.01")),
    ("1.1", "1.10"),
    ("1", "true"),
    ("a  b", " a b "),
    ("A b", "A\nb"),
    ("5/4/2026", "2026-05-04"),
    (["1.1"], ["1.10"]),
    ({"a": "A b"}, {"a": "A  b"}),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_is_one_value(one: object, other: object) -> None:
    for was, now in ((one, other), (other, one)):
        assert same(was, now)
        assert HASHES.holds(HASHES.after(b"", {"n": was}), "n", now)


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_what_are_two_values(one: object, other: object) -> None:
    for was, now in ((one, other), (other, one)):
        assert not same(was, now)
        assert not HASHES.holds(HASHES.after(b"", {"n": was}), "n", now)


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), VALUES)
def test_a_base_holds_what_was_put_in_and_no_more(fields: dict[str, t.Any], new: t.Any) -> None:
    base = HASHES.after(b"", fields)
    for name, value in fields.items():
        assert HASHES.knows(base, name)
        assert HASHES.holds(base, name, value)
    assert not HASHES.knows(base, "another one")
    later = HASHES.after(base, {"another one": new})
    assert HASHES.holds(later, "another one", new)
    assert all(HASHES.holds(later, name, value) for name, value in fields.items())
    both = either(HASHES.after(b"", {"n": 1}), HASHES.after(b"", {"n": 2}))
    assert [HASHES.holds(both, "n", value) for value in (1, 2, 3)] == [True, True, False]


def test_a_base_has_no_contents_and_a_bounded_size() -> None:
    fields = {f"field {n}": "the secret of somebody" for n in range(2 * MOST_FIELDS)}
    base = HASHES.after(b"", fields)
    assert len(base) == 16 * MOST_FIELDS
    assert b"secret" not in base
    assert base != FieldHashes(b"the key of another ledger").after(b"", fields)
    for version in range(20):
        base = either(base, HASHES.after(b"", dict.fromkeys(fields, version)))
    assert len(entries_of(base)) <= 4 * MOST_FIELDS
    assert HASHES.holds(base, "field 1", 19), "the newest one stays"


def test_the_key_is_made_once(setting: str) -> None:
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.base_key(make=False) == b""
        key = ledger.base_key()
        assert len(key) == 32
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.base_key() == ledger.base_key(make=False) == key


def test_bases_of_an_older_form_are_dropped(tmp_path: pathlib.Path) -> None:
    """Up to version 6 a hash did not tell one spelling of a text from another."""
    path = tmp_path / "ledger.sqlite"
    with contextlib.closing(open_ledger(str(path))) as ledger:
        key = ledger.base_key()
        ledger.commit(ledger.based("acc", "s", {"k=1": b"old"}))
        assert ledger.has_bases("acc", "s")
        assert not ledger.has_bases("acc", "another sink")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE erp_ledger SET version = 6")
        connection.commit()
    with contextlib.closing(open_ledger(str(path))) as ledger:
        assert not ledger.has_bases("acc", "s")
        assert ledger.base_key() == key


def test_bases_are_kept_replaced_and_dropped(ledger: Ledger) -> None:
    assert ledger.bases("acc", "s", ["k=1"]) == {}
    ledger.commit(ledger.based("acc", "s", {"k=1": b"one", "k=2": b"two", "k=\0": b"zero"}))
    ledger.commit(ledger.based("acc", "s", {"k=1": b"new", "k=2": b""}))
    assert ledger.bases("acc", "s", ["k=1", "k=2", "k=\0"]) == {"k=1": b"new", "k=\0": b"zero"}
    assert ledger.bases("acc", "other", ["k=1"]) == {}
    assert ledger.bases("other", "s", ["k=1"]) == {}


def test_a_call_that_was_cut_off_leaves_both_bases(ledger: Ledger) -> None:
    before, after = HASHES.after(b"", {"n": 1}), HASHES.after(b"", {"n": 2})
    ledger.commit(ledger.based("acc", "s", {"k=1": before}))
    ledger.intend("acc", "s", "run", {"k=1": b"deleted", "k=2": b"d"}, bases={"k=1": after})
    ledger.recover("acc", "s")
    base = ledger.bases("acc", "s", ["k=1", "k=2"])
    assert base.keys() == {"k=1"}
    assert [HASHES.holds(base["k=1"], "n", value) for value in (1, 2, 3)] == [True, True, False]
    entry = ledger.look("acc", "s", "k=1")
    assert entry is not None
    assert (entry.status, entry.digest) == (RecordStatus.INTENT, b"deleted")


def test_a_receipt_takes_the_intent_away(ledger: Ledger) -> None:
    intent = ledger.intend("acc", "s", "run", {"k=1": b"d"}, bases={"k=1": b"0123456789abcdef"})
    ledger.write("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.ACCEPTED)], [intent])
    ledger.recover("acc", "s")
    assert ledger.bases("acc", "s", ["k=1"]) == {}
