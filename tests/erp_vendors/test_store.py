"""Rate budgets that several processes share."""

from __future__ import annotations

import subprocess
import sys
import time
import typing as t

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.http.store import open_store
from tests.support.services import postgres_url, redis_url
from tests.support.stub import Reply, running_stub

if t.TYPE_CHECKING:
    import pathlib

RATE = 20
CALLS = 12
PROCESSES = 4

CALLER = """
import sys
from erp_vendors.http import Transport, TransportOptions
from erp_vendors.http.budget import Budget, Limits
from erp_vendors.http.store import open_store
url, store, account, rate, calls = sys.argv[1:]
limits = Limits(float(rate), 4)
shared = open_store(store, account, limits.rates())
transport = Transport(TransportOptions(vendor="x", base_url=url), Budget("x", limits, None, shared))
for _ in range(int(calls)):
    transport.call("GET", "/")
"""


@pytest.fixture(params=["sqlite", "redis", "postgresql"])
def setting(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[str]:
    if request.param == "postgresql":
        with postgres_url() as url:
            yield url
        return
    yield redis_url() if request.param == "redis" else str(tmp_path / "a" / "rates.sqlite")


@pytest.mark.serial
def test_processes_keep_one_limit_together(setting: str, tmp_path: pathlib.Path) -> None:
    account = str(tmp_path)
    with running_stub(lambda _: Reply(body={})) as stub:
        arguments = [stub.url, setting, account, str(RATE), str(CALLS)]
        processes = [
            subprocess.Popen([sys.executable, "-c", CALLER, *arguments]) for _ in range(PROCESSES)
        ]
        codes = [process.wait(60) for process in processes]
    assert codes == [0] * PROCESSES
    assert len(stub.requests) == PROCESSES * CALLS
    assert stub.most_in_a_second() <= RATE


def test_a_process_that_was_a_moment_slower_gets_no_second_permission(
    setting: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked at the clock first, but asked after the other one had been served."""
    quick, slow = (open_store(setting, str(tmp_path), [(1, 60)]) for _ in range(2))
    now = int(time.time() * 1000)
    monkeypatch.setattr("erp_vendors.http.store._now", lambda _: now)
    assert quick.take() == 0
    monkeypatch.setattr("erp_vendors.http.store._now", lambda _: now - 5)
    assert slow.take() > 0


class Hand:
    """A clock of the store that is turned by hand, in microseconds."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1000

    def __call__(self, _: object) -> int:
        return self.now

    def turn(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    clock = Hand()
    monkeypatch.setattr("erp_vendors.http.store._now", clock)
    return clock


def test_each_process_knows_its_place_in_the_row_so_no_permission_is_wasted(
    setting: str, tmp_path: pathlib.Path, hand: Hand
) -> None:
    first, second, third = (open_store(setting, str(tmp_path), [(1, 0.104)]) for _ in range(3))
    assert first.take() == 0
    assert second.take() == pytest.approx(0.104, abs=0.001)
    assert third.take() == pytest.approx(0.208, abs=0.001)
    hand.turn(0.1045)
    assert second.take() == 0
    assert first.take() == pytest.approx(0.208, abs=0.001)  # behind the third one
    assert third.take() == pytest.approx(0.104, abs=0.001)  # still its old place
    hand.turn(0.104)
    assert third.take() == 0


def test_a_place_that_was_missed_is_given_up(
    setting: str, tmp_path: pathlib.Path, hand: Hand
) -> None:
    first, second = (open_store(setting, str(tmp_path), [(1, 0.1)]) for _ in range(2))
    assert first.take() == 0
    assert second.take() > 0
    hand.turn(0.3)  # the second one was held up, and the first goes on meanwhile
    assert first.take() == 0
    assert second.take() == pytest.approx(0.1, abs=0.001)


def test_a_place_far_ahead_is_not_taken(setting: str, tmp_path: pathlib.Path, hand: Hand) -> None:
    """A process that waits for minutes may be gone by then."""
    first, second = (open_store(setting, str(tmp_path), [(1, 60)]) for _ in range(2))
    assert first.take() == 0
    for _ in range(3):
        assert 59 < second.take() < 60
    hand.turn(60.01)
    assert first.take() == 0


def test_accounts_have_budgets_of_their_own(setting: str, tmp_path: pathlib.Path) -> None:
    first = open_store(setting, f"{tmp_path}-1", [(1, 60)])
    second = open_store(setting, f"{tmp_path}-2", [(1, 60)])
    assert first.take() == 0
    assert 59 < first.take() <= 60.1
    assert second.take() == 0


def test_a_window_is_shared_too(setting: str, tmp_path: pathlib.Path) -> None:
    one = open_store(setting, str(tmp_path), [(1, 0.001), (3, 60)])
    other = open_store(setting, str(tmp_path), [(1, 0.001), (3, 60)])
    taken = 0
    for store in [one, other] * 20:
        taken += store.take() == 0
    assert taken == 3


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "postgresql://x:hunter2@127.0.0.1:1/x"])
def test_a_store_that_cannot_be_reached_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="rate_limit_store") as error:
        open_store(url, "account", [(1, 1)])
    assert "hunter2" not in str(error.value)
