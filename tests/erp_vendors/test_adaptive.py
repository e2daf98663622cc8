"""The pace gives way to a vendor that is overloaded, and recovers; all on a virtual clock."""

from __future__ import annotations

import itertools
import random
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from erp_vendors.errors import CallError, Interrupted
from erp_vendors.http.budget import Budget, Clock, Limits
from tests.support.quota import most_within
from tests.support.stub import Reply, running_stub
from tests.support.transport import VirtualClock, answers, make_transport

OK = Reply(body={"ok": True})
FULL = 0.104
"""Seconds between two calls at ten a second."""

Verdict = t.Callable[[int, float], float | None]
"""Seconds to wait, if the vendor refuses a call of this number at this time; 0 if not told."""


def calls(budget: Budget, number: int, refuses: Verdict = lambda *_: None) -> list[float]:
    """Make calls in this thread; moments at which they were permitted."""
    times = []
    for call in range(number):
        with budget.call():
            budget.pace()
            at = budget.clock.now()
            told = refuses(call, at)
            if told is None:
                budget.answered()
            else:
                budget.limited(told)
            times.append(at)
    return times


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def demo(clock: Clock | None = None, per_second: float = 10) -> Budget:
    return Budget("demo", Limits(per_second, 10), clock or VirtualClock())


def test_a_refusal_lowers_the_pace_and_answers_raise_it_up_to_the_limit() -> None:
    seen = gaps(calls(demo(), 60, lambda call, _: 5 if call == 9 else None))
    assert seen[:9] == pytest.approx([FULL] * 9)
    assert seen[9] == pytest.approx(5)
    after = seen[10:]
    assert after[0] == pytest.approx(FULL / 0.7)
    slow = after[: after.index(min(after))]
    assert slow == sorted(slow, reverse=True), "gradually"
    assert len(slow) in {29, 30, 31}
    assert after[len(slow) + 1 :] == pytest.approx([FULL] * (len(after) - len(slow) - 1))
    assert min(seen) >= FULL - 0.001, "never above the limit"


def test_the_pace_has_a_floor() -> None:
    budget = demo()
    calls(budget, 30, lambda *_: 0.1)
    assert gaps(calls(budget, 2)) == [pytest.approx(10 * FULL, rel=0.1)]


def test_calls_that_were_in_flight_together_count_once() -> None:
    budget = demo(per_second=1000)
    together = threading.Barrier(10)

    def call(_: int) -> None:
        with budget.call():
            budget.pace()
            together.wait(5)
            budget.limited(5)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(call, range(10)))
    calls(budget, 1)
    assert gaps(calls(budget, 2)) == [pytest.approx(0.00104 / 0.71, rel=0.02)]


def test_an_answer_to_a_call_from_before_the_refusal_says_nothing() -> None:
    budget = demo()
    with budget.call():
        budget.pace()
        budget.clock.sleep(1)
        with ThreadPoolExecutor(1) as pool:  # another thread is refused meanwhile
            pool.submit(calls, budget, 1, lambda *_: 0.1).result()
        for _ in range(100):
            budget.answered()
    assert gaps(calls(budget, 2)) == [pytest.approx(FULL / 0.71, rel=0.02)]


def test_stray_refusals_hardly_cost_pace() -> None:
    """One call in seventy refused, as by a gateway that hiccups."""
    times = calls(demo(), 700, lambda call, _: 0.1 if call % 70 == 69 else None)
    assert 699 / (times[-1] - times[0]) >= 0.8 * 10


def test_a_vendor_that_permits_less_than_was_configured_is_hardly_ever_annoyed() -> None:
    taken: list[float] = []
    refused = 0

    def five_a_second(_: int, now: float) -> float | None:
        nonlocal refused
        if sum(now - 1 < at for at in taken[-10:]) >= 5:
            refused += 1
            return 1.0
        taken.append(now)
        return None

    times = calls(demo(), 1000, five_a_second)
    assert most_within(taken, 1) <= 5
    assert refused <= 0.06 * 1000
    assert len(taken) / (times[-1] - times[0]) >= 0.7 * 5


def test_after_a_hold_without_a_time_one_call_tries_alone() -> None:
    budget = demo(per_second=1000)
    calls(budget, 1, lambda *_: 0)
    permitted = threading.Semaphore(0)
    go_on = threading.Semaphore(0)
    verdicts = [0.0, None]
    tried = list[float]()

    def call(_: int) -> None:
        with budget.call():
            budget.pace()
            tried.append(budget.clock.now())
            permitted.release()
            assert go_on.acquire(timeout=5)
            told = verdicts.pop(0) if verdicts else None
            if told is None:
                budget.answered()
            else:
                budget.limited(told)

    with ThreadPoolExecutor(10) as pool:
        done = pool.map(call, range(10))
        for number in (1, 2):  # the first try is refused again, the second one is answered
            assert permitted.acquire(timeout=5)
            assert not permitted.acquire(timeout=0.1), "a second call followed before the answer"
            assert len(tried) == number
            go_on.release()
        for _ in range(8):
            assert permitted.acquire(timeout=5)
        go_on.release(8)
        list(done)
    assert tried[1] - tried[0] >= 0.1, "no hold after the second refusal"


def test_a_trial_that_fails_for_another_reason_lets_the_next_one_try() -> None:
    budget = demo(per_second=1000)
    calls(budget, 1, lambda *_: 0)
    with pytest.raises(ZeroDivisionError):
        calls(budget, 1, lambda *_: 1 / 0)
    with ThreadPoolExecutor(1) as pool:
        assert len(pool.submit(calls, budget, 3).result(5)) == 3


