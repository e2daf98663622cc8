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
CALLS = 16
PROCESSES = 3

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
