"""What is remembered of a shape never changes the verdict on a record."""

from __future__ import annotations

import decimal
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.schemas import ANYTHING
from target_erp.schema_check import SchemaCheck
from target_erp.tap_schema import compiled, understood

NAMES = ("a", "b", "c")
KINDS = ("string", "number", "integer", "boolean", "null", "array", "object")
MORE: tuple[dict[str, t.Any], ...] = (
    {},
    {},
    {"title": "a title", "description": "words"},
    {"format": "date-time"},
    {"format": "date"},
    {"maxLength": 2},
    {"enum": ["x", 1, None]},
    {"const": True},
    {"minimum": 1},
    {"multipleOf": 2},
    {"items": {"type": "string"}},
    {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
    {"additionalProperties": False},
    {"anyOf": [{"type": "integer"}, {"maxLength": 1}]},
    {"not": {"type": "string"}},
    {"$ref": "#/properties/a"},
    {"$ref": "#"},
    {"required": True},
    {"maximum": 1, "exclusiveMaximum": True},
)
TYPES = st.one_of(
    st.fixed_dictionaries({}),
    st.fixed_dictionaries({"type": st.sampled_from(KINDS)}),
    st.fixed_dictionaries({"type": st.lists(st.sampled_from(KINDS), min_size=1, unique=True)}),
)
PLAIN = st.one_of(
    st.booleans(),
    st.just(ANYTHING),
    st.builds(
        lambda *parts: {k: v for p in parts for k, v in p.items()}, TYPES, st.sampled_from(MORE)
    ),
)
PARTS = st.recursive(
    PLAIN,
    lambda inner: st.builds(
        lambda said, keyword, parts: {**said, keyword: parts},
        TYPES,
        st.sampled_from(("oneOf", "anyOf", "allOf")),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
SCHEMAS = st.fixed_dictionaries(
    {"properties": st.dictionaries(st.sampled_from(NAMES), PARTS)},
    optional={
        "type": st.sampled_from(("object", ["object", "null"], "array")),
        "required": st.lists(st.sampled_from(NAMES), unique=True),
        "additionalProperties": st.one_of(
            st.booleans(), st.just({"type": "string", "maxLength": 1})
        ),
        "minProperties": st.integers(0, 2),
    },
)
VALUES = st.sampled_from(
    (
        *("", "x", "xyz", "2026-01-31", "2026-01-31T10:00:00Z", "1"),
        *(0, 1, 2, -3, 10**30, True, False, None),
        *map(decimal.Decimal, ("1.0", "1.5", "2.00", "-0.25")),
        *([], ["x"], [1], {}, {"a": 1}, {"a": "x"}, {"b": 1}),
    )
)
RECORDS = st.lists(st.dictionaries(st.sampled_from((*NAMES, "d")), VALUES), min_size=1, max_size=12)


@given(schema=SCHEMAS, records=RECORDS)
def test_a_record_fits_if_it_fits_alone(
    schema: dict[str, t.Any], records: list[dict[str, t.Any]]
) -> None:
    shapes = SchemaCheck(schema)
    plain = compiled(understood(schema)[0])
    for record in records * 2:
        assert (not shapes.misfit(record, shapes.of(record))) == plain.is_valid(record)


@pytest.mark.parametrize(
    "value", ["x", 1, decimal.Decimal("1.5"), True, None, {"a": [1]}, [{"a": 1}, "x"]]
)
def test_an_undocumented_column_is_not_checked_in_each_record(value: object) -> None:
    check = SchemaCheck({"properties": {"a": ANYTHING, "b": {"type": "integer"}}})
    record = {"a": value, "b": 1}
    assert check.misfit(record, check.of(record)) == ""
    assert check.of(record).open == ()


@pytest.mark.parametrize(
    ("said", "first", "second", "word"),
    [
        ({"type": "string", "pattern": "^[0-9-]+$"}, "2026-01-31", "soon", "match"),
        ({"type": "string", "maxLength": 2}, "ab", "abc", "longer"),
        ({"type": "integer"}, decimal.Decimal("1.0"), decimal.Decimal("1.5"), "integer"),
        ({"type": "array", "items": {"type": "string"}}, ["a"], [1], "string"),
    ],
)
def test_values_are_checked_in_each_record(
    said: dict[str, t.Any], first: object, second: object, word: str
) -> None:
    shapes = SchemaCheck({"properties": {"a": said, "b": {"type": "integer"}}})
    good, bad = {"a": first, "b": 1}, {"a": second, "b": 1}
    assert shapes.of(good) is shapes.of(bad)
    assert not shapes.misfit(good, shapes.of(good))
    found = shapes.misfit(bad, shapes.of(bad))
    assert found.partition(" ")[0] in {"a", "a.0"}
    assert word in found


def test_marks_are_no_part_of_a_record() -> None:
    shapes = SchemaCheck(None)
    assert shapes.of({"a": 1, "_sdc_batched_at": "now", "b": 2}).own == ("a", "b")
    assert shapes.of({"a": 1, "b": 2}).own is None
    assert shapes.of({}).own is None


def test_the_memory_of_shapes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_erp.schema_check._REMEMBERED", 10)
    shapes = SchemaCheck({"properties": {"a": {"type": "integer"}}})
    first = shapes.of({"a": 1})
    assert shapes.of({"a": 2}) is first
    for number in range(10):
        record = {"a": "text", f"name {number}": 1}
        assert shapes.misfit(record, shapes.of(record))
    assert shapes.of({"a": 2}) is not first


@pytest.mark.parametrize("odd", ["\n", "\u2028", "\x1b[31m", "\u202e"])
def test_what_is_wrong_is_one_line_that_prints(odd: str) -> None:
    shapes = SchemaCheck({"properties": {f"a{odd}": {"const": odd}, "b": {"required": [odd]}}})
    for record in ({f"a{odd}": odd * 2}, {"b": {}}):
        found = shapes.misfit(record, shapes.of(record))
        assert found.isprintable()
        assert "does not fit the SCHEMA message" in found
