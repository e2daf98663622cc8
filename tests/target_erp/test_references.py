"""Parents before children: order, ids filled in, and children that wait for their parent."""

from __future__ import annotations

import contextlib
import json
import threading
import typing as t

import pytest

from erp_ledger import LedgerRecord, RecordStatus, open_ledger
from target_erp.delivery import (
    Delivery,
    Outcome,
    Prepared,
    Reference,
    RefusedError,
    Write,
    Writer,
)
from target_erp.delivery.dead_letters import DeadLetters
from target_erp.delivery.journal import Journal
from tests.target_erp.acting import GivenNumbers

if t.TYPE_CHECKING:
    import pathlib

    from erp_ledger import Ledger
    from target_erp.delivery.references import Child

Record = dict[str, t.Any]


class Parents(Writer):
    """Gives each parent an id of the vendor's own; refuses those it does not like."""

    stream = "parents"
    vendor = "site"
    account = "acc"
    workers = 4

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.held = threading.Event()
        self.held.set()
        self.sent: list[Record] = []

    def prepare(self, record: Record) -> Prepared:
        return Prepared((("crm", record["crm"]),), record)

    def send(self, writes: list[Write]) -> None:
        self.held.wait(10)
        (write,) = writes
        if write.body["crm"] in self.refused:
            msg = "no such parent"
            raise RefusedError(msg, reason="refused", status=400)
        self.sent.append(write.body)
        write.vendor_id = f"7{write.body['crm']}"


class Children(Parents):
    """Names its parent by business key; the vendor wants its own id of it."""

    stream = "children"
    fill = "parentId"

    def prepare(self, record: Record) -> Prepared:
        body = {name: value for name, value in record.items() if name != "crm"}
        parents = (Reference("parents", (f"crm={record['crm']}",), self.fill),)
        return Prepared((("child", record["child"]),), body, parents)

    def send(self, writes: list[Write]) -> None:
        (write,) = writes
        if write.body["child"] in self.refused:
            msg = "no"
            raise RefusedError(msg, reason="refused", status=400)
        self.sent.append(write.body)


class Named(Children):
    """The vendor takes the parent's business key as it is."""

    stream = "named"
    fill = ""


