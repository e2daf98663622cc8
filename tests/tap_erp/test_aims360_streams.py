"""AIMS360's lists as streams (aims360.md 4, 7, 8)."""

from __future__ import annotations

import json

import pytest

from erp_vendors.schemas import ANYTHING
from tap_erp.tap import TapErp
from tests.erp_vendors.aims360.fake import (
    CUSTOMERS,
    Fake,
    Row,
    TapRun,
    config,
    customers,
    ids,
    run_tap,
)
from tests.support.stub import Reply, Request

pytestmark = pytest.mark.slow

ORDERS = "/orders/v1.0/orders"
COLORS = "/StyleColors/v1.1/StyleColors"
STYLES = "/styles/v1.0/styles"
PURCHASES = "/wip/v1.0/PurchaseOrders"
CURRENCIES = "/codes/v1.0/currencies"
JOBS = "/jobsmanagement/odata/v1.0/backgroundjob"
DOCUMENTS = "/documentmanagement/odata/v1.0/aimsdocument"


def test_children_are_asked_for(fake: Fake) -> None:
    order = {"order": "1", "lineItems": [{"price": 1.5, "allocations": [{"wipReference": "w"}]}]}
    fake.lists = {ORDERS: [order], COLORS: [], PURCHASES: []}
    streams = ["aims360_orders", "aims360_style_colors", "aims360_purchase_orders"]
    run = run_tap(config(fake.url), *streams)
    assert run.records("aims360_orders") == [order]
    assert [fake.paths(path)[0]["$expand"] for path in (ORDERS, COLORS, PURCHASES)] == [
        "lineItems($expand=allocations)",
        "sizes",
        "stylePOLines",
    ]


# Columns and keys


def test_unknown_columns_are_in_the_schema_before_their_rows(fake: Fake) -> None:
    rows = customers(5)
    rows[0].update(creditLimit=1.5, terms=None)
    rows[4].update(terms={"net": 30}, notes="x", limit=5)
    fake.lists[CUSTOMERS] = rows
    asked = {**config(fake.url, page_size=3), "undocumented_columns": "as_seen"}
    run = run_tap(asked, "aims360_customers")
    known: set[str] = set()
    for message in run.messages:
        if message["type"] == "SCHEMA":
            known = set(message["schema"]["properties"])
        if message["type"] == "RECORD":
            assert {name for name, v in message["record"].items() if v is not None} <= known
    first, second = run.schemas("aims360_customers")
    assert first["schema"]["properties"]["creditLimit"] == {"type": ["number", "null"]}
    assert "terms" not in first["schema"]["properties"], "nothing is known of its type yet"
    assert second["schema"]["properties"]["terms"] == {"type": ["object", "null"]}
    assert second["schema"]["properties"]["limit"] == {"type": ["integer", "null"]}


def test_a_type_that_the_documents_do_not_know_is_added(fake: Fake) -> None:
    fake.lists[COLORS] = [{"styleColorID": "1", "wholesalePrice": "12.50"}]
    run = run_tap(config(fake.url), "aims360_style_colors")
    (schema,) = run.schemas("aims360_style_colors")
    price = schema["schema"]["properties"]["wholesalePrice"]["type"]
    assert {"string", "number", "null"} == set(price)
    assert run.records("aims360_style_colors")[0]["wholesalePrice"] == "12.50"


def test_deselected_columns_stay_out(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = [{"customerID": "1", "customerAccount": "A", "other": 1}]
    catalog = json.loads(TapErp(config=config(fake.url)).catalog_json_text)
    for entry in catalog["streams"]:
        for node in entry["metadata"]:
            if node["breadcrumb"] == ["properties", "customerAccount"]:
                node["metadata"]["selected"] = False
    run = run_tap(config(fake.url), "aims360_customers", catalog=catalog)
    assert run.records("aims360_customers") == [{"customerID": "1", "other": 1}]
    assert "customerAccount" not in run.schemas("aims360_customers")[-1]["schema"]["properties"]


def test_decimals_stay_exact(fake: Fake) -> None:
    body = b'{"value": [{"currencyID": "1", "rate": 0.10000000000000000010}]}'
    fake.before = lambda _: Reply(body=body)
    (record,) = run_tap(config(fake.url), "aims360_currencies").records("aims360_currencies")
    assert str(record["rate"]) == "0.10000000000000000010"


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"purchaseOrderID": "1", "poNumber": "2"}, ["purchaseOrderID"]),
        ({"poNumber": "2"}, ["poNumber"]),
        ({"somethingElse": "2"}, []),
    ],
)
def test_a_key_that_is_only_assumed_gives_way(fake: Fake, row: Row, key: list[str]) -> None:
    fake.lists[PURCHASES] = [row]
    run = run_tap(config(fake.url), "aims360_purchase_orders")
    assert run.code == 0
    assert run.records("aims360_purchase_orders") == [row]
    (schema,) = run.schemas("aims360_purchase_orders")
    assert schema["key_properties"] == key
    assert set(key) <= set(schema["schema"]["properties"])


