"""What the input has of a sink: never wrongly gone, and not in memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_erp.presence import Presence

pytestmark = pytest.mark.slow


def test_presence_keeps_millions_of_names_out_of_memory() -> None:
    presence = Presence()
    tracemalloc.start()
    for number in range(30_000):
        presence.note([f"id={number}", f"tax=T{number}"], tombstone=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * 2**20
    assert all(presence.has([f"id=x{n}", f"tax=T{n}"]) for n in range(0, 30_000, 997))
    assert not any(presence.has([f"id=x{n}"]) for n in range(1_000))


@given(st.sets(st.text(max_size=4)), st.sets(st.text(max_size=4)))
def test_a_noted_name_is_never_gone(names: set[str], others: set[str]) -> None:
    presence = Presence()
    presence.note({f"id={name}" for name in names}, tombstone=False)
    presence.note({f"id={name}" for name in others}, tombstone=True)
    for name in names | others:
        stored = name.replace("\0", "\\0")
        assert presence.has([f"id={stored}"])
        assert presence.has(["tax=unheard-of", f"id={name}"])


@pytest.mark.parametrize(
    ("noted", "asked"),
    [
        ("1", "1.0"),
        ("0106", "106"),
        ("00", "0"),
        ("1.50", "1.5"),
        ("A-7", "a-7"),
        (" x ", "x"),
        ("STRASSE", "straße"),
    ],
)
def test_keys_that_a_vendor_may_take_for_one_are_one(noted: str, asked: str) -> None:
    for one, other in ((noted, asked), (asked, noted)):
        presence = Presence()
        presence.note([f"id={one}"], tombstone=False)
        assert presence.has([f"id={other}"])
        assert not presence.has([f"tax={other}"])


@pytest.mark.parametrize("other", ["10", "1.05", "-1", "1 2", "x01"])
def test_other_keys_are_others(other: str) -> None:
    presence = Presence()
    presence.note(["id=1"], tombstone=False)
    assert not presence.has([f"id={other}"])
