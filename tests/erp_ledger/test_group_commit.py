"""What many threads write together: each gets what is its own, whatever becomes of one of them."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import signal
import threading
import time
import typing as t

import pytest

from erp_ledger.group_commit import GroupCommit
from tests.support.scale import full
from tests.support.waiting import wait_until

if t.TYPE_CHECKING:
    from types import FrameType


class SignalError(Exception):
    """What a handler of a signal raises."""


def test_threads_share_writes_and_everything_is_written_once() -> None:
    batches: list[list[int]] = []

    def write(things: list[int]) -> None:
        time.sleep(0.001)
        batches.append(things)

    groups: GroupCommit[int] = GroupCommit(write)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: groups.write([n, -n]), range(1, 201)))
    found = [thing for batch in batches for thing in batch]
    assert sorted(found) == sorted([*range(1, 201), *range(-200, 0)])
    assert len(batches) < 200
    groups.write([0])
    groups.close()
    groups.write([1000])
    assert batches[-2:] == [[0], [1000]]


def test_no_thread_writes_for_others_longer_than_for_itself() -> None:
    """Who led once more than it came would be kept from its own work by the others' haste."""
    led: collections.Counter[str] = collections.Counter()
    came: collections.Counter[str] = collections.Counter()

    def write(_: list[int]) -> None:
        time.sleep(0.0005)
        led[threading.current_thread().name] += 1

    groups: GroupCommit[int] = GroupCommit(write)

    def work() -> None:
        name = threading.current_thread().name
        for number in range(100):
            came[name] += 1
            groups.write([number])
            assert led[name] <= came[name]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(work) for _ in range(4)]:
            future.result()
    assert sum(came.values()) == 400
    assert 0 < sum(led.values()) < 400


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_of_writing_reaches_all_threads_concerned(kind: type[BaseException]) -> None:
    fails = True

    def write(_: list[int]) -> None:
        time.sleep(0.005)
        if fails:
            raise kind

    groups: GroupCommit[int] = GroupCommit(write)
    ended: list[bool] = []

    def work() -> None:
        try:
            groups.write([1])
        except kind:
            ended.append(True)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    with pytest.raises(kind):
        groups.write([2])
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert len(ended) == 8
    fails = False
    groups.write([3])
    groups.close()


@pytest.mark.serial
def test_signals_in_the_main_thread_leave_nobody_waiting() -> None:
    """At any point of its work: the timer's interval drifts through all of them."""
    written: set[int] = set()

    def write(things: list[int]) -> None:
        time.sleep(0.0002)
        written.update(things)

    def handler(signum: int, frame: FrameType | None) -> t.NoReturn:  # noqa: ARG001
        raise SignalError

    groups: GroupCommit[int] = GroupCommit(write)
    groups.write([0])
    done = threading.Event()
    counts = [0, 0, 0]

    def work(number: int) -> None:
        while not done.is_set():
            thing = 1_000_000 * (number + 1) + counts[number]
            groups.write([thing])
            assert thing in written
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    before = signal.signal(signal.SIGALRM, handler)
    interrupted = 0
    try:
        deadline = time.monotonic() + full(1, 3)
        n = 1
        while time.monotonic() < deadline:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.00005 + (n % 37) * 0.00004)
                while True:
                    n += 1
                    groups.write([n])
            except SignalError:
                interrupted += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        seen = list(counts)
        wait_until(lambda: all(now > then for now, then in zip(counts, seen, strict=True)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        done.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert interrupted > 100
    with contextlib.suppress(SignalError):
        groups.write([-1])
    assert -1 in written
    groups.close()
