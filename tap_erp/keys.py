"""Whether a stream's key is unique in what was read, and which column could be its key instead."""

from __future__ import annotations

import json
import typing as t

from erp_vendors.remembered import Remembered

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

_TRIED = 200
"""Records in which every column is looked at; from then on, only the likeliest ones."""
ENOUGH = 20
"""Records that must have been compared before a column is named: of few, many are unique."""
_LIKELY = 2
"""Columns that are looked at in all records."""
_HINTS = ("id", "key", "num", "sku", "code", "no")
"""What names of keys end with."""

OTHER_KEY = (
    "A table that a loader has made keeps its old key, so drop it (or move it away) then, and read "
    "the stream once with --full-refresh"
)
"""What a change of keys takes (docs/warehouses.md, Keys that change)."""


class KeyWatch:
    """The keys of the records of one stream, in bounded memory (`Remembered`).

    Attributes:
        repeats: Records with the key of an earlier record.
        records: Records that were looked at.
        compared: Those of them in which columns were looked at: all without a key; otherwise the
            first ones, and whole batches from the first repeat on.
        candidates: Columns that were unique so far, with their values; None before any record.
    """

    def __init__(self, is_newer: t.Callable[[Record], bool]) -> None:
        """Begin to watch.

        Args:
            is_newer: Whether a record with a known key may be the same one, changed meanwhile.
        """
        self.repeats = self.records = self.compared = 0
        self._is_newer = is_newer
        self._seen = Remembered()
        self.candidates: dict[str, Remembered] | None = None

    def note(self, records: t.Sequence[Record], keys: t.Sequence[str]) -> None:
        """Look at records that are about to be emitted.

        Args:
            records: The records.
            keys: The stream's key; empty if it has none.
        """
        if keys:
            marks = [_mark(record, keys) for record in records]
            unmet = self._seen.unmet(marks)
            if not all(unmet) or len({*marks}) < len(marks):
                self._count(records, marks, unmet)
            self._seen.update(dict.fromkeys(marks, 0))
        # For speed, 8 of 12 microseconds a record: behind a key that holds, columns are not looked
        # at in all records. This may go when `Remembered` costs as little.
        if not keys or self.repeats or self.records < _TRIED:
            for record in records:
                self._try_columns(record, keys)
                self.compared += 1
        self.records += len(records)

    def _count(self, records: t.Sequence[Record], marks: list[str], unmet: list[bool]) -> None:
        here: set[str] = set()
        for record, mark, new in zip(records, marks, unmet, strict=True):
            if (not new or mark in here) and not self._is_newer(record):
                self.repeats += 1
            here.add(mark)

    @property
    def unique(self) -> str | None:
        """The likeliest column that every record compared had, each with another value."""
        enough = self.compared >= ENOUGH
        return min(self.candidates or (), key=_likelihood, default=None) if enough else None

    def _try_columns(self, record: Record, keys: t.Sequence[str]) -> None:
        if self.candidates is None:
            own = keys if len(keys) == 1 else ()
            # Most have repeats soon, and few records are kept of those that have not.
            self.candidates = {name: Remembered() for name in record if name not in own}
        elif self.compared == _TRIED:
            likely = sorted(self.candidates, key=_likelihood)[:_LIKELY]
            self.candidates = {name: self.candidates[name] for name in likely}
        for name, values in list(self.candidates.items()):
            value = record.get(name)
            usable = isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
            mark = value if value.__class__ is str else repr(value)
            if not usable or mark in values:
                del self.candidates[name]
            else:
                values.put(mark)


class Keyless(t.NamedTuple):
    """A stream that was read without a key.

    Attributes:
        vendor: Its vendor block.
        setting: The list of the block in which its key can be named.
        name: Its name in that list.
        unique: A column that was unique in what was read; None for none, or of too few records.
    """

    vendor: str
    setting: str
    name: str
    unique: str | None


def snippet(streams: t.Iterable[Keyless]) -> str:
    """The settings that give streams a key, as JSON and so YAML; `...` where none is known."""
    blocks: dict[str, dict[str, list[t.Any]]] = {}
    for stream in streams:
        entry = {"name": stream.name, "primary_keys": [stream.unique or "..."]}
        blocks.setdefault(stream.vendor, {}).setdefault(stream.setting, []).append(entry)
    return json.dumps(blocks, ensure_ascii=False)


def _mark(record: Record, keys: t.Sequence[str]) -> str:
    if len(keys) == 1:
        value = record.get(keys[0])
        return value if value.__class__ is str else repr(value)
    return repr([record.get(key) for key in keys])


def _likelihood(name: str) -> int:
    """The likelier a column is a key, the smaller."""
    return 0 if name.casefold().endswith(_HINTS) else 1
