"""The keys by which the details of a list are asked for, in memory that does not grow with them."""

from __future__ import annotations

import collections.abc
import os
import tempfile
import typing as t
import weakref

from erp_vendors.http import codec
from erp_vendors.remembered import Remembered

Key = tuple[t.Any, ...]

_BLOCK = 4_096
"""Keys that are kept in memory; then they move to a temporary file, all at once."""


class KeyList(collections.abc.Collection[Key]):
    """Different keys in the order in which they came.

    A million keys take 130 MB as a list that was made from a dictionary. Here all but the last few
    lie in a file without a name, which vanishes with the process. Benchmark: `scale`. Once the list
    is filled, several threads may go through it at the same time.
    """

    def __init__(self, keys: t.Iterable[Key] = (), *, block: int = _BLOCK) -> None:
        """Make a list of keys.

        Args:
            keys: What it holds from the beginning.
            block: Keys that are kept in memory.
        """
        self._met = Remembered()
        self._block = block
        self._last: list[bytes] = []
        self._many = 0
        self._file: int | None = None
        self._ends = [0]
        for key in keys:
            self.add(key)

    def add(self, key: Key) -> None:
        """Put a key at the end, unless it is there.

        Args:
            key: Values that JSON has; numbers, texts and None come back as they are.

        Raises:
            OSError: If the disk is full.
        """
        text = codec.encode(key)
        if text in self._met:
            return
        self._met.put(text)
        self._last.append(text)
        self._many += 1
        if len(self._last) >= self._block:
            self._spill()

    def __len__(self) -> int:
        return self._many

    def __contains__(self, key: object) -> bool:
        return codec.encode(key) in self._met

    def __iter__(self) -> t.Iterator[Key]:
        for start, end in zip(self._ends, self._ends[1:], strict=False):
            yield from _keys(os.pread(t.cast("int", self._file), end - start, start))
        yield from _keys(_joined(self._last))

    def _spill(self) -> None:
        if self._file is None:
            file = tempfile.TemporaryFile(prefix="erp-singer-")  # noqa: SIM115 - the finalizer closes it
            weakref.finalize(self, file.close).atexit = False
            self._file = file.fileno()
        text, start = _joined(self._last), self._ends[-1]
        if os.pwrite(self._file, text, start) < len(text):
            msg = f"no room in {tempfile.gettempdir()} for the keys that this run has read"
            raise OSError(msg)
        self._ends.append(start + len(text))
        self._last = []


def _joined(texts: list[bytes]) -> bytes:
    return b"[" + b",".join(texts) + b"]"


def _keys(text: bytes) -> t.Iterator[Key]:
    return map(tuple, codec.decode(text))
