"""Compares what was sent with what was committed."""

from __future__ import annotations

import collections
import dataclasses
import json
import typing as t

if t.TYPE_CHECKING:
    from .adapter import Adapter
    from .book import Commit, Row


@dataclasses.dataclass
class Findings:
    """What is wrong; nothing if all is empty.

    Attributes:
        lost: Keys whose newest version is neither committed nor reported.
        doubled: Keys that the vendor has twice.
        stale: Keys to which an older version was written after a newer one.
        altered: Keys of committed versions that differ from all that were sent.
        ahead: Positions of STATE values that passed a record before it was settled.
    """

    lost: list[str] = dataclasses.field(default_factory=list)
    doubled: list[str] = dataclasses.field(default_factory=list)
    stale: list[str] = dataclasses.field(default_factory=list)
    altered: list[str] = dataclasses.field(default_factory=list)
    ahead: list[int] = dataclasses.field(default_factory=list)


def find(
    adapter: Adapter,
    records: t.Sequence[Row],
    log: t.Sequence[Commit],
    states: t.Iterable[tuple[float, int]],
    reported: t.Collection[str],
) -> Findings:
    """Compare.

    Args:
        adapter: Tells keys, and what a record looks like when it is sent.
        records: All records of the input, in its order.
        log: All commits, in their order.
        states: STATE values: when each was seen, and how many records it had passed.
        reported: Keys that the target has reported as rejected or unknown.
    """
    history = _History(adapter, records)
    found = Findings()
    newest: dict[str, int] = {}
    for commit in log:
        known = history.versions[commit.key]
        same = [n for n, text in enumerate(known) if text == _text(commit.row)]
        place = next((n for n in same if n >= newest.get(commit.key, 0)), None)
        if place is not None:
            newest[commit.key] = place
            history.settle(commit.key, place, commit.at)
        else:
            (found.stale if same else found.altered).append(commit.key)
    found.doubled = sorted({commit.key for commit in log if commit.place})
    found.lost = [
        key
        for key, known in history.versions.items()
        if known and newest.get(key) != len(known) - 1 and key not in reported
    ]
    ready = history.ready(reported)
    found.ahead = [position for at, position in states if ready[position] > at]
    return found


class _History:
    """The versions of each record in the order of the input, and when they were settled."""

    def __init__(self, adapter: Adapter, records: t.Iterable[Row]) -> None:
        self.versions: dict[str, list[str]] = collections.defaultdict(list)
        self._input: list[tuple[str, int]] = []
        for record in records:
            key = str(record[adapter.key])
            known, text = self.versions[key], _text(adapter.sent(record))
            if text not in known[-1:]:
                known.append(text)
            self._input.append((key, len(known) - 1))
        self._settled = {key: [_NEVER] * len(known) for key, known in self.versions.items()}

    def settle(self, key: str, version: int, at: float) -> None:
        """A version is committed; the ones before it need not be any more."""
        times = self._settled[key]
        for n in range(version + 1):
            times[n] = min(times[n], at)

    def ready(self, reported: t.Collection[str]) -> list[float]:
        """When the records up to each position of the input were all settled."""
        times = [0.0]
        for key, version in self._input:
            at = 0.0 if key in reported else self._settled[key][version]
            times.append(max(times[-1], at))
        return times


_NEVER = float("inf")


def _text(row: Row) -> str:
    """A row without its nulls, which an API may take as absent."""
    given = {name: value for name, value in row.items() if value is not None}
    return json.dumps(given, sort_keys=True)