def test_a_record_without_its_key_is_told_and_the_others_go_on(fake: Fake) -> None:
    rows = customers(4)
    rows[1]["customerID"] = None
    fake.lists[CUSTOMERS] = rows
    run = run_tap(config(fake.url), "aims360_customers")
    assert run.code == 1
    assert "customerID" in run.error
    assert sorted(ids(run.records("aims360_customers"))) == ["c0000", "c0002", "c0003"]
    mark = run.state["bookmarks"]["aims360_customers"]["replication_key_value"]
    assert mark == "2026-01-01T00:01:00.000000Z", "the bookmark stays before it"
    rows[1]["customerID"] = "c0001"
    again = run_tap(config(fake.url), "aims360_customers", state=run.state)
    assert ids(again.records("aims360_customers")) == ["c0001"]


def test_names_may_differ_in_case(fake: Fake) -> None:
    fake.lists[JOBS] = [{"jobId": "1", "ModifiedDate": "2026-01-01T00:00:00Z"}]
    run = run_tap(config(fake.url), "aims360_background_jobs")
    (record,) = run.records("aims360_background_jobs")
    assert record["jobID"] == record["jobId"] == "1"
    assert record["modifiedDate"] == record["ModifiedDate"]
    mark = run.state["bookmarks"]["aims360_background_jobs"]
    assert mark["replication_key"] == "modifiedDate"
    (schema,) = [m["schema"]["properties"] for m in run.messages if m["type"] == "SCHEMA"]
    assert {"jobID", "modifiedDate"} <= schema.keys()
    assert len({name.lower() for name in schema}) == len(schema), "no loader gets a column twice"


def test_names_may_differ_in_case_on_every_page(fake: Fake) -> None:
    fake.lists[JOBS] = [{"jobId": f"j{number:04}"} for number in range(600)]
    run = run_tap(config(fake.url), "aims360_background_jobs")
    assert ids(run.records("aims360_background_jobs"), "jobID") == ids(fake.lists[JOBS], "jobId")


# Documents, single records, settings


def test_documents_come_as_a_bare_list(fake: Fake) -> None:
    documents = [
        {"documentGUID": str(n), "lastUploaded": f"2026-01-0{n + 1}T00:00:00.12Z"} for n in range(3)
    ]
    fake.before = lambda _: Reply(body=documents)
    first = run_tap(config(fake.url), "aims360_documents")
    assert first.records("aims360_documents") == documents
    run = run_tap(config(fake.url), "aims360_documents", state=first.state)
    assert run.records("aims360_documents") == []
    assert fake.paths(DOCUMENTS)[-1]["$filter"].startswith("lastUploaded ge 2026-01-02T23:00:00Z")


def styles(fake: Fake, *names: str) -> None:
    fake.lists[COLORS] = [
        {"styleColorID": f"{name}{n}", "styleID": name} for name in names for n in range(2)
    ]
    for name in names:
        fake.singles[f"/styles/V1.0/style/{name}"] = {"styleID": name, "fabricContent": "wool"}


def test_styles_are_read_as_a_list_where_there_is_one(fake: Fake) -> None:
    styles(fake, "a", "b")
    fake.lists[STYLES] = [{"styleID": "a"}]
    run = run_tap(config(fake.url), "aims360_styles")
    assert run.records("aims360_styles") == [{"styleID": "a"}]
    assert len(fake.requests) == 1


def test_styles_are_read_one_by_one_where_there_is_no_list(fake: Fake) -> None:
    styles(fake, *(f"s{n:03}" for n in range(70)))
    del fake.singles["/styles/V1.0/style/s007"]
    run = run_tap(config(fake.url), "aims360_styles")
    assert run.code == 0
    assert len(run.records("aims360_styles")) == 69
    assert all(record["fabricContent"] == "wool" for record in run.records("aims360_styles"))
    assert len(fake.paths("/styles/V1.0/style/")) == 70
    assert "$expand" not in fake.paths(COLORS)[0]


