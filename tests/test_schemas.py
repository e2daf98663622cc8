"""The JSON schemas: valid, complete, open, and one for each stream of the interface."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from tests.support.interface import INTERFACES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "schemas"
FIELD_LISTS = ROOT / "tests" / "field_lists"

# Every property of a read schema that may not be null: keys, a parent's keys included.
KEYS = {
    f"{v}/{name}": set(keys) for v, one in INTERFACES.items() for name, keys in one.keys.items()
}
# What a write cannot do without, whatever it does.
REQUIRED = {
    f"{v}/{name}": set(names)
    for v, one in INTERFACES.items()
    for name, names in one.required.items()
}
# An export has the columns that its view has, so all of them share one schema.
EXPECTED = {
    f"{v}/{name.removesuffix('_<name>')}"
    for v, one in INTERFACES.items()
    for name in (*one.read, *one.further)
} | {f"{v}/write/{name}" for v, one in INTERFACES.items() for name in one.written}
FILES = {p.relative_to(SCHEMAS).with_suffix("").as_posix(): p for p in SCHEMAS.rglob("*.json")}
NAMES = sorted(FILES)
READ_NAMES = [name for name in NAMES if "/write/" not in name]


def load(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(FILES[name].read_text(encoding="utf-8"))
    return schema


def nodes(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property below `schema` as (path, node), `a.b` for objects and `a[].b` for arrays."""
    for name, node in schema.get("properties", {}).items():
        path = prefix + name
        yield path, node
        yield from nodes(node, path + ".")
        yield from nodes(node.get("items", {}), path + "[].")


def objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of `schema` that describes an object, itself included."""
    yield "", schema
    for path, node in nodes(schema):
        for where, part in ((path, node), (path + "[]", node.get("items", {}))):
            if "object" in part.get("type", []):
                yield where, part


def missing(name: str, listed: list[str]) -> list[str]:
    have = {path for path, _ in nodes(load(name))}
    return [field for field in listed if field not in have]


def field_lists() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for path in sorted(FIELD_LISTS.glob("*.json")):
        for resource, fields in json.loads(path.read_text(encoding="utf-8")).items():
            lists[f"{path.stem}/{resource}"] = fields
    return lists


def test_there_is_one_schema_for_each_stream() -> None:
    assert set(FILES) == EXPECTED


def test_there_is_one_field_list_for_each_schema() -> None:
    assert set(field_lists()) == set(FILES)


def test_the_tables_of_this_module_name_existing_schemas() -> None:
    tables = KEYS.keys() | REQUIRED.keys()
    assert tables <= set(FILES)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid(name: str) -> None:
    schema = load(name)
    Draft202012Validator.check_schema(schema)
    Draft7Validator.check_schema(schema)
    jsonschema_rs.validator_for(schema)
    assert schema["type"] == "object"
    assert schema["description"].strip()


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_formatted(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_documented_field_is_in_its_schema(name: str) -> None:
    assert missing(name, field_lists()[name]) == []


def test_a_field_that_a_schema_lacks_is_noticed() -> None:
    assert missing("aimsio/employees", ["employeeCode", "employeeFormData.nowhere"]) == [
        "employeeFormData.nowhere"
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_property_is_described(name: str) -> None:
    vendor = name.partition("/")[0]
    origin = re.compile(rf"^\S.* \((DOC|OBS|OBS\(v\)|INF), {vendor} [0-9.]+\)$")
    for path, node in nodes(load(name)):
        assert origin.match(node.get("description", "")), path


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_open(name: str) -> None:
    shut = [p for p, part in objects(load(name)) if part.get("additionalProperties") is not True]
    assert shut == []


@pytest.mark.parametrize("name", READ_NAMES)
def test_only_keys_of_a_read_schema_may_not_be_null(name: str) -> None:
    schema = load(name)
    assert "required" not in schema
    firm = {path for path, node in nodes(schema) if "null" not in node["type"]}
    assert firm == KEYS.get(name, set())


@pytest.mark.parametrize("name", READ_NAMES)
def test_a_read_schema_takes_any_text_and_any_missing_field(name: str) -> None:
    schema = load(name)
    parts = [part for _, part in objects(schema)]
    assert not any("enum" in node for _, node in nodes(schema))
    assert not any("required" in part for part in parts)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(READ_NAMES)))
def test_a_write_schema_requires_only_what_every_write_needs(name: str) -> None:
    schema = load(name)
    assert set(schema.get("required", [])) == REQUIRED.get(name, set())
    for path, part in objects(schema):
        for field, node in part.get("properties", {}).items():
            firm = "null" not in node["type"]
            assert firm == (field in part.get("required", [])), f"{path}.{field}"


@pytest.mark.parametrize("name", NAMES)
def test_every_stamp_is_plain_text(name: str) -> None:
    """Loaders turn `date-time` into UTC and cut fractions, so no schema says it of any vendor."""
    assert not [path for path, node in nodes(load(name)) if "format" in node]


@pytest.mark.parametrize("name", NAMES)
def test_an_optional_enum_takes_null(name: str) -> None:
    for path, node in nodes(load(name)):
        if "enum" in node:
            assert (None in node["enum"]) == ("null" in node["type"]), path


@pytest.mark.parametrize("value", ["DIRECT_HIRE", "SUBCONTRACTOR", " SUBCONTRACTOR"])
def test_the_oddly_spelled_employment_type_is_accepted(value: str) -> None:
    prop = load("aimsio/write/employees")["properties"]["employmentType"]
    assert Draft202012Validator(prop).is_valid(value)
    assert not Draft202012Validator(prop).is_valid(value + "S")
