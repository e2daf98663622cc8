"""Mistakes in an OpenAPI file leave out the paths that they belong to, and nothing else."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import typing as t

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.openapi.document import parse
from erp_vendors.openapi.pattern import Pattern
from erp_vendors.vendors import VENDORS
from tests.erp_vendors.openapi_files import Content, body, document, many, ref, reply
from tests.support.scale import full

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_vendors.openapi.operations import OpenApiResource

pytestmark = pytest.mark.slow

LOGGER = logging.getLogger("erp.openapi")
PATTERNS = {"none": Pattern(), **{name: vendor.openapi for name, vendor in VENDORS.items()}}
GOOD = {"get": reply(many("Good")), "post": body(ref("Good"))}
GOOD_ROW = {"type": "object", "properties": {"city": {"type": "string"}}}


class Collector(logging.Handler):
    """Collects what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def warnings() -> Iterator[list[str]]:
    """What the reader of OpenAPI files logs."""
    collector = Collector()
    LOGGER.addHandler(collector)
    LOGGER.propagate = False
    try:
        yield collector.lines
    finally:
        LOGGER.removeHandler(collector)
        LOGGER.propagate = True


def read(
    content: object, pattern: Pattern | None = None
) -> tuple[dict[str, OpenApiResource], list[str]]:
    """The resources of a content by path, and the warnings."""
    with warnings() as warned:
        found = parse(json.dumps(content).encode(), "demo.openapi (f)").resources(pattern)
    return {item.path or item.write_path or "": item for item in found}, warned


def left_out(warned: list[str]) -> list[str]:
    """The paths that warnings name."""
    return [line.removeprefix("demo.openapi (f): ").split(" is left out")[0] for line in warned]


def schema_of(inner: t.Any) -> Content:
    return reply({"type": "array", "items": {"type": "object", "properties": {"x": inner}}})


def nested(inner: t.Any, levels: int = 3) -> Content:
    for _ in range(levels):
        inner = {"type": "object", "properties": {"deeper": inner}}
    return schema_of(inner)


PLACES: dict[str, t.Callable[[t.Any], t.Any]] = {
    "path": lambda fault: fault,
    "GET": lambda fault: {"get": fault},
    "POST": lambda fault: {"post": fault},
    "PUT": lambda fault: {"put": fault},
    "parameter": lambda fault: {"post": {"parameters": [fault]}},
    "request body": lambda fault: {"post": {"requestBody": fault}},
    "body's content": lambda fault: {"post": {"requestBody": {"content": fault}}},
    "body's schema": lambda fault: {"post": body(fault)},
    "body's property": lambda fault: {"post": body({"properties": {"x": fault}})},
    "responses": lambda fault: {"get": {"responses": fault}},
    "response": lambda fault: {"get": {"responses": {"200": fault}}},
    "default response": lambda fault: {"get": {"responses": {"default": fault}}},
    "content": lambda fault: {"get": {"responses": {"200": {"content": fault}}}},
    "media type": lambda fault: {
        "get": {"responses": {"200": {"content": {"application/json": fault}}}}
    },
    "schema": lambda fault: {"get": reply(fault)},
    "answer to a write": lambda fault: {"post": {**body(ref("Good")), **reply(fault)}},
    "rows": lambda fault: {"get": reply({"type": "array", "items": fault})},
    "property": lambda fault: {"get": schema_of(fault)},
    "property at depth": lambda fault: {"get": nested(fault)},
    "elements of a property": lambda fault: {"get": schema_of({"type": "array", "items": fault})},
    "part of allOf": lambda fault: {"get": schema_of({"allOf": [{}, fault]})},
    "part of anyOf": lambda fault: {"get": schema_of({"anyOf": [fault, {}]})},
    "part of oneOf": lambda fault: {"get": schema_of({"oneOf": [fault]})},
}
FAULTS: dict[str, t.Any] = {
    "null": None,
    "a list": [1],
    "a number": 5,
    "text": "x",
    "$ref to nothing": ref("Missing"),
    "$ref into nothing": {"$ref": "#/components/schemas/Good/type/x"},
    "$ref past a list": {"$ref": "#/tags/7"},
    "$ref to an index that is none": {"$ref": "#/tags/²"},
    "an empty $ref": {"$ref": ""},
    "$ref to the whole": {"$ref": "#"},
    "$ref to null": {"$ref": "#/components/schemas/Null"},
    "$ref in a circle": ref("Circle"),
    "$ref to another file": {"$ref": "more.yaml#/Good"},
}
SCHEMA_FAULTS: dict[str, t.Any] = {
    "an unknown type": {"type": "date"},
    "a type that is no word": {"type": {"a": 1}},
    "unknown types": {"type": ["string", 5]},
    "a $ref that is null": {"$ref": None},
    "a property that is null": {"properties": {"x": None}},
    "properties in a list": {"properties": ["x"]},
    "allOf that is no list": {"allOf": {"type": "object"}},
    "items that are a number": {"type": "array", "items": 5},
}
CASES = [
    *(
        (place, name, fault)
        for place in PLACES
        for name, fault in FAULTS.items()
        # Those are elements of which nothing is said.
        if place not in {"rows", "elements of a property"} or name not in {"null", "a list"}
    ),
    *(
        (place, name, fault)
        for place in PLACES
        if place.partition(" ")[0] in {"schema", "rows", "property", "elements", "part", "answer"}
        or place in {"body's schema", "body's property"}
        for name, fault in SCHEMA_FAULTS.items()
    ),
    *(
        ("parameters of a POST", name, {"post": {"parameters": fault}})
        for name, fault in FAULTS.items()
        if name not in {"null", "a list"}
    ),
]
PLACES["parameters of a POST"] = lambda fault: fault


