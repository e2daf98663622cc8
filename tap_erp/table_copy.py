"""Whether a reading is a complete copy of the vendor's table, so that other rows are gone.

A row's version decides what a loader does with it at ACTIVATE_VERSION: rows of another one are
gone. So a complete reading goes out under a new version, which is activated behind the last record,
and later readings of changes alone carry that version without activating it.
"""

from __future__ import annotations

import logging
import time
import typing as t

from erp_vendors.stamps import from_iso, iso_now, to_iso

if t.TYPE_CHECKING:
    import decimal

VERSION = "version"
"""In a stream's state: the version that was activated last."""
COPIED = "copied_at"
"""In a stream's state: when the reading of that version began."""
FILLED = "filled"
"""In a stream's state: the lists that held something in the last complete copy."""
SOURCE = "source"
"""In a stream's state: where the last complete copy was read from, if there is a choice."""
COVERED = "entities"
"""In a stream's state: the lists that the last complete copy was made of, if there are several."""

_DAY = 86_400.0


def is_due(state: t.Mapping[str, t.Any], days: float | decimal.Decimal | None) -> bool:
    """Whether the rows are to be read in full again, to find out which ones are gone.

    Args:
        state: The stream's part of the state.
        days: Days from one complete copy to the next; 0 for each run, None for never.
    """
    if days is None:
        return False
    last = to_iso(state.get(COPIED))
    if not days or last is None:
        return True
    now = iso_now()
    # Not as a timedelta of days, which takes neither a Decimal nor more than 999,999,999.
    passed = (from_iso(now) - from_iso(last)).total_seconds()
    return last > now or passed >= float(days) * _DAY


class Objection(t.NamedTuple):
    """Why a copy does not count as complete.

    Attributes:
        level: Level at which it is logged.
        text: One line.
    """

    level: int
    text: str


class TableCopy:
    """What one reading has seen of the vendor's lists.

    Attributes:
        version: The version that its records carry, or None.
        wanted: It is to be a complete copy under a new version.
        doubts: Why it cannot count as complete, although nothing has failed.
        source: Where its rows come from, if there is a choice; else empty.
    """

    def __init__(self, state: t.Mapping[str, t.Any], *, wanted: bool) -> None:
        """Begin a reading.

        Args:
            state: The stream's part of the state.
            wanted: See `wanted`.
        """
        last = state.get(VERSION)
        known = last if isinstance(last, int) and not isinstance(last, bool) else None
        self.wanted = wanted
        self.version = max(int(time.time() * 1000), (known or 0) + 1) if wanted else known
        self.doubts: list[str] = []
        self.source = ""
        self._source_before = state.get(SOURCE)
        self._began = f"{iso_now()}Z" if wanted else ""
        self._before = _names(state, FILLED)
        self._covered = _names(state, COVERED)
        self._found: dict[str, bool] = {}
        self._may_be_empty: set[str] = set()
        self._is_several = False

    def note(self, name: str, *, filled: bool, may_be_empty: bool) -> None:
        """Note a list that was read, of several that make up the table.

        Args:
            name: The list.
            filled: It holds anything.
            may_be_empty: Nothing in it means that there is nothing.
        """
        self._found[name] = filled
        if may_be_empty:
            self._may_be_empty.add(name)

    def lost(self) -> list[str]:
        """The lists that an earlier copy had and this one has not: their records may be there."""
        return sorted(self._covered - set(self._found))

    def end(self, name: str, *, filled: bool, may_be_empty: bool) -> None:
        """Note the table itself, if it is made of one list."""
        self._is_several = bool(self._found)
        if not self._found:
            self.note(name, filled=filled, may_be_empty=may_be_empty)

    def emptied(self) -> list[str]:
        """The lists that are empty and were not before, which may mean a lost permission as well.

        Which lists held something stays in the state until they do again.
        """
        empty = [name for name, filled in self._found.items() if not filled]
        return [name for name in empty if name in self._before - self._may_be_empty]

    def objection(self) -> Objection | None:
        """Why this copy does not count as complete; None if nothing stands against it."""
        before = self._source_before
        if self.doubts:
            why = f"no deletion is concluded from this reading, because {self.doubts[0]}"
            return Objection(logging.INFO, why)
        if isinstance(before, str) and before != self.source:  # what only that one has looks gone
            why = (
                f"an earlier copy came from {before} and this one from {self.source}, so no "
                "deletion is concluded from it; if it is the same table, run this stream once with "
                "--full-refresh"
            )
            return Objection(logging.WARNING, why)
        if emptied := self.emptied():
            what = ", ".join(emptied) if self._is_several else "the list"
            why = (
                f"{what} is empty and was not before, which does not count as the "
                "deletion of everything, so no ACTIVATE_VERSION goes out; if it is true, set "
                "may_be_empty for it in `resources`"
            )
            return Objection(logging.WARNING, why)
        return None

    @property
    def says_nothing(self) -> bool:
        """Whether nothing was found, which does not mean that there is nothing."""
        return not any(self._found.values()) and not self._found.keys() <= self._may_be_empty

    def state(self) -> dict[str, t.Any]:
        """What the state keeps of a complete copy."""
        kept: dict[str, t.Any] = {VERSION: self.version, COPIED: self._began}
        kept[FILLED] = [name for name, filled in self._found.items() if filled]
        if self.source:
            kept[SOURCE] = self.source
        if self._is_several:
            kept[COVERED] = list(self._found)
        return kept


def _names(state: t.Mapping[str, t.Any], key: str) -> set[str]:
    kept = state.get(key)
    return {name for name in kept if isinstance(name, str)} if isinstance(kept, list) else set()
