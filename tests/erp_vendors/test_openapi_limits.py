"""Schemas without an end, schemas of many parts, and how large a catalog may become."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import json
import time
import typing as t

import pytest

from erp_vendors.openapi.conversion import ALL, NESTED
from erp_vendors.openapi.document import parse
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from tests.erp_vendors.openapi_files import Content, Save, body, document, many, ref, reply, saver
from tests.support.scale import full

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.openapi.operations import OpenApiResource

NAME = {"type": "string"}
OPEN = {"type": ["object", "null"], "properties": {}, "additionalProperties": True}
MANY = full(100, 300)
"""Entity types of a large service: so many that a schema of any of them is cut to one level."""


@pytest.fixture
def save(tmp_path: pathlib.Path) -> Save:
    return saver(tmp_path)


def read(content: Content, vendor: str = "aims360") -> dict[str, OpenApiResource]:
    loaded = parse(json.dumps(content).encode(), "f")
    return {item.name: item for item in loaded.resources(VENDORS[vendor].openapi)}


def row(content: Content, name: str) -> Content:
    schema = read(content)[name].schema
    assert schema is not None
    found: Content = schema["properties"]
    return found


def levels(schema: t.Any) -> int:
    """How many levels of properties a schema has."""
    if schema.get("properties"):
        return 1 + max(map(levels, schema["properties"].values()))
    return levels(schema["items"]) if schema.get("items") else 0


# Records inside themselves.

PARTS = ("allOf", "anyOf", "oneOf")
MORE = {"properties": {"more": NAME}}
WAYS: dict[str, t.Callable[[Content], Content]] = {
    "a reference": lambda given: given,
    "null or a reference": lambda given: {"anyOf": [{"type": "null"}, given]},
    "parts of parts": lambda given: {"allOf": [{"oneOf": [{"anyOf": [given]}]}]},
    "beside a description": lambda given: {"allOf": [given], "description": "x", "nullable": True},
}
for each in PARTS:
    WAYS[f"only {each}"] = functools.partial(lambda part, given: {part: [given]}, each)
    WAYS[f"{each} with more"] = functools.partial(lambda part, given: {part: [given, MORE]}, each)


@pytest.mark.parametrize("inside", WAYS)
@pytest.mark.parametrize("in_list", [False, True])
def test_a_record_inside_itself_is_cut_where_it_begins(inside: str, *, in_list: bool) -> None:
    way = WAYS[inside](ref("Node"))
    inner = {"type": "array", "items": way} if in_list else way
    node = {"type": "object", "properties": {"id": NAME, "parent": inner}}
    found = row(document({"/nodes": {"get": reply(many("Node"))}}, Node=node), "nodes")
    parent = found["parent"]["items"] if in_list else found["parent"]
    assert {**parent, "description": ""} == {**OPEN, "description": ""}


@pytest.mark.parametrize("outside", WAYS)
@pytest.mark.parametrize("inside", WAYS)
def test_records_that_lead_to_each_other_end(outside: str, inside: str) -> None:
    schemas = {
        name: {"properties": {"id": NAME, "next": WAYS[way](ref(other))}}
        for name, other, way in (("A", "B", outside), ("B", "C", inside), ("C", "A", outside))
    }
    rows = {"type": "array", "items": WAYS[inside](ref("A"))}
    found = read(document({"/rows": {"get": reply(rows)}}, **schemas))["rows"]
    assert levels(found.schema) <= 4


def test_a_part_that_others_share_is_no_record_inside_itself() -> None:
    base = {"type": "object", "properties": {"id": NAME}}
    person = {"allOf": [ref("Entity"), {"properties": {"mail": NAME}}]}
    order = {"allOf": [ref("Entity"), {"properties": {"by": ref("Person"), "own": person}}]}
    orders = {"/orders": {"get": reply(many("Order"))}}
    found = row(document(orders, Entity=base, Person=person, Order=order), "orders")
    assert set(found) == {"id", "by", "own"}
    assert set(found["by"]["properties"]) == set(found["own"]["properties"]) == {"id", "mail"}


# Schemas of many parts.


@pytest.mark.serial
@pytest.mark.parametrize("part", PARTS)
def test_parts_that_share_parts_are_merged_once(part: str) -> None:
    """Four times four times four, 60 levels deep."""
    schemas: Content = {"L60": {"type": "object", "required": ["id"], "properties": {"id": NAME}}}
    for level in range(60):
        schemas[f"L{level}"] = {part: [ref(f"L{level + 1}")] * 4}
    content = document({"/rows": {"get": reply(many("L0")), "post": body(ref("L0"))}}, **schemas)
    started = time.monotonic()
    found = read(content)["rows"]
    assert time.monotonic() - started < 2
    assert found.schema is not None
    assert list(found.schema["properties"]) == ["id"]
    assert found.write_schema is not None
    assert ("required" in found.write_schema) is (part == "allOf")


@pytest.mark.serial
def test_schemas_that_are_all_composed_of_each_other_end() -> None:
    names = [f"S{number}" for number in range(full(40, 60))]
    schemas: Content = {
        name: {"allOf": [ref(other) for other in names], "properties": {name: ref(name)}}
        for name in names
    }
    paths = {f"/{name}": {"get": reply(many(name))} for name in names}
    started = time.monotonic()
    found = read(document(paths, **schemas))
    assert time.monotonic() - started < 10
    assert all(len((item.schema or {})["properties"]) == len(names) for item in found.values())


def test_a_property_of_an_optional_part_is_not_required() -> None:
    base = {"required": ["id"], "properties": {"id": NAME}}
    for parts in (
        {"anyOf": [ref("Keyed")], "allOf": [ref("Keyed")]},
        {"allOf": [{"oneOf": [ref("Keyed")]}, ref("Keyed")]},
    ):
        content = document({"/rows": {"post": body(parts)}}, Keyed=base)
        assert (read(content)["rows"].write_schema or {}).get("required") == ["id"]
    content = document(
        {"/rows": {"post": body({"allOf": [{"oneOf": [ref("Keyed")]}]})}}, Keyed=base
    )
    assert "required" not in (read(content)["rows"].write_schema or {})


def test_a_schema_of_thousands_of_parts_leaves_out_its_path(
    caplog: pytest.LogCaptureFixture,
) -> None:
    parts = {"allOf": [{"properties": {f"p{number}": NAME}} for number in range(5_000)]}
    paths = {"/many": {"get": reply(many("Many"))}, "/good": {"get": reply(many("Base"))}}
    assert list(read(document(paths, Many=parts))) == ["good"]
    assert "/many is left out: at #" in caplog.text
    assert "is composed of more than 2,000 parts" in caplog.text


def test_yaml_that_multiplies_itself_ends() -> None:
    lines = ["a0: &a0 {type: object, properties: {k: {type: string}}}"]
    for level in range(1, 40):
        names = ", ".join(f"p{number}: *a{level - 1}" for number in range(4))
        parts = ", ".join([f"*a{level - 1}"] * 4)
        lines.append(f"a{level}: &a{level} {{properties: {{{names}}}, allOf: [{parts}]}}")
    lines += ["openapi: 3.0.0", "paths:", "  /x: {get: {responses: {'200': {schema: *a39}}}}"]
    lines += ["  /y: {get: {responses: {'200': {schema: {type: array, items: *a0}}}}}"]
    found = parse("\n".join(lines).encode(), "f").resources()
    assert "y" in {item.name for item in found}


# The size of a catalog.


def odata(
    types: int, *, properties: int = 20, links: int = 6, words: int = 5, marked: bool = False
) -> Content:
    """A service like those of ERPs: entity types that all lead to others."""
    mark = {"x-ms-navigationProperty": True} if marked else {}
    schemas: Content = {}
    paths: Content = {}
    for number in range(types):
        fields: Content = {
            f"Property{each}": {"type": "string", "description": "word " * words, "maxLength": 50}
            for each in range(properties)
        }
        for each in range(links):
            other = ref(f"E{(number * 7 + each + 1) % types}")
            one = {"anyOf": [other], "nullable": True, **mark}
            fields[f"Link{each}"] = {"type": "array", "items": other, **mark} if each % 2 else one
        schemas[f"E{number}"] = {"type": "object", "title": f"E{number}", "properties": fields}
        rows = {"type": "object", "properties": {"value": many(f"E{number}")}}
        paths[f"/odata/Entities{number}"] = {"get": reply(rows), "post": body(ref(f"E{number}"))}
        paths[f"/odata/Entities{number}({{key}})"] = {"get": reply(ref(f"E{number}"))}
    return document(paths, **schemas)


def size(schema: t.Any) -> int:
    return len(json.dumps(schema))


@pytest.mark.serial
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("types", [1, 30, MANY])
def test_the_catalog_of_a_service_stays_small(types: int, *, marked: bool) -> None:
    content = odata(types, marked=marked)
    started = time.monotonic()
    found = read(content)
    assert time.monotonic() - started < 20
    assert sum(item.readable for item in found.values()) == types
    schemas = [item.schema for item in found.values() if item.schema is not None]
    assert max(map(size, schemas)) <= NESTED[0]
    # Or else the first level is all there is.
    assert sum(map(size, schemas)) <= ALL or max(map(levels, schemas)) == 1
    for schema in schemas:
        assert len(schema["properties"]) == 26, "the first level is whole"
        link = schema["properties"]["Link0"]
        assert link["type"] == ["object", "null"]
        assert link["additionalProperties"] is True, "what is cut is left open"


@pytest.mark.slow
def test_what_is_cut_depends_on_the_size_alone() -> None:
    assert levels(read(odata(30, properties=2, links=1))["entities3"].schema) == 8
    assert levels(read(odata(30, properties=5, links=3))["entities3"].schema) == 3
    assert levels(read(odata(full(200, 300), properties=5, links=3))["entities3"].schema) == 1


@pytest.mark.slow
def test_what_is_written_is_checked_to_the_depth() -> None:
    found = read(odata(MANY))["entities3"]
    assert levels(found.write_schema) > levels(found.schema)


def test_a_record_with_too_many_properties_declares_the_first_ones() -> None:
    wide = {"properties": {f"property_{number}": NAME for number in range(20_000)}}
    content = document({"/wide": {"get": reply(many("Wide"))}}, Wide=wide)
    found = row(content, "wide")
    assert list(found) == list(itertools.islice(wide["properties"], len(found)))
    assert 1_000 < len(found) < 2_000
    assert read(content)["wide"].schema["additionalProperties"] is True  # type: ignore[index]


def test_long_descriptions_are_shortened() -> None:
    wordy = {"description": "long " * 1_000, "properties": {"a": {"description": "long " * 1_000}}}
    schema = read(document({"/w": {"get": reply(many("W"))}}, W=wordy))["w"].schema
    assert schema is not None
    assert schema["description"] == schema["properties"]["a"]["description"]
    assert len(schema["description"]) <= 303
    assert schema["description"].endswith("...")


@pytest.mark.slow
def test_a_whole_catalog(save: Save) -> None:
    """As `tap-erp --discover` prints it, with the metadata that the SDK adds."""
    block = {
        "api_url": "http://127.0.0.1:1",
        "access_token": "a.b.c",
        "openapi": save(odata(MANY, properties=12)),
    }
    with contextlib.redirect_stdout(io.StringIO()):
        catalog = TapErp(config={"aims360": block}).catalog_json_text
    assert catalog.count('"tap_stream_id"') >= MANY
    assert len(json.dumps(json.loads(catalog))) < 1_200_000