def test_stop_ends_the_wait_for_a_trial() -> None:
    clock = VirtualClock()
    budget = demo(clock)
    calls(budget, 1, lambda *_: 0)
    with budget.call():
        budget.pace()
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(calls, budget, 1)
            clock.stop()
            with pytest.raises(Interrupted):
                other.result(5)


def test_with_a_time_nobody_has_to_wait_for_a_trial() -> None:
    budget = demo(per_second=1000)
    calls(budget, 1, lambda *_: 30)
    with budget.call():
        budget.pace()
        assert budget.clock.now() >= 30
        with ThreadPoolExecutor(1) as pool:
            assert len(pool.submit(calls, budget, 3).result(5)) == 3


@pytest.mark.parametrize(("apart", "slower"), [(60, True), (299, True), (301, False)])
def test_repeated_time_outs_slow_down_and_a_single_one_does_not(
    apart: float,
    slower: bool,  # noqa: FBT001
) -> None:
    budget = demo()
    for wait in (0, apart):
        budget.clock.sleep(wait)
        with budget.call():
            budget.pace()
            budget.timed_out()
        assert gaps(calls(budget, 2)) == [
            pytest.approx(FULL / 0.71 if slower and wait else FULL, rel=0.02)
        ]
        budget.clock.sleep(1)


@pytest.mark.usefixtures("short_pauses")
def test_a_vendor_that_lets_calls_time_out_is_called_more_slowly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    slow = Reply(delay=0.8)
    with running_stub(answers(slow, OK)) as stub:
        transport = make_transport(stub.url, timeout=0.5)
        transport.get_json("/x")
        assert "slowing down" not in caplog.text
        stub.script = answers(slow, OK)
        transport.get_json("/x")
    assert "demo: too many calls for the vendor; slowing down to 70% of 100000" in caplog.text


def test_a_broken_connection_or_an_outage_is_no_sign_of_too_many_calls(
    caplog: pytest.LogCaptureFixture, short_pauses: None
) -> None:
    del short_pauses
    caplog.set_level("INFO")
    for reply in (Reply(503), Reply(cut="before")):
        with running_stub(lambda _, reply=reply: reply) as stub, pytest.raises(CallError):
            make_transport(stub.url).get_json("/x")
    assert "slowing down" not in caplog.text


class Late(VirtualClock):
    """Every sleep takes longer than was asked for, as it does on a busy machine."""

    def __init__(self, late: float) -> None:
        super().__init__()
        self.late = late
        self.random = random.Random(1)  # noqa: S311

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds + self.random.uniform(0, self.late))


@pytest.mark.parametrize("per_second", [1, 3, 10, 50, 1000, 5000])
@pytest.mark.parametrize("late", [0.0005, 0.005, 0.05, 0.3])
def test_late_turns_are_made_up_for_but_never_exceed_a_second(
    per_second: float, late: float
) -> None:
    times = calls(demo(Late(late), per_second), min(2000, int(per_second * 20)))
    assert most_within(times, 1) <= per_second
    if late <= 0.005:
        assert (len(times) - 1) / (times[-1] - times[0]) >= 0.95 * per_second


def test_a_thread_knows_what_it_spent() -> None:
    clock = VirtualClock()
    budget = demo(clock)
    assert budget.spent() == (0, 0.0)
    calls(budget, 11)
    mine = budget.spent()
    assert mine.calls == 11
    assert mine.waited == pytest.approx(10 * FULL, abs=0.01)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(calls, budget, 5).result()
        theirs = pool.submit(budget.spent).result()
    assert theirs.calls == 5
    assert budget.spent() == mine
    assert budget.calls == 16
    budget.hold(42, "told")
    calls(budget, 1)
    assert budget.spent().waited - mine.waited == pytest.approx(42, abs=FULL)
    assert budget.waited == pytest.approx(budget.spent().waited + theirs.waited)


def test_waiting_for_a_place_is_waiting_for_a_limit() -> None:
    asked = threading.Event()

    class Watched(VirtualClock):
        def now(self) -> float:
            now = super().now()
            if threading.current_thread() is not threading.main_thread():
                asked.set()
            return now

    clock = Watched()
    budget = Budget("demo", Limits(1000, 1), clock)

    def wait() -> float:
        calls(budget, 1)
        return budget.spent().waited

    with ThreadPoolExecutor(1) as pool:
        with budget.call():
            budget.pace()
            waiter = pool.submit(wait)
            assert asked.wait(5)
            clock.sleep(7)
        assert waiter.result(5) >= 7


def test_the_share_of_the_limit_is_that_of_the_last_seconds() -> None:
    clock = VirtualClock()
    budget = demo(clock)
    assert budget.share == 0.0
    calls(budget, 100)
    assert budget.share == pytest.approx(0.96, abs=0.03)
    for _ in range(25):
        calls(budget, 1)
        clock.sleep(1)
    assert budget.share == pytest.approx(0.1, abs=0.03)
    clock.sleep(1000)
    assert budget.share < 0.01


def test_the_delay_until_the_next_call_is_known() -> None:
    clock = VirtualClock()
    budget = Budget("demo", Limits(10, 2, 3, 600), clock)
    calls(budget, 2)
    assert budget.delay == 0
    calls(budget, 1)
    assert budget.delay == pytest.approx(601, abs=1)
    budget.hold(900, "told")
    assert budget.delay == pytest.approx(900)
    clock.sleep(1000)
    assert budget.delay == 0
