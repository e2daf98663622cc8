"""Two runs never write to one account and stream at once, whatever becomes of their locks."""

from __future__ import annotations

import contextlib
import json
import pathlib
import stat
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from erp_ledger import LedgerError, LedgerRecord, RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import Interrupted
from erp_vendors.http import Transport, TransportOptions
from erp_vendors.http.budget import Budget, Clock, Limits
from tests.support.plugins import record, schema
from tests.support.stub import Reply, running_stub
from tests.target_erp.test_once import ORDERS, config, order, ours

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from erp_ledger.lease import Leases
    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.slow

TERMINATE = """SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a
    USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = %s"""


@contextlib.contextmanager
def opened(setting: str) -> t.Iterator[tuple[Ledger, Leases]]:
    with contextlib.closing(open_ledger(setting)) as ledger, leases(setting, ledger) as held:
        yield ledger, held


def lose_lock(setting: str, name: str = "first") -> None:
    """End what keeps others from taking the lease; its owner is not told."""
    if "://" not in setting:
        (lock,) = pathlib.Path(setting).parent.glob("*.lock")
        lock.unlink()
        return
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(setting, autocommit=True) as session:
        found = session.execute(TERMINATE, (session_name(setting, name),)).fetchall()
        assert found == [(True,)]


def named(setting: str, name: str) -> str:
    if "://" not in setting:
        return setting
    return f"{setting}&application_name={session_name(setting, name)}"


def session_name(setting: str, name: str) -> str:
    """A name that no test has which runs beside this one: each has a schema of its own."""
    schema = setting.rpartition("erp_test_")[2]
    assert schema.isalnum(), setting
    return f"{name}-{schema}"


def test_a_lease_is_held_once_and_given_back(setting: str) -> None:
    with opened(setting) as (ledger, ours), opened(setting) as (_, theirs):
        assert ours.try_to_take("acc", "one")
        assert not theirs.try_to_take("acc", "one")
        assert theirs.try_to_take("acc", "two")
        ledger.intend("acc", "one", "r1", {"k=1": b"d"})
    with opened(setting) as (_, later):
        later.take("acc", "one", Clock())  # no wait, although something is open


def test_a_ledger_that_is_named_by_a_link_is_the_same_ledger(tmp_path: pathlib.Path) -> None:
    ledger, link = tmp_path / "ledger.sqlite", tmp_path / "folder" / "current"
    link.parent.mkdir()
    link.symlink_to(ledger)
    with opened(str(ledger)) as (_, ours), opened(str(link)) as (_, theirs):
        assert ours.try_to_take("acc", "one")
        assert not theirs.try_to_take("acc", "one")


def test_waiting_for_a_lease_can_be_stopped(setting: str) -> None:
    clock = Clock()
    with opened(setting) as (_, ours), opened(setting) as (_, theirs):
        ours.take("acc", "s", clock)
        threading.Timer(0.2, clock.stop).start()
        with pytest.raises(Interrupted):
            theirs.take("acc", "s", clock)


