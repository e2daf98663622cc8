"""Runs with a ledger: what is unchanged, refused, in doubt, or was under way at a kill."""

from __future__ import annotations

import contextlib
import itertools
import threading
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_ledger import RecordStatus, open_ledger
from erp_vendors.errors import CallError, ErpError, Phase
from target_erp.delivery import Delivery, Outcome, Prepared, RefusedError, Write, Writer
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.journal import Journal
from target_erp.delivery.model import ABSENT, LookUpResult
from tests.support.plugins import record, run_target, schema
from tests.support.records import passing_order
from tests.support.scale import full
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

EMPLOYEES = "aimsio_employees"


def test_the_same_input_again_is_not_sent(vendor: Vendor) -> None:
    config = vendor.config()
    messages = [schema(EMPLOYEES)]
    messages += [record(EMPLOYEES, employeeCode=str(n), employeeNotes="x") for n in range(50)]
    assert run_target(config, messages).code == 0
    sent = len(vendor.writes)
    run = run_target(config, messages)
    assert len(vendor.writes) == sent
    assert run.target.run.delivery.tallies[EMPLOYEES][Outcome.UNCHANGED] == 50
    messages[7]["record"]["employeeNotes"] = "y"
    assert run_target(config, messages).code == 0
    assert len(vendor.writes) == sent + 1
    assert vendor.taken[-1] == {"employeeCode": "6", "employeeNotes": "y"}


def test_a_change_and_back_within_one_input_ends_as_the_input_does(vendor: Vendor) -> None:
    config = vendor.config()
    rows = [record(EMPLOYEES, employeeCode="1", employeeNotes=note) for note in "abaab"]
    assert run_target(config, [schema(EMPLOYEES), *rows]).code == 0
    assert [row["employeeNotes"] for row in vendor.taken] == ["a", "b", "a", "b"]


def test_a_refused_record_is_tried_again_by_the_next_run(vendor: Vendor) -> None:
    config = vendor.config()
    messages = [schema(EMPLOYEES), record(EMPLOYEES, employeeCode="1")]
    vendor.judge = lambda _: "not today"
    assert run_target(config, messages).code == 3
    vendor.judge = lambda _: None
    assert run_target(config, messages).code == 0
    assert vendor.taken == [{"employeeCode": "1"}]


def test_an_order_that_never_left_is_in_no_doubt(vendor: Vendor) -> None:
    """Nobody can be asked about such an order, so a doubt would be a person's work."""
    stream = "cimcloud_order_passthrough"
    config = vendor.config()
    block = {**config["cimcloud"], "api_url": "http://127.0.0.1:1"}
    messages = [schema(stream), record(stream, **passing_order("1"))]
    run = run_target({**config, "cimcloud": block}, messages)
    assert run.code == 1
    ledger = open_ledger(config["ledger"])
    assert ledger.find(stream) == []
    ledger.close()


def test_an_order_left_unknown_is_not_sent_by_the_next_run(vendor: Vendor) -> None:
    stream = "cimcloud_order_passthrough"
    config = vendor.config()
    messages = [schema(stream), record(stream, **passing_order("1"))]
    vendor.script = lambda request: (
        Reply(cut="half", body={"a": 1}) if "passthrough" in request.path else None
    )
    assert run_target(config, messages).code == 3
    vendor.script = lambda _: None
    run = run_target(config, messages)
    assert run.code == 3
    assert "unknown" in run.error
    assert vendor.writes.count("POST /site/orderpassthrough/") == 1


class Shop(Writer):
    """A vendor without upsert: what is sent twice is there twice."""

    stream = "shop"
    vendor = "shop"
    workers = 3
    upsert = False
    can_look_up = True

    def __init__(self, faults: t.Iterator[str]) -> None:
        self.rows: list[str] = []
        self.faults = faults
        self._lock = threading.Lock()

    def prepare(self, record: dict[str, t.Any]) -> Prepared:
        return Prepared((("number", record["number"]),), record)

    def send(self, writes: list[Write]) -> None:
        (write,) = writes
        with self._lock:
            fault = next(self.faults, "")
            if fault == "before":
                msg = "503 before"
                raise CallError(msg, phase=Phase.ANSWERED, status=503)
            if fault == "refused":
                msg = "bad"
                raise RefusedError(msg, reason="refused")
            self.rows.append(write.body["number"])
            if fault == "killed":
                raise KilledError
            if fault == "after":
                msg = "503 after"
                raise CallError(msg, phase=Phase.ANSWERED, status=503)
            if fault == "cut":
                msg = "cut"
                raise CallError(msg, phase=Phase.SENT)

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:  # noqa: ARG002
        with self._lock:
            return LookUpResult.found("there") if write.body["number"] in self.rows else ABSENT


def test_a_vendor_that_is_down_ends_the_run_and_fills_no_dead_letters(
    tmp_path: pathlib.Path,
) -> None:
    shop = Shop(itertools.repeat("before"))
    with pytest.raises(ErpError, match="503 before"):
        run_shop(shop, tmp_path, range(50))
    assert not (tmp_path / "shop.jsonl").exists()
    shop.faults = iter(())
    assert run_shop(shop, tmp_path, range(50)).tallies["shop"].accepted == 50
    assert sorted(map(int, shop.rows)) == list(range(50))


class KilledError(BaseException):
    """Stands for kill -9 between the vendor's commit and our receipt."""


FAULTS = st.sampled_from(["", "", "", "", "before", "after", "cut", "cut"])


def run_shop(shop: Shop, folder: pathlib.Path, numbers: t.Iterable[int]) -> Delivery:
    ledger = open_ledger(str(folder / "ledger.sqlite"))
    delivery = Delivery(
        DeadLetters(str(folder), "run"), Journal(ledger, "run"), pause=lambda _: None
    )
    try:
        for number in numbers:
            row = {"number": str(number)}
            prepared = shop.prepare(row)
            place = delivery.watermark.issue()
            delivery.submit(shop, Write(place, "shop", row, prepared.key, prepared.body))
            delivery.watermark.settle(place)
        delivery.finish()
    finally:
        ledger.close()
    return delivery


@pytest.mark.slow
@settings(max_examples=full(6, 40), deadline=None)
@given(faults=st.lists(FAULTS, max_size=40))
def test_without_upsert_nothing_is_lost_or_doubled(
    faults: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(iter(faults))
    for _ in range(8):  # runs, until none leaves anything open
        with contextlib.suppress(ErpError):  # three that fail in a row look like an outage
            delivery = run_shop(shop, folder, range(20))
            if not delivery.tallies["shop"][Outcome.REFUSED]:
                break
    assert sorted(shop.rows, key=int) == [str(n) for n in range(20)]
    assert not delivery.tallies["shop"][Outcome.UNKNOWN]


def test_a_run_killed_before_its_receipt_does_not_double(tmp_path: pathlib.Path) -> None:
    shop = Shop(iter(["", "", "killed"]))
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    journal = Journal(ledger, "first")
    for place in range(3):
        row = {"number": str(place)}
        write = Write(place + 1, "shop", row, (("number", str(place)),), row)
        journal.intend(shop, [write])
        try:
            shop.send([write])
        except KilledError:
            break
        journal.receipt(shop, [write], RecordStatus.ACCEPTED)
    ledger.close()
    run_shop(shop, tmp_path, range(5))
    assert sorted(shop.rows) == ["0", "1", "2", "3", "4"]