def test_styles_that_come_one_by_one_delete_none_that_the_list_had(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    def kinds(run: TapRun) -> set[str]:
        return {m["type"] for m in run.messages if m.get("stream") == "aims360_styles"}

    styles(fake, "a", "b")
    fake.lists[STYLES] = [{"styleID": name} for name in "abcdef"]
    settings = {**config(fake.url), "reconcile_days": 0}
    first = run_tap(settings, "aims360_styles")
    assert "ACTIVATE_VERSION" in kinds(first)
    del fake.lists[STYLES]
    second = run_tap(settings, "aims360_styles", state=first.state)
    assert (second.code, len(second.records("aims360_styles"))) == (0, 2)
    assert "ACTIVATE_VERSION" not in kinds(second)
    assert f"an earlier copy came from {STYLES}" in caplog.text
    anew = run_tap(settings, "aims360_styles")
    again = run_tap(settings, "aims360_styles", state=anew.state)
    assert "ACTIVATE_VERSION" in kinds(anew) & kinds(again)


def test_a_style_that_cannot_be_read_is_told(fake: Fake) -> None:
    styles(fake, "a", "b", "c")
    single = "/styles/V1.0/style/"
    fake.singles[f"{single}c"]["lastModifiedOn"] = "2026-02-01T00:00:00Z"
    good = {"styleID": "b", "lastModifiedOn": "2026-01-01T00:00:00Z"}
    fake.singles[f"{single}b"] = []  # type: ignore[assignment]
    run = run_tap(config(fake.url), "aims360_styles")
    assert run.code == 1
    assert ids(run.records("aims360_styles"), "styleID") == ["a", "c"]
    fake.singles[f"{single}b"] = good
    again = run_tap(config(fake.url), "aims360_styles", state=run.state)
    assert good in again.records("aims360_styles"), "no bookmark has passed it"


def test_a_site_without_styles_skips_them(fake: Fake) -> None:
    fake.lists = {COLORS: [{"styleColorID": "1", "styleID": "2"}], CURRENCIES: []}
    run = run_tap(config(fake.url), "aims360_styles", "aims360_currencies")
    assert run.code == 0
    assert run.schemas("aims360_currencies")
    assert not run.schemas("aims360_styles")


def test_a_resource_can_be_changed_and_another_one_added(fake: Fake) -> None:
    fake.lists["/orders/v2.0/orders"] = [{"number": "1", "changed": "2026-01-01T00:00:00Z"}]
    fake.lists["/codes/v1.0/seasons"] = [{"seasonID": "1"}]
    resources = [
        {
            "name": "orders",
            "path": "/orders/v2.0/orders?$expand=shipments",
            "primary_keys": ["number"],
            "replication_key": "changed",
        },
        {"name": "seasons", "path": "codes/v1.0/seasons", "primary_keys": ["seasonID"]},
    ]
    settings = config(fake.url, resources=resources)
    run = run_tap(settings, "aims360_orders", "aims360_seasons")
    assert run.records("aims360_orders") == fake.lists["/orders/v2.0/orders"]
    assert run.records("aims360_seasons") == [{"seasonID": "1"}]
    run_tap(settings, "aims360_orders", state=run.state)
    asked = fake.paths("/orders/v2.0/orders")[-1]
    assert asked["$expand"] == "shipments"
    assert asked["$filter"].startswith("changed ge ")


def test_an_empty_replication_key_means_the_full_table(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(3)
    settings = config(fake.url, resources=[{"name": "customers", "replication_key": ""}])
    first = run_tap(settings, "aims360_customers")
    run = run_tap(settings, "aims360_customers", state=first.state)
    assert len(run.records("aims360_customers")) == 3


def test_a_failing_stream_harms_no_other(fake: Fake) -> None:
    fake.lists = {CUSTOMERS: customers(2), CURRENCIES: [{"currencyID": "1"}]}

    def before(request: Request) -> Reply | None:
        return Reply(409, b"locked") if CUSTOMERS in request.path else None

    fake.before = before
    run = run_tap(config(fake.url), "aims360_customers", "aims360_currencies")
    assert run.code == 1
    assert "1 of 2 streams failed" in run.error
    assert run.records("aims360_currencies") == [{"currencyID": "1"}]


def test_discovery_makes_no_call_and_lists_the_interface(fake: Fake) -> None:
    tap = TapErp(config={"aims360": {"api_url": fake.url}})
    names = set(tap.streams)
    assert fake.requests == []
    codes = {"customers", "warehouses", "currencies", "styles", "style_colors"}
    others = {"orders", "purchase_orders", "background_jobs", "documents"}
    assert names == {f"aims360_{name}" for name in codes | others}


def test_discovery_learns_columns_if_it_is_told_to(fake: Fake) -> None:
    fake.lists = {CURRENCIES: [{"currencyID": "1", "extra": 1}]}
    tap = TapErp(config=config(fake.url, discover_columns=True))
    schema = tap.streams["aims360_currencies"].schema
    assert schema["properties"]["extra"] == ANYTHING
    asked = len(fake.requests)
    catalog = tap.catalog_dict
    run = run_tap(config(fake.url, discover_columns=True), "aims360_currencies", catalog=catalog)
    assert run.records("aims360_currencies") == fake.lists[CURRENCIES]
    assert len(fake.requests) == asked + 1, "a catalog has the columns already"


def test_a_stream_that_loses_its_key_is_read_in_full(fake: Fake) -> None:
    rows = [{"customerAccount": None, "lastModifiedOn": f"202{n}-01-01T00:00:00Z"} for n in (4, 6)]
    fake.lists[CUSTOMERS] = rows
    mend = {
        "resources": [
            {"name": "customers", "primary_keys": ["none"], "replication_key": "lastModifiedOn"}
        ]
    }
    first = run_tap(config(fake.url, **mend), "aims360_customers")
    assert first.records("aims360_customers") == rows
    state = {
        "bookmarks": {
            "aims360_customers": {
                "replication_key": "lastModifiedOn",
                "replication_key_value": "2025-06-01T00:00:00.000000Z",
            }
        }
    }
    again = run_tap(config(fake.url, **mend), "aims360_customers", state=state)
    assert again.records("aims360_customers") == rows
