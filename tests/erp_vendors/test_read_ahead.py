"""Pages that are asked for before they are wanted."""

from __future__ import annotations

import itertools
import threading
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.http import ReadAhead
from erp_vendors.http.budget import Limits

if t.TYPE_CHECKING:
    from collections.abc import Iterator

WIDE = Limits(per_second=1000, in_flight=8)


class Pages:
    """A listing of numbers, and what was asked of it."""

    def __init__(self, rows: int, size: int) -> None:
        self.rows, self.size = rows, size
        self.asked: list[int] = []
        self.most = self.now = 0
        self.gate: threading.Semaphore | None = None
        self.lock = threading.Lock()

    def __call__(self, number: int) -> list[int]:
        with self.lock:
            self.asked.append(number)
            self.now += 1
            self.most = max(self.most, self.now)
        if self.gate:
            assert self.gate.acquire(timeout=10)
        with self.lock:
            self.now -= 1
        return list(range(self.rows))[number * self.size :][: self.size]

    def expected(self, number: int, page: list[int]) -> Iterator[int]:
        return itertools.count(number + 1) if len(page) == self.size else iter(())

    def read(self, limits: Limits = WIDE) -> list[int]:
        found: list[int] = []
        with ReadAhead(self, self.expected, limits) as ahead:
            for number in itertools.count():
                page = ahead(number)
                found += page
                if len(page) < self.size:
                    return found
        raise AssertionError


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(0, 60), size=st.integers(1, 7), in_flight=st.integers(1, 6))
def test_it_reads_what_one_call_after_the_other_reads(rows: int, size: int, in_flight: int) -> None:
    pages = Pages(rows, size)
    limits = Limits(per_second=1000, in_flight=in_flight)
    assert pages.read(limits) == list(range(rows))
    needed = rows // size + 1
    assert set(pages.asked) >= set(range(needed))
    assert len(pages.asked) == len(set(pages.asked))
    assert len(pages.asked) < needed + in_flight


def test_a_listing_of_one_page_costs_one_call() -> None:
    pages = Pages(3, 5)
    assert pages.read() == [0, 1, 2]
    assert pages.asked == [0]


def test_a_slow_limit_wastes_no_call() -> None:
    pages = Pages(25, 5)
    pages.read(Limits(per_second=2, in_flight=10))
    assert pages.asked == [0, 1, 2, 3, 4, 5]


def test_several_are_in_flight() -> None:
    pages = Pages(1000, 5)
    pages.gate = threading.Semaphore(0)
    reader = threading.Thread(target=pages.read, daemon=True)
    reader.start()
    deadline = time.monotonic() + 10
    while reader.is_alive() and time.monotonic() < deadline:
        pages.gate.release()
        time.sleep(0.0005)
    assert pages.most == 8


def test_another_place_than_expected_drops_what_was_on_its_way() -> None:
    pages = Pages(100, 5)
    with ReadAhead(pages, pages.expected, WIDE) as ahead:
        assert ahead(0)[0] == 0
        assert ahead(10)[0] == 50
        assert ahead(11)[0] == 55


def test_the_error_belongs_to_its_page() -> None:
    def fetch(number: int) -> list[int]:
        if number == 2:
            msg = "page 2"
            raise ValueError(msg)
        return [number]

    with ReadAhead(fetch, lambda n, _: itertools.count(n + 1), WIDE) as ahead:
        assert [ahead(0), ahead(1)] == [[0], [1]]
        with pytest.raises(ValueError, match="page 2"):
            ahead(2)
        assert ahead(3) == [3]
