"""The settings `resources` and `openapi`, from the entry to the record."""

from __future__ import annotations

import contextlib
import io
import json
import typing as t

import pytest

from erp_plugin.cli import ExitCode
from erp_vendors import schemas
from erp_vendors.aimsio import AIMSIO
from erp_vendors.aimsio.resources import RESOURCES as AIMSIO_RESOURCES
from erp_vendors.aimsio.resources import custom as aimsio_custom
from erp_vendors.cimcloud import CIMCLOUD
from erp_vendors.cimcloud.resources import RESOURCES as CIMCLOUD_RESOURCES
from erp_vendors.cimcloud.resources import custom as cimcloud_custom
from erp_vendors.errors import ConfigError
from erp_vendors.overrides import configured
from erp_vendors.pentamic.resources import RESOURCES as PENTAMIC_RESOURCES
from erp_vendors.pentamic.resources import custom as pentamic_custom
from erp_vendors.pentamic.settings import SETTINGS as PENTAMIC_SETTINGS
from erp_vendors.settings import Block
from tap_erp.tap import TapErp
from tests.erp_vendors.openapi_files import Content, Save, body, document, reply, saver
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply, Request, Stub, running_stub

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.resource import Resource

VENDORS: dict[str, tuple[t.Any, ...]] = {
    "aimsio": (AIMSIO.settings, AIMSIO_RESOURCES, aimsio_custom),
    "cimcloud": (CIMCLOUD.settings, CIMCLOUD_RESOURCES, cimcloud_custom),
    "pentamic": (PENTAMIC_SETTINGS, PENTAMIC_RESOURCES, pentamic_custom),
}
PREFIX = "/rest/api/standard/v1"


def resources(vendor: str, *entries: Content, **block: t.Any) -> dict[str, t.Any]:
    settings, table, make = VENDORS[vendor]
    return configured(Block(vendor, settings, {"resources": list(entries), **block}), table, make)


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


# Entries of `resources`.


def test_without_settings_the_table_stays_as_it_is() -> None:
    for vendor, (_, table, _) in VENDORS.items():
        assert resources(vendor) == {resource.name: resource for resource in table}


@pytest.mark.parametrize("name", ["locations", "aimsio_locations"])
@pytest.mark.parametrize("path", ["Location", "/Location", "/Location/"])
def test_a_custom_resource(name: str, path: str) -> None:
    entry = {"name": name, "path": path, "write_path": path, "primary_keys": ["locationGuid"]}
    found = resources("aimsio", entry)["locations"]
    assert (found.path, found.write_path) == ("/Location", "/Location")
    assert (found.primary_keys, found.replication_key) == (("locationGuid",), "updatedAt")
    assert found.documented, "what the user states is no guess"
    assert found.list_name == "locationsList"


def test_paths_are_spelled_as_the_vendors_table_spells_them() -> None:
    found = resources("cimcloud", {"name": "stock", "path": "/stock/", "write_path": "/stock_in"})
    assert (found["stock"].path, found["stock"].write_path) == ("stock", "stock_in")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_custom_resource_that_is_only_written_is_not_read(vendor: str) -> None:
    assert resources(vendor, {"name": "notes", "write_path": "notes"})["notes"].path == ""


