"""Concurrent calls whose results come in order."""

from __future__ import annotations

import itertools
import threading
import time
import typing as t

import pytest

from erp_vendors.http import Coming, ReadAhead, ordered_map
from erp_vendors.http.budget import Limits


def test_results_come_in_order_whatever_finishes_first() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number % 5 == 0 else 0)
        return number * number

    outcomes = list(ordered_map(slow_first, range(50), workers=5))
    assert [outcome.item for outcome in outcomes] == list(range(50))
    assert [outcome.result for outcome in outcomes] == [number**2 for number in range(50)]


def test_no_more_calls_at_once_than_workers_and_as_many_as_that() -> None:
    together = threading.Barrier(4, timeout=5)

    def meet(_: int) -> None:
        together.wait()  # breaks unless four calls run at once

    assert [outcome.error for outcome in ordered_map(meet, range(8), workers=4)] == [None] * 8
    lock, running, most = threading.Lock(), 0, 0

    def count(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    list(ordered_map(count, range(30), workers=3))
    assert most <= 3


def test_an_error_belongs_to_its_item_alone() -> None:
    outcomes = list(ordered_map(lambda number: 6 // number, [3, 0, 2], workers=2))
    assert [outcome.result for outcome in outcomes] == [2, None, 3]
    assert [type(outcome.error) for outcome in outcomes] == [
        type(None),
        ZeroDivisionError,
        type(None),
    ]


def test_items_are_taken_no_further_than_the_window() -> None:
    taken: list[int] = []

    def items() -> t.Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    outcomes = ordered_map(str, items(), workers=2, ahead=6)
    for _ in range(3):
        next(outcomes)
    assert len(taken) <= 3 + 6


def test_closing_starts_no_further_call() -> None:
    called: list[int] = []
    release = threading.Event()

    def call(number: int) -> None:
        called.append(number)
        if number:
            release.wait(5)

    outcomes = t.cast("t.Generator[object, None, None]", ordered_map(call, range(10), workers=2))
    next(outcomes)
    outcomes.close()
    release.set()
    time.sleep(0.05)
    assert len(called) <= 4  # the first one, those that ran, and none of the waiting ones


def test_an_error_of_the_items_reaches_the_consumer() -> None:
    def items() -> t.Iterator[int]:
        yield 1
        msg = "no more"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="no more"):
        list(ordered_map(str, items(), workers=2))


def test_nothing_to_do() -> None:
    assert list(ordered_map(str, [], workers=3)) == []


def certain(number: int, _: object) -> Coming:
    return Coming(range(number + 1, 10), certain=True)


def endless(number: int, _: object) -> Coming:
    return Coming(itertools.count(number + 1), certain=False)


def in_flight(many: int, **more: t.Any) -> Limits:
    return Limits(per_second=1000, in_flight=many, **more)


def test_certain_calls_run_side_by_side_and_come_in_order() -> None:
    together = threading.Barrier(3, timeout=5)

    def call(number: int) -> int:
        if number:
            together.wait()  # breaks unless three calls run at once
        return number * number

    with ReadAhead(call, certain, in_flight(3)) as ahead:
        assert [ahead(number) for number in range(10)] == [number**2 for number in range(10)]
        assert ahead.side_by_side


def test_calls_for_pages_that_may_not_exist_come_little_by_little() -> None:
    called: list[int] = []

    def beyond() -> list[int]:
        """Calls that were made ahead, once all that were begun are over."""
        for _ in range(30):
            time.sleep(0.001)
        return sorted(called)

    with ReadAhead(called.append, endless, in_flight(6)) as ahead:
        far = []
        for number in range(6):
            ahead(number)
            far.append(beyond()[-1] - number)
    assert far == [1, 1, 2, 4, 6, 6]
    assert len(called) == len(set(called))


@pytest.mark.parametrize(
    ("limits", "far"), [(in_flight(1), 0), (in_flight(6, window_calls=100), 1)]
)
def test_where_calls_are_few_none_is_made_in_vain(limits: Limits, far: int) -> None:
    called: list[int] = []
    with ReadAhead(called.append, endless, limits) as ahead:
        for number in range(8):
            ahead(number)
        assert not ahead.side_by_side
    assert len(called) <= 8 + far


def test_a_call_that_was_not_foreseen_is_made_and_foreseen_ones_are_dropped() -> None:
    called: list[int] = []
    release = threading.Event()

    def call(number: int) -> int:
        called.append(number)
        if number in {1, 2}:
            release.wait(5)
        return number

    with ReadAhead(call, certain, in_flight(2)) as ahead:
        assert ahead(0) == 0
        assert ahead(7) == 7, "though both threads are busy"
        release.set()
        assert [ahead(8), ahead(9)] == [8, 9]
    assert not {3, 4, 5, 6} & set(called)


def test_an_error_is_raised_when_it_is_its_turn() -> None:
    def call(number: int) -> float:
        return 6 / (3 - number)

    with ReadAhead(call, certain, in_flight(5)) as ahead:
        assert [ahead(number) for number in range(3)] == [2, 3, 6]
        with pytest.raises(ZeroDivisionError):
            ahead(3)
        with pytest.raises(ZeroDivisionError):
            ahead(3)
        assert ahead(4) == -6


def test_the_end_begins_no_further_call() -> None:
    called: list[int] = []
    release = threading.Event()

    def call(number: int) -> None:
        called.append(number)
        if number:
            release.wait(5)

    with ReadAhead(call, certain, in_flight(2)) as ahead:
        ahead(0)
    release.set()
    time.sleep(0.05)
    assert len(called) <= 3
