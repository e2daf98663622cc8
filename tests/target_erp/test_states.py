"""STATE goes out when all before it is settled, never a later one, and memory stays bounded."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_erp.delivery.watermark import Watermark
from target_erp.states import _PENDING, StateOutputError, States


@contextlib.contextmanager
def output() -> t.Iterator[t.Callable[[], list[t.Any]]]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]


STEPS = st.lists(
    st.one_of(
        st.just(("record", 0)),
        st.just(("state", 0)),
        st.just(("emit", 0)),
        st.tuples(st.just("settle"), st.integers(0, 400)),
    ),
    max_size=400,
)


@given(STEPS)
def test_only_a_state_before_which_all_is_settled_goes_out(steps: list[tuple[str, int]]) -> None:
    watermark = Watermark()
    states = States(watermark)
    latest, unsettled, noted = 0, [], 0
    with output() as emitted:
        for step, place in steps:
            if step == "record":
                latest = watermark.issue()
                unsettled.append(latest)
            elif step == "state":
                noted += 1
                states.note(latest, [noted, latest])
            elif step == "settle" and unsettled:
                watermark.settle(unsettled.pop(place % len(unsettled)))
            elif step == "emit":
                before = emitted()
                states.emit()
                new = emitted()[len(before) :]
                assert all(number <= watermark.settled for _, number in new)
                assert not before or all(state > before[-1] for state in new)
        for number in unsettled:
            watermark.settle(number)
        states.emit()
        # The last STATE is never lost.
        assert not noted or emitted()[-1][0] == noted


def test_the_memory_of_states_is_bounded_and_the_first_and_last_stay() -> None:
    watermark = Watermark()
    states = States(watermark)
    numbers = [watermark.issue() for _ in range(10_000)]
    for number in numbers:
        states.note(number, number)
        assert len(states._pending) <= _PENDING  # noqa: SLF001 - the bound itself
    with output() as emitted:
        watermark.settle(1)
        states.emit()
        for number in numbers[1:5_000]:
            watermark.settle(number)
        states.emit()
        for number in numbers[5_000:]:
            watermark.settle(number)
        states.emit()
    first, middle, last = emitted()
    assert (first, last) == (1, 10_000)
    assert 2_000 < middle <= 5_000


def test_numbers_settled_while_nobody_emits_are_kept() -> None:
    watermark = Watermark()
    states = States(watermark)
    for _ in range(3 * _PENDING):
        number = watermark.issue()
        states.note(number, number)
        watermark.settle(number)
    watermark.issue()
    with output() as emitted:
        states.emit()
    assert emitted() == [3 * _PENDING]


def test_digits_stay_and_one_line_is_one_state() -> None:
    watermark = Watermark()
    states = States(watermark)
    with output() as emitted:
        states.note(0, {"a": "1\n2", "n": 12345678901234567890123})
        states.emit()
        states.emit()
    assert emitted() == [{"a": "1\n2", "n": 12345678901234567890123}]


def test_threads_do_not_tear_lines() -> None:
    watermark = Watermark()
    states = States(watermark)
    with output() as emitted:

        def work() -> None:
            for _ in range(300):
                number = watermark.issue()
                states.note(number, {"n": number, "more": "x" * 500})
                watermark.settle(number)
                states.emit()

        threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert emitted()


def test_a_closed_stdout_is_one_error_and_then_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    states = States(Watermark())
    states.note(0, 1)
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(StateOutputError, match="STATE cannot be written to stdout: it is closed"):
        states.emit()
    states.note(0, 2)
    states.emit()


def test_a_reader_that_went_away_is_one_error_and_the_last_flush_has_a_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    states = States(Watermark())
    states.note(0, 1)
    with open(writing, "w", encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdout", pipe)
        with pytest.raises(
            StateOutputError, match=r"STATE cannot be written to stdout: .*Broken pipe"
        ):
            states.emit()
        pipe.flush()  # what the interpreter does when it ends
        monkeypatch.undo()