def test_an_override_changes_only_what_it_names() -> None:
    before = resources("aimsio")["companies"]
    after = resources("aimsio", {"name": "companies", "replication_key": ""})["companies"]
    assert (after.path, after.primary_keys, after.documented) == (
        before.path,
        before.primary_keys,
        False,
    )
    assert after.replication_key is None


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "stock"}, "needs a path or a write_path"),
        ({"name": "stock", "primary_keys": ["id"]}, "needs a path or a write_path"),
        ({"name": "", "path": "x"}, "a name is made of letters"),
        ({"name": "job orders", "path": "x"}, "a name is made of letters"),
        ({"name": "a.b", "path": "x"}, "a name is made of letters"),
        ({"name": "1st", "path": "x"}, "a name is made of letters"),
        ({"name": "stock", "path": "my stock"}, "path 'my stock' holds a space"),
        ({"name": "stock", "path": "a#b"}, "path 'a#b' holds"),
        ({"name": "stock", "path": "x", "write_path": "a\\b"}, "write_path 'a.b' holds"),
        ({"name": "stock", "path": "stock/{id}"}, r"path 'stock/\{id\}' has a \{parameter\}"),
        ({"name": "stock", "path": "x", "write_path": "x/{id}"}, r"write_path .* \{parameter\}"),
        ({"name": "stock", "path": "x", "primary_keys": ["a", "a"]}, "primary_keys holds an empty"),
        ({"name": "stock", "path": "x", "primary_keys": [""]}, "primary_keys holds an empty"),
        ({"name": "stock", "path": "x", "schema": {"type": "array"}}, "schema must be of type obj"),
        ({"name": "stock", "path": "x", "schema": {"id": {"type": "string"}}}, "no 'properties'"),
        (
            {"name": "stock", "path": "x", "schema": {"properties": {"id": {"type": "int"}}}},
            r"schema is no JSON schema: properties\.id\.type",
        ),
    ],
)
@pytest.mark.parametrize("vendor", ["aimsio", "cimcloud"])
def test_a_mistake_names_the_entry(vendor: str, entry: Content, said: str) -> None:
    good = {"name": "good", "path": "good"}
    where = rf"^{vendor}\.resources\[1\] \({entry['name']}\): .*{said}"
    with pytest.raises(ConfigError, match=where) as caught:
        resources(vendor, good, entry)
    assert "\n" not in str(caught.value)


def test_two_entries_of_one_name() -> None:
    entry = {"name": "stock", "path": "stock"}
    said = r"cimcloud\.resources\[1\] \(stock\): cimcloud\.resources\[0\] has the same name"
    with pytest.raises(ConfigError, match=said):
        resources("cimcloud", entry, {**entry, "name": "cimcloud_stock"})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"path": "x"}, r"'aimsio\.resources\[0\]\.name' is missing"),
        ({"name": "a", "paht": "x"}, r"'aimsio\.resources\[0\]\.paht'; did you mean .*\[0\]\.path"),
        ({"name": "a", "path": 5}, r"'aimsio\.resources\[0\]\.path' must be of type string"),
        ({"name": "a", "primary_keys": "id"}, r"\[0\]\.primary_keys' must be of type array"),
        ({"name": "a", "primary_keys": [1]}, r"\[0\]\.primary_keys\[0\]' must be of type string"),
        ({"name": "a", "schema": []}, r"\[0\]\.schema' must be of type object"),
        ("Location", r"'aimsio\.resources\[0\]' must be of type object"),
    ],
)
def test_the_config_schema_names_the_entry_too(entry: t.Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TapErp(config={"aimsio": {"resources": [entry]}})


# The OpenAPI file.

ROW: Content = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "level": {"type": "number"},
        "last_modify_date": {"type": "string"},
    },
}


def listing(row: Content = ROW) -> Content:
    return reply({"type": "array", "items": row})


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


# End to end, through the plugins.


def run_tap(config: Content) -> tuple[list[Content], str]:
    raw, error = io.BytesIO(), ""
    with contextlib.redirect_stdout(io.TextIOWrapper(raw, write_through=True)) as out:
        tap = TapErp(config=config)
        # Only what the settings added: the vendor's other paths are not played here.
        for stream in tap.streams.values():
            stream.selected = stream.name.endswith("_stock")
        try:
            tap.sync_all()
        except ExitCode as ending:
            error = str(ending)
        out.flush()
    return [json.loads(line) for line in raw.getvalue().splitlines()], error


