"""The played AIMS360, over real sockets: tokens, lists, orders."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_sandbox.testing import RunningSandbox

TOKEN = "sandbox.access.token"
CLIENT = {
    "client_id": "5A4D0B0C-0000-4000-8000-00000000C11E",
    "client_secret": "sandbox-secret",
}
OPERATOR = {
    "grant_type": "password",
    "username": "sandbox-user",
    "password": "sandbox-password",
}
LISTS = {
    "orders/v1.0/orders": "orderID",
    "StyleColors/v1.1/StyleColors": "styleColorID",
    "styles/v1.0/styles": "styleID",
    "customers/v1.0/customers": "customerID",
    "warehouses/v1.0/warehouses": "warehouseID",
    "codes/v1.0/currencies": "currencyID",
    "wip/v1.0/PurchaseOrders": "purchaseOrderID",
    "jobsmanagement/odata/v1.0/backgroundjob": "jobID",
}


class Client:
    def __init__(self, sandbox: RunningSandbox, token: str = TOKEN, region: str = "west") -> None:
        self.sandbox = sandbox
        self.root = f"{sandbox.url}/aims360/{region}"
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: object) -> requests.Response:
        pairs = {f"${name}" if name != "pagesize" else name: v for name, v in query.items()}
        url = f"{self.root}/{path}"
        return requests.get(url, params=pairs, headers=self.headers, timeout=5)  # type: ignore[arg-type]

    def post(self, path: str, body: object = None) -> requests.Response:
        return requests.post(f"{self.root}/{path}", json=body, headers=self.headers, timeout=5)

    def values(self, path: str, **query: object) -> list[dict[str, Any]]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def login(self, **form: str) -> requests.Response:
        url = f"{self.root}/authentication/v1/authentication/Token"
        return requests.post(url, data={**CLIENT, **OPERATOR, **form}, timeout=5)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSandbox]:
    with running_sandbox(size=23, limits=False) as sandbox:
        yield sandbox


@pytest.fixture
def client(shared: RunningSandbox) -> Iterator[Client]:
    shared.reset(data=True)
    yield Client(shared)
    shared.shift_clock(0)
    shared.clear_faults()


def test_the_pasted_token_and_granted_tokens_open_the_door(client: Client) -> None:
    assert Client(client.sandbox, "other").get("customers/v1.0/customers").status_code == 401
    granted = client.login()
    assert granted.json().keys() == {"access_token", "token_type"}
    token = granted.json()["access_token"]
    assert token.count(".") == 2
    other = Client(client.sandbox, token)
    assert other.get("customers/v1.0/customers").status_code == 200
    assert client.sandbox.expire_tokens("aims360")["aims360"] >= 1
    refused = other.get("customers/v1.0/customers")
    assert refused.status_code == 401
    assert set(refused.json()) == {"requestId", "error"}
    assert client.get("customers/v1.0/customers").status_code == 200


def test_the_client_may_come_as_basic_and_with_the_secondary_secret(client: Client) -> None:
    url = f"{client.root}/authentication/v1/authentication/token"
    basic = (CLIENT["client_id"], CLIENT["client_secret"])
    assert requests.post(url, data=OPERATOR, auth=basic, timeout=5).status_code == 200
    assert client.login(client_secret="sandbox-secret-2").status_code == 200
    assert "sandbox-password" not in str(client.sandbox.calls("aims360"))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "x"}, "invalid_client"),
        ({"client_id": "x"}, "invalid_client"),
        ({"password": "x"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"username": "no-permission"}, "unauthorized_client"),
    ],
)
def test_refused_logins(client: Client, form: dict[str, str], error: str) -> None:
    answer = client.login(**form)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_tenant_lives_in_one_region(client: Client) -> None:
    assert Client(client.sandbox, region="east").get("customers/v1.0/customers").status_code == 401
    neutral = f"{client.sandbox.url}/aims360/customers/v1.0/customers"
    assert requests.get(neutral, headers=client.headers, timeout=5).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_pages_by_skip_hold_every_row_once(client: Client, path: str) -> None:
    key = LISTS[path]
    keys: list[str] = []
    while page := client.values(path, pagesize=10, skip=len(keys)):
        keys += [row[key] for row in page]
    assert len(keys) == len(set(keys)) == 23
    assert keys != sorted(keys)
    counted = client.get(path, count="true", pagesize=1).json()
    assert counted["@odata.count"] == 23
    assert len(counted["value"]) == 1
    assert "@odata.count" not in client.get(path, count="false").json()


def test_the_next_link_misleads(client: Client) -> None:
    last = client.get("customers/v1.0/customers", pagesize=10, skip=20).json()
    assert len(last["value"]) == 3
    assert last["@odata.nextLink"].endswith("pagesize=10&$skip=30")
    assert not last["@odata.nextLink"].startswith(client.sandbox.url)
    past = client.get("customers/v1.0/customers", pagesize=10, skip=30).json()
    assert (past["value"], "@odata.nextLink" in past) == ([], False)


def test_a_true_next_link_leads_through_all_pages() -> None:
    with running_sandbox(size=23, options={"aims360": {"next_link": "true"}}) as sandbox:
        client = Client(sandbox)
        url = f"{client.root}/orders/v1.0/orders?pagesize=5&$expand=lineItems"
        orders = []
        while url:
            page = requests.get(url, headers=client.headers, timeout=5).json()
            orders += [row["order"] for row in page["value"] if "lineItems" in row]
            url = page.get("@odata.nextLink")
        assert len(set(orders)) == len(orders) == 23


@pytest.mark.slow
def test_pages_are_clipped_at_the_maximum() -> None:
    with running_sandbox(size=300) as sandbox:
        client = Client(sandbox)
        assert len(client.values("customers/v1.0/customers", pagesize=1000)) == 250
        assert len(client.values("customers/v1.0/customers")) == 100
        for bad in ("0", "x", "-1"):
            assert client.get("customers/v1.0/customers", pagesize=bad).status_code == 400


def test_children_come_only_when_expanded(client: Client) -> None:
    path = "orders/v1.0/orders"
    assert not any("lineItems" in row for row in client.values(path))
    lines = [line for row in client.values(path, expand="lineitems") for line in row["lineItems"]]
    assert lines
    assert not any("allocations" in line for line in lines)
    both = client.values(path, expand="lineItems($expand=allocations)")
    assert any(line["allocations"] for row in both for line in row["lineItems"])
    sizes = client.values(
        "StyleColors/v1.1/StyleColors", expand="sizes($select=sizeName;$filter=sizeName eq 'SM')"
    )
    assert {str(row["sizes"]) for row in sizes} == {"[]", "[{'sizeName': 'SM'}]"}
    assert client.get(path, expand="notes").status_code == 400


def test_filters(client: Client) -> None:
    orders = client.sandbox.rows("aims360", "orders")
    one = orders[4]
    path = "orders/v1.0/orders"

    def found(text: str) -> list[str]:
        return sorted(row["order"] for row in client.values(path, filter=text))

    assert found(f"order eq '{one['order']}'") == [one["order"]]
    assert found(f"orderID eq {one['orderID'].upper()}") == [one["order"]]
    assert found("order eq 'it''s'") == []
    assert found("thirdPartyOrderID eq 'WEB-0004'") == [one["order"]]
    assert len(found("thirdPartyOrderID ne null")) == 6
    assert found(f"entered le {one['entered']} and not (entered lt {one['entered']})") == [
        one["order"]
    ]
    reference = next(
        a["wipReference"]
        for row in orders
        for line in row["lineItems"]
        for a in line["allocations"]
    )
    text = f"lineItems/any(s:s/allocations/any(b:b/wipReference eq '{reference}'))"
    wanted = [
        row["order"]
        for row in orders
        if any(a["wipReference"] == reference for x in row["lineItems"] for a in x["allocations"])
    ]
    assert found(text) == sorted(wanted)
    assert found("cod eq true or priority gt 5") == sorted(r["order"] for r in orders if r["cod"])


def test_modified_since_compares_moments_not_texts(client: Client) -> None:
    path = "wip/v1.0/PurchaseOrders"
    rows = client.values(path, filter="type eq 'Style'", expand="stylePOLines")
    assert all(row["stylePOLines"] for row in rows)
    stamps = [row["lastModifiedOn"] for row in client.values(path)]
    assert all(stamp.endswith("-07:00") for stamp in stamps)
    assert len(set(stamps)) < len(stamps)
    hour = int(stamps[0][11:13])
    same = stamps[0].replace(f"T{hour:02d}", f"T{(hour + 1) % 24:02d}").replace("-07:00", "-06:00")
    if hour < 23:
        equal = client.values(path, filter=f"lastModifiedOn ge {same} and lastModifiedOn le {same}")
        assert len(equal) == stamps.count(stamps[0])
    row = client.sandbox.rows("aims360", "purchase_orders")[3]
    before = client.values(path, filter="lastModifiedOn ge 2026-09-01T00:00:00Z")
    client.sandbox.change("aims360", "purchase_orders", row["purchaseOrderID"], {"status": "Open"})
    after = client.values(path, filter="lastModifiedOn ge 2026-09-01T00:00:00Z")
    assert (len(before), len(after)) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "nothing eq '1'",
        "order eq 100001",
        "order eq",
        "orderID eq 'x'",
        "lastModifiedOn ge '2026-01-01T00:00:00Z'",
        "lastModifiedOn ge 2026-01-01T00:00:00 07:00",
        "lastModifiedOn ge 2026-01-01T00:00:00",
        "contains(order,'1')",
        "order eq '1' order eq '2'",
        "lineItems/any(s:s/nothing eq '1')",
    ],
)
def test_filters_that_cannot_be(client: Client, text: str) -> None:
    answer = client.get("orders/v1.0/orders", filter=text)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidQueryParameterValue"


def test_order_select_and_refused_options(client: Client) -> None:
    path = "customers/v1.0/customers"
    rows = client.values(path, orderby="lastModifiedOn desc,customerID", select="customerID")
    assert all(set(row) == {"customerID"} for row in rows)
    wanted = sorted(client.sandbox.rows("aims360", "customers"), key=lambda row: row["customerID"])
    wanted.sort(key=lambda row: row["lastModifiedOn"][:19], reverse=True)
    assert [row["customerID"] for row in rows] == [row["customerID"] for row in wanted]
    assert client.get(path, skiptoken="x").status_code == 400
    assert len(client.values(path, top=2)) == 2
    with running_sandbox(size=3, options={"aims360": {"refuse": ("$orderby",)}}) as sandbox:
        assert Client(sandbox).get(path, orderby="customerID").status_code == 400


def test_single_records(client: Client) -> None:
    style = client.sandbox.rows("aims360", "styles")[0]
    assert client.get(f"styles/V1.0/style/{style['styleID']}").json() == style
    order = client.sandbox.rows("aims360", "purchase_orders")[0]
    one = client.get(f"wip/v1.0/purchaseorder/{order['purchaseOrderNo']}").json()
    assert one["purchaseOrderID"] == order["purchaseOrderID"]
    assert "stylePOLines" not in one
    assert client.get("styles/v1.0/style/none").status_code == 404
    assert client.get("nothing/v1.0/nothing").status_code == 404
    assert client.post("customers/v1.0/customers", {}).status_code == 405


def test_the_styles_list_and_the_stamps_may_be_missing() -> None:
    options = {"aims360": {"styles_list": False, "unstamped": ("customers",)}}
    with running_sandbox(size=3, options=options) as sandbox:
        client = Client(sandbox)
        assert client.get("styles/v1.0/styles").status_code == 404
        assert not any("lastModifiedOn" in r for r in client.values("customers/v1.0/customers"))
        since = "lastModifiedOn ge 2026-01-01T00:00:00Z"
        assert client.get("customers/v1.0/customers", filter=since).status_code == 400


def new_order(client: Client, **more: object) -> dict[str, object]:
    color = client.sandbox.rows("aims360", "style_colors")[0]
    sizes = [{"sizeName": "SM", "orderQuantity": 3}]
    line = {"styleColorID": color["styleColorID"], "price": 1.25, "sizes": sizes}
    customer = client.sandbox.rows("aims360", "customers")[2]
    return {"customerID": customer["customerID"], "lineItems": [line], **more}


def test_orders_are_created_and_never_recognised(client: Client) -> None:
    body = new_order(client, thirdPartyOrderID="T-1", notes='Zoë\n"x"', order="7", other=1)
    first = client.post("orders/v1.0/order", body)
    assert (first.status_code, first.json()) == (200, {"order": "100024"})
    text = "thirdPartyOrderID eq 'T-1'"
    (row,) = client.values("orders/v1.0/orders", filter=text, expand="lineItems")
    assert (row["order"], row["notes"], row["status"]) == ("100024", 'Zoë\n"x"', "Open")
    assert row["customerAccount"] == "ACCT-0003"
    assert row["lineItems"][0]["sizes"] == [{"sizeName": "SM", "orderQuantity": 3}]
    assert "other" not in row
    stored = client.sandbox.rows("aims360", "orders")[-1]
    assert stored["lineItems"][0]["price"] == Decimal("1.25")
    assert client.post("orders/v1.0/order", body).json() == {"order": "100025"}
    report = client.sandbox.report("aims360")
    assert report["duplicates"] == {"orders": {"T-1": 2}}
    assert report["writes"]["orders"] == {"calls": 2, "created": 2}


def test_refused_orders(client: Client) -> None:
    good = new_order(client)
    line: dict[str, Any] = good["lineItems"][0]  # type: ignore[index]
    bad_lines = [
        {**line, "styleColorID": str(uuid.uuid4())},
        {**line, "warehouseID": "none"},
        {**line, "sizes": [{"sizeName": "SM"}]},
        "x",
    ]
    bodies: list[object] = [
        [],
        {**good, "customerID": "none"},
        {**good, "lineItems": []},
        {**good, "status": "Shipped"},
        {**good, "notes": 5},
        {**good, "entered": "1/2/2026"},
        *({**good, "lineItems": [bad]} for bad in bad_lines),
    ]
    for body in bodies:
        answer = client.post("orders/v1.0/order", body)
        assert answer.status_code == 400, body
        assert answer.json()["error"]["message"]
    assert client.sandbox.report("aims360")["rows"]["orders"] == 23
    assert client.sandbox.report("aims360")["writes"]["orders"]["refused"] == len(bodies)


def test_duplicates_and_nulls_can_be_refused() -> None:
    options = {"aims360": {"duplicate_orders": "refuse", "refuse_nulls": True}}
    with running_sandbox(size=3, options=options) as sandbox:
        client = Client(sandbox)
        body = new_order(client, thirdPartyOrderID="T-1")
        assert client.post("orders/v1.0/order", body).status_code == 200
        assert client.post("orders/v1.0/order", body).status_code == 409
        assert client.post("orders/v1.0/order", {**body, "notes": None}).status_code == 400


def test_overload_is_a_400_with_a_code_of_its_own() -> None:
    options = {"aims360": {"calls_per_minute": 3}}
    with running_sandbox(size=3, options=options) as sandbox:
        client = Client(sandbox)
        answers = [client.get("customers/v1.0/customers") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400]
        assert answers[3].json()["error"]["code"] == "Request_ProcessingFailed"
        assert sandbox.report("aims360")["overloaded"] == 2
        sandbox.shift_clock(61)
        assert client.get("customers/v1.0/customers").status_code == 200


def test_overload_on_purpose() -> None:
    options = {"aims360": {"overload_every": 2, "overload_status": 429}}
    with running_sandbox(size=3, limits=False, options=options) as sandbox:
        client = Client(sandbox)
        statuses = [client.get("customers/v1.0/customers").status_code for _ in range(4)]
        assert statuses == [200, 429, 200, 429]


def test_the_data_is_awkward_and_the_same_each_time(client: Client) -> None:
    rows = client.sandbox.rows("aims360", "customers")
    orders = client.sandbox.rows("aims360", "orders")
    client.sandbox.reset(data=True)
    assert client.sandbox.rows("aims360", "customers") == rows
    assert client.sandbox.rows("aims360", "orders") == orders
    assert any(row["customerAccount"].startswith("0000") for row in rows)
    assert any("<&" in row["customerName"] for row in rows)
    assert ":1234567.8900," in client.get("StyleColors/v1.1/StyleColors").text
    assert any("\n" in (row["notes"] or "") for row in orders)
