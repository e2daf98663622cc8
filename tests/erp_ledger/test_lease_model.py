"""Any number of runs, whose locks and lives end at any moment: no order is made twice.

Time is virtual: the ledger's database and all processes have one clock, which stands still unless
somebody waits. What happens between two steps of a run is drawn at random.
"""
# ruff: noqa: SLF001 - the model's clock and locks stand in the place of the ledger's own

from __future__ import annotations

import contextlib
import itertools
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp_ledger import LedgerError, LedgerRecord, RecordStatus, open_ledger
from erp_ledger.lease import Leases
from erp_vendors.http.budget import Clock
from tests.support.scale import full

if t.TYPE_CHECKING:
    from erp_ledger import Ledger

pytestmark = pytest.mark.slow

RUNS = 3
_COUNT = itertools.count()
KEYS = ("k=1", "k=2", "k=3")
LONGEST = 10.0
"""Seconds that a call takes at most, until the vendor has executed it."""


class World:
    """The vendor, the locks and the time that all runs share."""

    def __init__(self, draw: t.Callable[[st.SearchStrategy[t.Any]], t.Any]) -> None:
        self.draw = draw
        self.now = 1_000_000.0
        self.locks: dict[str, str] = {}
        self.calls: list[tuple[float, str]] = []
        self.made: list[str] = []
        self.runs: list[OneRun] = []
        self.calm = False

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = sorted(call for call in self.calls if call[0] <= self.now)
        self.calls = [call for call in self.calls if call[0] > self.now]
        self.made += [key for _, key in due]

    def something(self) -> None:
        """One step of somebody, or an event."""
        event = self.draw(st.sampled_from(["step"] * 6 + ["time"] * 3 + ["lock", "kill", "start"]))
        if event == "time":
            self.pass_time(self.draw(st.sampled_from([0.1, 1.0, 4.0, 12.0])))
            return
        number = self.draw(st.integers(0, RUNS - 1))
        run = self.runs[number]
        if event == "start" and run.ended and not run.busy:
            self.runs[number] = OneRun(self, number, run.ledger)
        elif event == "lock":
            run.locks.forget()
        elif event == "kill":
            run.kill()
        elif event == "step":
            run.step()

    def finish(self) -> None:
        """Let all runs that live come to their end."""
        self.calm = True
        while any(not run.ended for run in self.runs):
            self.pass_time(1)
            for run in self.runs:
                run.step()
        self.pass_time(LONGEST)


class Locks:
    """Of one process; each can be lost without a word, as a session in PostgreSQL can."""

    def __init__(self, world: World, owner: str) -> None:
        self.world = world
        self.owner = owner

    def take(self, name: str) -> str:
        return self.owner if self.world.locks.setdefault(name, self.owner) == self.owner else ""

    def mark(self, name: str) -> bool:
        return bool(self.take(name))

    def unmark(self, name: str) -> None:
        del self.world.locks[name]

    def check(self) -> None:
        """Nothing can be told."""

    def forget(self) -> None:
        for name in [name for name, owner in self.world.locks.items() if owner == self.owner]:
            del self.world.locks[name]

    def close(self) -> None:
        self.forget()


class Between(Clock):
    """Lets others go on while its run waits."""

    def __init__(self, run: OneRun) -> None:
        super().__init__()
        self.run = run

    def now(self) -> float:
        return self.run.world.now

    def sleep(self, seconds: float) -> None:
        world = self.run.world
        if world.calm:
            for run in world.runs:
                run.step()
        else:
            for _ in range(world.draw(st.integers(0, 2))):
                world.something()
        world.pass_time(seconds)
        if self.run.ended:
            raise KilledError


class KilledError(Exception):
    """The process is gone."""


class OneRun:
    """A run of the target: it makes all orders that are not known to be made."""

    def __init__(self, world: World, number: int, ledger: Ledger) -> None:
        self.world = world
        self.name = f"run {number}-{next(_COUNT)}"
        self.locks = Locks(world, self.name)
        self.ledger = ledger
        self.leases = Leases(ledger, self.locks)
        self.ended = self.busy = False
        self.error = ""
        self.until = 0.0
        store = ledger._store
        # As in PostgreSQL: each commit asks for the numbers.
        ledger.guard(lambda _: self.leases._check(store._writer.cursor()))
        self.work = self._work()

    def step(self) -> None:
        if self.ended or self.busy:
            return
        self.busy = True
        try:
            next(self.work)
        except (StopIteration, KilledError):
            self.ended = True
        except LedgerError as error:
            self.error, self.ended = str(error), True
            self.leases.give_back(ended=self.until <= self.world.now)
        finally:
            self.busy = False

    def kill(self) -> None:
        self.ended = True
        self.locks.forget()

    def _work(self) -> t.Iterator[None]:
        ledger, world = self.ledger, self.world
        self.leases.take("acc", "s", Between(self), LONGEST)
        yield
        ledger.recover("acc", "s")
        for key in KEYS:
            known = ledger.look_many("acc", "s", [key]).get(key)
            if known is not None and known.status is RecordStatus.ACCEPTED:
                continue
            if known is not None and key in world.made:  # the vendor is asked, as it is in doubt
                ledger.write("acc", "s", [LedgerRecord(key, b"d", RecordStatus.ACCEPTED)])
                continue
            intent = ledger.intend("acc", "s", self.name, {key: b"d"})
            yield  # such as a wait for the vendor's limits
            self.leases.prove()
            self.until = world.now + world.draw(st.sampled_from([0.01, 1.0, LONGEST]))
            world.calls.append((self.until, key))
            while world.now < self.until:
                yield
            ledger.write("acc", "s", [LedgerRecord(key, b"d", RecordStatus.ACCEPTED)], [intent])
            yield
        self.leases.give_back(ended=True)


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[list[Ledger]]:
    file = str(tmp_path_factory.mktemp("model") / "ledger.sqlite")
    with contextlib.ExitStack() as opened:
        ledgers = [opened.enter_context(contextlib.closing(open_ledger(file))) for _ in range(RUNS)]
        for ledger in ledgers:
            ledger._store._writer.execute("PRAGMA synchronous = OFF")
        yield ledgers


def in_virtual_time(world: World, monkeypatch: pytest.MonkeyPatch, ledgers: list[Ledger]) -> None:
    """One clock for processes and database; and numbers that are checked as in PostgreSQL."""
    monkeypatch.setattr("erp_ledger.lease._now", lambda: world.now)
    monkeypatch.setattr("erp_ledger.lease._MARGIN_SECONDS", 0)
    for ledger in ledgers:
        store = ledger._store
        store._writer.create_function("erp_virtual", 0, lambda: int(world.now * 1000))
        store._reader.create_function("erp_virtual", 0, lambda: int(world.now * 1000))
        words = {**store._words, "erp_last_proof()": "old.proven_at", "erp_now()": "erp_virtual()"}
        monkeypatch.setattr(store, "_words", words)
    for table in ("erp_records", "erp_intents", "erp_leases"):
        ledgers[0]._store._writer.execute(f"DELETE FROM {table}")  # noqa: S608


@settings(
    max_examples=full(10, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_order_is_made_twice(ledgers: list[Ledger], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(data.draw)
        in_virtual_time(world, monkeypatch, ledgers)
        world.runs = [OneRun(world, number, ledger) for number, ledger in enumerate(ledgers)]
        for _ in range(data.draw(st.integers(10, 80))):
            world.something()
        world.finish()
    assert len(world.made) == len(set(world.made))
    for run in world.runs:
        assert not run.error or "taken over" in run.error
