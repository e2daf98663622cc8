"""AIM's look-ups against the sandbox: what they find, and what they cannot tell (aim.md 6, 8.1)."""

from __future__ import annotations

import typing as t

import pytest

from erp_ledger import Known, RecordStatus
from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import ErpError
from target_erp.delivery.model import ABSENT, NOT_SHOWN, Finding, LookUpResult
from tests.erp_vendors.aim.shop import error, open_shop, stock_error
from tests.support.aim import shop_block
from tests.support.stub import Reply
from tests.support.writers import Account, prepared, sent

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from target_erp.delivery import Write, Writer
    from target_erp.writers.aim_writer import AimWriter

pytestmark = pytest.mark.slow

IMAGE = {"FileName": "a.png", "Base64Image": "aGVsbG8="}
CUSTOMER = {
    "Name": "Ann Lee",
    "LocationId": 1,
    "CustomerDefaultId": 1,
    "TaxAuthorityId": 1,
    "Email": "ann@example.com",
    "HomePhone": "555-0100",
    "City": "Austin",
}


class Shop:
    """A shop with its sinks."""

    def __init__(self, sandbox: RunningSandbox, kind: str = "json") -> None:
        self.sandbox = sandbox
        self._account = Account("aim", shop_block(sandbox, format=kind))

    def writer(self, sink: str) -> Writer:
        return self._account.writer(sink)

    def first(self, resource: str, name: str) -> t.Any:
        return self.sandbox.rows("aim", resource)[0][name]

    def look(self, sink: str, record: dict[str, t.Any]) -> LookUpResult:
        writer = self.writer(sink)
        # The ledger says that a version of it was on its way when the run was killed.
        lost = Known(RecordStatus.INTENT, b"", None, None, None, 0)
        return writer.find(prepared(writer, record, known=lost), fresh=True)

    def send(self, sink: str, record: dict[str, t.Any]) -> Write:
        return sent(self.writer(sink), record)


@pytest.fixture
def shop() -> t.Iterator[Shop]:
    with running_sandbox(size=4, limits=False) as sandbox:
        yield Shop(sandbox)


def records(shop: Shop) -> dict[str, tuple[dict[str, t.Any], str]]:
    """A new record of each sink, and a member that makes it another one."""
    acct = shop.first("customers", "Acct")
    contract = shop.sandbox.rows("aim", "contracts")[0]
    address = {"Address1": "1 Way", "City": "Austin", "HomePhone": "5550100"}
    line = {"Sku": shop.first("inventory", "Sku"), "Qty": 1}
    ticket = {"CustomerAcct": acct, "ItemDescription": "Cello", "Notes": "bow"}
    back = {"Acct": contract["Acct"], "Sub": contract["Sub"], "OptionId": 1}
    return {
        "web_orders": ({"OrderNumber": "W-9", "LineItems": [line]}, "OrderNumber"),
        "customer_dependants": ({"Acct": acct, "Name": "Kid  Lee"}, "Name"),
        "shipping_addresses": (
            {"CustomerAccount": acct, "AddressName": "Home", "AddressInfo": address},
            "AddressName",
        ),
        "contracts": (
            {"WebRef": "C-9", "InstrumentId": 1, "RateId": 1, "CusAcct": acct},
            "WebRef",
        ),
        "service_tickets": ({"RefNumber": "S-9", **ticket}, "ItemDescription"),
        "scheduled_returns": ({**back, "ReturnDate": "2031-03-04T10:30:00"}, "ReturnDate"),
        "customers": (CUSTOMER, "Name"),
    }


SINKS = (
    "web_orders",
    "customer_dependants",
    "shipping_addresses",
    "contracts",
    "service_tickets",
    "scheduled_returns",
    "customers",
)


UNDOCUMENTED = frozenset({"contracts", "service_tickets"})
"""Sinks whose look-up is not documented to find what was written."""


@pytest.mark.parametrize("kind", ["json", "xml"])
@pytest.mark.parametrize("sink", SINKS)
def test_a_record_is_absent_until_it_is_there(shop: Shop, sink: str, kind: str) -> None:
    shop = Shop(shop.sandbox, kind)
    record, member = records(shop)[sink]
    absent = NOT_SHOWN if sink in UNDOCUMENTED else ABSENT
    assert shop.writer(sink).can_look_up
    assert shop.look(sink, record) == absent
    write = shop.send(sink, record)
    assert shop.look(sink, record).finding is Finding.FOUND
    # As a control it is looked for in the same way.
    writer = shop.writer(sink)
    assert writer.find(write, fresh=True).finding is Finding.FOUND
    other = "2031-03-05T10:30:00" if member == "ReturnDate" else f"other {record[member]}"
    key = {"RefNumber": "S-8"} if sink == "service_tickets" else {}
    assert shop.look(sink, {**record, member: other, **key}) == absent


