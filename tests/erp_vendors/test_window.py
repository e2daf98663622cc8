"""Concurrent calls whose results come in order."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from erp_vendors.http import ordered_map


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
