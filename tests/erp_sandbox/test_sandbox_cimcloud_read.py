from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.cimcloud.search import BadSearch, split_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cimcloud

pytestmark = pytest.mark.slow

RESOURCES = [
    "accounts", "customers", "products", "shipping_addresses", "orders", "order_details",
    "payments", "inventory_levels", "product_prices", "invoice_payments", "order_history",
    "order_history_lines", "shipments", "invoices", "invoice_lines", "credits",
]  # fmt: skip


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_resource_is_paged_by_fifty(cimcloud: Cimcloud, resource: str) -> None:
    pages = [cimcloud.get(f"{resource}/{page}").json() for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [50, 10, 0]
    assert cimcloud.get(f"{resource}/").json() == pages[0]
    assert cimcloud.get(f"{resource}/0").json() == pages[0]
    row = pages[0][0]
    key = next(iter(row.values()))
    assert len(key) == 32
    assert key == key.upper()
    assert datetime.strptime(row["last_modify_date"], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007
    assert {"create_date"} < set(row)


@pytest.mark.parametrize(
    "path",
    ["account", "ACCOUNTS", "product", "Orders", "orderDetail", "Order_Details", "inventory"],
)
def test_other_spellings_of_a_path_answer(cimcloud: Cimcloud, path: str) -> None:
    assert len(cimcloud.get(path).json()) == 50


def test_money_has_four_decimals_and_absent_text_two_forms(cimcloud: Cimcloud) -> None:
    assert '"CouponData_Amount":0.0000' in cimcloud.get("orders/").text
    rows = cimcloud.get("accounts").json()
    assert {row["rep_code"] for row in rows} == {"", None}
    assert any(row["num"] == "00012" for row in rows)
    assert any("<p>" in (row["ds"] or "") for row in cimcloud.get("products").json())


def test_like_and_exact_and_joiners(cimcloud: Cimcloud) -> None:
    rows = cimcloud.get("accounts").json() + cimcloud.get("accounts/2").json()
    found = cimcloud.keys("accounts/searchlike~nm~ACME", "nm")
    assert found == [row["nm"] for row in rows if "Acme" in row["nm"]]
    assert found
    assert cimcloud.keys("accounts/searchexact~num~00012", "num") == ["00012"]
    assert cimcloud.keys("accounts/searchexact~num~12", "num") == []
    both = "(searchexact~num~00012|or|searchexact~num~00013)|And|searchlike~ref_id~test012"
    assert cimcloud.keys(f"accounts/{both}", "num") == ["00012"]
    loose = "searchexact~num~00012|or|searchexact~num~00013|and|searchlike~ref_id~test012"
    assert cimcloud.keys(f"accounts/{loose}", "num") == ["00012"]
    assert cimcloud.keys("products/searchexact~p.sku~SKU-0001", "sku") == ["SKU-0001"]


@pytest.mark.parametrize(
    ("sku", "sent"),
    [
        ("A/B-10", "A%2FB-10"),
        ("A/B-10", "A/B-10"),
        ("SKU (blue)", "SKU%20(blue)"),
        ("O'RING-5", "O'RING-5"),
        ('PIPE-1"', "PIPE-1%22"),
        ("Ø-20", "%C3%98-20"),
    ],
)
def test_awkward_values_are_found(cimcloud: Cimcloud, sku: str, sent: str) -> None:
    assert cimcloud.keys(f"products/searchexact~sku~{sent}", "sku") == [sku]
    assert cimcloud.keys(f"products/(searchexact~sku~{sent})", "sku") == [sku]


def test_dates_in_all_spellings(cimcloud: Cimcloud) -> None:
    rows = cimcloud.get("accounts").json() + cimcloud.get("accounts/2").json()
    expected = sorted(row["num"] for row in rows if row["last_modify_date"] >= "2026-06-25")
    assert 0 < len(expected) < 60
    for literal in (
        "6/25/2026",
        "06/25/2026",
        "6%2F25%2F2026",
        "2026-06-25",
        "2026-06-25T00:00:00",
    ):
        path = f"accounts/searchgreatherthanequal~last_modify_date~{literal}"
        assert sorted(cimcloud.keys(path, "num")) == expected, literal
        assert sorted(cimcloud.keys(path + "/1", "num")) == expected, literal
        assert cimcloud.keys(path + "/2", "num") == []
    between = "searchbetween~last_modify_date~6/24/2026~6/26/2026"
    low, high = "2026-06-24T00:00:00", "2026-06-26T00:00:00"
    inside = sorted(row["num"] for row in rows if low <= row["last_modify_date"] <= high)
    assert inside
    assert sorted(cimcloud.keys(f"accounts/{between}", "num")) == inside


def test_date_functions_follow_the_vendors_clock(cimcloud: Cimcloud) -> None:
    now = datetime.now(tz=timezone.utc)
    sandbox = cimcloud.sandbox
    key = sandbox.rows("cimcloud", "accounts")[0]["a_key"]
    then = now - timedelta(days=3)
    sandbox.change("cimcloud", "accounts", key, {}, stamp=then.strftime("%Y-%m-%dT%H:%M:%S"))
    column = "searchgreatherthanequal~last_modify_date"
    assert cimcloud.keys(f"accounts/{column}~<<date>>", "a_key") == []
    assert cimcloud.keys(f"accounts/{column}~<<dateadd:days:-10>>", "a_key") == [key]
    sandbox.shift_clock(30 * 86_400)
    cimcloud.login()
    assert cimcloud.keys(f"accounts/{column}~<<dateadd:days:-10>>", "a_key") == []


@pytest.mark.parametrize(
    "search",
    [
        "searchlessthan~num~1", "searchlike~num", "searchlike~nope~x", "(searchlike~num~1",
        "searchexact~create_date~soon", "searchexact~create_date~<<now>>", "x", "-1",
        "searchexact~credit_limit~abc", "searchlike~num~1|and|", "a/2",
    ],
)  # fmt: skip
def test_bad_searchstrings_are_refused(cimcloud: Cimcloud, search: str) -> None:
    assert cimcloud.get(f"accounts/{search}").status_code == 400


@pytest.mark.parametrize(
    ("form", "literal"),
    [
        ("iso-dates", "2026-01-01"),
        ("encoded-slashes", "1%2F1%2F2026"),
        ("raw-slashes", "1/1/2026"),
        ("page-after-date", "1/1/2026/2"),
        ("time-of-day", "2026-01-01T10:00:00"),
    ],
)
def test_each_open_form_can_be_refused(
    cimcloud_with: Callable[..., Any], form: str, literal: str
) -> None:
    path = f"accounts/searchgreatherthanequal~create_date~{literal}"
    with cimcloud_with(refuse=(form,), size=2) as cimcloud:
        assert cimcloud.get(path).status_code == 400
        good = "2026-01-01" if form != "iso-dates" else "1/1/2026"
        path = f"accounts/searchgreatherthanequal~create_date~{good}"
        assert cimcloud.get(path).status_code == 200


def test_the_page_is_told_from_the_date() -> None:
    assert split_page("a~b~1/1/2021") == ("a~b~1/1/2021", 1)
    assert split_page("a~b~1/1/2021/2") == ("a~b~1/1/2021", 2)
    assert split_page("a~b~1/1/2021/2021") == ("a~b~1/1/2021", 2021)
    assert split_page("(a~b~1/1/2021)") == ("(a~b~1/1/2021)", 1)
    assert split_page("(a~b~1/1/2021%29/3") == ("(a~b~1/1/2021)", 3)
    assert split_page("a~b~1%2F1%2F2021/4") == ("a~b~1/1/2021", 4)
    assert split_page("a%7Eb%7Ex/2") == ("a~b~x", 2)
    assert split_page("") == ("", 1)
    with pytest.raises(BadSearch):
        split_page("a/b")


def test_options_for_formats_and_pages(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(
        stamp_format="us", past_end="404", page_size=7, primary_keys=("accounts=id",)
    ) as cimcloud:
        rows = cimcloud.get("accounts").json()
        assert len(rows) == 7
        assert len(rows[0]["id"]) == 32
        assert rows[0]["last_modify_date"].endswith((" AM", " PM"))
        assert cimcloud.get("accounts/3").status_code == 200
        assert cimcloud.get("accounts/4").status_code == 404


def test_online_orders_are_taken_by_reading(cimcloud: Cimcloud) -> None:
    first = cimcloud.get("OnlineOrders").json()
    assert len(first) == 30
    assert {"c_ordnum", "o_key", "Header_WS_ID", "GiftCard_ItemCode"} < set(first[0])
    assert cimcloud.get("OnlineOrders").json() == []
    reset = [{"o_key": row["o_key"], "exported": 0} for row in first[:3]]
    assert cimcloud.post("Orders/", reset).json()["updatedRecords"] == 3
    again = cimcloud.get(f"onlineorders/searchexact~c_ordnum~{first[0]['c_ordnum']}").json()
    assert [row["o_key"] for row in again] == [first[0]["o_key"]]
    assert len(cimcloud.get("OnlineOrders").json()) == 2
    assert cimcloud.post("OnlineOrders", {}).status_code == 405


def test_online_orders_skip_when_paged_onwards(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(size=20, page_size=4, online_orders_rows="line") as cimcloud:
        first = cimcloud.get("OnlineOrders/1").json()
        second = cimcloud.get("OnlineOrders/2").json()
        assert len({row["o_key"] for row in first}) == 4
        assert len({row["o_key"] for row in second}) == 2  # 10 open, 4 taken, 4 skipped
        assert any(row["Detail_sku"] for row in first + second)


def test_a_customer_session_shows_prices(cimcloud: Cimcloud) -> None:
    plain = cimcloud.get("products/searchexact~sku~SKU-0002").json()[0]
    assert "customer_price" not in plain
    answer = cimcloud.post("GenerateCustomerSession/", {"username": "buyer1@example.com"})
    assert set(answer.json()) == {"expiration", "token", "session"}
    assert not answer.json()["expiration"].endswith("Z")
    cimcloud.http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    assert cimcloud.get("products/searchexact~sku~SKU-0002").json()[0]["customer_price"] > 0
    assert cimcloud.post("GenerateCustomerSession/", {"username": "x"}).status_code == 400


def test_health_and_validation(cimcloud: Cimcloud) -> None:
    canary = requests.get(cimcloud.url + "healthcheck/canary", timeout=5)
    assert canary.json() == {"status": "Running"}
    health = cimcloud.get("healthcheck").json()
    assert (health["databaeConnection"], health["usingStagingDB"]) == (True, "false")
    assert cimcloud.get("validate").status_code == 200
    assert requests.get(cimcloud.url + "healthcheck", timeout=5).status_code == 401
    assert requests.get(cimcloud.url + "validate", timeout=5).status_code == 401
    other = cimcloud.url.replace("sandbox-site", "other")
    assert requests.get(other + "healthcheck/canary", timeout=5).status_code == 404


def test_logins(cimcloud: Cimcloud) -> None:
    basic = ("sandbox-user", "sandbox-password")
    url = cimcloud.url + "accounts"
    assert requests.get(url, auth=basic, timeout=5).status_code == 200
    assert requests.get(url, auth=("sandbox-user", "x"), timeout=5).status_code == 401
    assert requests.get(url, headers={"Authorization": "Bearer x"}, timeout=5).status_code == 401
    assert requests.get(url, timeout=5).status_code == 401
    bad = {"AuthKey": "x", "AuthUserName": "sandbox-user", "AuthPassword": "sandbox-password"}
    assert cimcloud.post("authenticate", bad).status_code == 401
    session = {"username": "buyer1@example.com"}
    answer = requests.post(
        cimcloud.url + "GenerateCustomerSession", json=session, auth=basic, timeout=5
    )
    assert answer.status_code == 403


def test_refresh_gives_a_new_pair_and_kills_the_old_token(cimcloud: Cimcloud) -> None:
    pair = cimcloud.login()
    assert pair["expiration"].endswith("Z")
    fresh = cimcloud.post("refresh", pair["refresh_token"])
    assert fresh.status_code == 200
    assert fresh.json()["refresh_token"] != pair["refresh_token"]
    assert cimcloud.post("refresh", pair["refresh_token"]).status_code == 401
    assert cimcloud.post("refresh", {"refresh_token": "x"}).status_code == 400
    bodies = [call["body"] for call in cimcloud.sandbox.calls("cimcloud")]
    assert bodies == [None] * len(bodies)  # credentials stay out of the log


def test_tokens_expire_by_clock_and_by_order(cimcloud: Cimcloud) -> None:
    refresh = cimcloud.login()["refresh_token"]
    cimcloud.sandbox.shift_clock(8 * 86_400)
    assert cimcloud.get("validate").status_code == 401
    assert cimcloud.post("refresh", refresh).status_code == 200
    cimcloud.login()
    assert cimcloud.get("validate").status_code == 200
    assert cimcloud.sandbox.expire_tokens()["cimcloud"] > 0
    assert cimcloud.get("validate").status_code == 401
    refresh = cimcloud.login()["refresh_token"]
    cimcloud.sandbox.shift_clock(40 * 86_400)
    assert cimcloud.post("refresh", refresh).status_code == 401


def test_short_lives_and_limited_grants(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(
        token_seconds=0.3, methods=("GET",), resources=("accounts",), auth_type="bearer"
    ) as cimcloud:
        assert cimcloud.get("accounts").status_code == 200
        assert cimcloud.get("products").status_code == 403
        assert cimcloud.post("account", {}).status_code == 405
        time.sleep(0.35)
        assert cimcloud.get("accounts").status_code == 401
        basic = ("sandbox-user", "sandbox-password")
        answer = requests.get(cimcloud.url + "accounts", auth=basic, timeout=5)
        assert answer.status_code == 401


def test_two_calls_a_second(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(limits=True, size=2) as cimcloud:  # the login was the first
        good = cimcloud.get("validate")
        assert good.headers["X-RateLimit-Limit"] == "100"
        assert good.headers["X-RateLimit-Remaining"] == "98"
        assert 890 <= int(good.headers["X-RateLimit-Reset"]) <= 900
        bad = cimcloud.get("validate")
        assert bad.status_code == 429
        assert bad.text == "API calls quota exceeded! maximum admitted 2 per 1s."
        assert bad.headers["Content-Type"].startswith("text/plain")
        assert bad.headers["X-RateLimit-Remaining"] == "98"
        time.sleep(int(bad.headers["Retry-After"]))
        assert cimcloud.get("validate").status_code == 200
        assert cimcloud.sandbox.report("cimcloud")["rate_limited"] == 1


def test_a_hundred_calls_a_quarter_of_an_hour(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(limits=True, size=2, rate=1000, window_calls=5) as cimcloud:
        statuses = [cimcloud.get("validate").status_code for _ in range(6)]
        assert statuses == [200] * 4 + [429] * 2
        bad = cimcloud.get("validate")
        assert int(bad.headers["Retry-After"]) > 800
        assert bad.headers["X-RateLimit-Remaining"] == "0"
        assert "per 15m" in bad.text
        cimcloud.sandbox.shift_clock(901)
        assert cimcloud.get("validate").status_code == 200


def test_the_limits_scale(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(limits=True, size=2, scale=50) as cimcloud:
        answers = [cimcloud.get("validate") for _ in range(50)]
        assert {answer.status_code for answer in answers} == {200}
        assert answers[0].headers["X-RateLimit-Limit"] == "5000"
