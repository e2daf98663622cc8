"""Random sequences of records, runs, faults, kills and replays: ledger and vendor agree."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import pathlib
import shutil
import tempfile
import threading
import typing as t

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from erp_ledger import Change, Ledger, RecordStatus, open_ledger
from erp_ledger.letters import identity, last_at
from erp_ledger.store import open_store
from erp_vendors.errors import CallError, ErpError, Interrupted, Phase
from target_erp.delivery import Delivery, Prepared, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters, newest
from target_erp.delivery.journal import Journal
from target_erp.delivery.model import ABSENT, LookUpResult
from tests.support.scale import full
from tests.target_erp.acting import GivenNumbers

pytestmark = pytest.mark.slow

FAULTS = ("lost_after", "lost_before", "error_after", "error_before", "not_sent")
KILLS = ("kill_before", "kill_after", "kill_receipt")
POISON = 13
ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from((1, 2, POISON))), min_size=1, max_size=5
)


class Site:
    """A vendor in memory, which outlives the runs."""

    def __init__(self) -> None:
        self.rows: dict[str, list[int]] = collections.defaultdict(list)
        self.faults: list[str] = []
        self.poisoned = True
        self.dead = False
        self.sent: set[str] = set()
        self.begun: set[str] = set()
        self.lock = threading.Lock()

    def send(self, store: t.Callable[[], None], values: t.Mapping[str, int]) -> None:
        with self.lock:
            fault = self.faults.pop(0) if self.faults else ""
            if fault != "not_sent":
                self.begun.update(values)
            self._die_if(self.dead)
            self.sent.update(values)
            self._fail_before(fault, values.values())
            store()
            self.dead = fault in {"kill_after", "kill_receipt"}
            self._die_if(fault == "kill_after")
            self._break_if(fault, "lost_after", "error_after")

    def _fail_before(self, fault: str, values: t.Collection[int]) -> None:
        if fault == "not_sent":
            raise _call_error(Phase.NOT_SENT)
        self.dead = fault == "kill_before"
        self._die_if(self.dead)
        if self.poisoned and POISON in values:
            msg = "poison"
            raise RefusedError(msg, reason="refused", status=400)
        self._break_if(fault, "lost_before", "error_before")

    def _die_if(self, dead: bool) -> None:  # noqa: FBT001
        if dead:
            msg = "killed"
            raise Interrupted(msg)

    def _break_if(self, fault: str, lost: str, error: str) -> None:
        if fault == lost:
            raise _call_error(Phase.SENT)
        if fault == error:
            raise _call_error(Phase.ANSWERED, 503)


class Upserts(Writer):
    """Batches of upserts; the transport repeats what may be repeated, so does `send`."""

    stream = "upserts"
    vendor = "site"
    account = "acc"
    batch_size = 3
    keys = ("key",)

    def __init__(self, site: Site) -> None:
        self.site = site

    def prepare(self, record: dict[str, t.Any]) -> Prepared:
        return Prepared((("key", record["key"]),), record)

    def send(self, writes: list[Write]) -> None:
        for _ in range(3):
            try:
                self.site.send(lambda: self.store(writes), self.values(writes))
            except CallError as error:
                last = error
            else:
                return
        raise last

    def store(self, writes: list[Write]) -> None:
        for write in writes:
            self.site.rows[f"{self.stream} {write.body['key']}"] = [write.body["v"]]

    def values(self, writes: list[Write]) -> dict[str, int]:
        return {f"{self.stream} {write.body['key']}": write.body["v"] for write in writes}

    def has(self, write: Write) -> list[int]:
        return self.site.rows.get(f"{self.stream} {write.key[0][1]}", [])


class Orders(Upserts):
    """Created once, never changed, can be looked up."""

    stream = "orders"
    batch_size = 1
    upsert = False
    can_look_up = True
    check_before_create = True
    create_only = True

    def send(self, writes: list[Write]) -> None:
        (write,) = writes
        if write.vendor_id is not None:
            msg = "it exists"
            raise RefusedError(msg, reason="exists")
        self.site.send(lambda: self.store(writes), self.values(writes))

    def store(self, writes: list[Write]) -> None:
        self.site.rows[f"{self.stream} {writes[0].body['key']}"].append(writes[0].body["v"])

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:  # noqa: ARG002
        if self.site.dead:
            msg = "killed"
            raise Interrupted(msg)
        return LookUpResult.found(write.key[0][1]) if self.has(write) else ABSENT


class Customers(Orders):
    """Created once, then changed under the vendor's own id."""

    stream = "customers"
    create_only = False

    def is_idempotent(self, write: Write) -> bool:
        return write.vendor_id is not None

    def send(self, writes: list[Write]) -> None:
        (write,) = writes
        if write.vendor_id is None:
            self.site.send(lambda: Orders.store(self, writes), self.values(writes))
            write.vendor_id = write.key[0][1]
        else:
            Upserts.send(self, writes)

    def store(self, writes: list[Write]) -> None:
        Upserts.store(self, writes)


class Parked(Orders):
    """Created by each call, and nobody can ask."""

    stream = "parked"
    can_look_up = False
    check_before_create = False


WRITERS = (Upserts, Orders, Customers, Parked)


