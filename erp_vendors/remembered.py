"""Remembers the records that a run has met, in memory that does not grow with their number."""

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
_BUCKETS = 512
_BUCKET_SHIFT = 55
"""The bits of a 64-bit hash from this one on are the number of its bucket."""
_BUCKET_BYTES = 1 << 24
"""Bytes between the buckets in the file. It is sparse: only what is written takes space."""
_FILTER_BITS = 1 << 24
_SECOND = 24
"""The bits of a hash from this one on say which bit of the filter is its second one."""
_HALF = 8
_WIDTH = 2 * _HALF
"""Bytes of an entry: a hash and its number."""
_ALL = (1 << 64) - 1


class Remembered:
    """A dictionary from texts to numbers whose entries are never removed.

    A row that was emitted must be recognised until the run ends. A million fingerprints take 100 MB
    as a set; here the older ones lie in a file without a name, which vanishes with the process.
    The file holds 64-bit hashes instead of texts; that two texts have the same does not happen in
    practice. Nearly all questions are about texts that were never met, and a Bloom filter in memory
    answers those.

    For memory and speed: 16 bytes a record on the disk instead of about 100 in memory, and two
    microseconds; SQLite took four (decision 0007). Benchmark: `scale`. It may go when an embedded
    store does the same.
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
        self._lengths = [0] * _BUCKETS

    def __contains__(self, key: str | bytes) -> bool:
        return key in self._recent or (self._file is not None and self._find(key) is not None)

    def get(self, key: str | bytes) -> int | None:
        """The number of a text; None if it was never met."""
        if key in self._recent:
            return self._recent[key]
        return None if self._file is None else self._find(key)

    def unmet(self, keys: t.Iterable[str | bytes]) -> list[bool]:
        """For each of some texts, whether it was never met."""
        recent, bits = self._recent, self._filter
        if self._file is None:
            return [key not in recent for key in keys]
        # For speed: the filter's first bit answers nearly all without a call of `_find`. Benchmark:
        # `raw_tap`. It may go when a call costs next to nothing.
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
            self._spill()

    def update(self, numbers: t.Mapping[t.Any, int]) -> None:
        """Remember texts.

        Args:
            numbers: Number by text, as for `put`.
        """
        self._recent.update(numbers)
        if len(self._recent) >= self._limit:
            self._spill()

    def _find(self, key: str | bytes) -> int | None:
        code = hash(key) & _ALL
        place = code % _FILTER_BITS
        if not self._filter[place >> 3] >> (place & 7) & 1:
            return None
        place = (code >> _SECOND) % _FILTER_BITS
        if not self._filter[place >> 3] >> (place & 7) & 1:
            return None
        bucket, file = code >> _BUCKET_SHIFT, t.cast("int", self._file)
        stored = os.pread(file, self._lengths[bucket] * _WIDTH, bucket * _BUCKET_BYTES)
        wanted, end = code.to_bytes(_HALF, sys.byteorder), len(stored)
        while (place := stored.rfind(wanted, 0, end)) >= 0:  # the last one counts
            if place % _WIDTH == 0:
                return int.from_bytes(stored[place + _HALF : place + _WIDTH], sys.byteorder)
            end = place + _HALF - 1
        return None

    def _spill(self) -> None:
        if self._file is None:
            file = tempfile.TemporaryFile(prefix="erp-singer-")  # noqa: SIM115 - the finalizer closes it
            weakref.finalize(self, file.close).atexit = False
            self._file = file.fileno()
            self._filter = bytearray(_FILTER_BITS // 8)
        bits, buckets = self._filter, collections.defaultdict[int, list[int]](list)
        for key, number in self._recent.items():
            code = hash(key) & _ALL
            first, second = code % _FILTER_BITS, (code >> _SECOND) % _FILTER_BITS
            bits[first >> 3] |= 1 << (first & 7)
            bits[second >> 3] |= 1 << (second & 7)
            buckets[code >> _BUCKET_SHIFT] += (code, number)
        for bucket, pairs in buckets.items():
            self._write(bucket, array.array("Q", pairs).tobytes())
        self._recent = {}

    def _write(self, bucket: int, pairs: bytes) -> None:
        place = self._lengths[bucket] * _WIDTH
        file = t.cast("int", self._file)
        fits = place + len(pairs) <= _BUCKET_BYTES
        if not fits or os.pwrite(file, pairs, bucket * _BUCKET_BYTES + place) < len(pairs):
            msg = f"no room in {tempfile.gettempdir()} for what this run has read"
            raise OSError(msg)
        self._lengths[bucket] += len(pairs) // _WIDTH
