"""What a run has met, however much that is, in memory that does not grow with it."""

from __future__ import annotations

import array
import collections
import os
import sys
import tempfile
import typing as t
import weakref

RECENT = 8_192
"""Keys that are kept in memory; then they move to a temporary file, all at once."""
_SHELVES = 512
_SHELF_SHIFT = 55
"""What is left of a 64-bit hash says on which shelf it lies."""
_SHELF_BYTES = 1 << 24
"""Room for each shelf in the file, which is sparse: only what is written takes space."""
_FILTER_BITS = 1 << 24
_SECOND = 24
"""Bits of a hash by which the second place in the filter is found."""
_HALF = 8
_WIDTH = 2 * _HALF
_ALL = (1 << 64) - 1


class Remembered:
    """A dictionary from texts to numbers, out of which nothing is ever taken.

    A row that was emitted must be recognised until the run ends. A million fingerprints take 100 MB
    as a set; here the older ones lie in a file without a name, which vanishes with the process.
    Texts are kept as 64-bit hashes there, so that two of them never meet in practice. Nearly all
    questions are about what was never met, and those are answered by a filter in memory.
    """

    def __init__(self, recent: int = RECENT) -> None:
        """Make an empty one.

        Args:
            recent: Texts that are kept in memory.
        """
        self._limit = recent
        self._recent: dict[str | bytes, int] = {}
        self._file: int | None = None
        self._filter = bytearray()
        self._lengths = [0] * _SHELVES

    def __contains__(self, key: str | bytes) -> bool:
        return key in self._recent or (self._file is not None and self._find(key) is not None)

    def get(self, key: str | bytes) -> int | None:
        """The number of a text; None if it was never met.

        Args:
            key: The text.
        """
        if key in self._recent:
            return self._recent[key]
        return None if self._file is None else self._find(key)

    def unmet(self, keys: t.Iterable[str | bytes]) -> list[bool]:
        """For each of some texts, whether it was never met.

        Args:
            keys: The texts.
        """
        recent, bits = self._recent, self._filter
        if self._file is None:
            return [key not in recent for key in keys]
        # The filter's first place tells nearly all of them; calling `_find` costs more than that.
        return [
            key not in recent
            and (
                not bits[(place := hash(key) % _FILTER_BITS) >> 3] >> (place & 7) & 1
                or self._find(key) is None
            )
            for key in keys
        ]

    def put(self, key: str | bytes, number: int = 0) -> None:
        """Remember a text, or another number for it.

        Args:
            key: The text.
            number: 0 to 2**64 - 1.
        """
        self._recent[key] = number
        if len(self._recent) >= self._limit:
            self._put_away()

    def update(self, numbers: t.Mapping[t.Any, int]) -> None:
        """Remember texts.

        Args:
            numbers: Number by text, as for `put`.
        """
        self._recent.update(numbers)
        if len(self._recent) >= self._limit:
            self._put_away()

    def _find(self, key: str | bytes) -> int | None:
        code = hash(key) & _ALL
        place = code % _FILTER_BITS
        if not self._filter[place >> 3] >> (place & 7) & 1:
            return None
        place = (code >> _SECOND) % _FILTER_BITS
        if not self._filter[place >> 3] >> (place & 7) & 1:
            return None
        shelf, file = code >> _SHELF_SHIFT, t.cast("int", self._file)
        stored = os.pread(file, self._lengths[shelf] * _WIDTH, shelf * _SHELF_BYTES)
        wanted, end = code.to_bytes(_HALF, sys.byteorder), len(stored)
        while (place := stored.rfind(wanted, 0, end)) >= 0:  # the last one counts
            if place % _WIDTH == 0:
                return int.from_bytes(stored[place + _HALF : place + _WIDTH], sys.byteorder)
            end = place + _HALF - 1
        return None

    def _put_away(self) -> None:
        if self._file is None:
            file = tempfile.TemporaryFile(prefix="erp-singer-")  # noqa: SIM115 - as below
            weakref.finalize(self, file.close).atexit = False
            self._file = file.fileno()
            self._filter = bytearray(_FILTER_BITS // 8)
        bits, shelves = self._filter, collections.defaultdict[int, list[int]](list)
        for key, number in self._recent.items():
            code = hash(key) & _ALL
            first, second = code % _FILTER_BITS, (code >> _SECOND) % _FILTER_BITS
            bits[first >> 3] |= 1 << (first & 7)
            bits[second >> 3] |= 1 << (second & 7)
            shelves[code >> _SHELF_SHIFT] += (code, number)
        for shelf, pairs in shelves.items():
            self._write(shelf, array.array("Q", pairs).tobytes())
        self._recent = {}

    def _write(self, shelf: int, pairs: bytes) -> None:
        place = self._lengths[shelf] * _WIDTH
        file = t.cast("int", self._file)
        fits = place + len(pairs) <= _SHELF_BYTES
        if not fits or os.pwrite(file, pairs, shelf * _SHELF_BYTES + place) < len(pairs):
            msg = f"no room in {tempfile.gettempdir()} for what this run has read"
            raise OSError(msg)
        self._lengths[shelf] += len(pairs) // _WIDTH
