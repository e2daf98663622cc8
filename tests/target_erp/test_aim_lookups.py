"""AIM's look-ups: present, absent, or not to be told (aim.md 6, 8.1)."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import DataError, ErpError
from target_erp.ledger import Known, Mark
from tests.erp_vendors.aim.shop import error, open_shop, stock_error
from tests.support.stub import Reply
from tests.support.writers import Account, prepared, sent

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from target_erp.delivery import Write, Writer
    from target_erp.sinks.aim import AimWriter

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

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        block = {
            "api_url": f"{sandbox.url}/aim/api",
            "api_key": "sandbox-key",
            "app_id": "sandbox-app",
            "username": "sandbox-user",
            "password": "sandbox-password",
            "requests_per_second": 5000,
        }
        self._account = Account("aim", block)

    def writer(self, sink: str) -> Writer:
        return self._account.writer(sink)

    def first(self, resource: str, name: str) -> t.Any:
        return self.sandbox.rows("aim", resource)[0][name]

    def known(self, sink: str, record: dict[str, t.Any]) -> str | None:
        writer = self.writer(sink)
        # The ledger says that a version of it was on its way when the run was killed.
        lost = Known(Mark.INTENT, b"", None, None, None, 0)
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


@pytest.mark.parametrize("sink", SINKS)
def test_a_record_is_absent_until_it_is_there(shop: Shop, sink: str) -> None:
    record, member = records(shop)[sink]
    assert shop.writer(sink).findable
    assert shop.known(sink, record) is None
    shop.send(sink, record)
    assert shop.known(sink, record)
    other = "2031-03-05T10:30:00" if member == "ReturnDate" else f"{record[member]} other"
    key = {"RefNumber": "S-8"} if sink == "service_tickets" else {}
    assert shop.known(sink, {**record, member: other, **key}) is None


def test_the_ids_that_are_found_are_the_vendors(shop: Shop) -> None:
    made = records(shop)
    write = shop.send("customers", made["customers"][0])
    assert shop.known("customers", made["customers"][0]) == write.vendor_id
    write = shop.send("shipping_addresses", made["shipping_addresses"][0])
    assert shop.known("shipping_addresses", made["shipping_addresses"][0]) == write.vendor_id
    write = shop.send("scheduled_returns", made["scheduled_returns"][0])
    assert shop.known("scheduled_returns", made["scheduled_returns"][0]) == write.vendor_id


@pytest.mark.parametrize(
    ("sink", "record"),
    [
        ("customers", {**CUSTOMER, "Email": None, "HomePhone": None}),
        ("service_tickets", {"RefNumber": "S-1", "CustomerInfo": {"Name": "A", "Email": "a@b.c"}}),
        ("scheduled_returns", {"Acct": 1, "Sub": 1, "ReturnDate": "soon"}),
        ("contracts", {"InstrumentId": 1, "RateId": 1, "CusAcct": 1}),
        ("shipping_addresses", {"CustomerAccount": 1}),
    ],
)
def test_what_nothing_can_be_asked_of_is_not_called_absent(
    shop: Shop, sink: str, record: dict[str, t.Any]
) -> None:
    with pytest.raises(DataError):
        shop.known(sink, record)


def test_customers_who_are_alike(shop: Shop) -> None:
    made = shop.send("customers", CUSTOMER)
    # Another e-mail is another person; another town may be the same one.
    other = {**CUSTOMER, "Email": "lee@example.com", "HomePhone": None}
    assert shop.known("customers", other) is None
    assert shop.known("customers", {**CUSTOMER, "HomePhone": "(555) 0100"}) == made.vendor_id
    with pytest.raises(DataError, match="not certain"):
        shop.known("customers", {**CUSTOMER, "City": "Dallas"})
    shop.send("customers", CUSTOMER)
    with pytest.raises(DataError, match="not certain"):
        shop.known("customers", CUSTOMER)


def test_a_ticket_like_an_earlier_one_is_not_certain(shop: Shop) -> None:
    record = records(shop)["service_tickets"][0]
    shop.send("service_tickets", record)
    with pytest.raises(DataError, match="earlier"):
        shop.known("service_tickets", {**record, "RefNumber": "S-10"})


def test_images_prove_little(shop: Shop) -> None:
    item = shop.sandbox.insert("aim", "inventory", {"Pk": 990, "Sku": "X"})["Pk"]
    record = {"ItemPk": item, "NewImages": [IMAGE]}
    assert shop.known("inventory_images", record) is None
    shop.send("inventory_images", record)
    assert shop.known("inventory_images", record) == str(item)
    with pytest.raises(DataError, match="do not tell"):
        shop.known("inventory_images", {**record, "NewImages": [{**IMAGE, "FileName": "b.png"}]})


def test_a_delivery_ticket_without_any_image_got_none(shop: Shop) -> None:
    row = shop.sandbox.rows("aim", "delivery_tickets")[0]
    record = {"RefNumber": row["RefNumber"], "Images": [{"Data": "aGVsbG8=", "FileName": "a"}]}
    twins = [
        r
        for r in shop.sandbox.rows("aim", "delivery_tickets")
        if r["RefNumber"] == row["RefNumber"]
    ]
    if not any(twin["HasImages"] for twin in twins):
        assert shop.known("delivery_tickets", record) is None
    shop.send("delivery_tickets", record)
    with pytest.raises(DataError, match="does not tell"):
        shop.known("delivery_tickets", record)
    with pytest.raises(DataError, match="does not tell"):
        shop.known("delivery_tickets", {**record, "RefNumber": "none"})


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
    assert writer.find(write, fresh=True) is None
    assert shop.sandbox.report("aim")["calls"] == 0
    path = writer.sink.operations[0].name
    shop.sandbox.add_fault("cut_after", vendor="aim", path=path, method="POST")
    with pytest.raises(ErpError):
        writer.send([write])
    with contextlib.suppress(DataError):  # it is asked, and may not tell
        assert writer.find(write, fresh=True) is not None
    assert any(call["method"] == "GET" for call in shop.sandbox.calls("aim"))


def test_a_shop_that_cannot_be_asked_says_so(shop: Shop) -> None:
    record = records(shop)["contracts"][0]
    with running_sandbox(
        size=4, limits=False, options={"aim": {"unlicensed": ("contracts", "customer")}}
    ) as bare:
        other = Shop(bare)
        with pytest.raises(ErpError):
            other.known("contracts", record)
        with pytest.raises(ErpError):
            other.known("customers", CUSTOMER)


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
        assert writer.find(order, fresh=True) is None


@pytest.mark.parametrize(
    "sink", ["external_ids", "inventory", "inventory_scans", "lessons", "ap_invoices", "time_clock"]
)
def test_what_no_read_shows_is_not_findable(shop: Shop, sink: str) -> None:
    assert not shop.writer(sink).findable
