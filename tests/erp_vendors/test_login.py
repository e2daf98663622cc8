"""Logins whose tokens end at any moment, with any number of calls in flight."""

from __future__ import annotations

import collections
import itertools
import random
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.errors import CallError, CredentialsError, Phase
from erp_vendors.http.login import RENEWALS, Grant, Login
from tests.support.scale import full


class RefusedCallError(Exception):
    """The token is not taken."""


class BusyError(Exception):
    """The vendor did nothing, for another reason."""


class Vendor:
    """Gives tokens that serve so many calls each."""

    def __init__(self, lives: t.Iterable[int], *, busy: float = 0.0, seed: int = 0) -> None:
        self._lives = iter(lives)
        self._busy = busy
        self._chance = random.Random(seed)  # noqa: S311 - a test's
        self._lock = threading.Lock()
        self._left: dict[int, int] = {}
        self.executed = collections.Counter[int]()
        self.login = Login(self.log_in)

    @property
    def logins(self) -> int:
        return len(self._left)

    def log_in(self, _: int | None) -> Grant[int]:
        self._pause()
        with self._lock:
            number = len(self._left)
            self._left[number] = next(self._lives)
        return Grant(number)

    def call(self, call: int) -> None:
        """Make a call as the transport does: what is busy is asked again."""
        use = self.login.begin(lambda error: isinstance(error, RefusedCallError))
        while True:
            try:
                return use.attempt(lambda token: self._serve(call, token))
            except BusyError:
                continue

    def calls(self, many: int, threads: int) -> list[int]:
        """Make calls in threads and say which of them were refused."""

        def attempt(call: int) -> bool:
            try:
                self.call(call)
            except RefusedCallError:
                return False
            return True

        with ThreadPoolExecutor(threads) as pool:
            done = list(pool.map(attempt, range(many)))
        return [call for call, good in enumerate(done) if not good]

    def _serve(self, call: int, token: int) -> None:
        self._pause()
        with self._lock:
            if not self._left[token]:
                raise RefusedCallError
            if self._chance.random() < self._busy:
                raise BusyError
            self._left[token] -= 1
            self.executed[call] += 1
        self._pause()

    def _pause(self) -> None:
        with self._lock:
            seconds = self._chance.choice((0, 0, 0.0002, 0.001))
        time.sleep(seconds)


def needed(lives: t.Sequence[int], calls: int) -> int:
    """How many tokens so many calls take."""
    sums = itertools.accumulate(lives)
    return next(number for number, served in enumerate(sums, 1) if served >= calls)


@pytest.mark.parametrize("threads", range(1, 9))
@pytest.mark.parametrize("life", range(1, 8))
def test_every_call_is_made_once_with_one_login_per_death(life: int, threads: int) -> None:
    vendor = Vendor(itertools.repeat(life))
    assert vendor.calls(24, threads) == []
    assert vendor.executed == collections.Counter(range(24))
    assert vendor.logins == -(-24 // life)


@settings(max_examples=full(25, 400), deadline=None)
@given(
    lives=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    calls=st.integers(1, 25),
    threads=st.integers(1, 8),
    busy=st.sampled_from([0.0, 0.0, 0.3]),
    seed=st.integers(0, 1000),
)
def test_lives_of_any_length_cost_no_login_too_many(
    lives: list[int], calls: int, threads: int, busy: float, seed: int
) -> None:
    vendor = Vendor(itertools.cycle(lives), busy=busy, seed=seed)
    assert vendor.calls(calls, threads) == []
    assert vendor.executed == collections.Counter(range(calls))
    assert vendor.logins == needed(lives * calls, calls)


@settings(max_examples=full(25, 400), deadline=None)
@given(
    lives=st.lists(st.integers(1, 6), max_size=3),
    threads=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_a_token_that_serves_nobody_ends_all_calls_and_no_login_follows(
    lives: list[int], threads: int, seed: int
) -> None:
    vendor = Vendor([*lives, 0, 0], seed=seed)
    refused = vendor.calls(sum(lives) + 10, threads)
    assert len(refused) == 10
    assert set(vendor.executed) == set(range(sum(lives) + 10)) - set(refused)
    assert max(vendor.executed.values(), default=1) == 1
    # The very first token may have been ended by another program's login.
    assert vendor.logins == len(lives) + 1 + (not lives)


def test_a_call_sees_no_more_than_ten_logins_end() -> None:
    login = Login(lambda _: Grant("made elsewhere", by_login=False))
    refusals = []

    def send(_: str) -> t.NoReturn:
        refusals.append(1)
        raise RefusedCallError

    final: list[Exception] = []
    use = login.begin(lambda _: True, final.append)
    with pytest.raises(RefusedCallError):
        use.attempt(send)
    assert (len(refusals), len(final)) == (1 + RENEWALS, 1)
    with pytest.raises(RefusedCallError):
        use.attempt(send)
    assert len(refusals) == 2 + RENEWALS, "the limit is the call's, over all of its attempts"


def test_what_is_over_by_its_own_time_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1e9
    monkeypatch.setattr("erp_vendors.http.login.now", lambda: now)
    made = []

    def make(_: int | None) -> Grant[int]:
        made.append(1)
        return Grant(len(made), now + 100)

    def send(token: int) -> int:
        nonlocal now
        if token == 1:
            now += 200  # a long wait for the rate limit
            raise RefusedCallError
        return token

    assert Login(make).begin(lambda _: True).attempt(send) == 2


def test_a_login_that_fails_is_tried_again_and_one_that_is_refused_is_not() -> None:
    errors: list[Exception] = [
        CallError("down", phase=Phase.ANSWERED, status=503, attempts=5),
        CredentialsError("no"),
    ]
    made = []

    def make(_: None) -> t.NoReturn:
        made.append(1)
        raise errors.pop(0)

    login = Login[None](make)
    use = login.begin(lambda _: True)
    with pytest.raises(CallError, match="down") as caught:
        use.attempt(lambda _: None)
    assert (caught.value.phase, caught.value.status, caught.value.may_have_run) == (
        Phase.NOT_SENT,
        None,
        False,
    )
    for number in range(3):
        with pytest.raises(CredentialsError, match="no"):
            (use if number == 0 else login.begin(lambda _: True)).attempt(lambda _: None)
    assert len(made) == 2


def test_a_call_that_was_tried_before_its_login_fails_may_have_been_executed() -> None:
    lives = iter([Grant(1)])

    def make(_: int | None) -> Grant[int]:
        for grant in lives:
            return grant
        msg = "down"
        raise CallError(msg, phase=Phase.ANSWERED, status=503)

    def lost(_: int) -> t.NoReturn:
        raise BusyError

    def refused(_: int) -> t.NoReturn:
        raise RefusedCallError

    login = Login(make)
    login.begin(lambda _: False).attempt(lambda _: None)
    use = login.begin(lambda error: isinstance(error, RefusedCallError))
    with pytest.raises(BusyError):
        use.attempt(lost)
    with pytest.raises(CallError) as caught:
        use.attempt(refused)
    assert caught.value.may_have_run
