"""The played AIM, over real sockets: login, formats, reading."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.aim.vendor import OPERATIONS
from erp_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_sandbox.testing import RunningSandbox

SPACE = "{http://schemas.datacontract.org/2004/07/AIM.WebService}"
KEYS = {"ApiKey": "sandbox-key", "AppId": "sandbox-app"}
PASSWORD = "sandbox-password"
MINIMUM = "0001-01-01T00:00:00"
LISTS = {
    "GetActiveE3Party": ("Records", "ecommerce_products", 14),
    "InvoiceDetail": ("Invoices", "invoices", 14),
    "ContractFullDetails": ("Contracts", "contracts", 14),
    "ServiceTicketFullDetails": ("Tickets", "service_tickets", 14),
    "SearchCustomers": ("Customers", "customers", 14),
    "GetLocations": ("Locations", "locations", 14),
    "SaleInfo": ("SaleRecords", "sales", 14),
    "InventoryAutoPrice": ("AutoPriceRecords", "auto_price_rules", 14),
    "CustomerOrderFulfillment": ("Orders", "web_orders", 14),
    "ContractDefaultListing": ("ContractDefaults", "contract_defaults", 14),
    "ContractStatusListing": ("ContractStatuses", "contract_statuses", 14),
    "C2BGetPlanInfo": ("Plans", "rental_plans", 14),
    "C2BGetDistrictInfo": ("Districts", "rental_districts", 14),
    "C2BGetSchoolInfo": ("Schools", "rental_schools", 14),
    "C2BGetTeacherInfo": ("Teachers", "rental_teachers", 14),
    "C2BGetInstrumentInfo": ("Instruments", "rental_instruments", 12),
    "InstructorInvoices": ("InstructorInvoices", "instructor_invoices", 14),
    "ActiveEmployees": ("Employees", "active_employees", 7),
    "SecurityOverrideRequest": ("Requests", "security_override_requests", 14),
}


class Client:
    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.headers: dict[str, str] = dict(KEYS)
        self.domain = f"{sandbox.url}/aim/store"

    def endpoint(self, **headers: str) -> requests.Response:
        url = f"{self.sandbox.url}/aim/api/GetEndPoint"
        return requests.get(url, headers={**KEYS, **headers}, timeout=5)

    def security(self, user: str, password: str | None = None) -> requests.Response:
        query = {"AppId": "sandbox-app", "UserName": user, "Password": password or PASSWORD}
        url = f"{self.domain}/Api/Security"
        headers = {name: value for name, value in self.headers.items() if name != "AppId"}
        return requests.post(url, params=query, headers=headers, timeout=5)

    def login(self, user: str = "sandbox-user") -> Client:
        got = self.endpoint().json()
        self.domain = got["NewEndpointDomain"].rstrip("/")
        self.headers["OAuthToken"] = got["OAuthToken"]
        self.headers["Token"] = self.security(user).json()["Token"]
        return self

    def raw(
        self, operation: str, accept: str = "application/json", **query: Any
    ) -> requests.Response:
        headers = {**self.headers, "Accept": accept}
        url = f"{self.domain}/api/{operation}"
        return requests.get(url, params=query, headers=headers, timeout=5)

    def get(self, operation: str, **query: Any) -> dict[str, Any]:
        answer = self.raw(operation, **query)
        found: dict[str, Any] = answer.json()
        assert (answer.status_code, found["Status"]["StatusCode"]) == (200, "Ok"), answer.text
        return found


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSandbox]:
    with running_sandbox(size=14, limits=False) as sandbox:
        yield sandbox


@pytest.fixture
def client(shared: RunningSandbox) -> Iterator[Client]:
    shared.reset(data=True)
    yield Client(shared).login()
    shared.shift_clock(0)


def test_the_central_host_tells_the_shop(client: Client) -> None:
    got = client.endpoint().json()
    assert got["NewEndpointDomain"] == f"{client.sandbox.url}/aim/store/"
    assert got["Status"]["StatusCode"] == "Ok"
    assert client.endpoint(ApiKey="x").status_code == 401
    assert client.endpoint(AppId="x").json()["ResponseStatus"]["ErrorCode"] == "InvalidApiKey"
    other = f"{client.sandbox.url}/aim/api/GetLocations"
    assert requests.get(other, headers=client.headers, timeout=5).status_code == 404


@pytest.mark.parametrize("missing", ["ApiKey", "AppId", "OAuthToken", "Token"])
def test_four_headers_are_needed(client: Client, missing: str) -> None:
    assert client.raw("GetLocations").status_code == 200
    client.headers.pop(missing)
    answer = client.raw("GetLocations")
    assert answer.status_code == 401
    assert set(answer.json()) == {"ResponseStatus"}
    # No token is documented for this one (7.5).
    assert (client.raw("C2BGetPlanInfo").status_code == 200) is (missing == "Token")


def test_logins(client: Client) -> None:
    assert client.security("sandbox-user", "wrong").status_code == 401
    assert client.security("nobody").status_code == 401
    got = client.security("customer3@example.com").json()
    assert got["AccountDetails"][0]["Acct"] == 1003
    assert client.security("sandbox-user").json()["IsAdmin"] is True
    assert "sandbox-password" not in json.dumps(client.sandbox.calls("aim"))


def test_tokens_die_with_time_and_on_demand(client: Client) -> None:
    client.sandbox.shift_clock(3601)
    assert client.raw("GetLocations").status_code == 401
    client.login()
    assert client.raw("GetLocations").status_code == 200
    assert client.sandbox.expire_tokens("aim")["aim"] >= 2
    assert client.raw("GetLocations").status_code == 401


def test_security_may_hand_out_a_better_token_and_errors_may_hide_in_200() -> None:
    options = {"security_oauth": True, "auth_style": "status", "domain_slash": False}
    with running_sandbox(size=3, options={"aim": options}) as sandbox:
        client = Client(sandbox)
        assert not client.endpoint().json()["NewEndpointDomain"].endswith("/")
        client.headers["OAuthToken"] = client.endpoint().json()["OAuthToken"]
        got = client.security("sandbox-user").json()
        assert got["Domain"] == client.domain
        client.headers["Token"] = got["Token"]
        refused = client.raw("GetLocations")
        assert refused.status_code == 200
        assert refused.json()["Status"]["ErrorCode"] == "InvalidOAuthToken"
        client.headers["OAuthToken"] = got["OAuthToken"]
        client.get("GetLocations")


@pytest.mark.parametrize("operation", LISTS)
def test_lists_agree_in_json_and_xml(client: Client, operation: str) -> None:
    member, resource, count = LISTS[operation]
    rows = client.get(operation)[member]
    assert len(rows) == count
    assert not any(name.startswith("_") for row in rows for name in row)
    answer = client.raw(operation, "application/xml")
    assert answer.headers["Content-Type"].startswith("application/xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own server
    assert root[0].tag == f"{SPACE}Status"
    items = root.find(f"{SPACE}{member}")
    assert items is not None
    assert len(items) == count
    for row, item in zip(rows, items, strict=True):
        tags = [child.tag for child in item]
        assert tags == sorted(tags)
        for name, value in row.items():
            if isinstance(value, str) and not value.startswith("2"):
                text = item.findtext(f"{SPACE}{name}") or ""
                assert text == (MINIMUM if value.startswith(MINIMUM) else value)
    assert len(client.sandbox.rows("aim", resource)) == 14


def test_the_format_can_be_chosen_in_three_ways(client: Client) -> None:
    for path, query in (("GetLocations.xml", {}), ("GetLocations", {"format": "xml"})):
        assert client.raw(path, **query).text.startswith("<?xml")
    assert client.raw("GetLocations.json", "application/xml").text.startswith("{")
    assert client.raw("getlocations").status_code == 200


def test_empty_dates(client: Client) -> None:
    tickets = {row["RefNumber"]: row for row in client.get("ServiceTicketFullDetails")["Tickets"]}
    assert "ApprovedDate" not in tickets["0000002"]
    assert "ApprovedDate" in tickets["0000001"]
    returns = client.get("ContractScheduledReturns", IncludeReturned="true")["Contracts"]
    assert f"{MINIMUM}.0000000" in {row["ReturnedDate"] for row in returns}
    text = client.raw("ServiceTicketFullDetails", "text/xml").text
    assert f"<ApprovedDate>{MINIMUM}</ApprovedDate>" in text
    for row in client.get("InvoiceDetail")["Invoices"]:
        assert len(row["DateTime"]) == len("2026-01-01T00:00:00.0000000")


@pytest.mark.parametrize(
    ("operation", "member", "total", "remaining"),
    [
        ("InvoiceDetail", "Invoices", 14, True),
        ("ContractFullDetails", "Contracts", 14, True),
        ("SearchCustomers", "Customers", 14, True),
        ("SearchInventory", "Records", 13, True),
        ("CustomerOrderFulfillment", "Orders", 14, False),
        ("GetActiveE3Party", "Records", 14, False),
    ],
)
def test_pages_by_offset(
    client: Client, operation: str, member: str, total: int, *, remaining: bool
) -> None:
    seen: list[str] = []
    while True:
        page = client.get(operation, StartOffset=len(seen), RecordCount=5)
        seen += [json.dumps(row, sort_keys=True) for row in page[member]]
        assert page.get("RemainingRecords") == (total - len(seen) if remaining else None)
        if len(page[member]) < 5:
            break
    assert len(seen) == len(set(seen)) == total
    assert client.get(operation, StartOffset=99)[member] == []
    bad = client.raw(operation, StartOffset=-1).json()["Status"]
    assert (bad["StatusCode"], bad["ErrorCode"]) == ("Error", "InvalidArgument")


def test_remaining_records_can_be_missing_and_pages_clipped() -> None:
    options = {"remaining": "absent", "max_records": 4, "customers_list": "Results", "order": "key"}
    with running_sandbox(size=9, options={"aim": options}) as sandbox:
        client = Client(sandbox).login()
        page = client.get("InvoiceDetail")
        assert (len(page["Invoices"]), "RemainingRecords" in page) == (4, False)
        assert "RemainingRecords" not in client.raw("InvoiceDetail", "text/xml").text
        results = client.get("SearchCustomers")["Results"]
        assert [row["Acct"] for row in results] == [1001, 1002, 1003, 1004]


@pytest.mark.parametrize(
    ("operation", "member", "resource", "fields"),
    [
        ("SearchInventory", "Records", "inventory", {"Description": "new"}),
        ("ContractFullDetails", "Contracts", "contracts", {"Status": "new"}),
        ("ServiceTicketFullDetails", "Tickets", "service_tickets", {"Notes": "new"}),
    ],
)
def test_changed_date(
    client: Client, operation: str, member: str, resource: str, fields: dict[str, str]
) -> None:
    rows = client.sandbox.rows("aim", resource)
    stamps = [row["_changed"] for row in rows if not row.get("_deleted")]
    since = sorted(stamps)[8]
    found = client.get(operation, ChangedDate=since[:19])[member]
    assert len(found) == sum(stamp >= since for stamp in stamps)
    assert len(found) > len({stamp for stamp in stamps if stamp >= since})
    assert client.get(operation, ChangedDate="2026-09-01T00:00:00")[member] == []
    key = rows[0][{"inventory": "Pk", "contracts": "_key"}.get(resource, "RefNumber")]
    client.sandbox.change("aim", resource, key, fields)
    (row,) = client.get(operation, ChangedDate="2026-09-01")[member]
    assert fields.items() <= row.items()
    assert client.raw(operation, ChangedDate="yesterday").status_code == 400


@pytest.mark.parametrize(
    ("operation", "member", "column", "low", "high", "more"),
    [
        ("InvoiceDetail", "Invoices", "DateTime", "InvoiceStartDate", "InvoiceEndDate", {}),
        ("DeliveryTickets", "Tickets", "Date", "DateFrom", "DateTo", {"TicketType": "Loaner"}),
        (
            "ContractScheduledReturns", "Contracts", "ScheduledReturnDate", "DateFrom", "DateTo",
            {"IncludeReturned": "true"},
        ),
        ("InstructorInvoices", "InstructorInvoices", "Date", "DateFrom", "DateTo", {}),
    ],
)  # fmt: skip
def test_date_windows_are_closed(  # noqa: PLR0917 - one row of the table
    client: Client, operation: str, member: str, column: str, low: str, high: str, more: Any
) -> None:
    everything = sorted(row[column] for row in client.get(operation, **more)[member])
    bounds = {low: everything[0], high: everything[0]}
    found = client.get(operation, **more, **bounds)[member]
    assert [row[column] for row in found] == [d for d in everything if d == everything[0]]
    after = client.get(operation, **more, **{low: everything[1]})[member]
    assert sorted(row[column] for row in after) == everything[1:] or everything[0] == everything[1]


def test_inventory_and_its_children(client: Client) -> None:
    items = client.sandbox.rows("aim", "inventory")
    shown = client.get("SearchInventory", IncludeDeleted="true")
    assert (shown["TotalRecords"], shown["StartOffset"]) == (14, 0)
    assert "Detail" in client.get("SearchInventory", IncludeDetails="true")["Records"][0]
    kinds = client.get("SearchInventory", IncludeSerials="true")["Records"]
    assert {row["InventoryType"] for row in kinds} == {"S"}
    key = items[0]["Pk"]
    detail = client.get("InventoryDetail", Pk=key, PkType="SAD")
    assert (detail["SadPk"], detail["Model"]) == (key, items[0]["Model"])
    assert client.get("InventoryDetail", Pk=key * 10, PkType="SKU")["SadPk"] == key
    assert client.get("InventoryDetail", Model=items[0]["Model"])["SadPk"] == key
    places = client.get("InventoryQty", Pk=key)["Variants"][0]["Locations"]
    assert [place["LocationInfo"]["Id"] for place in places] == [1, 2]
    serial = client.get("SerialDetail", Pk=key * 1000)
    assert (serial["SadPk"], serial["Details"]["Serial"]) == (key, "SN/0")
    assert len(client.get("InventoryImage", ItemPk=key)["Images"]) == 2
    missing = client.raw("InventoryDetail", Pk=1).json()
    assert missing["Status"]["StatusCode"] == "Error"
    body = {"Pk": key}
    url = f"{client.domain}/json/reply/InventoryDetailRequest"
    reply = requests.post(url, json=body, headers=client.headers, timeout=5).json()
    assert reply["SadPk"] == key
    assert client.sandbox.report("aim")["writes"] == {}


def test_children_of_customers_and_documents(client: Client) -> None:
    assert client.get("CustomerInfo", Acct=1002)["Customer"]["Acct"] == 1002
    flags = dict.fromkeys(("IncludeInvoices", "IncludeContracts", "IncludeWorkOrders"), "true")
    history = client.get("History360", CustomerAccount=1001, IncludeClosed="true", **flags)
    assert [len(history[n]) for n in ("Invoices", "Contracts", "WorkOrders")] == [1, 2, 1]
    assert client.get("History360", CustomerAccount=1001)["Invoices"] == []
    assert len(client.get("ShippingAddressLookup", Acct=1001)["ShipTos"]) == 2
    assert len(client.get("ListCustomerPOs", CustomerAcct=1001)["CustomerPOs"]) == 2
    contract = client.get("GetContractDetails", Ref="1001", Sub=2)
    assert contract["AccountSub"] == "1001-2"
    lines = client.get("TransferDetails", RefNumber="T00001", Mode="All")
    assert (lines["TransferInfo"]["RefNumber"], len(lines["LineItems"])) == ("T00001", 2)
    assert len(client.get("TransferDetails", RefNumber="T00001")["LineItems"]) == 1
    status = client.get("ECommerceOrderStatus", OrderNumber="000001")
    assert status["ShippingInfo"][0]["TrackingNumbers"] == ["000123", "1Z & 2"]
    text = client.raw("ECommerceOrderStatus", "text/xml", OrderNumber="000001").text
    assert "<d2p1:string>1Z &amp; 2</d2p1:string>" in text
    single = client.get("CustomerOrderFulfillment", WebOrder="W-00002")
    assert (single["WebOrder"], "Orders" in single) == ("W-00002", False)


def test_flags_and_modes(client: Client) -> None:
    full = dict.fromkeys(
        ("IncludeInactive", "IncludeNonInventory", "IncludeReturn", "IncludePayment"), "true"
    )
    assert len(client.get("CategoryListing", **full)["CategoryListing"]) == 14
    assert 0 < len(client.get("CategoryListing")["CategoryListing"]) < 5
    transfers = client.get("OpenStoreToStoreTransfers", IncludeCompleted="true")["Transfers"]
    asked = client.get("OpenStoreToStoreTransfers", Mode="Request")["Transfers"]
    assert ({t["IsRequest"] for t in transfers}, {t["IsRequest"] for t in asked}) == (
        {False},
        {True},
    )
    here = client.get("ActiveEmployees", Mode="LOGGED_IN")["Employees"]
    came = client.get("ActiveEmployees")["Employees"]
    assert not {row["EmployeeName"] for row in here} & {row["EmployeeName"] for row in came}
    assert any("TimeIn" not in row for row in came)
    assert client.raw("DeliveryTickets").status_code == 400
    assert client.raw("DeliveryTickets", TicketType="x").json()["Status"]["StatusCode"] == "Error"


def test_access_tokens(client: Client) -> None:
    plain = client.get("CustomerAccessToken", Acct=1001)
    assert plain["AccountManagementUrl"].startswith(client.domain)
    tokens = {plain["Token"]}
    for mode in ("ADD_CUSTOMER_CARD", "ADD_CONTRACT_CARD", "ADD_STUDENT_CARD", "UPDATE_CARD"):
        tokens.add(client.get("CustomerAccessToken", Acct=1001, Mode=mode, ItemKey=5)["Token"])
        bare = client.raw("CustomerAccessToken", Acct=1001, Mode=mode).json()["Status"]
        assert (bare["StatusCode"] == "Ok") is (mode == "ADD_CUSTOMER_CARD")
    assert len(tokens) == 5
    for bad in ({"Acct": 1}, {"Acct": 1001, "Mode": "X"}, {}):
        status = client.raw("CustomerAccessToken", **bad).json()["Status"]
        assert status["StatusCode"] == "Error"
    client.login("customer3@example.com")
    assert (
        client.raw("CustomerAccessToken", Acct=1001).json()["Status"]["ErrorCode"] == "AccessDenied"
    )
    assert client.get("CustomerAccessToken")["Token"]


def test_an_unlicensed_module_and_the_other_style() -> None:
    options = {"unlicensed": ("contracts", "third-party"), "error_style": "servicestack"}
    with running_sandbox(size=3, options={"aim": options}) as sandbox:
        client = Client(sandbox).login()
        answer = client.raw("ContractFullDetails")
        assert answer.status_code == 400
        assert answer.json()["ResponseStatus"]["ErrorCode"] == "NotLicensed"
        assert "<ResponseStatus>" in client.raw("ContractFullDetails", "text/xml").text
        client.get("GetContractDetails", Ref="1001", Sub=1)  # customer is enough
        client.get("CustomerOrderFulfillment")  # vortx is enough
        assert client.raw("GetActiveE3Party").status_code == 400


def test_unknown_paths_and_verbs(client: Client) -> None:
    assert client.raw("Nothing").json()["Status"]["StatusCode"] == "Error"
    assert client.raw("AddCustomer").status_code == 405
    with running_sandbox(size=3, options={"aim": {"unknown_path": "404"}}) as sandbox:
        assert Client(sandbox).login().raw("Nothing").status_code == 404


def test_null_members_are_left_out_unless_asked_for() -> None:
    for nulls in (False, True):
        with running_sandbox(size=3, options={"aim": {"show_nulls": nulls}}) as sandbox:
            text = Client(sandbox).login().raw("InvoiceDetail").text
            assert ('":null' in text) is nulls


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation.name for operation in OPERATIONS]
    routes = [(op.path, verb) for op in OPERATIONS for verb in op.verbs]
    assert len(set(names)) == len(names)
    assert len(set(routes)) == len(routes)


def test_the_data_is_awkward_and_the_same_each_time(client: Client) -> None:
    first = client.sandbox.rows("aim", "invoices")
    text = client.raw("InvoiceDetail").text
    client.sandbox.reset(data=True)
    assert client.sandbox.rows("aim", "invoices") == first
    assert ":0.0000," in text
    customers = client.sandbox.rows("aim", "customers")
    assert any(row["Zip"].startswith("000") for row in customers)
    assert any("\n" in (row["Addr1"] or "") for row in customers)
    refs = [row["RefNumber"] for row in client.sandbox.rows("aim", "delivery_tickets")]
    assert len(set(refs)) < len(refs)
