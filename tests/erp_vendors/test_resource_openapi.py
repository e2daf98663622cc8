"""The setting `openapi` over the table of resources."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors import schemas
from erp_vendors.errors import ConfigError
from tests.erp_vendors.openapi_files import Save, body, document, reply, saver
from tests.erp_vendors.tables import PREFIX, ROW, VENDORS, listing, resources

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.resource import Resource


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


def properties(resource: Resource) -> dict[str, t.Any]:
    found: dict[str, t.Any] = (resource.schema or {}).get("properties", {})
    return found


def test_a_known_stream_gets_the_exact_schema(save: Save) -> None:
    file = save(document({"/{sitename}/Accounts/{search}/{page}": {"get": listing()}}))
    found = resources("cimcloud", openapi=file)
    assert set(found) == set(resources("cimcloud")), "nothing new"
    accounts = found["accounts"]
    assert properties(accounts)["level"] == {"type": ["number", "null"]}
    assert (accounts.path, accounts.write_path) == ("accounts", "account")
    assert found["customers"].schema is None, "the others keep the built-in file"
    made = schemas.for_stream("cimcloud", "accounts", accounts.primary_keys, None, accounts.schema)
    assert set(made["properties"]) == {"id", "level", "last_modify_date", "ref_id"}


def test_a_guess_that_the_file_confirms_is_none_any_more(save: Save) -> None:
    both = {"get": listing(), "post": body({"type": "array", "items": ROW})}
    file = save(document({"/s/OrderDetail": both, "/s/payment-list": {"get": listing()}}))
    found = resources("cimcloud", openapi=file, site_name="S")
    details = found["order_details"]
    assert "order_detail" not in found, "it is a spelling of a known one"
    assert (details.path, details.documented, details.paths) == (
        "OrderDetail",
        True,
        ("OrderDetail",),
    )
    assert details.write_path == "OrderDetail"
    assert details.write_schema is not None
    assert found["payment_list"].path == "payment-list"
    assert not found["payments"].documented


def test_a_guess_is_also_found_by_its_name(save: Save) -> None:
    file = save(document({"/api/v7/order-details": {"get": listing()}}))
    found = resources("cimcloud", openapi=file)["order_details"]
    assert (found.path, found.documented) == ("api/v7/order-details", True)


def test_two_paths_are_never_one_guess(save: Save) -> None:
    file = save(
        document({"/s/OrderDetail": {"get": listing()}, "/s/x/order-details": {"get": listing()}})
    )
    found = resources("cimcloud", openapi=file, site_name="S")
    paths = [item.path for item in found.values() if "rder" in item.path and item.schema]
    assert sorted(paths) == ["OrderDetail", "x/order-details"]


def test_other_paths_of_a_file_become_streams_and_sinks(save: Save) -> None:
    file = save(
        document(
            {
                "/WarehouseStock": {"get": listing(), "post": body(ROW)},
                "/notes": {"post": body(ROW)},
                "/ping": {"get": reply(ROW)},
                "/upload": {"post": {"requestBody": {"content": {"text/csv": {}}}}},
            }
        )
    )
    found = resources("cimcloud", openapi=file)
    assert set(found) - set(resources("cimcloud")) == {"warehouse_stock", "notes"}
    stock, notes = found["warehouse_stock"], found["notes"]
    assert (stock.path, stock.write_path, stock.documented) == (
        "WarehouseStock",
        "WarehouseStock",
        True,
    )
    assert stock.replication_key == "last_modify_date"
    assert (notes.path, notes.write_path) == ("", "notes")
    assert notes.write_schema is not None


def test_aimsio_reads_the_rows_schema_from_the_single_get(save: Save) -> None:
    row = {
        "type": "object",
        "properties": {
            "companyGuid": {"type": "string"},
            "companyName": {"type": "string"},
            "locationGuid": {"type": "string"},
            "locationUpdatedAt": {"type": "integer"},
        },
    }
    posted = {"type": "object", "properties": {"siteList": {"type": "array", "items": row}}}
    stub = {"type": "object", "properties": {"guid": {"type": "string"}}}
    file = save(
        document(
            {
                f"{PREFIX}/company": {"get": listing(stub)},
                f"{PREFIX}/company/{{id}}": {"get": reply(row)},
                f"{PREFIX}/Location": {"get": listing(stub), "post": body(posted)},
                f"{PREFIX}/Location/{{guid}}": {"get": reply(row)},
                f"{PREFIX}/NRB": {"post": body(posted)},
                f"{PREFIX}/Invoice/{{guid}}": {"get": reply(row)},
            }
        )
    )
    found = resources("aimsio", openapi=file)
    companies, location = found["companies"], found["location"]
    assert (companies.path, companies.documented) == ("/company", True)
    assert properties(companies)["companyGuid"] == {"type": "string"}, "a key is never null"
    assert properties(companies)["companyName"] == {"type": ["string", "null"]}
    assert (location.primary_keys, location.replication_key) == (
        ("locationGuid",),
        "locationUpdatedAt",
    )
    assert (location.write_path, location.list_name) == ("/Location", "siteList")
    assert (found["nrbs"].path, found["nrbs"].write_path) == ("/NonRecurringBillableItem", "/NRB")
    assert found["nrbs"].write_schema is not None
    assert properties(found["invoices"]), "its single GET alone tells the row"
    assert not found["invoices"].documented, "but not that there is an index"


def test_pentamic_has_lists_below_a_record(save: Save) -> None:
    file = save(
        document(
            {
                "/api/customers": {"get": listing()},
                "/api/customers/{customerId}": {"put": body(ROW)},
                "/api/customers/{customerId}/invoices": {"get": listing()},
                "/api/vouchers": {"get": listing()},
                "/api/vouchers/{id}/lines": {"get": listing()},
            }
        )
    )
    found = resources("pentamic", openapi=file)
    assert found["customer_invoices"].path == "/customers/{id}/invoices"
    assert properties(found["customer_invoices"])["id"] == {"type": "string"}
    lines = found["lines"]
    assert (lines.path, lines.parent_property) == ("/vouchers/{id}/lines", "_voucher_id")
    assert found["vouchers"].primary_keys == ("id",)
    assert found["customers"].write_schema is not None


def test_entries_outrank_the_file_which_outranks_the_table(save: Save) -> None:
    file = save(
        document(
            {
                "/accounts": {"get": listing()},
                "/WarehouseStock": {"get": listing()},
                "/v2/customers": {"get": listing()},
                "/customers": {"get": listing({"properties": {"old": {"type": "string"}}})},
            }
        )
    )
    own = {"properties": {"mine": {"type": ["string", "null"]}}}
    found = resources(
        "cimcloud",
        {"name": "accounts", "schema": own, "primary_keys": ["mine"]},
        {"name": "stock", "path": "/warehousestock", "primary_keys": ["id"]},
        {"name": "customers", "path": "v2/customers"},
        openapi=file,
    )
    assert found["accounts"].schema == own
    # The entry's path tells that the file's operation is this stream, under the entry's name.
    assert "warehouse_stock" not in found
    assert properties(found["stock"])["id"] == {"type": "string"}
    assert found["stock"].replication_key == "last_modify_date"
    assert set(properties(found["customers"])) == set(ROW["properties"])
    assert found["customers"].path == "v2/customers"


def test_an_entry_can_name_the_keys_of_a_stream_that_only_the_file_has(save: Save) -> None:
    file = save(document({"/WarehouseStock": {"get": listing()}}))
    entry = {"name": "warehouse_stock", "primary_keys": ["id"], "replication_key": ""}
    found = resources("cimcloud", entry, openapi=file)["warehouse_stock"]
    assert (found.path, found.primary_keys, found.replication_key) == (
        "WarehouseStock",
        ("id",),
        None,
    )
    assert properties(found)["id"] == {"type": "string"}


def test_a_name_that_is_taken_gets_longer_or_a_number(save: Save) -> None:
    file = save(document({"/archive/accounts": {"get": listing(), "post": body(ROW)}}))
    assert resources("cimcloud", openapi=file)["archive_accounts"].path == "archive/accounts"
    taken = {"name": "archive_accounts", "path": "elsewhere"}
    found = resources("cimcloud", taken, openapi=file)
    assert found["archive_accounts"].path == "elsewhere"
    assert found["archive_accounts_2"].path == "archive/accounts"
    assert found["archive_accounts_2"].write_path == "archive/accounts"
    own = {"name": "old_accounts", "path": "archive/accounts"}
    assert "archive_accounts" not in resources("cimcloud", own, openapi=file)


def test_no_other_path_loses_its_name_to_one_whose_name_is_taken(save: Save) -> None:
    paths = ("/v1/accounts", "/x/v1/accounts", "/v1-accounts")
    for order in (paths, paths[::-1]):
        found = resources(
            "cimcloud", openapi=save(document({path: {"get": listing()} for path in order}))
        )
        assert found["accounts"].path == "accounts"
        assert {name: item.path for name, item in found.items() if "_accounts" in name} == {
            "v1_accounts": "v1-accounts",
            "v1_accounts_2": "v1/accounts",
            "x_accounts": "x/v1/accounts",
        }


def test_a_put_alone_makes_no_sink_and_describes_a_known_one(save: Save) -> None:
    paths = {"/notes": {"get": listing(), "put": body(ROW)}, "/lots/{id}": {"put": body(ROW)}}
    known = {"/api/customers/{id}": {"put": body(ROW)}}
    for vendor in VENDORS:
        found = resources(vendor, openapi=save(document({**paths, **known})))
        assert {
            name for name, item in found.items() if item.write_path and name in {"notes", "lots"}
        } == set()
    assert found["customers"].write_schema is not None


def test_a_list_below_a_list_is_spelled_as_the_vendors_table_spells_that(save: Save) -> None:
    lists = {"/api/Customers": {"get": listing()}, "/api/CUSTOMERS/{id}/Notes": {"get": listing()}}
    notes = resources("pentamic", openapi=save(document(lists)))["notes"]
    assert (notes.path, notes.parent_path) == ("/customers/{id}/Notes", "/customers")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_file_of_mistakes_leaves_the_table_as_it_is(vendor: str, save: Save) -> None:
    lists = {f"/api/customers/{{id}}/{word}/{{no}}/x": {"get": listing()} for word in ("a", "b")}
    content = document({"x-note": 5, "/a": None, "/b": {"get": []}, **lists})
    found = resources(vendor, openapi=save(content))
    table = resources(vendor)
    assert {name: found[name] for name in table} == table
    assert not any(item.path and item.schema for item in found.values())


def test_a_mistake_in_the_file_names_the_setting(save: Save) -> None:
    file = save("{")
    with pytest.raises(ConfigError, match=r"^aimsio\.openapi \(.*api\.json\) is not JSON"):
        resources("aimsio", openapi=file)
