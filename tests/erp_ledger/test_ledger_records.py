"""What the ledger's lines say of a record, by which names it is found, and what runs learn."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_ledger import Ledger, LedgerRecord, RecordStatus, open_ledger
from tests.support.scale import full

if t.TYPE_CHECKING:
    import pathlib

VERSIONS = (b"a", b"b")
STEPS = st.lists(
    st.tuples(st.sampled_from(VERSIONS), st.sampled_from(list(RecordStatus)), st.booleans()),
    max_size=12,
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Ledger]:
    folder: pathlib.Path = tmp_path_factory.mktemp("book")
    with contextlib.closing(open_ledger(str(folder / "ledger.sqlite"))) as ledger:
        yield ledger


def note(ledger: Ledger, stream: str, key: str, step: tuple[bytes, RecordStatus, bool]) -> None:
    digest, status, unsure = step
    ledger.write("acc", stream, [LedgerRecord(key, digest, status, unsure=unsure)])


@pytest.mark.slow
@settings(max_examples=full(40, 200), deadline=None)
@given(steps=STEPS)
def test_no_version_stands_as_held_that_may_have_been_replaced(
    book: Ledger, steps: list[tuple[bytes, RecordStatus, bool]]
) -> None:
    """Against a model that keeps every version that the vendor may have."""
    key = f"k={len(book.find('s'))}"
    may_have: set[bytes | None] = {None}  # None: it has none
    for step in steps:
        note(book, "s", key, step)
        digest, status, unsure = step
        if status is RecordStatus.ACCEPTED:
            may_have = {digest}
        elif status is RecordStatus.DELETED:
            may_have = {None}
        elif unsure or status in {RecordStatus.INTENT, RecordStatus.UNKNOWN}:
            may_have.add(digest)
        known = book.look_many("acc", "s", [key])[key]
        claimed = known.digest if status is RecordStatus.ACCEPTED else known.held
        if claimed:
            assert may_have == {claimed}
        # Whatever the vendor had before a doubtful attempt, it has something afterwards.
        if None not in may_have:
            assert known.is_there


def test_a_write_that_may_have_been_executed_leaves_the_held_version_open(ledger: Ledger) -> None:
    steps: list[tuple[RecordStatus, bool, bytes | None]] = [
        (RecordStatus.INTENT, False, b""),
        (RecordStatus.UNKNOWN, False, b""),
        (RecordStatus.REFUSED, True, b""),
        (RecordStatus.WAITING, True, b""),
        (RecordStatus.REFUSED, False, b"v1"),
        (RecordStatus.ACCEPTED, True, None),
        (RecordStatus.DELETED, True, None),
    ]
    for number, (status, unsure, held) in enumerate(steps):
        key = f"k={number}"
        note(ledger, "s", key, (b"v1", RecordStatus.ACCEPTED, False))
        note(ledger, "s", key, (b"v2", status, unsure))
        known = ledger.look_many("acc", "s", [key])[key]
        assert (known.held, known.is_there) == (held, status is not RecordStatus.DELETED)
        if held == b"":
            note(ledger, "s", key, (b"v2", RecordStatus.REFUSED, False))
            assert ledger.look_many("acc", "s", [key])[key].held == b""


def test_a_record_is_found_by_each_of_its_names(setting: str) -> None:
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.aliased("acc", "s", ["id=1"]) == {}
        ledger.write(
            "acc",
            "s",
            [LedgerRecord("tax=A", b"d", RecordStatus.REFUSED, aliases=("id=1", "tax=A"))],
        )
        ledger.write("acc", "s", [LedgerRecord("tax=A", b"d", RecordStatus.ACCEPTED)])
        assert ledger.aliased("acc", "s", ["id=1", "id=2", "tax=A"]) == {"id=1": "tax=A"}
        assert ledger.aliased("acc", "other", ["id=1"]) == {}
        assert ledger.aliased("other", "s", ["id=1"]) == {}
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.aliased("acc", "s", ["id=1"]) == {"id=1": "tax=A"}
        # The vendor gave the number to another record meanwhile.
        ledger.write(
            "acc",
            "s",
            [LedgerRecord("tax=B", b"d", RecordStatus.ACCEPTED, aliases=("id=1", "x=\0"))],
        )
        assert ledger.aliased("acc", "s", ["id=1", "x=\0"]) == {"id=1": "tax=B", "x=\0": "tax=B"}
        many = [f"n={n}" for n in range(2500)]
        ledger.write(
            "acc", "s", [LedgerRecord("tax=C", b"d", RecordStatus.ACCEPTED, aliases=tuple(many))]
        )
        assert ledger.aliased("acc", "s", many) == dict.fromkeys(many, "tax=C")


def test_all_that_the_vendor_has_from_us_is_told_with_its_names(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erp_ledger.aliases._AT_ONCE", 3)
    there = [
        LedgerRecord(
            f"k={n:02}", b"d", RecordStatus.ACCEPTED, f"V{n}", aliases=(f"a={n}", f"b={n}")
        )
        for n in range(8)
    ]
    bare = [
        LedgerRecord("k=90", b"d", RecordStatus.ACCEPTED),
        LedgerRecord("k=91", b"d", RecordStatus.ACCEPTED),
    ]
    gone = [
        LedgerRecord("k=92", b"d", RecordStatus.REFUSED),
        LedgerRecord("k=93", b"d", RecordStatus.DELETED),
    ]
    ledger.write("acc", "s", [*there, *bare, *gone])
    ledger.write("acc", "s", [LedgerRecord("k=91", b"e", RecordStatus.UNKNOWN)])
    found = list(ledger.names_of("acc", "s"))
    assert found == [
        *((f"k={n:02}", (f"a={n}", f"b={n}"), f"V{n}") for n in range(8)),
        ("k=90", (), None),
        ("k=91", (), None),
    ]
    assert list(ledger.names_of("acc", "other")) == []


def test_lines_that_change_while_they_are_told_are_told_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erp_ledger.aliases._AT_ONCE", 2)
    ledger.write(
        "acc", "s", [LedgerRecord(f"k={n}", b"d", RecordStatus.ACCEPTED) for n in range(9)]
    )
    told = []
    for key, _, _ in ledger.names_of("acc", "s"):
        told.append(key)
        ledger.write("acc", "s", [LedgerRecord(key, b"deleted", RecordStatus.DELETED)])
    assert told == [f"k={n}" for n in range(9)]
    assert list(ledger.names_of("acc", "s")) == []


def test_answers_are_learned_by_account_and_sink(setting: str) -> None:
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.learned("acc", "s") == []
        ledger.learn("acc", "s", '{"status":200}', "r1")
        ledger.learn("acc", "s", '{"status":200}', "r2")
        ledger.learn("acc", "s", '{"status":202}', "r2")
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert sorted(ledger.learned("acc", "s")) == ['{"status":200}', '{"status":202}']
        assert ledger.learned("acc", "t") == ledger.learned("other", "s") == []


def test_a_record_that_fails_counts_once_a_run_until_it_is_cleared(setting: str) -> None:
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.failing("acc", "s") == {}
        assert ledger.strike("acc", "s", ["k=1", "k=2", "k=1"], "r1") == {"k=1": 1, "k=2": 1}
        assert ledger.strike("acc", "s", ["k=1"], "r1") == {"k=1": 1}
        assert ledger.strike("acc", "s", [], "r2") == {}
    with contextlib.closing(open_ledger(setting)) as ledger:
        assert ledger.strike("acc", "s", ["k=1"], "r2") == {"k=1": 2}
        assert ledger.failing("acc", "s") == {"k=1": 2, "k=2": 1}
        assert ledger.failing("acc", "t") == {}
        assert ledger.cleared("acc", "none", ["k=1"]) == ledger.cleared("acc", "s", []) == []
        changes = ledger.receipt("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.ACCEPTED)])
        ledger.commit([*changes, *ledger.cleared("acc", "s", ["k=1", "k=3"])])
        assert ledger.failing("acc", "s") == {"k=2": 1}


def test_a_forgotten_record_counts_as_changed_and_stays_there(ledger: Ledger) -> None:
    for account in ("acc", "other"):
        ledger.write(
            account, "s", [LedgerRecord(f"k={n}", b"v1", RecordStatus.ACCEPTED) for n in range(4)]
        )
    ledger.write("acc", "s", [LedgerRecord("k=1", b"v2", RecordStatus.REFUSED)])
    ledger.write("acc", "s", [LedgerRecord("k=9", b"v2", RecordStatus.REFUSED)])
    ledger.write("acc", "t", [LedgerRecord("k=0", b"v1", RecordStatus.ACCEPTED)])
    assert ledger.forget("acc", "s", "k=0") == 1
    known = ledger.look_many("acc", "s", ["k=0", "k=2"])
    assert (known["k=0"].digest, known["k=0"].is_there, known["k=2"].digest) == (b"", True, b"v1")
    assert ledger.forget("", "s", "3") == 2
    assert ledger.forget("", "s") == 8
    known = ledger.look_many("acc", "s", ["k=0", "k=1", "k=9"])
    assert [(line.status, line.held, line.is_there) for line in known.values()] == [
        (RecordStatus.ACCEPTED, None, True),
        (RecordStatus.REFUSED, b"", True),
        (RecordStatus.REFUSED, None, False),
    ]
    assert ledger.look_many("acc", "t", ["k=0"])["k=0"].digest == b"v1"
    # The next version that is refused does not claim that the vendor has the forgotten one.
    for status in (RecordStatus.REFUSED, RecordStatus.UNKNOWN):
        ledger.write("acc", "s", [LedgerRecord("k=2", b"v3", status)])
        assert ledger.look_many("acc", "s", ["k=2"])["k=2"].held == b""
