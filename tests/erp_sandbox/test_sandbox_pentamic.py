"""The played Pentamic, over real sockets."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_sandbox.testing import RunningSandbox

FORM = {
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
    "scope": "pa-api",
    "grant_type": "client_credentials",
}


class Client:
    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.root = f"{sandbox.url}/pentamic"
        self.headers: dict[str, str] = {}

    def token(self, **change: str) -> requests.Response:
        url = f"{self.root}/connect/token"
        return requests.post(url, data={**FORM, **change}, timeout=5)

    def login(self) -> Client:
        got = self.token().json()
        self.headers = {"Authorization": f"{got['token_type']} {got['access_token']}"}
        return self

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        url = f"{self.root}/api/{path}"
        return requests.request(method, url, headers=headers, timeout=5, **more)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSandbox]:
    with running_sandbox(size=12, options={"pentamic": {"tax_code": "string"}}) as sandbox:
        yield sandbox


@pytest.fixture
def client(shared: RunningSandbox) -> Iterator[Client]:
    shared.reset(data=True)
    yield Client(shared).login()
    shared.shift_clock(0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_id": "x"}, "invalid_client"),
        ({"client_secret": ""}, "invalid_client"),
        ({"scope": "other"}, "invalid_scope"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_token_errors(client: Client, change: dict[str, str], code: str) -> None:
    answer = client.token(**change)
    assert (answer.status_code, answer.json()) == (400, {"error": code})


def test_secrets_belong_in_the_form(client: Client) -> None:
    url = f"{client.root}/connect/token"
    basic = ("sandbox-client", "sandbox-secret")
    form = {"scope": "pa-api", "grant_type": "client_credentials"}
    assert requests.post(url, data=form, auth=basic, timeout=5).status_code == 400
    assert requests.post(url, json=FORM, timeout=5).json() == {"error": "invalid_client"}


def test_a_token_dies_with_time_and_on_demand(client: Client) -> None:
    assert client.token().json()["expires_in"] == 3600
    assert client.call("GET", "customers").status_code == 200
    client.sandbox.shift_clock(3601)
    assert client.call("GET", "customers").status_code == 401
    client.login()
    assert client.call("GET", "customers").status_code == 200
    assert client.sandbox.expire_tokens("pentamic")["pentamic"] >= 1
    assert client.call("GET", "customers").status_code == 401
    assert Client(client.sandbox).call("GET", "customers").status_code == 401


def test_the_secret_is_not_in_the_log(client: Client) -> None:
    assert "sandbox-secret" not in json.dumps(client.sandbox.calls("pentamic"))


def test_lists_are_bare_arrays_in_no_order_unless_asked(client: Client) -> None:
    rows = client.call("GET", "customers/").json()
    assert len(rows) == 12
    assert set(rows[0]) == {"id", "name", "taxCode", "address", "phone"}
    ids = [row["id"] for row in rows]
    assert ids != sorted(ids)
    for order, wanted in (("id", sorted(ids)), ("id desc", sorted(ids, reverse=True))):
        got = client.call("GET", "customers", params={"orderBy": order}).json()
        assert [row["id"] for row in got] == wanted
    assert client.call("GET", "customers", params={"orderBy": "x"}).status_code == 400
    assert any(row["address"] is None for row in rows)


def test_tax_codes_are_printed_as_the_option_says() -> None:
    forms = {}
    for form in ("unquoted", "string", "int"):
        with running_sandbox(size=4, options={"pentamic": {"tax_code": form}}) as sandbox:
            client = Client(sandbox).login()
            forms[form] = client.call("GET", "customers", params={"orderBy": "id"}).text
            body = b'{"name": "N", "taxCode": 0106459932}'
            assert '"taxCode":' in client.call("POST", "customers", data=body).text
            assert sandbox.rows("pentamic", "customers")[-1]["taxCode"] == "0106459932"
    assert '"taxCode":0100007919,' in forms["unquoted"]
    with pytest.raises(ValueError, match="delimiter"):
        json.loads(forms["unquoted"])
    assert json.loads(forms["string"])[1]["taxCode"] == "0100007919"
    assert json.loads(forms["int"])[1]["taxCode"] == 100007919


def test_xml_by_accept(client: Client) -> None:
    answer = client.call("GET", "customers", headers={"Accept": "application/xml"})
    assert answer.headers["Content-Type"].startswith("application/xml")
    found = ET.fromstring(answer.content)  # noqa: S314 - our own server
    rows = {row["id"]: row for row in client.call("GET", "customers").json()}
    assert len(found) == len(rows)
    for item in found:
        row = rows[int(item.findtext("id") or "")]
        assert item.findtext("taxCode") == row["taxCode"]
        assert item.findtext("name") == row["name"]


def test_customers_are_created_replaced_and_deleted(client: Client) -> None:
    body = {"id": 1, "name": "Công ty", "taxCode": "0106459932", "phone": "0912", "other": 1}
    made = client.call("POST", "customers", json=body)
    assert made.status_code == 200
    key = made.json()["id"]
    assert made.json() == {
        "id": key,
        "name": "Công ty",
        "taxCode": "0106459932",
        "address": None,
        "phone": "0912",
    }
    assert key == 102_580
    change = {"name": "Mới", "taxCode": "0106459933"}
    assert client.call("PUT", f"customers/{key}", json=change).json()["phone"] is None
    assert client.sandbox.row("pentamic", "customers", key)["name"] == "Mới"
    assert client.call("DELETE", f"customers/{key}").status_code == 200
    assert client.call("DELETE", f"customers/{key}").json() == {"error": "ID_NOTFOUND"}
    writes = client.sandbox.report("pentamic")["writes"]["customers"]
    assert writes == {"calls": 4, "created": 1, "updated": 1, "deleted": 1, "refused": 1}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"taxCode": "1"}, 403, "NAME_REQUIRED"),
        ({"name": " ", "taxCode": "1"}, 403, "NAME_REQUIRED"),
        ({"name": "N"}, 403, "TAXC_REQUIRED"),
        ({"name": "N", "taxCode": ""}, 403, "TAXC_REQUIRED"),
        ({"name": "N", "taxCode": "ABC"}, 403, "TAXC_INVALID"),
        ({"name": "N", "taxCode": [1]}, 403, "TAXC_INVALID"),
        ({"name": "N", "taxCode": True}, 403, "TAXC_INVALID"),
        ([], 400, None),
        ({"name": 5, "taxCode": "1"}, 400, None),
    ],
)
def test_refused_customers(client: Client, body: object, status: int, code: str | None) -> None:
    for method, path in (("POST", "customers"), ("PUT", "customers/102568")):
        answer = client.call(method, path, json=body)
        assert (answer.status_code, answer.json().get("error")) == (status, code)
    assert client.sandbox.report("pentamic")["rows"]["customers"] == 12


def test_nothing_prevents_duplicates_and_the_report_tells_them(client: Client) -> None:
    assert client.sandbox.report("pentamic")["duplicates"] == {}
    for _ in range(2):
        client.call("POST", "customers", json={"name": "Twice", "taxCode": "0900000009"})
    duplicates = client.sandbox.report("pentamic")["duplicates"]
    assert duplicates == {"customers": {"0900000009": 2}}


def test_invoices_hang_on_their_customer(client: Client) -> None:
    rows = client.call("GET", "customers").json()
    found = {
        row["id"]: client.call("GET", f"customers/{row['id']}/invoices").json() for row in rows
    }
    assert sorted(len(invoices) for invoices in found.values()) == [0] * 6 + [1, 1, 2, 2, 3, 3]
    ids = [invoice["id"] for invoices in found.values() for invoice in invoices]
    assert len(set(ids)) == len(ids)
    assert not any(name.startswith("_") for name in next(filter(None, found.values()))[0])
    missing = client.call("GET", "customers/1/invoices")
    assert (missing.status_code, missing.json()) == (403, {"error": "ID_NOTFOUND"})


def test_statuses_of_wrong_calls(client: Client) -> None:
    assert client.call("GET", "customers/102568").status_code == 405
    assert client.call("PATCH", "customers").status_code == 405
    assert client.call("GET", "vouchers").status_code == 404
    assert client.call("POST", "customers", data=b"{").status_code == 400


def test_verbs_can_be_forbidden_and_put_can_keep() -> None:
    options = {"pentamic": {"methods": ("GET", "PUT"), "put": "keep", "accept_tax_code": "number"}}
    with running_sandbox(size=3, options=options) as sandbox:
        client = Client(sandbox).login()
        denied = client.call("POST", "customers", json={})
        assert (denied.status_code, "error" in denied.json()) == (403, False)
        before = sandbox.row("pentamic", "customers", 102_569)
        changed = client.call("PUT", "customers/102569", json={"name": "K", "taxCode": 7})
        assert changed.status_code == 200
        assert sandbox.row("pentamic", "customers", 102_569) == {
            **before,
            "name": "K",
            "taxCode": "7",
        }
        text = client.call("PUT", "customers/102569", json={"name": "K", "taxCode": "7"})
        assert text.json() == {"error": "TAXC_INVALID"}
