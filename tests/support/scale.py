"""How large tests are: small for each change, full in `make nightly`."""

from __future__ import annotations

import os
import typing as t

import pytest

if t.TYPE_CHECKING:
    from _pytest.mark import ParameterSet

NIGHTLY = os.environ.get("ERP_TESTS_PROFILE") == "nightly"


def full(small: int, nightly: int) -> int:
    """How many: records, kills, rounds, examples.

    Args:
        small: For each change.
        nightly: In `make nightly`.
    """
    return nightly if NIGHTLY else small


def mostly_nightly(
    cases: t.Iterable[t.Any], keep: t.Collection[int] | None = None
) -> list[ParameterSet]:
    """Cases of a test, of which each change runs a few, and `make nightly` all.

    Args:
        cases: The arguments of each case; a tuple if there are several.
        keep: Places of those that each change runs. If it is not given, these are as few as have
            each value of each argument at least once.
    """
    every = [case if isinstance(case, tuple) else (case,) for case in cases]
    kept = with_each_value(every) if keep is None else keep
    return [
        pytest.param(*case, marks=() if place in kept else pytest.mark.nightly)
        for place, case in enumerate(every)
    ]


def with_each_value(cases: t.Sequence[tuple[t.Any, ...]]) -> set[int]:
    """Places of as few cases as have each value of each argument at least once.

    Args:
        cases: The arguments of each case.
    """
    values = [{(at, repr(value)) for at, value in enumerate(case)} for case in cases]
    missing: set[tuple[int, str]] = set().union(*values)
    kept: set[int] = set()
    while missing:
        place = max(range(len(cases)), key=lambda at: len(missing & values[at]))
        kept.add(place)
        missing -= values[place]
    return kept
