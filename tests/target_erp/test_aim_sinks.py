"""AIM's operations: what each requires, what it makes, and whose it is (aim.md 6, 8.2)."""

from __future__ import annotations

import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from target_erp.delivery import RefusedError
from target_erp.delivery.model import Reference
from tests.support.aim import shop_block
from tests.support.writers import Account, prepared, sent

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox

ADD = {"Name": "Ann Lee", "LocationId": 1, "CustomerDefaultId": 1, "TaxAuthorityId": 1}


def account(sandbox: RunningSandbox, **more: t.Any) -> Account:
    return Account("aim", shop_block(sandbox, **more))


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=4, limits=False) as sandbox:
        yield sandbox


def acct(sandbox: RunningSandbox) -> int:
    return int(sandbox.rows("aim", "customers")[0]["Acct"])


def writes(sandbox: RunningSandbox) -> list[str]:
    return [
        call["template"]
        for call in sandbox.calls("aim")
        if call["method"] != "GET" and "Security" not in call["template"]
    ]


@pytest.mark.parametrize(
    ("sink", "record", "words"),
    [
        ("customers", {"Name": "A", "LocationId": 1}, "CustomerDefaultId: required"),
        ("customer_dependants", {"Name": "Kid"}, "no Acct and Name"),
        ("customer_dependants", {"Acct": "x1", "Name": "Kid"}, "'x1' is text"),
        ("inventory_images", {"NewImages": []}, "Item or ItemPk: required"),
        ("delivery_tickets", {"Delivered": True}, "RefNumber: required"),
        ("lessons", {"StudentName": "A", "RefNumber": "1"}, "ClassId: required"),
        ("lessons", {"TypeId": 1, "RefNumber": "1"}, "StudentName: required"),
        ("time_clock", {"Notes": "x"}, "ClockIn or ClockOut: required"),
        ("scheduled_returns", {"Acct": 1, "ReturnDate": "2026-01-05"}, "Sub: required"),
        ("external_ids", {"Id": "1", "Type": "Pupil"}, "'Pupil' is none of Student, Teacher"),
        ("inventory", {"SaqPk": 1, "OurPrice": "9.50"}, "'9.50' is text"),
        ("customers", {"Acct": 1, "EmailMethod": "Fax"}, "'Fax' is none of Word, PDF"),
        ("customers", {**ADD, "DuplicateCheckMode": "CHECKONLY"}, "writes nothing"),
        ("customers", {**ADD, "SS": 123456789}, "SS: it is a number"),
    ],
)
def test_records_refused_before_a_call(
    sandbox: RunningSandbox, sink: str, record: dict[str, t.Any], words: str
) -> None:
    writer = account(sandbox).writer(sink)
    with pytest.raises(RefusedError, match=words):
        writer.prepare(record)
    assert sandbox.calls("aim") == []


def test_members_of_the_url_may_be_text(sandbox: RunningSandbox) -> None:
    writer = account(sandbox).writer("customers")
    write = sent(writer, {**ADD, "LocationId": "1", "TaxAuthorityId": "1"})
    assert sandbox.row("aim", "customers", int(write.vendor_id or 0))["Name"] == "Ann Lee"


def test_a_customer_of_a_foreign_key_is_added_and_then_updated(sandbox: RunningSandbox) -> None:
    writer = account(sandbox).writer("customers", ["crm_id"])
    write = sent(writer, {**ADD, "crm_id": "C-1"})
    assert (write.identity, write.created) == ("crm_id=C-1", True)
    number = int(write.vendor_id or 0)
    assert sandbox.row("aim", "customers", number)["Name"] == "Ann Lee"
    # An update needs none of what a new customer does, and only the ledger knows that it is one.
    later = prepared(writer, {"crm_id": "C-1", "Name": "Ann Roe"}, vendor_id=write.vendor_id)
    assert writer.is_idempotent(later)
    writer.send([later])
    assert later.created is False
    assert sandbox.row("aim", "customers", number)["Name"] == "Ann Roe"
    before = len(sandbox.rows("aim", "customers"))
    with pytest.raises(RefusedError, match="LocationId: required"):
        sent(writer, {"crm_id": "C-2", "Name": "Bob"})
    assert len(sandbox.rows("aim", "customers")) == before


def test_an_account_that_is_not_told_is_looked_for() -> None:
    with running_sandbox(
        size=4, limits=False, options={"aim": {"add_customer": "status"}}
    ) as sandbox:
        writer = account(sandbox).writer("customers", ["crm_id"])
        told = sent(writer, {**ADD, "crm_id": 1, "Email": "ann@example.com"})
        assert sandbox.row("aim", "customers", int(told.vendor_id or 0))["Name"] == "Ann Lee"
        cannot_tell = sent(writer, {**ADD, "crm_id": 2})
        again = prepared(writer, {**ADD, "crm_id": 2, "City": "x"}, vendor_id=cannot_tell.vendor_id)
        with pytest.raises(RefusedError, match="did not tell its Acct"):
            writer.send([again])
        child = account(sandbox).writer("customer_dependants")
        kid = prepared(child, {"crm_id": 2, "Name": "Kid"})
        kid.body = {**kid.body, "Acct": cannot_tell.vendor_id}
        with pytest.raises(RefusedError, match="did not tell the account"):
            child.send([kid])
        assert len(sandbox.rows("aim", "customers")) == 6


