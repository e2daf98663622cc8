"""Lines come out of a pipe whole, however it hands them over."""

from __future__ import annotations

import io
import sys
import types
import typing as t
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_erp import reader
from target_erp.reader import InputError, LineReader


class Pipe(io.RawIOBase):
    """Gives some bytes at a time."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = data
        self._sizes = iter(sizes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        size = min(next(self._sizes, len(self._data)), len(buffer))
        piece, self._data = self._data[:size], self._data[size:]
        buffer[: len(piece)] = piece
        return len(piece)


def values_of(data: bytes, sizes: list[int], piece: int) -> list[t.Any]:
    found: list[t.Any] = []
    stdin = types.SimpleNamespace(buffer=io.BufferedReader(Pipe(data, sizes), 16))
    with mock.patch.object(sys, "stdin", stdin), mock.patch.object(reader, "_PIECE", piece):
        LineReader().process_lines(None, {"STATE": lambda message: found.append(message["value"])})
    return found


@pytest.mark.slow
@given(
    st.lists(st.one_of(st.integers(), st.text(max_size=40)), max_size=20),
    st.lists(st.integers(1, 60), max_size=40),
    st.integers(1, 50),
    st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \n"]),
    st.booleans(),
)
def test_lines_are_whole(
    values: list[int | str],
    sizes: list[int],
    piece: int,
    end: bytes,
    ended: bool,  # noqa: FBT001
) -> None:
    encoder = reader.codec.encode
    data = end.join(encoder({"type": "STATE", "value": value}) for value in values)
    assert values_of(data + end * ended, sizes, piece) == values


def test_a_broken_line_is_counted_from_the_beginning() -> None:
    good = b'{"type":"STATE","value":1}\n'
    with pytest.raises(InputError, match="line 4 "):
        values_of(good + b"\n" + good + b"{", [5, 50], 7)
