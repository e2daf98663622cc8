"""AIMS360: what is created, how it is found again, and custom resources (6)."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest

from target_erp.delivery import RefusedError
from target_erp.delivery.model import Finding
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.writers import Account, prepared, sent

TICKETS = {
    "name": "pick_tickets",
    "path": "/pick/v1.0/picktickets",
    "write_path": "/pick/v1.0/pickticket",
    "primary_keys": ["ticketNo"],
    "schema": {"properties": {"ticketNo": {"type": "string"}, "qty": {"type": "integer"}}},
}
GUID = "11111111-2222-3333-4444-555555555555"


class Tenant:
    """A tenant with one list."""

    stub: Stub

    def __init__(self) -> None:
        self.rows: list[dict[str, t.Any]] = []
        self.reply: Reply | None = None
        self.created: list[dict[str, t.Any]] = []

    def answer(self, request: Request) -> Reply:
        if request.method == "POST":
            self.created.append(request.json)
            return Reply(body={"order": "000123", "ticketNo": request.json.get("ticketNo")})
        return self.reply or Reply(body={"value": self.rows, "@odata.count": len(self.rows)})

    def account(self, **block: t.Any) -> Account:
        basics = {"api_url": self.stub.url, "access_token": "a.b.c", "requests_per_second": 1000}
        return Account("aims360", {**basics, **block})

    @property
    def asked(self) -> list[str]:
        queries = [urllib.parse.urlsplit(one.path).query for one in self.stub.requests]
        return [urllib.parse.parse_qs(query)["$filter"][0] for query in queries if query]


@pytest.fixture
def tenant() -> t.Iterator[Tenant]:
    server = Tenant()
    with running_stub(server.answer) as server.stub:
        yield server


def test_an_order_is_created_once_and_its_number_learned(tenant: Tenant) -> None:
    writer = tenant.account().writer("orders")
    write = sent(writer, {"thirdPartyOrderID": "T-1", "notes": None})
    assert (write.created, write.vendor_id) == (True, "000123")
    assert tenant.created == [{"thirdPartyOrderID": "T-1"}]
    again = prepared(writer, {"thirdPartyOrderID": "T-1", "notes": "x"}, vendor_id="000123")
    with pytest.raises(RefusedError, match="not changed"):
        writer.send([again])


def test_an_order_is_found_by_its_reference(tenant: Tenant) -> None:
    writer = tenant.account().writer("orders", ["id"])
    write = prepared(writer, {"thirdPartyOrderID": GUID, "id": 5})
    assert writer.find(write, fresh=True).finding is Finding.NOT_SHOWN
    tenant.rows = [{"thirdPartyOrderID": GUID.upper(), "orderID": "G"}]
    assert writer.find(write, fresh=True).vendor_id == "G"
    # The reference is text, even if it looks like a GUID.
    assert tenant.asked == [f"thirdPartyOrderID eq '{GUID}'"] * 2


@pytest.mark.parametrize("count", [{}, {"@odata.count": 900}])
def test_an_ignored_filter_is_no_absence(tenant: Tenant, count: dict[str, int]) -> None:
    others = [{"thirdPartyOrderID": f"other {n}"} for n in range(3)]
    tenant.reply = Reply(body={"value": others, **count})
    writer = tenant.account().writer("orders")
    write = prepared(writer, {"thirdPartyOrderID": "T-1"})
    assert writer.find(write, fresh=True).finding is Finding.CANNOT_TELL
    tenant.reply = Reply(400, {"error": {"code": "BadQuery"}})
    assert writer.find(write, fresh=True).finding is Finding.CANNOT_TELL
    tenant.reply = Reply(body={"value": [{"thirdPartyOrderID": "T-1"}] * 2})
    assert tenant.account(page_size=2).writer("orders").find(write, fresh=True).finding is (
        Finding.CANNOT_TELL
    )


def test_card_data_stays_here(tenant: Tenant) -> None:
    writer = tenant.account().writer("orders")
    order = {"thirdPartyOrderID": "T-1"}
    writer.prepare({**order, "creditCard": {"creditCardID": GUID, "cardNumber": None}})
    with pytest.raises(RefusedError, match="card data is not sent") as refused:
        writer.prepare({**order, "creditCard": {"cardNumber": "4111111111111111"}})
    assert "4111" not in str(refused.value)
    assert "creditCard" in writer.secrets


def test_a_custom_resource_is_created_and_found_by_its_key(tenant: Tenant) -> None:
    writer = tenant.account(resources=[TICKETS]).writer("pick_tickets")
    assert (writer.upsert, writer.can_look_up, writer.check_before_create) == (False, True, True)
    write = sent(writer, {"ticketNo": "P-1", "qty": 3})
    assert (write.created, write.vendor_id) == (True, "P-1")
    assert tenant.created == [{"ticketNo": "P-1", "qty": 3}]
    tenant.rows = [{"ticketNo": "P-1"}]
    assert writer.find(write, fresh=True).vendor_id == "P-1"
    assert tenant.asked == ["ticketNo eq 'P-1'"]
    with pytest.raises(RefusedError, match="qty: '3' is text"):
        writer.prepare({"ticketNo": "P-2", "qty": "3"})
    with pytest.raises(RefusedError, match="no ticketNo"):
        writer.prepare({"qty": 3})


def test_a_guid_key_is_asked_for_without_quotes(tenant: Tenant) -> None:
    entry = {**TICKETS, "primary_keys": ["ticketID"], "schema": {}}
    writer = tenant.account(resources=[entry]).writer("pick_tickets")
    writer.find(prepared(writer, {"ticketID": GUID}), fresh=True)
    assert tenant.asked == [f"ticketID eq {GUID}"]


def test_a_custom_resource_that_cannot_be_read_cannot_be_asked(tenant: Tenant) -> None:
    entry = {name: TICKETS[name] for name in ("name", "write_path", "primary_keys")}
    writer = tenant.account(resources=[entry]).writer("pick_tickets")
    assert (writer.can_look_up, writer.check_before_create) == (False, False)
    keyless = tenant.account(resources=[{**entry, "primary_keys": []}]).writer("pick_tickets")
    assert keyless.prepare({"any": 1}).key == ()
