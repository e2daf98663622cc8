"""Order, concurrency and splitting, without a network."""

from __future__ import annotations

import collections
import sys
import threading
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_ledger import Change, Ledger, LedgerError, RecordStatus, open_ledger
from erp_ledger.store import open_store
from erp_vendors.errors import CallError, Phase
from target_erp.delivery import Delivery, Outcome, Prepared, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.journal import Journal
from tests.support.scale import full
from tests.support.waiting import wait_until
from tests.target_erp.acting import GivenNumbers

if t.TYPE_CHECKING:
    import pathlib


class Memory(Writer):
    """Writes into a list, refuses bad records, and watches for rules being broken."""

    stream = "memory"
    vendor = "memory"
    workers = 4
    batch_size = 8

    def __init__(self, bad: t.Collection[int] = (), *, slow: bool = False) -> None:
        self.bad = bad
        self.slow = slow
        self.calls = 0
        self.written: dict[str, list[int]] = collections.defaultdict(list)
        self.under_way: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def prepare(self, record: dict[str, t.Any]) -> Prepared:
        return Prepared((("key", record["key"]),), record)

    def send(self, writes: list[Write]) -> None:
        bodies = [write.body for write in writes]
        with self._lock:
            self.calls += 1
            self.under_way.update(body["key"] for body in bodies)
            assert max(self.under_way.values()) == 1, "one key was sent twice at once"
        if self.slow:
            time.sleep(self.calls * 7 % 5 / 2500)
        with self._lock:
            self.under_way.subtract(body["key"] for body in bodies)
            if any(body["number"] in self.bad for body in bodies):
                msg = "bad"
                raise RefusedError(msg, reason="refused")
            for body in bodies:
                self.written[body["key"]].append(body["number"])


def open_delivery(folder: pathlib.Path, ledger: Ledger | None = None) -> Delivery:
    ledger = ledger or open_ledger(str(folder / "ledger.sqlite"))
    return Delivery(
        DeadLetters(str(folder), "run"), Journal(ledger, "run"), watermark=GivenNumbers()
    )


def deliver(writer: Memory, keys: t.Sequence[str], folder: pathlib.Path) -> Delivery:
    delivery = open_delivery(folder)
    submit_all(delivery, writer, keys)
    return delivery


def submit_all(delivery: Delivery, writer: Memory, keys: t.Sequence[str]) -> None:
    for number, key in enumerate(keys, 1):
        record = {"key": key, "number": number}
        prepared = writer.prepare(record)
        delivery.submit(writer, Write(number, writer.stream, record, prepared.key, prepared.body))
    delivery.flush()


