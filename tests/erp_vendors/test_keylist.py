"""Keys come back as they were put in, each once, from memory or from the file."""

from __future__ import annotations

import concurrent.futures
import decimal
import errno
import gc
import os
import tracemalloc
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.keylist import Key, KeyList
from tests.support.files import temporary_files
from tests.support.scale import full

pytestmark = pytest.mark.slow

PARTS = (
    st.none()
    | st.integers(-3, 3)
    | st.integers(-(2**63), 2**63)
    | st.text('aé\0"\\\n', max_size=2)
    | st.sampled_from([decimal.Decimal("1.50"), decimal.Decimal("0.10")])
)
KEYS = st.lists(st.lists(PARTS, max_size=2).map(tuple), max_size=40)


@settings(max_examples=full(40, 200), deadline=None)
@given(KEYS, st.integers(1, 10))
def test_a_key_list_holds_different_keys_in_order(keys: list[Key], block: int) -> None:
    ours, plain = KeyList(keys, block=block), list(dict.fromkeys(keys))
    assert list(ours) == plain
    assert list(map(repr, ours)) == list(map(repr, plain)), "numbers and texts stay what they are"
    assert (len(ours), bool(ours)) == (len(plain), bool(plain))
    assert all(key in ours for key in plain)
    assert ("never",) not in ours


def test_threads_go_through_a_list_side_by_side() -> None:
    ours = KeyList(((number,) for number in range(1_000)), block=7)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: list(ours), range(8))
        assert all(keys == [(number,) for number in range(1_000)] for keys in found)


def test_memory_does_not_grow() -> None:
    ours, peaks = KeyList(block=500), t.cast("list[int]", [])
    tracemalloc.start()
    try:
        for number in range(60_000):
            ours.add((f"W{number:07}",))
            if number in {29_999, 59_999}:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
        assert sum(1 for _ in ours) == 60_000
        peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert max(peaks[1:]) < 1.1 * peaks[0]


def test_the_temporary_file_goes_with_its_owner() -> None:
    with temporary_files() as files:
        ours = KeyList([(1,)], block=1)
    assert [file.closed for file in files] == [False]
    del ours
    gc.collect()
    assert [file.closed for file in files] == [True]


@pytest.mark.parametrize("full", [False, True])
def test_a_full_disk_is_said(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else None
    monkeypatch.setattr(os, "pwrite", mock.Mock(side_effect=error, return_value=2))
    with pytest.raises(OSError, match="No space left" if full else "no room in /"):
        KeyList([(1,)], block=1)
