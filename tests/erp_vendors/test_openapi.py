"""OpenAPI and Swagger files: schemas, lists, writes, and mistakes that are named."""

from __future__ import annotations

import copy
import json
import time
import typing as t

import jsonschema_rs
import pytest

from erp_vendors.openapi.paths import normalise, snake
from tests.erp_vendors.openapi_files import (
    Content,
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

PLACE: Content = {
    "type": ["object", "null"],
    "properties": {
        "city": {"type": ["string", "null"], "description": "Where"},
        "zip": {"type": ["string", "null"]},
    },
    "additionalProperties": True,
}
ROW: Content = {
    "type": "object",
    "properties": {
        "id": {"type": ["integer", "null"]},
        "name": {"type": ["string", "null"], "description": "The name."},
        "since": {"type": ["string", "null"], "format": "date-time"},
        "kind": {"type": ["string", "null"]},
        "parent": {"type": ["object", "null"], "properties": {}, "additionalProperties": True},
        "children": {
            "type": ["array", "null"],
            "items": {"type": ["object", "null"], "properties": {}, "additionalProperties": True},
        },
        "billing": PLACE,
        "shipping": PLACE,
        "no": {"type": ["boolean", "null"]},
    },
    "additionalProperties": True,
}


V3 = document(
    {
        "/customers": {
            "get": reply(many("Customer")),
            "post": {**body(ref("Customer")), "responses": {"200": {"description": "ok"}}},
        },
        "/customers/{id}": {"get": reply(ref("Customer")), "put": body(ref("Customer"))},
        "/health": {"get": reply({"type": "object", "properties": {"up": {"type": "boolean"}}})},
        "/nothing": {"get": {"responses": {"204": {"description": "nothing"}}}},
    }
)


def v31() -> Content:
    """The same in OpenAPI 3.1: types in lists, references with company, a referenced response."""
    content = copy.deepcopy(V3)
    content["openapi"] = "3.1.0"
    schemas = content["components"]["schemas"]
    schemas["Customer"]["properties"]["kind"] = {"type": ["string", "null"], "const": "A"}
    schemas["Customer"]["properties"]["since"] = {
        "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]
    }
    schemas["Customer"]["properties"]["billing"] = {**ref("Address"), "deprecated": True}
    answer = content["paths"]["/customers"]["get"]["responses"]
    content["components"]["responses"] = {"Many": answer["200"]}
    answer["200"] = {"$ref": "#/components/responses/Many"}
    content["components"]["pathItems"] = {"Customers": content["paths"]["/customers"]}
    content["paths"]["/customers"] = {"$ref": "#/components/pathItems/Customers"}
    return content


def v2() -> Content:
    """The same in Swagger 2.0."""
    text = json.dumps(V3["components"]["schemas"]).replace("components/schemas", "definitions")
    definitions = json.loads(text)
    definitions["Customer"]["properties"]["kind"] = {"type": "string", "x-nullable": True}
    row = {"$ref": "#/definitions/Customer"}
    taken = [
        {"in": "query", "name": "orderBy", "type": "string"},
        {"$ref": "#/parameters/Customer"},
    ]
    return {
        "swagger": "2.0",
        "basePath": "/",
        "definitions": definitions,
        "parameters": {"Customer": {"in": "body", "name": "body", "schema": row}},
        "paths": {
            "/customers": {
                "get": {"responses": {200: {"schema": {"type": "array", "items": row}}}},
                "post": {"parameters": taken, "responses": {}},
            },
            "/customers/{id}": {"get": {"responses": {200: {"schema": row}}}},
        },
    }


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


@pytest.mark.parametrize("name", ["api.json", "api.yaml", "no-suffix"])
@pytest.mark.parametrize("make", [lambda: V3, v31, v2], ids=["3.0", "3.1", "2.0"])
def test_the_same_in_every_version_and_form(
    save: Save, make: t.Callable[[], Content], name: str
) -> None:
    customers = only(save(make(), name))["customers"]
    assert customers.schema == ROW
    assert (customers.path, customers.readable) == ("/customers", True)
    assert customers.write_path == "/customers"
    jsonschema_rs.meta.validate(customers.schema or {})
    written = customers.write_schema or {}
    assert written["required"] == ["name"]
    assert written["properties"]["name"]["type"] == "string"
    assert written["properties"]["secret"] == {"type": ["string", "null"]}
    assert "id" not in written["properties"], "the server assigns it"
    assert "$ref" not in json.dumps([customers.schema, written])


def test_only_lists_of_objects_are_readable(save: Save) -> None:
    paths = {
        "/names": {"get": reply({"type": "array", "items": {"type": "string"}})},
        "/things": {"get": reply({"type": "array", "items": {}})},
        "/page": {"get": reply({"type": "object", "properties": {"value": many("Customer")}})},
        "/customers/{id}/notes": {"get": reply(many("Base"))},
    }
    found = only(save(document({**V3["paths"], **paths})))
    assert [name for name, item in found.items() if item.readable] == ["customers", "things"]
    assert found["things"].schema is None
    assert "nothing" not in found


def test_only_what_needs_no_parameter_is_written(save: Save) -> None:
    paths = {
        "/jobs/{id}": {"post": body(ref("Base"))},
        "/jobs/{id}/rerun": {"post": body(ref("Base"))},
        "/notes/{id}": {"put": body(ref("Base"))},
    }
    found = only(save(document(paths)))
    (notes,) = found.values()
    assert (notes.write_path, notes.creates) == ("/notes", False)


@pytest.mark.serial
def test_deep_and_wide_schemas_end(save: Save) -> None:
    """Forty records that all refer to each other: all paths through them are 40! many."""
    names = [f"R{number}" for number in range(40)]
    schemas = {
        name: {
            "type": "object",
            "properties": {other.lower(): ref(other) for other in names},
        }
        for name in names
    }
    paths = {f"/{name}": {"get": reply(many(name))} for name in names}
    started = time.monotonic()
    found = only(save(document(paths, **schemas)))
    assert time.monotonic() - started < 20
    schema = found["r0"].schema or {}
    assert set(schema["properties"]) == {name.lower() for name in names}
    assert len(json.dumps(schema)) < 500_000


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"type": "number", "nullable": True}, {"type": ["number", "null"]}),
        ({"type": ["integer", "number"]}, {"type": ["number", "null"]}),
        ({"type": "file"}, {"type": ["string", "null"]}),
        ({"type": "null"}, {}),
        ({}, {}),
        (True, {}),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"type": ["string", "integer", "null"]},
        ),
        (
            {"allOf": [{"type": "string", "format": "date"}]},
            {"type": ["string", "null"], "format": "date"},
        ),
        (
            {"anyOf": [{"type": "string", "format": "date"}, {"type": "string"}]},
            {"type": ["string", "null"]},
        ),
        (
            {"oneOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"b": {}}}]},
            {
                "type": ["object", "null"],
                "properties": {"a": {"type": ["string", "null"]}, "b": {}},
                "additionalProperties": True,
            },
        ),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            {"type": ["object", "null"], "properties": {}, "additionalProperties": True},
        ),
        ({"type": "array"}, {"type": ["array", "null"], "items": {}}),
        (
            {"items": {"type": "string"}},
            {"type": ["array", "null"], "items": {"type": ["string", "null"]}},
        ),
        (
            {"type": "string", "pattern": "(", "minLength": 3, "default": "x", "example": 1},
            {"type": ["string", "null"]},
        ),
        ({"type": "string", "required": True}, {"type": ["string", "null"]}),
    ],
)  # fmt: skip
def test_one_dialect(save: Save, given: t.Any, found: Content) -> None:
    row = {"type": "object", "properties": {"id": {"type": "string"}, "x": given}}
    content = document({"/rows": {"get": reply({"type": "array", "items": row})}})
    schema = only(save(content))["rows"].schema or {}
    assert schema["properties"]["x"] == found