class House:
    """Runs over one ledger."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.parents, self.children, self.named = Parents(), Children(), Named()
        self.runs = 0
        self.waited: t.Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def run(self) -> t.Iterator[Delivery]:
        self.runs += 1
        ledger = open_ledger(str(self.folder / "ledger.sqlite"))
        name = f"run {self.runs}"

        def resubmit(child: Child, still_waits: t.Callable[[], bool]) -> None:
            self.waited()
            writer = {"children": self.children, "named": self.named}[child.stream]
            if still_waits():
                self.submit(delivery, writer, 0, json.loads(child.record))

        delivery = Delivery(
            DeadLetters(str(self.folder), name),
            Journal(ledger, name),
            resubmit=resubmit,
            watermark=GivenNumbers(),
        )
        for writer in (self.parents, self.children, self.named):
            delivery.resume(writer)
        yield delivery
        delivery.flush()
        ledger.close()

    def submit(self, delivery: Delivery, writer: Writer, number: int, record: Record) -> None:
        prepared = writer.prepare(record)
        delivery.submit(
            writer,
            Write(number, writer.stream, record, prepared.key, prepared.body, prepared.parents),
        )

    def ledger(self) -> Ledger:
        return open_ledger(str(self.folder / "ledger.sqlite"))


@pytest.fixture
def house(tmp_path: pathlib.Path) -> House:
    return House(tmp_path)


def test_a_child_gets_the_id_that_its_parent_was_given(house: House) -> None:
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
        house.submit(delivery, house.children, 2, {"child": "c", "crm": "1"})
    assert house.children.sent == [{"child": "c", "parentId": 71}]


def test_a_child_of_a_parent_under_way_goes_behind_it(house: House) -> None:
    house.parents.held.clear()
    with house.run() as delivery:
        for number in range(1, 6):
            house.submit(delivery, house.parents, 2 * number, {"crm": str(number)})
            child = {"child": f"c{number}", "crm": str(number)}
            house.submit(delivery, house.children, 2 * number + 1, child)
        delivery.look_up()
        assert house.children.sent == []
        house.parents.held.set()
    found = sorted((body["child"], body["parentId"]) for body in house.children.sent)
    assert found == [(f"c{number}", 70 + number) for number in range(1, 6)]


def test_the_id_is_known_to_later_runs(house: House) -> None:
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
    with house.run() as delivery:
        house.submit(delivery, house.children, 1, {"child": "c", "crm": "1"})
    assert house.children.sent == [{"child": "c", "parentId": 71}]


def test_a_child_before_its_parent_is_freed_by_it_in_the_same_run(house: House) -> None:
    with house.run() as delivery:
        house.submit(delivery, house.children, 1, {"child": "c", "crm": "1"})
        delivery.flush()
        assert delivery.tallies["children"][Outcome.WAITING] == 1
        house.submit(delivery, house.parents, 2, {"crm": "1"})
    assert house.children.sent == [{"child": "c", "parentId": 71}]
    tally = delivery.tallies["children"]
    assert (tally[Outcome.WAITING], tally[Outcome.WRITTEN]) == (0, 1)


@pytest.mark.parametrize("kind", ["children", "named"])
def test_a_child_of_a_refused_parent_is_not_sent_and_waits(house: House, kind: str) -> None:
    writer = {"children": house.children, "named": house.named}[kind]
    house.parents.refused = {"1"}
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
        house.submit(delivery, writer, 2, {"child": "c", "crm": "1"})
    assert writer.sent == []
    assert delivery.tallies[kind][Outcome.WAITING] == 1
    (letter,) = [
        json.loads(line) for line in (house.folder / f"{kind}.jsonl").read_text().splitlines()
    ]
    assert (letter["outcome"], letter["class"]) == ("waiting", "waiting")
    assert "crm=1 of parents" in letter["reason"]
    house.parents.refused = set()
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
    assert [body["child"] for body in writer.sent] == ["c"]
    line = house.ledger().look("acc", kind, "child=c")
    assert line is not None
    assert line.status is RecordStatus.ACCEPTED


def test_a_child_that_waits_does_not_come_behind_its_newer_version(house: House) -> None:
    house.parents.refused = {"1"}
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
        house.submit(delivery, house.named, 2, {"child": "c", "crm": "1", "version": 1})
    house.parents.refused = set()
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
        house.submit(delivery, house.named, 2, {"child": "c", "crm": "1", "version": 2})
    assert [body["version"] for body in house.named.sent] == [2]
    assert (delivery.tallies["named"][Outcome.WRITTEN], delivery.watermark.settled) == (1, 2)


def test_a_child_that_another_run_has_written_since_is_left_alone(house: House) -> None:
    """The lease of its sink may have to be waited for."""
    house.parents.refused = {"1"}
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
        house.submit(delivery, house.named, 2, {"child": "c", "crm": "1", "version": 1})
    house.parents.refused = set()

    def another() -> None:
        accepted = LedgerRecord("child=c", b"newer", RecordStatus.ACCEPTED, run="another")
        with contextlib.closing(house.ledger()) as ledger:
            ledger.write("acc", "named", [accepted])

    house.waited = another
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
    assert house.named.sent == []
    assert delivery.tallies["named"].total() == 0


@pytest.mark.parametrize("kind", ["children", "named"])
def test_a_child_that_another_run_notes_while_its_parent_is_written_is_freed_by_the_next(
    house: House, kind: str
) -> None:
    writer = {"children": house.children, "named": house.named}[kind]
    writer.refused = {"c", "d"}
    with house.run() as first, house.run() as second:
        house.submit(first, writer, 1, {"child": "c", "crm": "1"})
        house.submit(first, writer, 2, {"child": "d", "crm": "2"})
        first.flush()
        house.submit(second, house.parents, 1, {"crm": "1"})
    assert writer.sent == []
    writer.refused = set()
    with house.run() as third:
        pass
    assert [body["child"] for body in writer.sent] == ["c"]
    assert third.tallies[kind][Outcome.WRITTEN] == 1
    with house.run():
        pass
    assert len(writer.sent) == 1


def test_a_refused_child_of_an_unknown_parent_is_sent_again_when_that_comes(house: House) -> None:
    house.named.refused = {"c"}
    with house.run() as delivery:
        house.submit(delivery, house.named, 1, {"child": "c", "crm": "1"})
    # The vendor's word counts: nobody knows that the parent is the reason.
    assert delivery.tallies["named"][Outcome.REFUSED] == 1
    house.named.refused = set()
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
    assert [body["child"] for body in house.named.sent] == ["c"]


def test_a_child_of_a_parent_that_the_vendor_has_is_sent(house: House) -> None:
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
    house.parents.refused = {"1"}  # its newest version is refused, but it is there
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1", "name": "new"})
        house.submit(delivery, house.named, 2, {"child": "c", "crm": "1"})
        house.submit(delivery, house.named, 3, {"child": "d", "crm": "from elsewhere"})
    assert sorted(body["child"] for body in house.named.sent) == ["c", "d"]


def test_a_parent_that_is_there_already_frees_its_children(house: House) -> None:
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
    house.named.refused = {"c"}
    house.parents.refused = {"1"}
    with house.run() as delivery:
        house.submit(delivery, house.named, 1, {"child": "c", "crm": "2"})
    house.named.refused, house.parents.refused = set(), set()
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "2"})
        delivery.flush()
        house.submit(delivery, house.parents, 2, {"crm": "2"})
    assert [body["child"] for body in house.named.sent] == ["c"]


def test_children_of_a_vendor_that_says_no_id_wait(house: House) -> None:
    send = Parents.send

    class Silent(Parents):
        def send(self, writes: list[Write]) -> None:
            send(self, writes)
            writes[0].vendor_id = None

    house.parents = Silent()
    with house.run() as delivery:
        house.submit(delivery, house.parents, 1, {"crm": "1"})
        house.submit(delivery, house.children, 2, {"child": "c", "crm": "1"})
    assert house.children.sent == []
    letter = json.loads((house.folder / "children.jsonl").read_text())
    assert "parentId" in letter["reason"]


def test_a_parent_whose_place_in_memory_is_taken_is_still_there(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More parents at once than are remembered: what was looked up serves all of its children."""
    monkeypatch.setattr("target_erp.delivery.references._REMEMBERED", 1)
    with house.run() as delivery:
        for number in range(4):
            house.submit(delivery, house.parents, number + 1, {"crm": str(number)})
    number = 0
    batches = [["0"], ["1", "0"], ["2", "1"], ["3", "2"], ["0", "3"]]
    with house.run() as delivery:
        # Each batch begins with a parent that takes the place of the one that is asked for next.
        for place, batch in enumerate(batches):
            for crm in batch:
                child = {"child": f"{place}-{crm}", "crm": crm}
                number += 1
                house.submit(delivery, house.children, number, child)
            delivery.flush()
    tally = delivery.tallies["children"]
    assert (tally.accepted, tally[Outcome.WAITING]) == (9, 0)
    assert {row["child"]: row["parentId"] for row in house.children.sent} == {
        f"{place}-{crm}": 70 + int(crm) for place, batch in enumerate(batches) for crm in batch
    }