def test_of_two_runs_that_wait_for_each_other_one_ends(setting: str) -> None:
    ends: list[str] = []

    def run(first: str, second: str, barrier: threading.Barrier) -> None:
        with opened(setting) as (_, held):
            held.take("acc", first, Clock())
            barrier.wait(10)
            try:
                held.take("acc", second, Clock())
                ends.append("")
            except LedgerError as error:
                ends.append(str(error))

    for _ in range(3):
        ends.clear()
        barrier = threading.Barrier(2)
        threads = [
            threading.Thread(target=run, args=(*streams, barrier), daemon=True)
            for streams in (("one", "two"), ("two", "one"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert len(ends) == 2
        assert min(ends) == ""
        assert "writes to one and waits for two, to which this run writes" in max(ends)


def test_a_run_that_waits_for_one_which_waits_for_nobody_goes_on(setting: str) -> None:
    done: list[str] = []
    with contextlib.ExitStack() as stack:
        (_, first), (_, second), (_, third) = (
            stack.enter_context(opened(setting)) for _ in range(3)
        )
        first.take("acc", "one", Clock())
        second.take("acc", "two", Clock())
        third.take("acc", "three", Clock())

        def wait(held: Leases, stream: str) -> None:
            held.take("acc", stream, Clock())
            done.append(stream)
            held.give_back(ended=True)

        threads = [
            threading.Thread(target=wait, args=some, daemon=True)
            for some in ((second, "one"), (third, "two"))
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        assert done == []
        first.give_back(ended=True)
        for thread in threads:
            thread.join(10)
        assert done == ["one", "two"]


def test_who_lost_a_lease_can_neither_commit_nor_send(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        opened(named(setting, "first")) as (ledger, first),
        opened(setting) as (other, second),
    ):
        first.take("acc", "s", Clock())
        first.prove()
        lose_lock(setting)
        while not second.try_to_take("acc", "s"):  # the server takes a moment
            time.sleep(0.01)
        with pytest.raises(LedgerError, match="sends anything more"):
            ledger.intend("acc", "s", "r1", {"k=1": b"d"})
        with pytest.raises(LedgerError, match="sends anything more"):
            ledger.write("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.ACCEPTED)])
        assert other.intents("acc", "s") == []
        assert other.find("s") == []
        monkeypatch.setattr("erp_ledger.lease._FRESH_SECONDS", 0.05)
        time.sleep(0.1)
        with pytest.raises(LedgerError):
            first.prove()
        second.prove()
        other.write("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.ACCEPTED)])


def test_a_session_that_ended_is_no_loss_while_nobody_else_comes(setting: str) -> None:
    """A lock file that is gone is one: who deleted it may have put another in its place."""
    with opened(named(setting, "first")) as (ledger, first):
        first.take("acc", "s", Clock())
        lose_lock(setting)
        if "://" in setting:
            ledger.intend("acc", "s", "r1", {"k=1": b"d"})
            first.prove()
        else:
            with pytest.raises(LedgerError, match="deleted or replaced"):
                first.prove()


def test_nothing_is_sent_when_the_run_is_over(setting: str) -> None:
    with opened(setting) as (_, held):
        held.take("acc", "s", Clock())
    with pytest.raises(LedgerError, match="over"):
        held.prove()


def test_an_attempt_whose_proof_fails_is_not_written_to_the_wire() -> None:
    def lost() -> None:
        msg = "lost"
        raise LedgerError(msg)

    with running_stub(lambda _: Reply(body={})) as stub:
        budget = Budget("x", Limits(1000, 2))
        transport = Transport(TransportOptions(vendor="x", base_url=stub.url), budget)
        transport.call("POST", "/one")
        transport.before_send = lost
        for _ in range(2):
            with pytest.raises(LedgerError, match="lost"):
                transport.call("POST", "/two")
        assert budget.idle
        transport.before_send = None
        transport.call("POST", "/three")
    assert stub.paths == ["POST /one", "POST /three"]


class Waited(Clock):
    """Notes how long somebody wanted to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        super().sleep(min(seconds, 0.05))


@pytest.mark.serial
def test_who_takes_over_waits_for_calls_that_may_be_under_way(
    setting: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("erp_ledger.lease._FRESH_SECONDS", 0.5)
    monkeypatch.setattr("erp_ledger.lease._MARGIN_SECONDS", 0.25)
    caplog.set_level("INFO")
    with (
        opened(named(setting, "first")) as (ledger, first),
        opened(setting) as (_, second),
    ):
        first.take("acc", "s", Clock(), 0.25)
        ledger.intend("acc", "s", "r1", {"k=1": b"d"})
        lose_lock(setting)
        started, clock = time.monotonic(), Waited()
        second.take("acc", "s", clock, 60.0)
        assert 0.5 < time.monotonic() - started < 5
        assert 0.5 < max(clock.asked) <= 1.0
    assert "waiting 1 s until its last call has surely ended" in caplog.text


def test_a_wait_that_would_be_too_long_ends_the_run_and_is_not_forgotten(setting: str) -> None:
    with opened(named(setting, "first")) as (ledger, first):
        first.take("acc", "s", Clock(), 3000.0)
        ledger.intend("acc", "s", "r1", {"k=1": b"d"})
        lose_lock(setting)
        for _ in range(2):
            with (
                opened(setting) as (_, other),
                pytest.raises(LedgerError, match=r"until \d{4}-.* UTC; start this run again"),
            ):
                other.take("acc", "s", Clock())
    with opened(setting) as (other_ledger, other):
        other_ledger.write("acc", "s", [], other_ledger.intents("acc", "s"))
        intents = other_ledger.intents("acc", "s")
        other_ledger.withdraw(intents[0], ["k=1"])
        other.take("acc", "s", Clock())  # nothing is open any more


def test_a_process_that_died_makes_nobody_wait_for_its_file_lock(tmp_path: pathlib.Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    script = (
        "import os, sys; from tests.erp_ledger.test_lease import *\n"
        "with opened(sys.argv[1]) as (ledger, held):\n"
        "    held.take('acc', 's', Clock(), 3000.0)\n"
        "    ledger.intend('acc', 's', 'r1', {'k=1': b'd'})\n"
        "    os._exit(9)\n"
    )
    assert subprocess.call([sys.executable, "-c", script, str(ledger)]) == 9
    with opened(str(ledger)) as (_, held):
        held.take("acc", "s", Waited())
    (lock,) = tmp_path.glob("*.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600


RUN = """
import sys, erp_ledger.lease as lease
lease._FRESH_SECONDS, lease._MARGIN_SECONDS = 0.5, 0.5
from target_erp.target import main
main()
"""


def started(sandbox: RunningSandbox, folder: pathlib.Path, url: str, name: str) -> t.Any:
    """A run of the target in a process of its own, which reads from a pipe."""
    settings = config(sandbox, folder)
    block = {**settings["aims360"], "timeout_seconds": 0.4, "max_concurrency": 2}
    settings |= {"aims360": block, "ledger": named(url, name)}
    file = folder / f"{name}.json"
    file.write_text(json.dumps(settings))
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-c", RUN, "--config", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            text=True,
        )


def feed(run: t.Any, *messages: t.Any) -> None:
    run.stdin.write("".join(f"{json.dumps(message)}\n" for message in messages))
    run.stdin.flush()


def test_a_session_that_is_ended_while_another_run_waits(
    tmp_path: pathlib.Path, postgres: str
) -> None:
    def made() -> list[str]:
        return ours(sandbox, "aims360", "orders", "thirdPartyOrderID", "T-")

    with running_sandbox(size=3, limits=False) as sandbox, contextlib.ExitStack() as processes:
        sandbox.add_fault("delay", vendor="aims360", method="POST", seconds=0.05)
        rows = [record(ORDERS, **order(sandbox, n)) for n in range(60)]
        first, second = (started(sandbox, tmp_path, postgres, name) for name in ("first", "second"))
        for process in (first, second):
            processes.enter_context(process)
            processes.callback(process.kill)
        feed(first, schema(ORDERS), *rows[:10])
        while len(made()) < 10:
            time.sleep(0.01)
            assert first.poll() is None
        feed(second, schema(ORDERS), *rows)
        second.stdin.close()
        while "waiting for another run" not in (tmp_path / "second.log").read_text():
            time.sleep(0.01)
            assert second.poll() is None
        feed(first, *rows)
        while len(made()) < 15:
            time.sleep(0.01)
        lose_lock(postgres)
        with contextlib.suppress(BrokenPipeError):
            first.stdin.close()
        assert (first.wait(60), second.wait(60)) == (1, 0)
        assert made() == sorted(f"T-{n}" for n in range(60))
    last = (tmp_path / "first.log").read_text().strip().splitlines()[-1]
    assert "another run has taken over" in last
    assert "Traceback" not in (tmp_path / "first.log").read_text()
