"""Calls that were made ahead and were answered in the worst of orders, without threads."""

from __future__ import annotations

import random
import typing as t
from unittest import mock

from erp_vendors.http import window
from erp_vendors.http.budget import Limits

MANY = Limits(per_second=1000, in_flight=8)
"""Nothing keeps pages from being read side by side."""


class _Late(window.CallOutcome[t.Any, t.Any]):
    """An outcome that is settled when it is waited for, or together with others before that."""

    __slots__ = ("_crew",)

    def __init__(self, item: object, crew: _Scrambled) -> None:
        super().__init__(item)
        self._crew = crew

    def wait(self) -> None:
        self._crew.settle(self)
        super().wait()


class _Scrambled:
    """Makes the calls that wait in any order, some of them as soon as they are foreseen."""

    chance = random.Random(0)  # noqa: S311 - a test's

    def __init__(self, call: t.Callable[[t.Any], t.Any], most: int) -> None:
        self._call = call
        self._most = most
        self._waiting: list[_Late] = []

    def take(self, item: object) -> _Late:
        outcome = _Late(item, self)
        self._waiting.append(outcome)
        self._chance_ones()
        return outcome

    def settle(self, wanted: _Late) -> None:
        self._chance_ones()
        if wanted in self._waiting:
            self._make(wanted)
        self._chance_ones()

    def close(self) -> None:
        self._waiting.clear()

    def _chance_ones(self) -> None:
        self.chance.shuffle(self._waiting)
        for outcome in self._waiting[: self.chance.randrange(len(self._waiting) + 1)]:
            self._make(outcome)

    def _make(self, outcome: _Late) -> None:
        self._waiting.remove(outcome)
        if not outcome.dropped:
            outcome.settle(self._call)


def scrambled(seed: int) -> t.ContextManager[object]:
    """Let calls that are made ahead be answered in an order that the seed decides.

    Args:
        seed: Seed.
    """
    _Scrambled.chance = random.Random(seed)  # noqa: S311
    return mock.patch.object(window, "_Workers", _Scrambled)