@pytest.mark.parametrize(
    ("sink", "record", "member"),
    [
        ("customer_dependants", {"Name": "Kid"}, "Acct"),
        ("shipping_addresses", {"Name": "Home", "Address1": "1 Way"}, "CustomerAccount"),
        ("service_tickets", {"RefNumber": "W-1", "ItemDescription": "Cello"}, "CustomerAcct"),
        (
            "lessons",
            {"RefNumber": "L-1", "StudentName": "A", "ClassId": "7"},
            "CustomerAcct",
        ),
        ("contracts", {"InstrumentId": 1, "RateId": 1}, "CusAcct"),
    ],
)
def test_a_child_names_its_customer_by_business_key(
    sandbox: RunningSandbox, sink: str, record: dict[str, t.Any], member: str
) -> None:
    writer = account(sandbox).writer(sink, ["line_id"])
    write = prepared(writer, {**record, "crm_id": "C-1", "line_id": 5})
    assert write.parents == (Reference("aim_customers", ("crm_id=C-1",), member),)
    number = acct(sandbox)
    # The delivery fills the account in.
    write.body = {**write.body, member: number}
    writer.send([write])
    assert write.created is True
    (call,) = [one for one in sandbox.calls("aim") if one["method"] == "POST"][-1:]
    assert call["status"] == 200
    known = prepared(writer, {**record, member: number, "crm_id": "C-1", "line_id": 5})
    assert known.parents == ()


def test_a_guest_needs_no_customer(sandbox: RunningSandbox) -> None:
    writer = account(sandbox).writer("service_tickets")
    guest = {"Name": "Ann", "Email": "a@example.com"}
    write = prepared(writer, {"RefNumber": "1", "CustomerInfo": guest, "crm_id": "C-1"})
    assert write.parents == ()


def test_until_its_account_is_known_the_customers_key_stands_for_it(
    sandbox: RunningSandbox,
) -> None:
    writer = account(sandbox).writer("customer_dependants")
    write = prepared(writer, {"crm_id": "C-1", "Name": "Kid"})
    assert write.key == (("crm_id,Name", "C-1,Kid"),)
    writer = account(sandbox).writer("customer_dependants", ["crm_id", "Name"])
    write = prepared(writer, {"crm_id": "C-1", "Name": "Kid"})
    assert write.identity == "crm_id,Name=C-1,Kid"
    assert write.parents[0].keys == ("crm_id=C-1",)


@pytest.mark.parametrize(
    ("sink", "record"),
    [
        ("customer_dependants", {"Acct": 0, "Name": "Kid"}),
        ("shipping_addresses", {"CustomerAccount": 0, "AddressName": "Home"}),
        ("service_tickets", {"CustomerAcct": 0, "RefNumber": "W-1"}),
        ("lessons", {"RefNumber": "L-1", "StudentName": "A", "ClassId": "7"}),
    ],
)
def test_a_record_that_was_made_is_not_made_again(
    sandbox: RunningSandbox, sink: str, record: dict[str, t.Any]
) -> None:
    record = {name: acct(sandbox) if value == 0 else value for name, value in record.items()}
    writer = account(sandbox).writer(sink)
    write = sent(writer, record)
    assert write.vendor_id
    before = writes(sandbox)
    with pytest.raises(RefusedError, match="no operation changes it"):
        sent(writer, {**record, "Notes": "changed"}, vendor_id=write.vendor_id)
    assert writes(sandbox) == before


def test_an_image_that_is_refused_is_a_refusal(sandbox: RunningSandbox) -> None:
    item = sandbox.rows("aim", "inventory")[0]["Pk"]
    writer = account(sandbox).writer("inventory_images")
    good = {"FileName": "a.png", "Base64Image": "aGVsbG8="}
    sent(writer, {"ItemPk": item, "NewImages": [good]})
    bad = {"FileName": "b.png", "Base64Image": "?"}
    with pytest.raises(RefusedError, match=r"b\.png cannot be read"):
        sent(writer, {"ItemPk": item, "NewImages": [bad]})


def test_a_custom_sink_calls_the_operation_that_it_names(sandbox: RunningSandbox) -> None:
    entry = {
        "name": "clockings",
        "write_path": "/api/TimeClock",
        "primary_keys": ["Notes"],
        "schema": {"properties": {"ClockIn": {"type": "boolean"}}},
    }
    writer = account(sandbox, resources=[entry]).writer("clockings")
    assert (writer.upsert, writer.can_look_up) == (False, False)
    write = sent(writer, {"Notes": "n-1", "ClockIn": True, "Override": True})
    assert (write.identity, writer.is_idempotent(write)) == ("Notes=n-1", False)
    assert [row["Notes"] for row in sandbox.rows("aim", "time_clock")][-1] == "n-1"
    with pytest.raises(RefusedError, match="ClockIn: 'yes' is text"):
        writer.prepare({"Notes": "n-2", "ClockIn": "yes"})
    with pytest.raises(RefusedError, match="no Notes"):
        writer.prepare({"ClockIn": True})
