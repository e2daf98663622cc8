"""The rate budget: on a virtual clock for the numbers, with real threads for the waiting."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from erp_vendors.errors import Interrupted
from erp_vendors.http.budget import Budget, Clock, Limits
from tests.support.quota import most_within
from tests.support.transport import VirtualClock


def paced(limits: Limits, calls: int, threads: int) -> list[float]:
    """Virtual moments at which calls were permitted."""
    clock = VirtualClock()
    budget = Budget("demo", limits, clock)
    lock, sent = threading.Lock(), list[float]()

    def call(_: int) -> None:
        with budget.call():
            budget.pace()
            with lock:
                sent.append(clock.seen)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, range(calls)))
    assert budget.calls == calls
    return sent


@pytest.mark.parametrize(
    ("per_second", "calls", "seconds"),
    [(2, 2, 1), (10, 10, 1), (0.5, 1, 2), (3.3, 3, 1), (2.5, 2, 1), (1.9, 1, 1), (200, 200, 1)],
)
def test_the_permitted_rate_is_kept_and_nearly_reached(
    per_second: float, calls: int, seconds: float
) -> None:
    """No second ever sees more than the stated rate, so its fraction cannot be used."""
    sent = paced(Limits(per_second, 10), 300, threads=10)
    assert most_within(sent, seconds) <= calls
    assert 299 / (max(sent) - min(sent)) >= 0.95 * calls / seconds


def test_calls_are_spread_and_not_sent_in_bursts() -> None:
    sent = sorted(paced(Limits(10, 10), 50, threads=10))
    assert min(later - earlier for earlier, later in itertools.pairwise(sent)) >= 0.1


@pytest.mark.parametrize("threads", [1, 4])
def test_the_longer_window_holds_everywhere(threads: int) -> None:
    sent = paced(Limits(2, 4, 100, 900), 250, threads)
    assert most_within(sent, 900) <= 100
    assert most_within(sent, 1) <= 2
    # The first two hundred calls need one wait for the window, not more.
    assert sorted(sent)[199] < 900 + 60
    assert sorted(sent)[200] >= 1800


def test_the_vendors_own_count_replaces_the_longer_window() -> None:
    clock = VirtualClock()
    budget = Budget("demo", Limits(100, 4, 3, 900), clock)
    for number in range(10):
        with budget.call():
            budget.pace()
        if number == 2:
            budget.obey_headers(97, 800)
    assert clock.now() < 1


def test_a_hold_stops_every_call_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = VirtualClock()
    budget = Budget("demo", Limits(100, 4), clock)
    budget.hold(120, "the vendor said so")
    budget.hold(5, "a shorter one does not shorten it")
    with budget.call():
        pass
    assert 120 <= clock.now() < 121
    assert "demo: waiting 120 s (the vendor said so)" in caplog.text


@pytest.mark.parametrize("reason", ["hold", "window", "headers"])
def test_a_long_wait_is_logged_once_for_all_threads(
    reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    budget = Budget("demo", Limits(100, 10, 1, 600), VirtualClock())
    with budget.call():
        budget.pace()
        if reason == "hold":
            budget.hold(800, "the vendor said so")
        if reason == "headers":
            budget.obey_headers(0, 700)

    def call(_: int) -> None:
        with budget.call():
            pass

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(call, range(10)))
    (line,) = caplog.messages
    assert line.startswith("demo: waiting ")


def test_calls_in_flight_may_not_be_in_the_vendors_count_yet() -> None:
    budget = Budget("demo", Limits(1000, 10), VirtualClock())
    with budget.call():
        budget.pace()
        budget.obey_headers(2, 300)
    permitted, go_on = threading.Semaphore(0), threading.Event()

    def call(_: int) -> None:
        with budget.call():
            budget.pace()
            permitted.release()
            assert go_on.wait(5)
            budget.obey_headers(0, 300)

    with ThreadPoolExecutor(5) as pool:
        done = pool.map(call, range(5))
        for _ in range(2):
            assert permitted.acquire(timeout=5)
        assert not permitted.acquire(timeout=0.1), "a third call, when two were left"
        assert budget.clock.now() < 1, "nobody knows yet that the window is used up"
        go_on.set()
        list(done)
    assert budget.clock.now() >= 300


def test_a_count_that_rises_is_a_new_window() -> None:
    budget = Budget("demo", Limits(1000, 10), VirtualClock())
    for remaining in (1, 50, 49):
        with budget.call():
            budget.pace()
            budget.obey_headers(remaining, 300)
    with budget.call():
        budget.pace()
    assert budget.clock.now() < 1


def test_a_hold_stops_also_a_call_that_already_has_its_place() -> None:
    clock = VirtualClock()
    budget = Budget("demo", Limits(100, 4), clock)
    with budget.call():
        budget.hold(60, "meanwhile")
        budget.pace()
        assert clock.now() >= 60


def test_no_more_calls_at_once_than_permitted() -> None:
    budget = Budget("demo", Limits(10_000, 3))
    lock, running, most = threading.Lock(), 0, 0

    def call(_: int) -> None:
        nonlocal running, most
        with budget.call():
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.01)
            with lock:
                running -= 1

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(call, range(30)))
    assert most == 3


def test_a_place_is_given_back_after_a_failure() -> None:
    budget = Budget("demo", Limits(10_000, 1))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), budget.call():
            _ = 1 / 0
    with budget.call():
        pass


@pytest.mark.parametrize("waiting", ["hold", "window", "place", "pace"])
def test_stop_ends_every_kind_of_wait(waiting: str) -> None:
    clock = Clock()
    limits = Limits(0.001 if waiting == "pace" else 1000, 1, 1, 600)
    budget = Budget("demo", limits, clock)
    if waiting == "hold":
        budget.hold(600, "long")
    elif waiting != "place":
        with budget.call():
            budget.pace()
        if waiting == "pace":
            budget.obey_headers(97, 800)  # leaves only the spacing to wait for
    begun, ended = threading.Event(), list[BaseException]()

    def wait() -> None:
        begun.set()
        try:
            with budget.call():
                budget.pace()
        except Interrupted as error:
            ended.append(error)

    thread = threading.Thread(target=wait, daemon=True)
    if waiting == "place":
        with budget.call():
            thread.start()
            begun.wait(5)
            time.sleep(0.05)
            clock.stop()
            thread.join(5)
    else:
        thread.start()
        begun.wait(5)
        time.sleep(0.05)
        clock.stop()
        thread.join(5)
    assert len(ended) == 1, "the wait did not end"
    assert clock.stopped


def test_a_stopped_clock_lets_nobody_wait() -> None:
    clock = Clock()
    clock.stop()
    with pytest.raises(Interrupted):
        clock.sleep(100)
