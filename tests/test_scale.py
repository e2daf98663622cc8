"""What each change runs of a table whose rest is left to `make nightly`."""

from __future__ import annotations

import itertools

from tests.support.scale import mostly_nightly


def test_each_change_runs_each_value_at_least_once_and_the_night_all() -> None:
    cases = list(itertools.product("abc", range(5), [True, False]))
    marked = mostly_nightly(cases)
    assert [tuple(one.values) for one in marked] == cases
    run = [one.values for one in marked if not one.marks]
    assert len(run) == 5
    assert [set(values) for values in zip(*run, strict=True)] == [
        set("abc"),
        set(range(5)),
        {True, False},
    ]


def test_a_change_runs_the_places_that_are_named() -> None:
    marked = mostly_nightly(["a", "b", "c"], keep=(1,))
    assert [(one.values, len(one.marks)) for one in marked] == [
        (("a",), 1),
        (("b",), 0),
        (("c",), 1),
    ]
