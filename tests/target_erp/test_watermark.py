"""Every number that is given out is settled exactly once, in whatever order things end."""

from __future__ import annotations

import collections
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from target_erp.delivery.watermark import Watermark
from tests.support.scale import full


class Numbers(RuleBasedStateMachine):
    """Things begin and end in any order, and a plain model counts along."""

    def __init__(self) -> None:
        super().__init__()
        self.watermark = Watermark()
        self.held: collections.Counter[int] = collections.Counter()
        self.issued = 0

    @property
    def open(self) -> list[int]:
        return sorted(self.held)

    @rule()
    def issue(self) -> None:
        self.issued += 1
        assert self.watermark.issue() == self.issued
        self.held[self.issued] = 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def hold(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.open))
        self.watermark.hold(number)
        self.held[number] += 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.open))
        self.watermark.settle(number)
        self.held[number] -= 1
        if not self.held[number]:
            del self.held[number]

    @rule(number=st.integers(-2, 60))
    def what_is_not_open_cannot_end(self, number: int) -> None:
        if number not in self.held:
            with pytest.raises(ValueError, match=f"number {number} is not open"):
                self.watermark.settle(number)
            with pytest.raises(ValueError, match=f"number {number} is not open"):
                self.watermark.hold(number)

    @invariant()
    def all_up_to_the_watermark_is_settled(self) -> None:
        first = min(self.held, default=self.issued + 1)
        assert self.watermark.settled == first - 1

    @invariant()
    def memory_is_kept_for_what_is_open(self) -> None:
        assert len(self.watermark._open) == len(self.held)  # noqa: SLF001 - the bound itself


TestNumbers = Numbers.TestCase
TestNumbers.settings = settings(max_examples=full(25, 60), stateful_step_count=40, deadline=None)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=30).flatmap(
        lambda more: st.tuples(
            st.just(more),
            st.permutations([n for n, count in enumerate(more, 1) for _ in range(count + 1)]),
        )
    )
)
def test_the_order_of_ends_does_not_matter(case: tuple[list[int], list[int]]) -> None:
    more, ends = case
    watermark = Watermark()
    for count in more:
        number = watermark.issue()
        for _ in range(count):
            watermark.hold(number)
    left = collections.Counter(ends)
    for number in ends:
        watermark.settle(number)
        left[number] -= 1
        assert watermark.settled == min((n for n in left if left[n]), default=len(more) + 1) - 1
    assert watermark.settled == len(more)
    for number in set(ends):
        with pytest.raises(ValueError, match="is settled already"):
            watermark.settle(number)


def test_many_threads_lose_no_number() -> None:
    watermark = Watermark()
    numbers: list[int] = []

    def work() -> None:
        for _ in range(2_000):
            number = watermark.issue()
            watermark.hold(number)
            numbers.append(number)
            watermark.settle(number)
            watermark.settle(number)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 8_001))
    assert watermark.settled == 8_000
