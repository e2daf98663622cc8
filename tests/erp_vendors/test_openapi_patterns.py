"""What vendors' files look like, and the mistakes in them."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ConfigError
from erp_vendors.openapi.document import load
from erp_vendors.vendors import VENDORS
from tests.erp_vendors.openapi_files import (
    BASE,
    Save,
    body,
    document,
    many,
    only,
    ref,
    reply,
    saver,
)

if t.TYPE_CHECKING:
    import pathlib


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


# What the three vendors' files look like.


def test_aimsio_has_an_index_and_details(save: Save) -> None:
    prefix = "/rest/api/standard/v1"
    stub = {"type": "object", "properties": {"guid": {"type": "string"}}}
    detail = {
        "type": "object",
        "properties": {
            "gLAccountGuid": {"type": "string"},
            "gLAccountUpdatedAt": {"type": "integer"},
        },
    }
    posted = {"type": "object", "properties": {"glAccountList": many("Base")}}
    paths = {
        f"{prefix}/GLAccount": {
            "get": reply({"type": "array", "items": stub}),
            "post": body(posted),
        },
        f"{prefix}/GLAccount/{{guid}}": {"get": reply(detail)},
        f"{prefix}/OnlyIndex": {"get": reply({"type": "array", "items": stub})},
        f"{prefix}/OnlyDetail/{{guid}}": {"get": reply(detail)},
    }
    content = document(paths)
    found = only(save(content), VENDORS["aimsio"].openapi)
    account = found["gl_account"]
    assert (account.path, account.readable) == ("/GLAccount", True)
    assert set((account.schema or {})["properties"]) == set(detail["properties"])
    assert account.primary_keys == ("gLAccountGuid",)
    assert account.replication_key == "gLAccountUpdatedAt"
    assert (account.write_path, account.list_name) == ("/GLAccount", "glAccountList")
    assert set((account.write_schema or {})["properties"]) == {"city", "zip"}
    assert "only_index" not in found
    assert not found["only_detail"].readable

    # The prefix may stand in the server's address as well.
    content["servers"] = [{"url": f"https://portal.example{prefix}/"}]
    content["paths"] = {path.removeprefix(prefix): item for path, item in paths.items()}
    assert only(save(content, "b.json"), VENDORS["aimsio"].openapi) == found


@pytest.mark.parametrize(
    ("server", "start"),
    [
        ("https://api.example/{sitename}", ""),
        ("https://api.example", "/{sitename}"),
        ("https://api.example", "/My-Site"),
        ("https://api.example/my-site/", ""),
        ("/", ""),
    ],
)
def test_cimcloud_has_search_and_page_in_the_path(save: Save, server: str, start: str) -> None:
    stamped = {"type": "object", "properties": {"last_modify_date": {"type": "string"}}}
    rows = reply({"type": "array", "items": stamped})
    several = {"type": "array", "items": stamped}
    bare = reply(stamped)  # a generator that forgets the brackets
    content = document(
        {
            f"{start}/warehouse_stock/{{searchstring}}/{{page_number}}": {"get": rows},
            f"{start}/warehouse_stock/": {"get": rows, "post": body(several)},
            f"{start}/accounts": {"get": bare},
            f"{start}/healthcheck/canary": {"get": reply({"type": "string"})},
        }
    )  # fmt: skip
    content["servers"] = [{"url": server}]
    found = only(save(content), VENDORS["cimcloud"].openapi, site_name="My-Site")
    stock = found["warehouse_stock"]
    assert (stock.path, stock.readable, stock.write_path) == (
        "/warehouse_stock",
        True,
        "/warehouse_stock",
    )
    assert stock.replication_key == "last_modify_date"
    assert (found["accounts"].schema, found["accounts"].readable) == (stock.schema, False)


def test_aims360_wraps_rows_in_value(save: Save) -> None:
    page = {
        "allOf": [
            {"properties": {"@odata.count": {"type": "integer"}}},
            {"properties": {"Value": many("Base")}},
        ]
    }
    token = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": BASE}}}}
    odata = {"responses": {"200": {"content": {
        "text/csv": {"schema": {"type": "string"}},
        "application/json;odata.metadata=minimal": {"schema": page},
    }}}}  # fmt: skip
    content = document(
        {
            "/codes/v1.0/divisions": {"get": odata},
            "/wip/v1.1/divisions": {"get": odata},
            "/wip/v1.0/MaterialPOs": {"get": odata},
            "/wip/v1.0/MaterialPOs/{id}": {"get": reply(ref("Base"))},
            "/authentication/v1/Token": {"post": token},
        }
    )
    content["servers"] = [{"url": "https://api.example/"}]
    found = only(save(content), VENDORS["aims360"].openapi)
    assert {name: item.path for name, item in found.items()} == {
        "codes_divisions": "/codes/v1.0/divisions",
        "wip_divisions": "/wip/v1.1/divisions",
        "material_pos": "/wip/v1.0/MaterialPOs",
    }
    assert all(item.readable for item in found.values())
    assert set((found["material_pos"].schema or {})["properties"]) == {"city", "zip"}


def test_lists_below_a_record_of_another_list(save: Save) -> None:
    rows = reply(many("Base"))
    content = document(
        {
            "/api/customers": {"get": rows},
            "/api/customers/{customerId}/payments": {"get": rows},
            "/api/ghosts/{id}/payments": {"get": rows},
        }
    )
    found = only(save(content), VENDORS["pentamic"].openapi)
    assert {name: (item.path, item.readable) for name, item in found.items()} == {
        "customers": ("/customers", True),
        "customers_payments": ("/customers/{customerId}/payments", True),
        "ghosts_payments": ("/ghosts/{id}/payments", False),
    }


def test_versions_of_one_list_have_names_of_their_own(save: Save) -> None:
    rows = reply(many("Base"))
    content = document({"/a/v1/items": {"get": rows}, "/a/v2/items": {"get": rows}})
    assert list(only(save(content))) == ["a_v1_items", "a_v2_items"]


# What is no OpenAPI file ends the run.


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{\n  'openapi'", r"is not JSON: line 2, column 3"),
        ("openapi: 3.0.0\npaths: [\n", r"is not YAML: line 3, column 1"),
        ("openapi: 3.0.0\n\tpaths: {}\n", r"is not YAML: line 2"),
        ("", r"is neither OpenAPI 3.0 or 3.1 nor Swagger 2.0: it has no 'openapi'"),
        ("- a\n- b\n", r"it has no 'openapi'"),
        ({"openapi": "4.0.0", "paths": {}}, r"its version is '4.0.0'"),
        ({"swagger": "1.2", "paths": {}}, r"its version is '1.2'"),
        ({"openapi": "3.0.0"}, r"at #/paths: must be an object"),
        ({"openapi": "3.0.0", "paths": []}, r"at #/paths: must be an object"),
    ],
)  # fmt: skip
def test_what_is_no_openapi_file_is_named(save: Save, content: t.Any, said: str) -> None:
    file = save(content, "broken file.json")
    with pytest.raises(ConfigError, match=said) as caught:
        load(file, "demo.openapi").resources()
    message = str(caught.value)
    assert message.startswith(f"demo.openapi ({file})")
    assert "\n" not in message


def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    with pytest.raises(
        ConfigError, match=r"demo\.openapi \(.*gone\.json\) cannot be read: No such"
    ):
        load(str(tmp_path / "gone.json"), "demo.openapi")
    with pytest.raises(ConfigError, match=r"cannot be read"):
        load(str(tmp_path), "demo.openapi")
    (tmp_path / "latin").write_bytes("openapi: é".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        load(str(tmp_path / "latin"), "demo.openapi")