def play(request: Request) -> Reply:
    """Both vendors' stock."""
    known = {
        f"{PREFIX}/Stock": [{"guid": "g-1", "updatedAt": 5}],
        f"{PREFIX}/Stock/g-1": {"stockName": "Nails"},
        "/site/stock": [{"id": "s-1", "level": 2}],
        "/site/stock/1": [{"id": "s-1", "level": 2}],
        "/site/authenticate": {"token": "a-token", "expiration": "2999-01-01T00:00:00Z"},
        "/site/stock/": {"success": True, "importedRecords": 1},
    }
    found = known.get(request.path)
    return Reply(404) if found is None else Reply(body=found)


ENTRIES: dict[str, Content] = {
    "aimsio": {
        "name": "stock",
        "path": "Stock",
        "write_path": "Stock",
        "success": {"status": 200, "type": "array"},
    },
    "cimcloud": {"name": "stock", "path": "stock", "write_path": "stock", "primary_keys": ["id"]},
}
RECORDS: dict[str, Content] = {
    "aimsio": {"stockName": "Nails", "guid": "g-1", "updatedAt": 5},
    "cimcloud": {"id": "s-1", "level": 2},
}
WRITTEN: dict[str, tuple[str, t.Any]] = {
    "aimsio": (f"POST {PREFIX}/Stock", {"stockList": [RECORDS["aimsio"]]}),
    "cimcloud": ("POST /site/stock/", [RECORDS["cimcloud"]]),
}


def config_of(vendor: str, stub: Stub, **block: t.Any) -> Content:
    more = {"site_name": "site", "auth_key": "key-1234"} if vendor == "cimcloud" else {}
    common = {"api_url": stub.url, "username": "user", "password": "s3cret-pass"}
    return {vendor: {**common, **more, "requests_per_second": 1000, **block}}


@pytest.mark.parametrize("vendor", ENTRIES)
def test_a_custom_resource_end_to_end(vendor: str, tmp_path: pathlib.Path) -> None:
    with running_stub(play) as stub:
        config = config_of(vendor, stub, resources=[ENTRIES[vendor]])
        messages, error = run_tap(config)
        assert error == ""
        records = [message["record"] for message in messages if message["type"] == "RECORD"]
        assert records == [RECORDS[vendor]]
        (described,) = (message for message in messages if message["type"] == "SCHEMA")
        assert described["stream"] == f"{vendor}_stock"
        keys = described["key_properties"]
        assert set(keys) <= set(described["schema"]["properties"])

        places = {"ledger": str(tmp_path / "ledger.sqlite"), "dead_letters": str(tmp_path)}
        stream = f"{vendor}_stock"
        sent = [schema(stream, keys), record(stream, **RECORDS[vendor])]
        assert run_target({**config, **places}, sent).code == 0
        path, wanted = WRITTEN[vendor]
        (request,) = (r for r in stub.requests if f"{r.method} {r.path}" == path)
        assert request.json == wanted


@pytest.mark.parametrize("vendor", ENTRIES)
def test_a_stream_from_the_file_end_to_end(vendor: str, save: Save) -> None:
    start = PREFIX if vendor == "aimsio" else "/site"
    name = "Stock" if vendor == "aimsio" else "stock"
    row = {"type": "object", "properties": {"stockName": {"type": "string"}}}
    content = document(
        {f"{start}/{name}": {"get": listing(row)}, f"{start}/{name}/{{x}}": {"get": reply(row)}}
    )
    with running_stub(play) as stub:
        messages, error = run_tap(config_of(vendor, stub, openapi=save(content)))
    assert error == ""
    records = [message["record"] for message in messages if message["type"] == "RECORD"]
    assert records == [RECORDS[vendor]]
    (described,) = (message for message in messages if message["type"] == "SCHEMA")
    assert described["schema"]["properties"]["stockName"] == {"type": ["string", "null"]}


def test_a_custom_resource_that_is_not_there_fails_its_stream() -> None:
    with running_stub(lambda _: Reply(404)) as stub:
        messages, error = run_tap(config_of("aimsio", stub, resources=[ENTRIES["aimsio"]]))
    assert "aimsio_stock" in error
    assert "404" in error
    assert [message["type"] for message in messages if message["type"] == "RECORD"] == []
