from __future__ import annotations

import decimal
import logging
import typing as t

import pytest

from tests.erp_vendors.aim.shop import Shop, error, listing, open_shop, stock_error
from tests.erp_vendors.aim.taprun import bookmark, catalog_of, run_tap
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from tests.erp_vendors.aim.shop import ListedRow

PARENTS = [
    "inventory",
    "ecommerce_products",
    "invoices",
    "contracts",
    "service_tickets",
    "customers",
    "categories",
    "locations",
    "sales",
    "store_transfers",
    "auto_price_rules",
    "web_orders",
    "delivery_tickets",
    "scheduled_returns",
    "contract_defaults",
    "contract_statuses",
    "rental_plans",
    "rental_schools",
    "rental_teachers",
    "rental_districts",
    "rental_instruments",
    "instructor_invoices",
    "active_employees",
    "security_override_requests",
]
CHILDREN = [
    "inventory_details",
    "inventory_quantities",
    "serials",
    "inventory_images",
    "customer_info",
    "customer_history",
    "shipping_addresses",
    "customer_purchase_orders",
    "transfer_lines",
    "contract_details",
    "web_order_status",
]


@pytest.fixture
def shop() -> t.Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def catalog(config: ListedRow) -> dict[str, ListedRow]:
    return {entry["tap_stream_id"]: entry for entry in catalog_of(config)["streams"]}


def test_the_streams_of_the_interface_are_offered_without_a_call(shop: Shop) -> None:
    assert set(catalog(shop.config())) == {f"aim_{name}" for name in [*PARENTS, *CHILDREN]}
    tokens = {"customer_access_tokens": {"accounts": [1]}}
    assert set(catalog(shop.config(**tokens))) == {
        f"aim_{name}" for name in [*PARENTS, *CHILDREN, "customer_access_tokens"]
    }
    assert shop.calls == []


def test_how_streams_are_replicated() -> None:
    entries = catalog({})
    incremental = {
        name for name, entry in entries.items() if entry["replication_method"] == "INCREMENTAL"
    }
    assert incremental == {
        "aim_inventory",
        "aim_contracts",
        "aim_service_tickets",
        "aim_invoices",
        "aim_delivery_tickets",
        "aim_scheduled_returns",
        "aim_instructor_invoices",
    }
    assert entries["aim_invoices"]["replication_key"] == "DateTime"
    assert entries["aim_contracts"]["key_properties"] == ("Acct", "Sub")
    assert "replication_key" not in entries["aim_inventory"]


def test_json_and_xml_give_the_same_records(shop: Shop) -> None:
    invoice = {
        "InvoiceNumber": "007",
        "DateTime": "2026-01-03T10:00:00.0000000",
        "SoldToAcct": 12,
        "PO": None,
        "ShipToName": " two  spaces ",
        "OriginalAmount": decimal.Decimal("1234567890.1230"),
        "LineItems": [{"Sku": "12", "Quantity": 1, "Notes": "a < b & \u00e9"}],
        "Payments": [],
    }
    person = {
        "Acct": 5,
        "Zip": "01234",
        "Hold": False,
        "DependantInfo": [{"Id": 3, "Name": "1"}],
        "AdditionalDetails": {
            "LastModifiedDate": "0001-01-01T00:00:00.0000000",
            "CustomerDefault": {"Id": 4, "Desc": ""},
        },
    }
    shop.operations["InvoiceDetail"] = listing("Invoices", [invoice])
    shop.operations["SearchCustomers"] = listing("Whatever", [person])
    shop.operations["ContractFullDetails"] = listing("Contracts", [{"Acct": 5, "Sub": 1}])
    shop.operations["CustomerInfo"] = lambda _: {"Customer": person, "Memberships": [{"A": "1"}]}
    streams = ("invoices", "customers", "contracts", "customer_info")
    runs = [run_tap(shop.config(format=name), *streams) for name in ("json", "xml")]
    assert runs[0].records == runs[1].records
    assert {name: len(rows) for name, rows in runs[0].records.items()} == dict.fromkeys(streams, 1)
    record = runs[1].records["invoices"][0]
    assert str(record["OriginalAmount"]) == "1234567890.1230"
    assert runs[1].records["customers"][0]["AdditionalDetails"]["LastModifiedDate"] is None
    overlaps = [list(run.state["bookmarks"]["aim_invoices"]["overlap"].values()) for run in runs]
    assert overlaps[0] == overlaps[1]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=error("The Contracts module is not licensed")),
        stock_error(403, "No licence for Contracts"),
    ],
)
def test_an_unlicensed_module_is_skipped_and_named(
    shop: Shop, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    shop.special = lambda name, _: reply if "Contract" in name else None
    with caplog.at_level(logging.INFO):
        run = run_tap(
            shop.config(), "contracts", "contract_details", "contract_statuses", "locations"
        )
    assert run.code == 0
    assert run.records == {"locations": [{"Id": 1}]}
    assert bookmark(run, "contracts") is None
    for name in ("aim_contracts", "aim_contract_details", "aim_contract_statuses"):
        warnings = [line for line in caplog.messages if line.startswith(f"Skipped: {name} ")]
        assert len(warnings) == 1
        assert "not licensed" in warnings[0]
        assert "set its path" not in warnings[0]


def test_a_licence_that_ends_in_the_middle_is_a_failure(shop: Shop) -> None:
    shop.operations["SearchCustomers"] = listing("Customers", [{"Acct": n} for n in range(4)])
    shop.operations["CustomerInfo"] = lambda params: (
        error("not licensed") if params["Acct"] == "2" else {"Emails": []}
    )
    run = run_tap(shop.config(), "customer_info")
    assert run.code == 1
    assert "after 2 records" in run.error


def test_a_guess_that_does_not_exist_is_skipped(shop: Shop) -> None:
    shop.special = lambda name, _: Reply(404) if name == "C2BGetDistrictInfo" else None
    run = run_tap(shop.config(), "rental_districts")
    assert (run.code, run.records) == (0, {})


def test_a_record_without_its_key_fails_the_stream_and_keeps_the_bookmark(shop: Shop) -> None:
    rows: list[ListedRow] = [{"Acct": 1, "Sub": 1}, {"Account": 2, "Sub": 1}, {"Acct": 3, "Sub": 1}]
    shop.operations["ContractFullDetails"] = listing("Contracts", rows)
    run = run_tap(shop.config(), "contracts")
    assert run.code == 1
    assert [row["Acct"] for row in run.records["contracts"]] == [1, 3]
    assert "has no Acct; name its key properties in aim.resources" in run.error
    assert bookmark(run, "contracts") is None
    override = [{"name": "contracts", "primary_keys": ["Sub"]}]
    run = run_tap(shop.config(resources=override), "contracts")
    assert (run.code, len(run.records["contracts"])) == (0, 1 + 2)


def test_unknown_members_are_kept(shop: Shop) -> None:
    row = {"Id": 1, "New": {"Deep": [1, {"A": None}]}, "Amount": 1}
    shop.special = lambda name, _: (
        Reply(body={"Locations": [row]}) if name == "GetLocations" else None
    )
    assert run_tap(shop.config(), "locations").records["locations"] == [row]


def test_a_stream_that_fails_harms_no_other(shop: Shop) -> None:
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    shop.special = lambda name, _: (
        Reply(body=error("Object reference not set")) if name == "SaleInfo" else None
    )
    run = run_tap(shop.config(), "sales", "locations")
    assert run.code == 1
    assert run.records["locations"] == [{"Id": 1}]
    assert "aim_sales" in run.error
    assert "1 of 2 streams failed" in run.error
