"""What was met is known, in memory or in the file, and nothing else is."""

from __future__ import annotations

import errno
import gc
import os
import tracemalloc
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors import remembered
from erp_vendors.remembered import Remembered
from tests.support.files import temporary_files
from tests.support.scale import full

pytestmark = pytest.mark.slow

KEYS = st.text("abc", max_size=3)
STEPS = st.lists(
    st.tuples(KEYS, st.one_of(st.none(), st.integers(0, 2**64 - 1))), min_size=20, max_size=80
)


@settings(max_examples=full(30, 200), deadline=None)
@given(STEPS, st.integers(1, 30))
def test_remembered_keys_behave_as_in_a_dictionary(
    steps: list[tuple[str, int | None]], recent: int
) -> None:
    ours, plain = Remembered(recent), t.cast("dict[str, int]", {})
    for key, number in steps:
        if number is None:
            assert (key in ours, ours.get(key)) == (key in plain, plain.get(key))
        else:
            ours.put(key, number)
            plain[key] = number
    assert all(ours.get(key) == number for key, number in plain.items())
    keys = [key for key, _ in steps]
    assert ours.unmet(keys) == [key not in plain for key in keys]


@given(STEPS)
def test_hashes_that_share_a_bucket_and_the_filter_are_told_apart(
    steps: list[tuple[str, int | None]],
) -> None:
    with mock.patch.object(remembered, "_FILTER_BITS", 8):  # answers "perhaps" to everything
        ours = Remembered(1)
        met = {key for key, number in steps if number is not None}
        ours.update({key: number for key, number in steps if number is not None})
        assert all((key in ours) == (key in met) for key, _ in steps)
        assert ours.unmet([key for key, _ in steps]) == [key not in met for key, _ in steps]


def test_a_number_that_looks_like_a_hash_is_none() -> None:
    ours = Remembered(1)
    bucket = (hash("a") & (2**64 - 1)) >> 55
    stranger = next(
        text
        for number in range(100_000)
        if (hash(text := f"x{number}") & (2**64 - 1)) >> 55 == bucket
    )
    ours.put("a", hash(stranger) & (2**64 - 1))
    with mock.patch.object(ours, "_filter", b"\xff" * (1 << 21)):
        assert stranger not in ours


def test_bytes_and_texts_are_keys() -> None:
    ours = Remembered(2)
    ours.update({b"a": 1, b"c": 3})
    ours.update({"b": 2})
    assert [ours.get(key) for key in (b"a", "b", b"c", "d")] == [1, 2, 3, None]


def test_memory_does_not_grow() -> None:
    ours = Remembered(1_000)
    peaks = []
    tracemalloc.start()
    try:
        for round_ in range(2):
            tracemalloc.reset_peak()
            for number in range(20_000):
                ours.put(f"{round_} {number}", number)
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert "0 5" in ours
    assert peaks[1] < 1.1 * peaks[0] < 1.1 * 4_000_000


def test_the_temporary_file_goes_with_its_owner() -> None:
    with temporary_files() as files:
        ours = Remembered(1)
        ours.put("a")
    assert [file.closed for file in files] == [False]
    del ours
    gc.collect()
    assert [file.closed for file in files] == [True]


@pytest.mark.parametrize("full", [False, True])
def test_a_full_disk_is_said(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else None
    monkeypatch.setattr(os, "pwrite", mock.Mock(side_effect=error, return_value=5))
    with pytest.raises(OSError, match="No space left" if full else "no room in /"):
        Remembered(1).put("a")
