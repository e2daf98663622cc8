"""What Aimsio has: asked through its index and single records (aimsio.md 4.1)."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import CallError, MissingResourceError
from target_erp.delivery import RefusedError
from target_erp.delivery.answers import UnclearError
from target_erp.delivery.model import Finding, Reference
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.writers import Account, prepared, sent

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer

PREFIX = "/rest/api/standard/v1"
CUSTOM = {"name": "projects", "path": "/Project", "write_path": "/Project"}


class Aimsio:
    """An account with one entity."""

    stub: Stub

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, t.Any]] = {}
        self.stamps: dict[str, int | None] = {}
        self.index: t.Callable[[], Reply] = lambda: Reply(body=self.entries())
        self.cuts = 0

    def entries(self) -> list[dict[str, t.Any]]:
        return [{"guid": key, "updatedAt": stamp} for key, stamp in self.stamps.items()]

    def put(self, key: str, stamp: int | None, **row: t.Any) -> None:
        self.rows[key], self.stamps[key] = row, stamp

    def answer(self, request: Request) -> Reply:
        if request.method == "POST":
            return Reply(cut="before") if self.cuts else Reply(body={})
        key = request.path.removeprefix(PREFIX).split("/")[2:]
        if not key:
            return self.index()
        return Reply(body=self.rows[key[0]]) if key[0] in self.rows else Reply(404)

    def account(self, **block: t.Any) -> Account:
        basics = {"api_url": self.stub.url, "username": "u", "password": "p-1234"}
        return Account("aimsio", {**basics, "requests_per_second": 1000, **block})

    def asked(self) -> list[str]:
        """Ids of the single records that were read since the last time."""
        paths = [one.path.removeprefix(PREFIX).split("/") for one in self.stub.requests]
        self.stub.requests.clear()
        return [path[2] for path in paths if len(path) > 2]


def finding(writer: Writer, record: dict[str, t.Any], *, fresh: bool = False) -> Finding:
    return writer.find(prepared(writer, record), fresh=fresh).finding


@pytest.fixture
def aimsio() -> t.Iterator[Aimsio]:
    server = Aimsio()
    with running_stub(server.answer) as server.stub:
        yield server


def test_the_newest_are_read_first_and_no_more_than_needed(aimsio: Aimsio) -> None:
    for number in range(20):
        aimsio.put(f"G{number}", number, companyCode=f"C{number}")
    writer = aimsio.account(max_concurrency=2).writer("companies")
    write = prepared(writer, {"companyCode": "C17"})
    assert writer.find(write, fresh=True).vendor_id == "G17"
    assert sorted(aimsio.asked()) == ["G16", "G17", "G18", "G19"]
    # What was read answers the next question without a call.
    assert writer.find(prepared(writer, {"companyCode": "C16"}), fresh=False).vendor_id == "G16"
    assert aimsio.asked() == []
    assert finding(writer, {"companyCode": "none"}) is Finding.NOT_SHOWN
    assert sorted(aimsio.asked()) == sorted(f"G{number}" for number in range(16))


def test_a_later_search_reads_only_what_changed(aimsio: Aimsio) -> None:
    for number in range(6):
        aimsio.put(f"G{number}", number, companyCode=f"C{number}")
    aimsio.put("bare", None, companyCode="bare")
    writer = aimsio.account().writer("companies")
    write = prepared(writer, {"companyCode": "new"})
    assert writer.find(write, fresh=True).finding is Finding.NOT_SHOWN
    assert len(aimsio.asked()) == 7
    aimsio.put("G9", 9, companyCode="new")
    aimsio.put("G2", 10, companyCode="renamed")
    assert writer.find(write, fresh=False).finding is Finding.NOT_SHOWN
    assert writer.find(write, fresh=True).vendor_id == "G9"
    # A record without a stamp may have changed at any time.
    assert set(aimsio.asked()) <= {"G9", "G2", "bare"}
    assert finding(writer, {"companyCode": "C2"}) is Finding.NOT_SHOWN
    del aimsio.stamps["G9"], aimsio.rows["G9"]
    assert writer.find(write, fresh=True).finding is Finding.NOT_SHOWN


def test_an_answer_that_cannot_be_trusted_is_no_absence(aimsio: Aimsio) -> None:
    aimsio.put("G1", 1, companyCode="C1")
    account = aimsio.account()
    write = prepared(account.writer("companies"), {"companyCode": "none"})
    aimsio.index = lambda: Reply(body=[*aimsio.entries(), {"updatedAt": 1}])
    look = account.writer("companies").find(write, fresh=True)
    assert (look.finding, "prove nothing" in look.why) == (Finding.CANNOT_TELL, True)
    aimsio.index = lambda: Reply(404)
    with pytest.raises(MissingResourceError):
        account.writer("companies").find(write, fresh=True)
    aimsio.index = lambda: Reply(body=aimsio.entries())
    aimsio.rows = {"G1": t.cast("t.Any", "no object")}
    writer = account.writer("companies")
    assert writer.find(write, fresh=True).finding is Finding.CANNOT_TELL
    aimsio.rows = {"G1": {"companyCode": "none"}}
    assert writer.find(write, fresh=False).vendor_id == "G1"


def test_a_guid_needs_no_search(aimsio: Aimsio) -> None:
    aimsio.put("G1", 1, employeeCode="E-1")
    writer = aimsio.account(partial_updates=True).writer("employees")
    assert writer.find(prepared(writer, {"employeeGuid": "G1"}), fresh=True).vendor_id == "G1"
    assert finding(writer, {"employeeGuid": "G2"}, fresh=True) is Finding.NOT_SHOWN
    assert [path for path in aimsio.stub.paths if path.endswith("Employee")] == []


def test_a_key_that_only_the_user_knows_is_no_upsert(aimsio: Aimsio) -> None:
    writer = aimsio.account(resources=[CUSTOM]).writer("projects", ["code", "part"])
    assert (writer.upsert, writer.batch_size, writer.can_look_up) == (False, 1, True)
    write = prepared(writer, {"code": "P", "part": 2, "name": "x"})
    assert write.key == (("code,part", "P,2"),)
    aimsio.cuts = 1
    with pytest.raises(CallError):
        writer.send([write])
    assert len([path for path in aimsio.stub.paths if path.startswith("POST")]) == 1
    aimsio.put("a", 5, code="P", part=1)
    aimsio.put("b", 4, code="P", part=2)
    assert not writer.is_idempotent(write)
    write.vendor_id = writer.find(write, fresh=True).vendor_id
    assert write.vendor_id == "b"
    assert writer.is_idempotent(write)


@pytest.mark.parametrize(
    ("resource", "keys", "upsert"),
    [
        ("employees", (), True),
        # The documents name this entity's key, so another one is only the source's.
        ("employees", ("id",), True),
        ("companies", (), True),
        ("companies", ("companyCode",), True),
        ("companies", ("companyNumber",), False),
    ],
)
def test_which_keys_are_upserts(
    aimsio: Aimsio,
    resource: str,
    keys: tuple[str, ...],
    upsert: bool,  # noqa: FBT001
) -> None:
    writer = aimsio.account().writer(resource, keys)
    assert writer.upsert is upsert
    assert writer.batch_size == (20 if upsert else 1)


def test_required_and_paired_properties(aimsio: Aimsio) -> None:
    account = aimsio.account()
    item = {
        "billableItemCode": "B",
        "billableItemName": "Hour",
        "billableItemIsTrade": True,
        "billableItemIsEquipment": False,
        "billableItemDefaultRate": 1,
        "billableItemDefaultRateType": "Hour",
        "billableItemTypeUname": "labour",
    }
    items = account.writer("billable_items")
    items.prepare(item)
    items.prepare({**item, "billableItemTypeUname": None, "billableItemGuid": "G"})
    cases = [
        ({"billableItemTypeUname": None}, "billableItemTypeName"),
        ({"billableItemDefaultRateType": None}, "billableItemDefaultRateTypeUname"),
        ({"billableItemDefaultRate2": 2}, "required with billableItemDefaultRate2"),
    ]
    for change, words in cases:
        with pytest.raises(RefusedError, match=words):
            items.prepare({**item, **change})
    nrb = {
        "nrbJobOrderNumber": "J",
        "nrbName": "Pump",
        "nrbAccountType": "Billable",
        "nrbIsBillable": True,
        "nrbVendorCode": "V",
        "nrbRate": 1,
        "nrbQuantity": 1,
        "nrbTypeName": "Rental",
    }
    for key in ("nrbExternalId", "nrbOriginReference", "nrbGuid"):
        account.writer("nrbs").prepare({**nrb, key: "1"})
    with pytest.raises(RefusedError, match="nrbExternalId"):
        account.writer("nrbs").prepare(nrb)


def test_a_record_names_its_parents_by_their_codes(aimsio: Aimsio) -> None:
    account = aimsio.account(partial_updates=True)
    job = {
        "jobNumber": "J",
        "jobClientCode": "C",
        "jobPriceBookName": "B",
        "jobAssigneeEmployeeNumber": "E",
    }
    assert prepared(account.writer("job_orders"), job).parents == (
        Reference("aimsio_companies", ("companyCode=C",)),
        Reference("aimsio_price_books", ("priceBookName=B",)),
        Reference("aimsio_employees", ("employeeCode=E",)),
    )
    nrb = {"nrbExternalId": "N", "nrbJobOrderNumber": "J", "nrbVendorCode": "V"}
    assert prepared(account.writer("nrbs"), nrb).parents == (
        Reference("aimsio_job_orders", ("jobNumber=J",)),
        Reference("aimsio_companies", ("companyCode=V",)),
    )
    staff = {"employeeCode": "E", "employeeTradeCode": "T"}
    assert prepared(account.writer("employees"), staff).parents == (
        Reference("aimsio_billable_items", ("billableItemCode=T",)),
    )
    bare = {"employeeCode": "E", "employeeTradeCode": None}
    assert prepared(account.writer("employees"), bare).parents == ()


def test_a_status_is_found_by_its_id_alone(aimsio: Aimsio) -> None:
    aimsio.put("I-1", 1, invoiceGuid="I-1")
    writer = aimsio.account().writer("invoices")
    with pytest.raises(UnclearError):
        sent(writer, {"invoiceGuid": "I-1", "invoiceStatus": "PAID"})
    write = prepared(writer, {"invoiceGuid": "I-1", "invoiceStatus": "PAID"})
    assert writer.find(write, fresh=True).vendor_id == "I-1"
    del aimsio.rows["I-1"]
    assert writer.find(write, fresh=True).finding is Finding.NOT_SHOWN
