from __future__ import annotations

import typing as t
from decimal import Decimal

import pytest

from erp_vendors import schemas
from erp_vendors.aim import NotLicensedError, OperationError
from erp_vendors.aim.resources import RESOURCES, TICKET_TYPES
from erp_vendors.errors import CallError, DataError, MissingResourceError, Phase
from tests.erp_vendors.aim.shop import error, listing, stock_error
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from erp_vendors.aim import AimClient
    from tests.erp_vendors.aim.shop import ListedRow, Params, Shop


@pytest.fixture
def client(shop: Shop) -> AimClient:
    client = shop.client()
    client.transport.budget.clock.sleep = lambda _: None  # type: ignore[method-assign]
    return client


def read(client: AimClient, name: str, since: str | None = None) -> list[ListedRow]:
    return [row.record for row in client.rows(client.resources[name], since)]


def once(reply: Reply, name: str) -> t.Callable[[str, Params], Reply | None]:
    replies = [reply]
    return lambda called, _: replies.pop() if called == name and replies else None


def test_a_write_carries_members_and_body(client: AimClient, shop: Shop) -> None:
    shop.operations["AddCustomer"] = lambda params: {"Echo": params}
    answer = client.write_operation(
        "AddCustomer",
        query={"LocationId": 5, "Flag": True, "Amount": Decimal("1.50"), "Nothing": None},
        body={"Name": "Ann & Bob", "Amount": Decimal("2.50")},
    )
    assert answer.json()["Echo"] == {
        "LocationId": "5",
        "Flag": "true",
        "Amount": Decimal("2.50"),
        "Name": "Ann & Bob",
    }


def test_an_error_inside_200_is_an_answer_and_not_executed(client: AimClient, shop: Shop) -> None:
    shop.operations["AddCustomer"] = lambda _: error("The name is taken", "DUP")
    with pytest.raises(OperationError, match="DUP: The name is taken") as caught:
        client.write_operation("AddCustomer", body={})
    assert (caught.value.code, caught.value.said) == ("DUP", "The name is taken")
    assert (caught.value.phase, caught.value.status) == (Phase.ANSWERED, 200)
    assert shop.count("AddCustomer") == 1


@pytest.mark.parametrize("text", ["The shop has not licensed it", "Timeout expired"])
def test_a_write_is_refused_whatever_the_reason(client: AimClient, shop: Shop, text: str) -> None:
    shop.operations["AddCustomer"] = lambda _: error(text)
    with pytest.raises(OperationError, match=text):
        client.write_operation("AddCustomer", body={})
    assert shop.count("AddCustomer") == 1


@pytest.mark.parametrize(
    "reply",
    [Reply(cut="before"), Reply(body={"Status": {"StatusCode": "Ok"}}, cut="half")],
)
def test_a_write_whose_answer_is_lost_may_have_been_executed(
    client: AimClient, shop: Shop, reply: Reply
) -> None:
    shop.special = lambda name, _: reply if name == "AddCustomer" else None
    with pytest.raises(CallError) as caught:
        client.write_operation("AddCustomer", body={})
    assert caught.value.phase is Phase.SENT
    assert shop.count("AddCustomer") == 1


@pytest.mark.parametrize("reply", [Reply(204), Reply(body=b"<html>"), Reply(body=b'{"Status": {')])
def test_the_client_does_not_judge_answers_to_writes(
    client: AimClient, shop: Shop, reply: Reply
) -> None:
    shop.special = lambda name, _: reply if name == "AddCustomer" else None
    answer = client.write_operation("AddCustomer", body={}, repeatable=True)
    assert (answer.status, answer.body) == (reply.status, reply.body)
    assert shop.count("AddCustomer") == 1


def test_an_answer_in_xml_comes_as_the_json_for_the_same(shop: Shop) -> None:
    shop.operations["AddCustomer"] = lambda _: {"Acct": 7, "Names": ["a", "b"]}
    answer = shop.client(format="xml").write_operation("AddCustomer", body={})
    assert answer.json() == {"Status": {"StatusCode": "Ok"}, "Acct": "7", "Names": ["a", "b"]}