def with_x(item: t.Any, *, name: str = "/x") -> Content:
    """A file with a good path on either side of another one."""
    more = {"Good": GOOD_ROW, "Null": None, "Circle": ref("Circle")}
    return {**document({"/a": GOOD, name: item, "/z": GOOD}, **more), "tags": []}


@pytest.mark.parametrize(("place", "name", "fault"), CASES)
def test_one_unusable_path_is_left_out_with_one_warning(
    place: str, name: str, fault: t.Any
) -> None:
    found, warned = read(with_x(PLACES[place](fault)))
    assert list(found) == ["/a", "/z"], name
    assert found["/a"].schema == found["/z"].schema
    assert found["/a"].write_schema is not None
    (line,) = warned
    assert line.startswith("demo.openapi (f): /x is left out: at #/")
    assert "\n" not in line


@pytest.mark.parametrize(
    "name", ["x-note", "x", "", "https://api.example/x", "/x y", "/x#y", "/x\\y"]
)
def test_a_key_that_is_no_path_is_left_out(name: str) -> None:
    found, (line,) = read(with_x(GOOD, name=name))
    assert list(found) == ["/a", "/z"]
    assert f"{json.dumps(name)[1:-1]} is left out" in line.replace("\\", "\\\\")


def test_a_name_of_any_length_and_any_characters_is_one_line() -> None:
    for name in ("/" + "x" * 5_000, "/a\nb\u2028\x1b[31m"):
        _, (line,) = read(with_x(GOOD, name=name))
        assert line.isprintable()
        assert len(line) < 500


@pytest.mark.parametrize(
    "item",
    [
        {**GOOD, "parameters": 5, "summary": [], "x-more": None, "delete": None, "servers": 1},
        {"get": {**GOOD["get"], "parameters": "none", "tags": 5}},
        {"get": schema_of({"type": "string", "enum": [{"a": 1}, None]})},
        {"get": schema_of({"type": "string", "format": ["date"], "description": {"a": 1}})},
        {"get": schema_of({"required": True, "properties": None, "allOf": None})},
        {"get": schema_of({"required": [1, None, {"a": 1}], "properties": {"$ref": {}}})},
        {"get": schema_of({"type": "array", "items": [{"type": "string"}]})},
        {"get": reply({"type": "array", "items": None})},
        {"get": schema_of({"discriminator": 5, "default": {}, "example": None, "not": 5})},
        {"post": {**body(ref("Good")), "responses": {"200": {}, "404": 5}}},
        {"get": {"responses": {"$ref": "#/paths/~1a/get/responses"}}},
    ],
)
def test_what_says_nothing_of_the_records_may_be_anything(item: Content) -> None:
    found, warned = read(with_x(item))
    assert list(found) == ["/a", "/x", "/z"]
    assert warned == []


def test_a_mistake_in_a_shared_schema_leaves_out_all_paths_that_need_it() -> None:
    content = with_x({"get": schema_of(ref("Null"))})
    content["paths"]["/y"] = {"post": body({"allOf": [ref("Null")]})}
    found, warned = read(content)
    assert list(found) == ["/a", "/z"]
    assert sorted(left_out(warned)) == ["/x", "/y"]