def test_compositions_in_a_circle_end(save: Save) -> None:
    base = {"properties": {"id": {"type": "string"}}, "oneOf": [ref("Dog")]}
    dog = {"allOf": [ref("Pet"), {"properties": {"barks": {"type": "boolean"}}}]}
    content = document({"/pets": {"get": reply(many("Pet"))}}, Pet=base, Dog=dog)
    schema = only(save(content))["pets"].schema or {}
    assert set(schema["properties"]) == {"id", "barks"}


def test_a_shared_base_is_no_recursion(save: Save) -> None:
    entity = {"type": "object", "properties": {"id": {"type": "string"}}}
    inner = {"allOf": [ref("Entity"), {"properties": {"mail": {"type": "string"}}}]}
    outer = {"allOf": [ref("Entity"), {"properties": {"owner": ref("Inner")}}]}
    content = document(
        {"/outers": {"get": reply(many("Outer"))}}, Entity=entity, Inner=inner, Outer=outer
    )
    schema = only(save(content))["outers"].schema or {}
    assert set(schema["properties"]["owner"]["properties"]) == {"id", "mail"}


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("GLAccount", "gl_account"),
        ("PurchaseOrders", "purchase_orders"),
        ("OnlineOrders", "online_orders"),
        ("job-orders", "job_orders"),
        ("NRB", "nrb"),
        ("v1.0", "v1_0"),
        ("a.b$c", "a_b_c"),
    ],
)
def test_snake(word: str, name: str) -> None:
    assert snake(word) == name


def test_normalise() -> None:
    assert normalise("/Customers/{id}/Invoices/") == normalise("customers/{customerId}/invoices")


def test_a_changed_file_is_read_again(save: Save) -> None:
    rows = reply(many("Base"))
    file = save(document({"/a": {"get": rows}}))
    assert list(only(file)) == ["a"]
    assert list(only(save(document({"/a": {"get": rows}, "/b": {"get": rows}})))) == ["a", "b"]


def test_a_byte_order_mark_is_no_content(save: Save) -> None:
    assert "customers" in only(save("\ufeff" + json.dumps(V3)))


# The answer to a write.


def write_of(schema: Content | None, *, code: str = "201") -> Content:
    answer = {} if schema is None else {"content": {"application/json": {"schema": schema}}}
    return {**body(ref("Customer")), "responses": {"200": {}, code: answer, "404": answer}}


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        (None, None),
        ({"type": "string"}, None),
        ({"type": "object"}, None),
        ({"type": "array", "items": {"type": "string"}}, None),
        (ref("Address"), ("object", None)),
        (ref("Customer"), ("object", ["id", "name"])),
        (many("Customer"), ("array", ["id", "name"])),
    ],
)
def test_the_answer_to_a_write_is_that_of_the_first_success_that_has_one(
    save: Save, schema: Content | None, found: tuple[str, list[str] | None] | None
) -> None:
    item = only(save(document({"/x": {"post": write_of(schema)}})))["x"]
    if found is None:
        assert item.answer_schema is None
        return
    assert item.answer_schema is not None
    assert item.answer_schema["type"] == found[0]
    row = item.answer_schema.get("items", item.answer_schema)
    assert row.get("required") == found[1]
    # What the vendor alone sets is in the answer; what only goes in is not.
    assert ("id" in row["properties"]) is (found[1] is not None)
    assert "secret" not in row["properties"]