def test_the_ids_that_are_found_are_the_vendors(shop: Shop) -> None:
    made = records(shop)
    for sink in ("customers", "shipping_addresses", "scheduled_returns"):
        write = shop.send(sink, made[sink][0])
        assert shop.look(sink, made[sink][0]).vendor_id == write.vendor_id


@pytest.mark.parametrize(
    ("sink", "record"),
    [
        ("service_tickets", {"RefNumber": "S-1", "CustomerInfo": {"Name": "A", "Email": "a@b.c"}}),
        ("scheduled_returns", {"Acct": 1, "Sub": 1, "ReturnDate": "soon"}),
        ("contracts", {"InstrumentId": 1, "RateId": 1, "CusAcct": 1}),
        ("shipping_addresses", {"CustomerAccount": 1}),
        ("lessons", {"RefNumber": "L-1", "StudentName": "A", "ClassId": "7"}),
        ("time_clock", {"ClockIn": True}),
        ("external_ids", {"Type": "Student", "Id": "1", "ExternalId": "x"}),
        ("scheduled_returns", {"Acct": 1, "Sub": 1}),
    ],
)
def test_a_record_that_cannot_be_asked_for_is_not_called_absent(
    shop: Shop, sink: str, record: dict[str, t.Any]
) -> None:
    assert shop.look(sink, record).finding is Finding.CANNOT_TELL


def test_customers_who_are_alike(shop: Shop) -> None:
    made = shop.send("customers", CUSTOMER)
    # Another e-mail is another person; another town may be the same one.
    other = {**CUSTOMER, "Email": "lee@example.com", "HomePhone": None}
    assert shop.look("customers", other) == ABSENT
    found = LookUpResult.found(str(made.vendor_id))
    assert shop.look("customers", {**CUSTOMER, "HomePhone": "(555) 0100"}) == found
    assert shop.look("customers", {**CUSTOMER, "Email": "ANN@example.com"}) == found
    assert "not certain" in shop.look("customers", {**CUSTOMER, "City": "Dallas"}).why
    assert "not certain" in shop.look("customers", {**CUSTOMER, "Name": "Lee, Ann"}).why
    shop.send("customers", CUSTOMER)
    assert "not certain" in shop.look("customers", CUSTOMER).why


def test_a_customer_with_a_name_alone_needs_a_control(shop: Shop) -> None:
    bare = {**CUSTOMER, "Email": None, "HomePhone": None, "City": None}
    assert shop.look("customers", bare) == NOT_SHOWN
    assert shop.writer("customers").control()
    made = shop.send("customers", bare)
    writer = shop.writer("customers")
    assert writer.find(made, fresh=True) == LookUpResult.found(str(made.vendor_id))
    # Whether it is this one or another customer of that name, nobody can tell.
    assert shop.look("customers", bare).finding is Finding.CANNOT_TELL
    # A control is one that was made, and that is asked for by the same members.
    assert writer.same_look_up(prepared(writer, {**bare, "Name": "Bob"}), made)
    assert not writer.same_look_up(prepared(writer, CUSTOMER), made)
    assert not writer.same_look_up(made, prepared(writer, bare))


def test_an_update_is_there_if_the_account_shows_it(shop: Shop) -> None:
    acct = int(shop.send("customers", CUSTOMER).vendor_id or 0)
    change = {"Acct": acct, "City": "Dallas", "HomePhone": "555 0100"}
    assert shop.look("customers", change) == LookUpResult.found(
        str(acct), {"City": "Austin", "HomePhone": "555 0100"}
    )
    shop.send("customers", change)
    assert shop.look("customers", change) == LookUpResult.found(
        str(acct), {"City": "Dallas", "HomePhone": "555 0100"}
    )
    assert "Employer" in shop.look("customers", {**change, "Employer": "X"}).why
    assert shop.look("customers", {"Acct": 99999, "City": "X"}) == ABSENT


def test_a_ticket_like_an_earlier_one_is_not_certain(shop: Shop) -> None:
    record = records(shop)["service_tickets"][0]
    shop.send("service_tickets", record)
    assert "older" in shop.look("service_tickets", {**record, "RefNumber": "S-10"}).why


