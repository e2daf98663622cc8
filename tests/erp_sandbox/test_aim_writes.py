"""The played AIM, over real sockets: the operations behind the sinks."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_sandbox.testing import RunningSandbox

IMAGE = "aGVsbG8="
IDS = {"LocationId": 1, "CustomerDefaultId": 1, "TaxAuthorityId": 1}


class Client:
    def __init__(self, sandbox: RunningSandbox, user: str = "sandbox-user") -> None:
        self.sandbox = sandbox
        keys = {"ApiKey": "sandbox-key", "AppId": "sandbox-app"}
        got = requests.get(f"{sandbox.url}/aim/api/GetEndPoint", headers=keys, timeout=5).json()
        self.root = got["NewEndpointDomain"].rstrip("/") + "/api/"
        self.headers = {**keys, "OAuthToken": got["OAuthToken"], "Accept": "application/json"}
        query = {"UserName": user, "Password": "sandbox-password"}
        self.headers["Token"] = self.send("POST", "Security", {}, **query).json()["Token"]

    def send(self, method: str, path: str, body: object = None, **query: Any) -> requests.Response:
        url = self.root + path
        return requests.request(
            method, url, json=body, params=query, headers=self.headers, timeout=5
        )

    def post(self, path: str, body: object, **query: Any) -> dict[str, Any]:
        answer = self.send("POST", path, body, **query)
        found: dict[str, Any] = answer.json()
        assert (answer.status_code, found["Status"]["StatusCode"]) == (200, "Ok"), answer.text
        return found

    def error(self, path: str, body: object, method: str = "POST", **query: Any) -> str:
        answer = self.send(method, path, body, **query)
        assert answer.status_code == 200, answer.text
        status = answer.json()["Status"]
        assert status["StatusCode"] == "Error"
        return str(status["ErrorCode"])

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.send("GET", path, **query).json()
        return found

    def row(self, resource: str, key: object) -> dict[str, Any]:
        return self.sandbox.row("aim", resource, key)

    def writes(self, resource: str) -> dict[str, int]:
        found: dict[str, int] = self.sandbox.report("aim")["writes"][resource]
        return found


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSandbox]:
    with running_sandbox(size=8, limits=False) as sandbox:
        yield sandbox


@pytest.fixture
def client(shared: RunningSandbox) -> Client:
    shared.reset(data=True)
    made = Client(shared)
    shared.reset()
    return made


def test_customers_are_added(client: Client) -> None:
    body = {"Name": "Zoë O'Neill", "Address1": "1 A\nB", "State": "TX", "Email": "z@example.com"}
    record = client.post("AddCustomer", {**body, "HomePhone": "5"}, **IDS)["Customer"]
    assert (record["Acct"], record["Addr1"], record["St"], record["Phone"]) == (
        1009,
        "1 A\nB",
        "TX",
        "5",
    )
    assert record["AdditionalDetails"]["LastModifiedDate"] > "2026-07"
    assert client.get("CustomerInfo", Acct=1009)["Customer"]["Last"] == "O'Neill"
    assert client.writes("customers") == {"calls": 1, "created": 1}
    # The three ids may stand in the body too (6).
    client.post("AddCustomer", {**body, **IDS})
    assert client.sandbox.report("aim")["duplicates"] == {"customers": {"z@example.com": 2}}
    missing = client.send("POST", "AddCustomer", body)
    assert missing.status_code == 400
    assert "LocationId" in missing.json()["ResponseStatus"]["Message"]
    assert client.error("AddCustomer", body, **{**IDS, "LocationId": 99}) == "InvalidArgument"


def test_duplicate_check_modes(client: Client) -> None:
    body = {"Name": "N", "Email": "CUSTOMER1@example.com"}
    only = client.post("AddCustomer", {**body, "DuplicateCheckMode": "CHECKONLY"}, **IDS)
    assert [row["Acct"] for row in only["PossibleMatches"]] == [1001]
    stopped = client.send("POST", "AddCustomer", {**body, "DuplicateCheckMode": "CHECK"}, **IDS)
    assert stopped.json()["Status"]["ErrorCode"] == "DuplicateCustomer"
    assert stopped.json()["PossibleMatches"][0]["MatchedOn"] == "Email"
    assert client.sandbox.report("aim")["rows"]["customers"] == 8
    client.post("AddCustomer", body, **IDS)
    assert client.sandbox.report("aim")["rows"]["customers"] == 9


def test_customers_are_updated(client: Client) -> None:
    before = client.row("customers", 1002)
    body = {"Address1": "New", "WorkPhone": "7", "Addr1": "no", "City": None}
    client.post("UpdateCustomer", body, Acct=1002)
    after = client.row("customers", 1002)
    assert (after["Addr1"], after["_WorkPhone"]) == ("New", "7")
    for name in ("Name", "Email", "City"):
        assert after[name] == before[name]
    changed = client.get("CustomerInfo", Acct=1002)["Customer"]["AdditionalDetails"]
    assert changed["LastModifiedDate"] > "2026-07"
    assert client.error("UpdateCustomer", {"Name": "x"}, Acct=1) == "CustomerNotFound"
    assert client.writes("customers") == {"calls": 2, "updated": 1, "refused": 1}
    with running_sandbox(size=3, options={"aim": {"update": "blank"}}) as sandbox:
        other = Client(sandbox)
        other.post("UpdateCustomer", {"Name": "N"}, Acct=1002)
        assert (other.row("customers", 1002)["Name"], other.row("customers", 1002)["City"]) == (
            "N",
            None,
        )


def test_dependants_and_their_external_ids(client: Client) -> None:
    client.post("CustomerDependant", {"School": "S"}, Acct=1001, Name="Kid")
    (kid,) = [d for d in client.row("customers", 1001)["DependantInfo"] if d["Name"] == "Kid"]
    assert client.send("POST", "CustomerDependant", {}, Acct=1001).status_code == 400
    body = {"Id": str(kid["Id"]), "ExternalId": "X1"}
    client.post("LinkExternalId", body, Type="Dependant")
    assert client.row("customers", 1001)["DependantInfo"][-1]["OnlineId"] == "X1"
    again = {**body, "ExternalId": "X2"}
    assert client.error("LinkExternalId", again, Type="Dependant") == "ExternalIdExists"
    client.post("LinkExternalId", {**again, "OverrideExistingId": True}, Type="Dependant")
    assert client.row("external_ids", f"Dependant/{kid['Id']}")["ExternalId"] == "X2"
    assert (
        client.error("LinkExternalId", {**body, "Id": "999"}, Type="Dependant")
        == "DependantNotFound"
    )
    assert client.error("LinkExternalId", body, Type="Cat") == "InvalidArgument"


def test_shipping_addresses(client: Client) -> None:
    info = {"Address1": "1 Main", "HomePhone": "5", "Zip": "00007"}
    body = {"CustomerAccount": 1008, "AddressName": "Home", "AddressInfo": info}
    key = client.post("AddShippingAddress", body)["AddressId"]
    (shown,) = client.get("ShippingAddressLookup", ShipId=key)["ShipTos"]
    assert (shown["Name"], shown["Phone"], shown["Zip"]) == ("Home", "5", "00007")
    copy = client.post(
        "AddShippingAddress", {"CustomerAccount": 1008, "CopyAddressFromAccount": 1001}
    )
    expected = client.row("customers", 1001)["Addr1"]
    assert client.row("shipping_addresses", copy["AddressId"])["Address1"] == expected
    assert len(client.get("ShippingAddressLookup", Acct=1008)["ShipTos"]) == 2


def test_inventory_is_edited_with_exact_decimals(client: Client) -> None:
    text = '{"SaqPk": 1000100, "OurPrice": 1234567.8900, "Barcodes": ["001"], "Description": "D"}'
    headers = {**client.headers, "Content-Type": "application/json"}
    url = client.root + "EditInventory"
    assert (
        requests.post(url, data=text, headers=headers, timeout=5).json()["Status"]["StatusCode"]
        == "Ok"
    )
    row = client.row("inventory_quantities", 1000100)
    assert (str(row["OurPrice"]), row["Barcodes"]) == ("1234567.8900", ["001"])
    client.post(
        "EditInventory",
        {"SaqPk": 1000100, "NewComputerQuantity": "2.50", "PriceA": 1, "UpdateAllLocations": True},
    )
    first, second = (client.row("inventory_quantities", 1000100 + n) for n in range(2))
    assert (first["QtyAvail"], first["PriceA"], second["PriceA"]) == (Decimal("2.50"), 1, 1)
    assert second["QtyAvail"] != Decimal("2.50")
    (item,) = client.get("SearchInventory", ChangedDate="2026-07-01")["Records"]
    assert (item["Pk"], item["Description"]) == (10001, "D")
    client.post("EditInventory", {"SasPk": 10002000, "RetailPrice": 5, "OurPrice": 3})
    assert client.get("SerialDetail", Pk=10002000)["Details"]["OurPrice"] == 3
    assert client.error("EditInventory", {"SaqPk": 1}) == "InventoryNotFound"


def test_scans_are_refused_one_by_one(client: Client) -> None:
    items = [
        {"Sku": "SKU-0001", "Quantity": 1},
        {"Sku": "none", "Quantity": 1},
        {"SasPk": 10002000, "Quantity": 2},
        {"Sku": "SKU-0001"},
        {"Sku": "new", "Quantity": 1, "ExceptionInfo": {"Barcode": "0001"}},
    ]
    errors = client.post("ScanForImport", {"Description": "b", "Items": items})["ErrorItems"]
    assert [(row["Sku"], bool(row["ErrorMessage"])) for row in errors] == [
        ("none", True),
        ("SKU-0001", True),
    ]
    assert client.writes("inventory_scans") == {"calls": 1, "created": 3, "refused": 2}
    assert len(client.sandbox.rows("aim", "inventory_scans")) == 3


def test_images(client: Client) -> None:
    new = [
        {"FileName": "a.jpg", "Base64Image": IMAGE},
        {"FileName": "b.jpg", "Base64Image": "?"},
    ]
    body = {"ItemPk": 10008, "NewImages": new}
    images = client.post("InventoryImage", body)["Images"]
    assert [bool(image.get("ErrorMessage")) for image in images] == [False, True]
    assert client.writes("inventory_images") == {"calls": 1, "created": 1, "refused": 1}
    key = images[0]["UriPk"]
    client.post("InventoryImage", {"Item": "MOD-0008", "UriImagePksToDelete": [key]})
    assert client.get("InventoryImage", ItemPk=10008)["Images"] == []


def order(number: str, sku: str = "SKU-0001") -> dict[str, Any]:
    line = {"Sku": sku, "Qty": 2, "Price": 1.10, "ProductName": "P"}
    return {"OrderNumber": number, "OrderDate": "2026-07-01T10:00:00", "LineItems": [line]}


def test_web_orders_go_all_or_none(client: Client) -> None:
    client.post("CustomerOrders", {"Orders": [order("A"), order("B")]})
    one = client.get("CustomerOrderFulfillment", WebOrder="A")
    assert one["DateTime"] == "2026-07-01T10:00:00.0000000"
    assert one["Items"][0]["Quantity"] == 2
    bad = {"Orders": [order("C"), order("D", "none")]}
    assert client.error("CustomerOrders", bad) == "InvalidSku"
    assert client.error("ECommerceOrderStatus", None, "GET", OrderNumber="C") == "OrderNotFound"
    assert client.writes("web_orders") == {"calls": 2, "created": 2, "refused": 1}
    client.post("CustomerOrders", {"Orders": [order("A")]})
    assert client.sandbox.report("aim")["duplicates"] == {"web_orders": {"A": 2}}
    with running_sandbox(size=3, options={"aim": {"duplicate_orders": "refuse"}}) as sandbox:
        other = Client(sandbox)
        other.post("CustomerOrders", {"Orders": [order("A")]})
        assert other.error("CustomerOrders", {"Orders": [order("A")]}) == "DuplicateOrder"


def test_delivery_tickets(client: Client) -> None:
    item = {"RefNumber": "000002", "Delivered": True, "Base64Signature": IMAGE, "Notes": "n"}
    image = {"Data": IMAGE, "FileName": "a"}
    answer = client.post("DeliveryTickets", {"DeliveryTickets": [{**item, "Images": [image]}]})
    (ticket,) = answer["Tickets"]
    assert (ticket["Delivered"], ticket["HasSignature"], ticket["HasImages"]) == (True, True, True)
    bad = {"DeliveryTickets": [item, {"RefNumber": "none"}]}
    assert client.error("DeliveryTickets", bad) == "TicketNotFound"


def test_scheduled_returns(client: Client) -> None:
    body = {"Acct": 1001, "Sub": 1, "OptionId": 2, "ReturnDate": "2026-12-01"}
    ref = client.post("ContractScheduledReturns", body)["RefNumber"]
    shown = client.get("ContractScheduledReturns", DateFrom="2026-12-01", DateTo="2026-12-01")
    (row,) = shown["Contracts"]
    assert (row["ScheduledReturnedRef"], row["Acct"]) == (ref, 1001)
    marked = client.send(
        "PUT", "ContractScheduledReturns", {"Contracts": [{"Acct": 1001, "Sub": 1}]}
    )
    assert marked.json()["Status"]["StatusCode"] == "Ok"
    assert client.get("ContractScheduledReturns", DateFrom="2026-12-01")["Contracts"] == []
    assert client.error("ContractScheduledReturns", {**body, "Sub": 9}) == "ContractNotFound"
    assert (
        client.error("ContractScheduledReturns", {**body, "ReturnDate": None}) == "InvalidArgument"
    )
    nobody = {"Contracts": [{"Acct": 1, "Sub": 1}]}
    assert client.error("ContractScheduledReturns", nobody, "PUT") == "ContractNotFound"


def test_contracts(client: Client) -> None:
    guest = {"Name": "G", "Email": "g@example.com"}
    body = {"InstrumentId": 1, "RateId": 1, "CustomerInfo": guest}
    ref = client.post("C2BPostContract", body)["WebRef"]
    client.post("C2BSetContractCustomer", {"WebRef": ref, "Acct": 1001})
    (row,) = client.get("ContractFullDetails", WebRef=ref)["Contracts"]
    assert (row["Acct"], row["Sub"]) == (1001, 3)
    rate = {"PlanCode": "P01", "Months": 3, "DownPay": "19.50", "MoLease": 7}
    more = {"Rate": rate, "RateId": None, "AIMSchoolId": "12", "Cat": 1, "Sub": 2, "StatusId": 3}
    answer = client.post("C2BPostContract", {**body, **more, "ReturnTopic": True})
    assert (answer["PaymentRequired"], answer["Topic"]) == (False, "Rental")
    assert answer["BaseUrl"].startswith("https://")
    (row,) = [r for r in client.sandbox.rows("aim", "contracts") if r["WebRef"] == answer["WebRef"]]
    assert row["_sent"]["Rate"] == {**rate, "DownPay": Decimal("19.50")}
    for unbound in ({"AIMSchoolId": "N-1"}, {"Cat": "x"}, {"Rate": {"Months": "three"}}):
        assert client.send("POST", "C2BPostContract", {**body, **unbound}).status_code == 400
    for bad in (
        {**body, "Sku": "S"},
        {**body, "RateId": None},
        {**body, "CusAcct": 1001},
        {**body, "CustomerInfo": {"Name": "G"}},
        {"InstrumentId": 1, "RateId": 1},
    ):
        assert client.error("C2BPostContract", bad) == "InvalidArgument"
    assert (
        client.error("C2BSetContractCustomer", {"WebRef": "x", "Acct": 1001}) == "ContractNotFound"
    )


def test_picks_of_web_orders(client: Client) -> None:
    order = client.row("web_orders", "1")
    name, items = order["WebOrder"], [{"Id": i["Id"], "QuantityPicked": 1} for i in order["Items"]]
    client.post("CustomerOrderFulfillment", {"WebOrder": name, "Items": items})
    shown = client.get("CustomerOrderFulfillment", WebOrder=name)["Items"]
    assert [item["QuantityPicked"] for item in shown] == [1] * len(items)
    assert client.writes("web_orders") == {"calls": 1, "updated": 1}
    for bad, code in (
        ({"WebOrder": "none", "Items": items}, "OrderNotFound"),
        ({"WebOrder": name, "Items": [{"Id": 999, "QuantityPicked": 1}]}, "ItemNotFound"),
    ):
        assert client.error("CustomerOrderFulfillment", bad) == code
    whole = [{"Id": i["Id"], "QuantityPicked": i["Quantity"]} for i in order["Items"]]
    client.post("CustomerOrderFulfillment", {"WebOrder": name, "Items": whole})
    left = client.get("CustomerOrderFulfillment", ExcludeFullyPickedOrders="true")["Orders"]
    assert name not in {row["WebOrder"] for row in left}


def test_service_tickets_keep_the_online_reference(client: Client) -> None:
    answer = client.post("PostServiceTicket", {"Notes": "n"}, RefNumber="W1", CustomerAcct=1001)
    assert answer["WebRef"] == "W1"
    (ticket,) = client.get("ServiceTicketFullDetails", RefNumber="W1")["Tickets"]
    assert (ticket["RefNumber"], ticket["SoldToCustomerAcct"]) == ("0000009", 1001)
    client.post("PostServiceTicket", {}, RefNumber="W1", CustomerAcct=1001)
    assert client.sandbox.report("aim")["duplicates"] == {"service_tickets": {"W1": 2}}
    assert client.error("PostServiceTicket", {}) == "InvalidArgument"


def test_lessons_documents_and_the_clock(client: Client) -> None:
    client.post("PostSchedulingGroup", {}, ClassId="7", StudentName="S")
    private = {"TypeId": 1, "InstructorId": 2, "LocationId": 1, "StudentName": "S"}
    client.post("PostSchedulingPrivate", {}, AppointmentStart="2026-12-01T10:00:00", **private)
    assert client.send("POST", "PostSchedulingPrivate", {}, **private).status_code == 400
    assert [row["StudentName"] for row in client.sandbox.rows("aim", "lessons")] == ["S", "S"]
    data = {
        "VendorId": "V",
        "Invoices": [{"Po": "1", "Data": "x"}],
        "ASNs": [{"Po": "2", "Data": "y"}],
    }
    client.post("ApInvoice", data)
    assert client.writes("ap_invoices") == {"calls": 1, "created": 2}
    assert client.error("ApInvoice", {"Invoices": []}) == "InvalidArgument"
    client.post("TimeClock", {"ClockIn": True})
    names = [row["EmployeeName"] for row in client.get("ActiveEmployees")["Employees"]]
    assert "sandbox-user" in names
    assert client.error("TimeClock", {"ClockIn": True}) == "TimeClock"
    client.post("TimeClock", {"ClockOut": True})
    assert client.error("TimeClock", {"ClockOut": True}) == "TimeClock"
    client.post("TimeClock", {"ClockOut": True, "Override": True})
    assert client.error("TimeClock", {}) == "InvalidArgument"


def test_bodies_in_xml(client: Client) -> None:
    body = (
        '<CustomerOrdersRequest xmlns="http://schemas.datacontract.org/2004/07/AIM.WebService" '
        'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><Orders><ThirdPartyOrder><LineItems>'
        "<ThirdPartyOrderItem><Price>1.10</Price><Qty>2</Qty><Sku>SKU-0001</Sku>"
        '</ThirdPartyOrderItem></LineItems><OrderNotes i:nil="true" /><OrderNumber>X &amp; 1'
        "</OrderNumber></ThirdPartyOrder></Orders></CustomerOrdersRequest>"
    )
    headers = {**client.headers, "Content-Type": "application/xml", "Accept": "application/xml"}
    url = client.root + "CustomerOrders"
    answer = requests.post(url, data=body, headers=headers, timeout=5)
    assert "<StatusCode>Ok</StatusCode>" in answer.text
    (made,) = (
        row for row in client.sandbox.rows("aim", "web_orders") if row["WebOrder"] == "X & 1"
    )
    assert str(made["Items"][0]["Price"]) == "1.10"
    assert requests.post(url, data="<a", headers=headers, timeout=5).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("CustomerOrders", {"Orders": ["x"]}),
        ("EditInventory", {"SaqPk": "x"}),
        ("EditInventory", {"SaqPk": 1, "OurPrice": "cheap"}),
        ("TimeClock", {"ClockIn": "perhaps"}),
        ("ContractScheduledReturns", {"Acct": 1001, "ReturnDate": "soon"}),
        ("CustomerOrders", []),
    ],
)
def test_members_of_the_wrong_kind(client: Client, path: str, body: object) -> None:
    answer = client.send("POST", path, body)
    assert answer.status_code == 400
    assert answer.json()["ResponseStatus"]["ErrorCode"] == "RequestBindingException"


def test_a_customer_login_writes_for_itself_only(client: Client) -> None:
    own = Client(client.sandbox, "customer3@example.com")
    own.post("AddShippingAddress", {"AddressName": "Mine"})
    assert client.sandbox.rows("aim", "shipping_addresses")[-1]["_acct"] == 1003
    assert own.error("UpdateCustomer", {"Name": "x"}, Acct=1001) == "AccessDenied"
    assert own.error("TimeClock", {"ClockIn": True}) == "AccessDenied"


def test_faults_and_rows_put_in_by_hand(client: Client) -> None:
    made = client.sandbox.insert("aim", "customers", {"Name": "By hand"})
    assert made["Acct"] == 1009
    shown = client.get("CustomerInfo", Acct=1009)["Customer"]
    assert (shown["Name"], shown["DependantInfo"]) == ("By hand", [])
    client.sandbox.add_fault("wrong_type", vendor="aim", path="GetLocations", times=1)
    text = requests.get(
        client.root + "GetLocations", headers={**client.headers, "Accept": "text/xml"}, timeout=5
    ).text
    assert set(json.loads(text)) == {"value"}
    client.sandbox.add_fault("status_after", vendor="aim", path="TimeClock", times=1)
    assert client.send("POST", "TimeClock", {"ClockIn": True}).status_code == 503
    client.sandbox.clear_faults()
    assert client.error("TimeClock", {"ClockIn": True}) == "TimeClock"