class MortalLedger(Ledger):
    """A ledger that takes nothing any more once the process is dead."""

    site: Site

    def commit(self, changes: t.Sequence[Change]) -> None:
        self._assert_alive()
        super().commit(changes)

    def _assert_alive(self) -> None:
        if self.site.dead:
            msg = "killed"
            raise Interrupted(msg)


class Pipeline(RuleBasedStateMachine):
    """Records come, runs fail in all ways, refused ones are replayed."""

    @initialize()
    def begin(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.site = Site()
        self.writers: dict[str, Upserts] = {kind.stream: kind(self.site) for kind in WRITERS}
        self.log: list[tuple[str, str, int]] = []
        self.position = 0
        self.runs = 0

    @rule(stream=st.sampled_from([kind.stream for kind in WRITERS]), rows=ROWS)
    def records(self, stream: str, rows: list[tuple[str, int]]) -> None:
        self.log += [(stream, key, v) for key, v in rows]

    @rule(faults=st.lists(st.sampled_from((*FAULTS, *KILLS, "", "")), max_size=8))
    def run(self, faults: list[str]) -> None:
        self.site.faults = list(faults)
        self._run()
        self.site.faults = []

    @rule()
    def mend_and_replay(self) -> None:
        self.site.poisoned = False
        with self._delivery() as delivery:
            for letter in newest(str(self.folder)):
                if letter["outcome"] == "refused":
                    write = self._write(0, letter["stream"], letter["record"])
                    moment = dt.datetime.fromisoformat(last_at(letter))
                    write.sent_before = int(moment.timestamp() * 1000)
                    delivery.submit(self.writers[write.stream], write)
            delivery.flush()
        self.site.poisoned = True

    @invariant()
    def nothing_is_doubled(self) -> None:
        assert [key for key, rows in self.site.rows.items() if len(rows) > 1] == []

    def teardown(self) -> None:
        try:
            while not self._run():
                pass
            accepted = self._check()
            self.position = 0
            self.site.sent.clear()
            self._run()
            once = collections.Counter(f"{stream} {key}" for stream, key, _ in self.log)
            again = {key for key in self.site.sent & accepted if once[key] == 1}
            assert again == set(), "what the vendor has was sent again"
        finally:
            shutil.rmtree(self.folder)

    def _check(self) -> set[str]:
        letters = {(letter["stream"], identity(letter)) for letter in newest(str(self.folder))}
        last = {(stream, key): v for stream, key, v in self.log}
        accepted = set()
        ledger = open_ledger(str(self.folder / "ledger.sqlite"))
        for (stream, key), v in last.items():
            rows = self.site.rows.get(f"{stream} {key}", [])
            line = ledger.look("acc", stream, f"key={key}")
            where = f"{stream} {key}: {self.log}: vendor {rows}, ledger {line and line.status}"
            assert line is not None, where
            if line.status is RecordStatus.ACCEPTED:
                accepted.add(f"{stream} {key}")
                assert rows, where
                if v != POISON and stream in {"upserts", "customers"}:
                    assert rows == [v], where
            else:
                assert line.status is RecordStatus.REFUSED or stream == "parked", where
                assert line.status is not RecordStatus.INTENT, where
                # Only what may have reached the vendor is in doubt.
                assert (
                    line.status is not RecordStatus.UNKNOWN or f"{stream} {key}" in self.site.begun
                ), where
                assert (stream, f"key={key}") in letters, where
        assert not [line for kind in WRITERS for line in ledger.intents("acc", kind.stream)]
        ledger.close()
        return accepted

    def _run(self) -> bool:
        """One run from the last STATE on; whether it came to its end."""
        with self._delivery() as delivery:
            try:
                for number, (stream, key, v) in enumerate(self.log[self.position :], 1):
                    write = self._write(self.position + number, stream, {"key": key, "v": v})
                    delivery.submit(self.writers[stream], write)
                delivery.finish()
            except ErpError:
                delivery.close(10)
                self.position = max(self.position, delivery.watermark.settled)
                return False
            self.position = len(self.log)
            return True

    @contextlib.contextmanager
    def _delivery(self) -> t.Iterator[Delivery]:
        self.runs += 1
        self.site.dead = False
        ledger = MortalLedger(open_store(str(self.folder / "ledger.sqlite")))
        ledger.site = self.site
        delivery = Delivery(
            DeadLetters(str(self.folder), f"run {self.runs}"),
            Journal(ledger, f"run {self.runs}"),
            pause=lambda _: None,
            watermark=GivenNumbers(self.position),
        )
        with contextlib.suppress(ErpError):
            for writer in self.writers.values():
                delivery.resume(writer)
        yield delivery
        ledger.close()

    def _write(self, number: int, stream: str, record: dict[str, t.Any]) -> Write:
        prepared = self.writers[stream].prepare(record)
        return Write(number, stream, record, prepared.key, prepared.body)


def _call_error(phase: Phase, status: int | None = None) -> CallError:
    return CallError(f"fault ({phase.value})", phase=phase, status=status)


TestPipeline = Pipeline.TestCase
TestPipeline.settings = settings(max_examples=full(10, 80), stateful_step_count=8, deadline=None)