def test_images_prove_little(shop: Shop) -> None:
    item = shop.sandbox.insert("aim", "inventory", {"Pk": 990, "Sku": "X"})["Pk"]
    record = {"ItemPk": item, "NewImages": [IMAGE]}
    assert shop.look("inventory_images", record) == ABSENT
    shop.send("inventory_images", record)
    # A file of this name is there; whether it is this image or an older one is not told.
    assert "do not tell" in shop.look("inventory_images", record).why


def test_a_delivery_ticket_without_any_image_got_none(shop: Shop) -> None:
    row = shop.sandbox.rows("aim", "delivery_tickets")[0]
    record = {"RefNumber": row["RefNumber"], "Images": [{"Data": "aGVsbG8=", "FileName": "a"}]}
    twins = [
        r
        for r in shop.sandbox.rows("aim", "delivery_tickets")
        if r["RefNumber"] == row["RefNumber"]
    ]
    if not any(twin["HasImages"] for twin in twins):
        assert shop.look("delivery_tickets", record) == ABSENT
    shop.send("delivery_tickets", record)
    assert "does not tell" in shop.look("delivery_tickets", record).why
    assert "does not tell" in shop.look("delivery_tickets", {**record, "RefNumber": "none"}).why


@pytest.mark.parametrize(
    "sink", ["customers", "customer_dependants", "shipping_addresses", "web_orders"]
)
def test_a_listed_record_is_a_control(shop: Shop, sink: str) -> None:
    acct = shop.first("customers", "Acct")
    shop.send("customer_dependants", {"Acct": acct, "Name": "Kid"})
    assert shop.writer(sink).control()


@pytest.mark.parametrize("sink", ["service_tickets", "contracts", "lessons", "inventory_images"])
def test_a_record_that_others_wrote_is_no_control(shop: Shop, sink: str) -> None:
    assert not shop.writer(sink).control()


@pytest.mark.parametrize("sink", ["delivery_tickets", "inventory_images"])
def test_images_that_were_never_sent_are_not_asked_for(shop: Shop, sink: str) -> None:
    item = shop.first("inventory", "Pk")
    ref = shop.first("delivery_tickets", "RefNumber")
    record = {
        "delivery_tickets": {"RefNumber": ref, "Images": [{"Data": "aGVsbG8=", "FileName": "a"}]},
        "inventory_images": {"ItemPk": item, "NewImages": [IMAGE], "id": 1},
    }[sink]
    writer = t.cast("AimWriter", shop.writer(sink))
    assert not writer.create_only
    write = prepared(writer, record)
    if not write.key:
        write.key = (("id", "1"),)
    shop.sandbox.reset()
    assert writer.find(write, fresh=True) == ABSENT
    assert shop.sandbox.report("aim")["calls"] == 0
    path = writer.sink.operations[0].name
    shop.sandbox.add_fault("cut_after", vendor="aim", path=path, method="POST")
    with pytest.raises(ErpError):
        writer.send([write])
    writer.find(write, fresh=True)  # it is asked, and may not tell
    assert any(call["method"] == "GET" for call in shop.sandbox.calls("aim"))


def test_a_shop_that_cannot_be_asked_says_so(shop: Shop) -> None:
    record = records(shop)["contracts"][0]
    with running_sandbox(
        size=4, limits=False, options={"aim": {"unlicensed": ("contracts", "customer")}}
    ) as bare:
        other = Shop(bare)
        with pytest.raises(ErpError):
            other.look("contracts", record)
        with pytest.raises(ErpError):
            other.look("customers", CUSTOMER)


@pytest.mark.parametrize(
    "problem",
    [
        Reply(404),
        Reply(body=error("Unable to resolve service ECommerceOrderStatus.", "NotFound")),
        stock_error(405, "Method not supported", "NotImplemented"),
        stock_error(500, "boom"),
    ],
)
def test_an_operation_that_is_not_there_proves_nothing(problem: Reply) -> None:
    with open_shop() as played:
        played.special = lambda name, _: problem if name == "ECommerceOrderStatus" else None
        writer = Account("aim", played.config()).writer("web_orders")
        order = prepared(writer, {"OrderNumber": "W-1", "LineItems": []})
        with pytest.raises(ErpError):
            writer.find(order, fresh=True)
        played.special = lambda *_: None
        played.operations["ECommerceOrderStatus"] = lambda _: error("Order not found", "NotFound")
        assert writer.find(order, fresh=True) == ABSENT


@pytest.mark.parametrize(
    "sink", ["external_ids", "inventory", "inventory_scans", "lessons", "ap_invoices", "time_clock"]
)
def test_a_record_that_no_read_shows_cannot_be_looked_up(shop: Shop, sink: str) -> None:
    assert not shop.writer(sink).can_look_up
