"""What the input has of one sink's records, in memory that does not grow with it."""

from __future__ import annotations

import hashlib
import re
import typing as t

from erp_vendors.remembered import Remembered

_ABSENT, _LIVE, _TOMBSTONE, _DELETED = range(4)
"""What the input has said last of a name."""
_DECIMAL = re.compile(r"[+-]?\d+\.\d+")


class Presence:
    """The names of a sink's records in the input, as `name=value`.

    Names are kept as hashes in a temporary file. Two that share a hash count as one, so a record
    may wrongly count as present, which deletes nothing; it never wrongly counts as gone.

    Attributes:
        live: Some record was there that is no tombstone.
        feeds: Streams of the input that write to the sink, and whether each was declared complete.
        announced: Those of them that had a SCHEMA message.
        filled: Those of them that have shown a record which is no tombstone.
        complete_at: Number of records in the input when the last of them was declared complete.
        last_at: Number of the sink's last record in the input.
        missed: Columns of the keys of records that did not get through.
        unlike: Columns of the keys of a record that did not get through and that may be one of
            those to be deleted, because it has no column of a key in common with it.
    """

    def __init__(self) -> None:
        self._names = Remembered()
        self.live = False
        self.feeds: dict[str, bool] = {}
        self.announced: set[str] = set()
        self.filled: set[str] = set()
        self.complete_at = 0
        self.last_at = 0
        self.missed: set[frozenset[str]] = set()
        self.unlike: frozenset[str] = frozenset()

    def note(self, names: t.Iterable[str], *, tombstone: bool) -> None:
        """Note that the input has a record.

        Args:
            names: All names that it carries.
            tombstone: The record says that its source has deleted it.
        """
        for code in map(_code, names):
            if not tombstone:
                self._names.put(code, _LIVE)
                self.live = True
            elif code not in self._names:
                self._names.put(code, _TOMBSTONE)

    def has(self, names: t.Iterable[str]) -> bool:
        """Whether the input has a record under any of some names.

        Args:
            names: All names that a record is known by.
        """
        return any(_code(name) in self._names for name in names)

    def bury(self, names: t.Iterable[str], *, deleted_before: t.Callable[[], bool]) -> bool:
        """Note that a tombstone takes effect.

        Args:
            names: All names that the tombstone carries.
            deleted_before: Whether an earlier run has deleted the record; not asked if the input
                itself tells.

        Returns:
            Whether there is something to delete.
        """
        codes = [_code(name) for name in names]
        said = {self._names.get(code) or _ABSENT for code in codes}
        for code in codes:
            self._names.put(code, _DELETED)
        if _LIVE in said:
            return True
        return _DELETED not in said and not deleted_before()


def _code(name: str) -> bytes:
    """A hash of a name.

    Vendors may compare keys without regard to case and to blanks around them, may take text for a
    number (pentamic.md 4.3: tax codes lose their zeros), and 1 and 1.0 are one number; so what
    differs only in these counts as one.
    """
    column, _, value = name.partition("=")
    value = value.strip().casefold().replace("\0", "\\0")  # as the ledger stores it
    if _DECIMAL.fullmatch(value):
        value = value.rstrip("0").rstrip(".")
    if value.isdecimal():
        value = value.lstrip("0") or "0"
    text = f"{column}={value}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16).digest()