def test_what_is_left_out_is_said_once_for_a_file() -> None:
    loaded = parse(json.dumps(with_x(5)).encode(), "f")
    with warnings() as warned:
        for _ in range(3):
            loaded.resources()
    assert len(warned) == 1


@pytest.mark.parametrize(
    "path", ["/x/{id}/y/{no}/z", "/missing/{id}/z", "/a/{id}/{no}/z", "/a({id})/z"]
)
def test_a_list_that_no_list_leads_to_is_left_out_where_lists_have_lists(path: str) -> None:
    found, (line,) = read(with_x(GOOD, name=path), VENDORS["pentamic"].openapi)
    assert [name for name, item in found.items() if item.readable] == ["/a", "/z"]
    assert f": {path} is left out: needs one {{parameter}}" in line


# Anything, anywhere.

FULL = document(
    {
        "/rows": {"get": reply(many("Row")), "post": body(ref("Row"))},
        "/rows/{id}": {"get": reply(ref("Row")), "put": body(ref("Row"))},
        "/rows/{id}/notes": {"get": reply(many("Note"))},
        "/archive/rows": {"get": reply({"properties": {"value": many("Note")}})},
        "/plain": {"get": reply(many("Plain")), "post": body({"properties": {"l": many("Plain")}})},
        "/plain/{id}": {"get": reply(ref("Plain"))},
    },
    Row={
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "description": "Its id."},
            "notes": many("Note"),
            "parent": {"allOf": [ref("Row")], "nullable": True},
        },
    },
    Note={"allOf": [ref("Plain"), {"properties": {"text": {"type": "string"}}}]},
    Plain={"type": "object", "properties": {"n": {"type": "number", "enum": [1, 2]}}},
)
NEEDS = {
    "/rows": {"Row", "Note", "Plain"},
    "/rows/{id}": {"Row", "Note", "Plain"},
    "/rows/{id}/notes": {"Note", "Plain"},
    "/archive/rows": {"Note", "Plain"},
    "/plain": {"Plain"},
    "/plain/{id}": {"Plain"},
}


def deep(levels: int) -> Content:
    found: Content = {"type": "object"}
    for _ in range(levels):
        found = {"type": "object", "properties": {"a": found}, "allOf": [found], "items": found}
    return found


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=5),
    st.lists(st.none() | st.integers(), max_size=2),
    st.sampled_from([*FAULTS.values(), *SCHEMA_FAULTS.values(), deep(4), {}]),
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(), max_size=2),
)


def places(node: t.Any, way: tuple[t.Any, ...] = ()) -> Iterator[tuple[t.Any, ...]]:
    """The way to every part of a content."""
    if way:
        yield way
    for key in (
        node if isinstance(node, dict) else range(len(node) if isinstance(node, list) else 0)
    ):
        yield from places(node[key], (*way, key))


WAYS = [
    way
    for way in places(FULL)
    if (way[0] == "paths" and len(way) > 1) or (way[1:2] == ("schemas",) and len(way) > 2)
]


@settings(max_examples=full(100, 5_000))
@given(way=st.sampled_from(WAYS), value=ANYTHING, vendor=st.sampled_from(sorted(PATTERNS)))
def test_a_change_anywhere_concerns_the_paths_that_need_it_alone(
    way: tuple[t.Any, ...], value: t.Any, vendor: str
) -> None:
    content = copy.deepcopy(FULL)
    inner: t.Any = content
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    concerned = {way[1]} if way[0] == "paths" else {path for path in NEEDS if way[2] in NEEDS[path]}
    before, quiet = read(FULL, PATTERNS[vendor])
    after, warned = read(content, PATTERNS[vendor])

    if "/rows" in concerned and vendor == "pentamic":
        concerned.add("/rows/{id}/notes")  # it is read for each of them
    said = set(left_out(warned))
    assert said <= concerned | set(left_out(quiet))
    assert len(said) == len(warned), "one warning each"
    owners = {path.removesuffix("/{id}") for path in concerned}
    for path, item in before.items():
        if path not in owners:
            assert after.get(path) == item
        elif item.readable and not isinstance(value, (dict, bool, type(None))):
            assert (path in after and after[path].readable) or said & concerned, "not in silence"
    names = [item.name for item in after.values()]
    assert len(set(names)) == len(names)
    for item in after.values():
        for schema in (item.schema, item.write_schema, item.answer_schema):
            jsonschema_rs.meta.validate(schema or {})
