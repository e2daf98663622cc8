"""The setting `resources`: overrides of the table, and entries of the user's own."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ConfigError
from tap_erp.tap import TapErp
from tests.erp_vendors.tables import VENDORS, resources

if t.TYPE_CHECKING:
    from tests.erp_vendors.openapi_files import Content


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


@pytest.mark.parametrize("vendor", VENDORS)
def test_where_an_answer_has_its_records_can_be_stated(vendor: str) -> None:
    """For all vendors, so that no setting is accepted without an effect."""
    entry = {"name": "notes", "path": "notes", "rows_in": "data"}
    found = resources(vendor, entry)["notes"]
    assert found.rows_in == "data"
    assert resources(vendor, {**entry, "rows_in": ""})["notes"].rows_in == ""