@settings(max_examples=full(8, 40), deadline=None)
@given(
    keys=st.lists(st.sampled_from("abcdefgh"), max_size=60),
    bad=st.sets(st.integers(1, 60), max_size=6),
)
def test_every_record_is_written_once_or_refused_and_keys_keep_their_order(
    keys: list[str], bad: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    writer = Memory(bad, slow=True)
    delivery = deliver(writer, keys, tmp_path_factory.mktemp("letters"))
    expected: dict[str, list[int]] = collections.defaultdict(list)
    for number, key in enumerate(keys, 1):
        if number not in bad:
            expected[key].append(number)
    assert writer.written == expected
    tally = delivery.tallies["memory"]
    assert tally.accepted == sum(map(len, expected.values()))
    assert tally[Outcome.REFUSED] == len([n for n in bad if n <= len(keys)])
    assert delivery.watermark.settled == len(keys)


@pytest.mark.parametrize("bad", [1, 3, 8, 16])
def test_splitting_costs_few_calls(bad: int, tmp_path: pathlib.Path) -> None:
    count, writer = 256, Memory(range(10, 10 + 15 * bad, 15))
    writer.workers, writer.batch_size = 1, 256
    deliver(writer, [str(n) for n in range(count)], tmp_path)
    assert len(writer.written) == count - bad
    assert writer.calls <= 1 + 2 * bad + bad * 8  # 2k + k*log2(n)


def test_the_state_never_passes_what_is_under_way(tmp_path: pathlib.Path) -> None:
    release = threading.Event()

    class Blocked(Memory):
        batch_size = 1

        def send(self, writes: list[Write]) -> None:
            if writes[0].number == 2:
                release.wait(10)
            super().send(writes)

    writer = Blocked()
    delivery = open_delivery(tmp_path)
    for number in range(1, 6):
        record = {"key": str(number), "number": number}
        delivery.submit(writer, Write(number, "memory", record, (("key", str(number)),), record))
    wait_until(lambda: len(writer.written) == 4 and delivery.watermark.settled)
    assert delivery.watermark.settled == 1
    release.set()
    delivery.flush()
    assert delivery.watermark.settled == 5


def test_a_batch_without_answer_is_tried_with_one_record(tmp_path: pathlib.Path) -> None:
    class TooBig(Memory):
        def send(self, writes: list[Write]) -> None:
            if len(writes) > 3:
                msg = "timed out"
                raise CallError(msg, phase=Phase.SENT)
            super().send(writes)

    writer = TooBig()
    delivery = deliver(writer, [str(n) for n in range(8)], tmp_path)
    assert delivery.tallies["memory"].accepted == 8


def test_a_vendor_without_answer_ends_the_run_quickly(tmp_path: pathlib.Path) -> None:
    class Silent(Memory):
        def send(self, writes: list[Write]) -> None:  # noqa: ARG002
            self.calls += 1
            msg = "timed out"
            raise CallError(msg, phase=Phase.SENT)

    writer = Silent()
    with pytest.raises(CallError, match="timed out"):
        deliver(writer, [str(n) for n in range(8)], tmp_path)
    assert writer.calls == 2


@pytest.mark.serial
def test_a_fault_of_ours_ends_the_run_at_once(tmp_path: pathlib.Path) -> None:
    class Broken(Memory):
        def send(self, writes: list[Write]) -> None:
            if writes[0].number > 8:
                raise ZeroDivisionError
            super().send(writes)

    delivery = open_delivery(tmp_path)
    with pytest.raises(ZeroDivisionError):
        submit_all(delivery, Broken(), [str(n) for n in range(200)])
    started = time.monotonic()
    delivery.close(30)
    assert time.monotonic() - started < 10


def test_a_receipt_is_committed_with_the_next_intent(tmp_path: pathlib.Path) -> None:
    class Counting(Ledger):
        commits = 0

        def commit(self, changes: t.Sequence[Change]) -> None:
            self.commits += 1
            super().commit(changes)

    ledger = Counting(open_store(str(tmp_path / "ledger.sqlite")))
    writer = Memory()
    writer.workers = writer.batch_size = 1
    delivery = open_delivery(tmp_path, ledger)
    submit_all(delivery, writer, [str(n) for n in range(100)])
    assert delivery.tallies["memory"].accepted == 100
    assert len(ledger.find("memory", status=RecordStatus.ACCEPTED)) == 100
    assert 101 <= ledger.commits < 150


def test_records_that_got_through_before_an_outage_are_noted(tmp_path: pathlib.Path) -> None:
    class Failing(Memory):
        def send(self, writes: list[Write]) -> None:
            if len(self.written) == 4:
                msg = "timed out"
                raise CallError(msg, phase=Phase.SENT)
            super().send(writes)

    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    delivery = open_delivery(tmp_path, ledger)
    with pytest.raises(CallError, match="timed out"):
        submit_all(delivery, Failing({6}), [str(n) for n in range(8)])
    delivery.close(30)
    assert {found.entry.key for found in ledger.find(status=RecordStatus.ACCEPTED)} == {
        f"key={n}" for n in range(4)
    }
    assert (delivery.watermark.settled, delivery.tallies["memory"].accepted) == (4, 4)


@pytest.mark.slow
def test_a_record_never_overtakes_those_of_sinks_that_it_may_refer_to(
    tmp_path: pathlib.Path,
) -> None:
    """However the thread that looks records up and the one that submits take turns."""

    class Headers(Memory):
        stream = "headers"
        batch_size = 1

    class Details(Memory):
        stream = "details"
        batch_size = 1
        after = ("headers",)

        def send(self, writes: list[Write]) -> None:
            assert writes[0].body["key"] in headers.written, "its header is not there yet"
            super().send(writes)

    headers, details = Headers(), Details()
    delivery = open_delivery(tmp_path)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    over = threading.Event()

    def hurry() -> None:
        while not over.is_set():
            delivery.look_up()

    thread = threading.Thread(target=hurry, daemon=True)
    thread.start()
    try:
        for number in range(1, 401, 2):
            record = {"key": str(number), "number": number}
            key = (("key", str(number)),)
            delivery.submit(headers, Write(number, "headers", record, key, record))
            delivery.submit(details, Write(number + 1, "details", record, key, record))
        delivery.flush()
    finally:
        sys.setswitchinterval(interval)
        over.set()
        thread.join()
    assert len(headers.written) == len(details.written) == 200


@pytest.mark.parametrize("fails", [2, 3, 4])
def test_a_commit_that_fails_frees_no_key(fails: int, tmp_path: pathlib.Path) -> None:
    """What was sent is not noted: a later version of it must not go out on top of that."""

    class Failing(Ledger):
        commits = 0

        def commit(self, changes: t.Sequence[Change]) -> None:
            self.commits += 1
            if self.commits >= fails:
                msg = "the disk is full"
                raise LedgerError(msg)
            super().commit(changes)

    writer = Memory()
    writer.workers = writer.batch_size = 1
    delivery = open_delivery(tmp_path, Failing(open_store(str(tmp_path / "ledger.sqlite"))))
    with pytest.raises(LedgerError, match="the disk is full"):
        submit_all(delivery, writer, ["a", "a", "b", "a", "b"])
    delivery.close(10)
    # Each commit but the last one stood before one call.
    assert writer.calls == fails - 1
    assert delivery.watermark.settled <= max(0, fails - 2)