def test_a_write_is_repeated_only_if_a_dead_token_kept_it_from_being_executed(
    client: AimClient, shop: Shop
) -> None:
    shop.operations["AddCustomer"] = lambda _: {"Acct": 7}
    shop.special = once(stock_error(401, "Invalid token"), "AddCustomer")
    assert client.write_operation("AddCustomer", body={}).json()["Acct"] == 7
    shop.special = once(Reply(body=error("Invalid token")), "AddCustomer")
    assert client.write_operation("AddCustomer", body={}).json()["Acct"] == 7
    logins = shop.logins
    shop.special = once(stock_error(500, "Invalid token"), "AddCustomer")
    with pytest.raises(CallError, match="500"):
        client.write_operation("AddCustomer", body={})
    assert shop.logins == logins


def test_a_busy_server_is_asked_again(client: AimClient, shop: Shop) -> None:
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    shop.special = once(Reply(body=error("Timeout expired")), "GetLocations")
    assert read(client, "locations") == [{"Id": 1}]
    shop.special = lambda name, _: (
        Reply(body=error("Timeout expired")) if name == "GetLocations" else None
    )
    with pytest.raises(OperationError, match="Timeout"):
        read(client, "locations")
    assert shop.count("GetLocations") == 2 + 3


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b'{"Locations": [{"Id": 1'),
        Reply(body=b"<Answer><Locations>"),
        Reply(body=b"<html><body>Proxy</body></html>"),
        Reply(500, b"Internal"),
        Reply(cut="half", body={"Locations": []}),
    ],
)
def test_a_broken_answer_is_asked_for_again(shop: Shop, reply: Reply, format_: str) -> None:
    client = shop.client(format=format_)
    client.transport.budget.clock.sleep = lambda _: None  # type: ignore[method-assign]
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    shop.special = once(reply, "GetLocations")
    assert read(client, "locations") == [{"Id": 1}]


@pytest.mark.parametrize("body", [{}, {"message": "maintenance"}, [1], "down"])
def test_an_answer_that_is_no_listing(client: AimClient, shop: Shop, body: object) -> None:
    shop.special = lambda name, _: Reply(body=body) if name == "GetLocations" else None
    with pytest.raises(DataError, match="GetLocations"):
        read(client, "locations")


UNLICENSED = [
    Reply(body=error("The Inventory module is not licensed", "NotLicensed")),
    stock_error(403, "The module Inventory has not been licensed"),
    stock_error(500, "Not licensed", "LicenseException"),
    stock_error(400, "No licence for this operation"),
    Reply(402, {"Status": {"StatusCode": "Error", "ErrorMessage": "Module disabled"}}),
]


@pytest.mark.parametrize("reply", UNLICENSED)
def test_an_unlicensed_module(client: AimClient, shop: Shop, reply: Reply) -> None:
    shop.special = lambda name, _: reply if name == "GetLocations" else None
    with pytest.raises(NotLicensedError, match="not licensed the module of GetLocations"):
        read(client, "locations")
    assert shop.count("GetLocations") == 1
    assert shop.logins == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, b"<html>"),
        Reply(405),
        stock_error(501, "Nothing here"),
        Reply(body=error("Operation not found")),
        Reply(body=error("Unknown request: C2BGetDistrictInfo")),
    ],
)
def test_an_operation_that_is_only_a_guess_may_be_missing(
    client: AimClient, shop: Shop, reply: Reply
) -> None:
    shop.special = lambda name, _: reply if not name.startswith(("GetEnd", "Sec")) else None
    with pytest.raises(MissingResourceError):
        read(client, "rental_districts")
    with pytest.raises(CallError):
        read(client, "rental_plans")


def test_dates_that_mean_none_become_null(client: AimClient, shop: Shop) -> None:
    shop.operations["ServiceTicketFullDetails"] = lambda _: {
        "Tickets": [
            {
                "RefNumber": "1",
                "ApprovedDate": "0001-01-01T00:00:00.0000000",
                "BilledDate": "0001-01-01",
                "Notes": "0001-01-01 is the first day",
                "Deposits": [{"Date": "0001-01-01T00:00:00"}],
            }
        ]
    }
    (ticket,) = read(client, "service_tickets")
    assert ticket == {
        "RefNumber": "1",
        "ApprovedDate": None,
        "BilledDate": None,
        "Notes": "0001-01-01 is the first day",
        "Deposits": [{"Date": None}],
    }


def test_a_filter_is_sent_without_zone_or_fraction(client: AimClient, shop: Shop) -> None:
    shop.operations["ServiceTicketFullDetails"] = listing("Tickets", [])
    read(client, "service_tickets", "2026-01-02T03:04:05")
    assert shop.asked("ServiceTicketFullDetails", "ChangedDate") == ["2026-01-02T03:04:05"]


