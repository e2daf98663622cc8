"""Rate budgets that several processes share."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import time
import typing as t

import pytest

from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.http.budget import Limits
from erp_vendors.http.store import open_store
from tests.support.scale import mostly_nightly
from tests.support.services import postgres_url, redis_url
from tests.support.stub import Reply, running_stub
from tests.support.waiting import wait_until

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.http.store import Holds
    from tests.support.stub import Request

pytestmark = pytest.mark.slow

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

WAITER = """
import sys
from erp_vendors.http import Transport, TransportOptions
from erp_vendors.http.budget import Budget, Limits
from erp_vendors.http.store import open_store
url, store, account, path = sys.argv[1:]
limits = Limits(100, 4)
shared = open_store(store, account, limits.rates())
options = TransportOptions(vendor="x", base_url=url, obey_rate_headers=True)
transport = Transport(options, Budget("x", limits, None, shared))
transport.call("GET", "/before")
for _ in sys.stdin:
    transport.call("GET", path)
    print("called", flush=True)
"""
TOLD = 2


STORES = ("sqlite", "redis", "postgresql")


@pytest.fixture(params=STORES)
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
    monkeypatch.setattr("erp_vendors.http.store._look", lambda _: (now, 0))
    assert quick.take() == 0
    monkeypatch.setattr("erp_vendors.http.store._look", lambda _: (now - 5, 0))
    assert slow.take() > 0


class Hand:
    """A clock of the store that is turned by hand, in microseconds."""

    def __init__(self) -> None:
        self.now = time.time_ns() // 1000

    def __call__(self, holds: Holds) -> tuple[int, int]:
        return self.now, holds.look()[1]

    def turn(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    clock = Hand()
    monkeypatch.setattr("erp_vendors.http.store._look", clock)
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


def tell(process: subprocess.Popen[str]) -> None:
    """Let a process make its call."""
    stdin = t.cast("t.IO[str]", process.stdin)
    stdin.write("go\n")
    stdin.flush()


def test_a_pause_holds_all_and_ends(setting: str, tmp_path: pathlib.Path, hand: Hand) -> None:
    """Also a process that has a place in the row; and a shorter pause does not shorten it."""
    told, other, last = (open_store(setting, str(tmp_path), [(1, 0.1)]) for _ in range(3))
    assert told.take() == 0
    assert other.take() > 0
    assert other.held == 0
    told.hold(30)
    told.hold(5)
    hand.turn(0.101)
    for store in (told, other, last):
        assert store.take() == store.held == pytest.approx(29.9, abs=0.01)
    hand.turn(30)
    assert last.take() == 0
    assert last.held == 0
    assert other.take() == pytest.approx(0.1, abs=0.001)


def test_a_pause_is_that_of_one_account(setting: str, tmp_path: pathlib.Path) -> None:
    first = open_store(setting, f"{tmp_path}-1", [(1, 0.001)])
    second = open_store(setting, f"{tmp_path}-2", [(1, 0.001)])
    first.hold(60)
    assert first.take() > 59
    assert second.take() == 0


def test_a_redis_that_has_begun_anew_gives_permissions(tmp_path: pathlib.Path) -> None:
    url = redis_url()
    import redis  # noqa: PLC0415 - an extra

    store = open_store(url, str(tmp_path), [(2, 60)])
    assert store.take() == 0
    store.hold(0.001)
    with contextlib.closing(redis.Redis.from_url(url)) as server:
        server.script_flush()
    time.sleep(0.01)
    store.hold(0.001)
    time.sleep(0.01)
    assert store.take() == 0
    assert store.take() > 0


def test_a_pause_that_cannot_be_told_does_not_end_the_call_that_brought_it(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Holds) -> t.NoReturn:
        msg = "no such server"
        raise OSError(msg)

    store = open_store(str(tmp_path / "rates.sqlite"), "account", [(1, 60)])
    monkeypatch.setattr("erp_vendors.http.store._look", fail)
    store.hold(5)
    assert "cannot tell other processes to wait" in caplog.text
    with pytest.raises(ErpError, match="rate_limit_store"):
        store.take()


WAITS = {
    "429": Reply(429, headers={"Retry-After": str(TOLD)}),
    "503": Reply(503, headers={"Retry-After": str(TOLD)}),
    "remaining": Reply(
        body={}, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(TOLD)}
    ),
}


@pytest.mark.parametrize(
    ("setting", "told"), mostly_nightly(itertools.product(STORES, WAITS)), indirect=["setting"]
)
def test_what_one_process_is_told_to_wait_all_wait(
    setting: str, tmp_path: pathlib.Path, told: str
) -> None:
    reply = WAITS[told]
    told_at: list[float] = []

    def answer(request: Request) -> Reply:
        if request.path == "/told" and not told_at:
            told_at.append(time.monotonic())
            return reply
        return Reply(body={})

    with running_stub(answer) as stub, contextlib.ExitStack() as ended:
        processes = []
        for path in ("/told", "/other"):
            process = ended.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", WAITER, stub.url, setting, str(tmp_path), path],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            ended.callback(process.kill)
            processes.append(process)
        wait_until(lambda: len(stub.requests) == len(processes))
        tell(processes[0])
        wait_until(lambda: bool(told_at))
        # The answer is on its way, and the process may need a moment to pass it on.
        store = open_store(setting, str(tmp_path), Limits(100, 4).rates())
        wait_until(lambda: store._holds.look()[1])  # noqa: SLF001 - whenever that was
        tell(processes[1])
        assert t.cast("t.IO[str]", processes[1].stdout).readline() == "called\n"
        first = min(request.at for request in stub.requests if request.path == "/other")
        assert first - told_at[0] >= TOLD


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "postgresql://x:hunter2@127.0.0.1:1/x"])
def test_a_store_that_cannot_be_reached_names_the_setting(url: str) -> None:
    with pytest.raises(ConfigError, match="rate_limit_store") as error:
        open_store(url, "account", [(1, 1)])
    assert "hunter2" not in str(error.value)