def test_request_members_can_be_added_to_a_path(shop: Shop) -> None:
    override = {"name": "customers", "path": "/api/SearchCustomers?SearchStr=a%20b&RecordCount=7"}
    client = shop.client(resources=[override])
    shop.operations["SearchCustomers"] = listing("Found", [{"Acct": 1}])
    assert read(client, "customers") == [{"Acct": 1}]
    assert shop.asked("SearchCustomers", "SearchStr") == ["a b"]
    assert shop.asked("SearchCustomers", "RecordCount") == ["100"]


def test_a_custom_operation_is_read_by_its_first_list(shop: Shop) -> None:
    client = shop.client(resources=[{"name": "aim_lookups", "path": "InventoryLookup?Item=A"}])
    shop.operations["InventoryLookup"] = listing("Results", [{"Sku": "1"}], remaining=False)
    assert read(client, "lookups") == [{"Sku": "1"}]


def test_all_kinds_of_delivery_tickets_are_read(client: AimClient, shop: Shop) -> None:
    shop.operations["DeliveryTickets"] = lambda params: {
        "Tickets": [{"RefNumber": "1", "Date": "2026-01-01T00:00:00.0000000"}]
        if params["TicketType"] in {"Loaner", "Contract"}
        else []
    }
    rows = read(client, "delivery_tickets")
    assert [row["TicketType"] for row in rows] == ["Loaner", "Contract"]
    assert shop.asked("DeliveryTickets", "TicketType") == list(TICKET_TYPES)


def test_a_kind_that_is_not_licensed_is_left_out(
    client: AimClient, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.operations["DeliveryTickets"] = lambda params: (
        error("module not licensed")
        if params["TicketType"] == "Loaner"
        else {"Tickets": [{"RefNumber": params["TicketType"]}]}
    )
    assert len(read(client, "delivery_tickets")) == len(TICKET_TYPES) - 1
    assert caplog.text.count("read without a part of it") == 1


def test_a_transfer_listed_in_both_modes_comes_once(client: AimClient, shop: Shop) -> None:
    shop.operations["OpenStoreToStoreTransfers"] = lambda params: {
        "Transfers": [{"RefNumber": "T1"}, {"RefNumber": params["Mode"]}]
    }
    keys = [row["RefNumber"] for row in read(client, "store_transfers")]
    assert keys == ["T1", "Ready", "Request"]


def test_employees_of_both_modes_come_with_their_mode_and_a_key(
    client: AimClient, shop: Shop
) -> None:
    shop.operations["ActiveEmployees"] = lambda _: {
        "Employees": [{"EmployeeName": "Ann", "TimeIn": "0001-01-01T00:00:00.0000000"}]
    }
    rows = read(client, "active_employees")
    assert [(row["Mode"], row["TimeIn"]) for row in rows] == [
        ("CLOCKED_IN", "0001-01-01T00:00:00"),
        ("LOGGED_IN", "0001-01-01T00:00:00"),
    ]


def test_a_full_listing_whose_rows_moved_is_read_again(client: AimClient, shop: Shop) -> None:
    rows = [{"Acct": number} for number in range(150)]

    def search(params: Params) -> ListedRow:
        if shop.count("SearchCustomers") == 2:
            rows.insert(0, rows.pop())
        return listing("Customers", rows)(params)

    shop.operations["SearchCustomers"] = search
    assert len(read(client, "customers")) == 150
    assert shop.asked("SearchCustomers", "StartOffset") == ["0", "99", "0", "99"]


def test_the_table_agrees_with_the_schemas() -> None:
    for resource in RESOURCES:
        schema = schemas.load("aim", resource.name)
        assert schema["properties"], resource.name
        firm = {name for name, node in schema["properties"].items() if "null" not in node["type"]}
        fields = {field for parent in resource.parents for field in parent.fields}
        # Where a key cannot tell rows apart there is none, though the parent's is always there.
        assert firm == set(resource.primary_keys) or (
            not resource.primary_keys and firm <= fields
        ), resource.name
        assert set(resource.primary_keys) | fields <= set(schema["properties"]), resource.name
        assert (
            resource.list_name
            or resource.single
            or resource.reader
            or resource.name
            in {
                "customers",
                "customer_purchase_orders",
            }
        )
