"""A SCHEMA message is the tap's word: read widely, nothing fetched, annotations never checked."""

from __future__ import annotations

import contextlib
import copy
import http.server
import threading
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_erp.schema_check import SchemaCheck
from target_erp.tap_schema import understood
from tests.support.plugins import record, run_target, schema, state

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

EMPLOYEES = "aimsio_employees"


def fits(said: dict[str, t.Any], value: t.Any, **more: t.Any) -> bool:
    """Whether a property may have a value; asked twice, for what is remembered."""
    shapes = SchemaCheck({"type": "object", "properties": {"a": said}, **more})
    body = {"a": value}
    verdicts = {not shapes.misfit(body, shapes.of(body)) for _ in range(2)}
    assert len(verdicts) == 1
    return verdicts.pop()


ANNOTATIONS = [
    ({"format": "date-time"}, "2026-01-31T10:15:00"),
    ({"format": "date-time"}, "2026-01-31 10:15:00"),
    ({"format": "time"}, "10:15:00"),
    ({"format": "date"}, "31.1.2026"),
    ({"format": "uuid"}, "no uuid"),
    ({"format": "email"}, "nobody"),
    ({"format": "uri"}, "a b"),
    ({"format": "ipv4"}, "1.2.3"),
    ({"format": "singer.decimal"}, "1.50"),
    ({"format": 5}, "x"),
    ({"contentEncoding": "base16"}, "zz"),
    ({"contentEncoding": "base64"}, "x!"),
    ({"contentMediaType": "application/json"}, "{"),
    ({"contentEncoding": "base64", "contentMediaType": "application/json"}, "x!"),
    ({"title": 5, "description": [], "default": {}, "examples": "x", "readOnly": "yes"}, "x"),
    ({"$schema": "no address"}, "x"),
]


@pytest.mark.parametrize(("said", "value"), ANNOTATIONS)
@pytest.mark.parametrize("depth", ["property", "items", "anyOf", "definitions"])
def test_annotations_are_never_checked(said: dict[str, t.Any], value: str, depth: str) -> None:
    said = {"type": "string", **said}
    if depth == "items":
        assert fits({"items": said}, [value])
        assert not fits({"items": said}, [1])
    elif depth == "anyOf":
        assert fits({"anyOf": [said, {"type": "null"}]}, value)
        assert not fits({"anyOf": [said, {"type": "null"}]}, 1)
    elif depth == "definitions":
        assert fits({"$ref": "#/definitions/x"}, value, definitions={"x": said})
        assert not fits({"$ref": "#/definitions/x"}, 1, definitions={"x": said})
    else:
        assert fits(said, value)
        assert not fits(said, 1)
    assert SchemaCheck({"properties": {"a": said}}).unchecked == ()


@pytest.mark.parametrize("name", ["format", "contentEncoding", "title", "required", "$ref", "not"])
def test_a_property_may_be_called_like_a_keyword(name: str) -> None:
    shapes = SchemaCheck({"properties": {name: {"type": "integer"}}, "required": [name]})
    assert shapes.unchecked == ()
    for body, good in (({name: 1}, True), ({name: "x"}, False), ({}, False)):
        assert (not shapes.misfit(body, shapes.of(body))) == good


@pytest.mark.parametrize(
    ("said", "good", "bad"),
    [
        ({"maximum": 5, "exclusiveMaximum": True}, [4, "x"], [5, 6]),
        ({"maximum": 5, "exclusiveMaximum": False}, [5], [6]),
        ({"minimum": 5, "exclusiveMinimum": True}, [6], [5]),
        ({"minimum": 5, "exclusiveMinimum": False}, [5], [4]),
        ({"exclusiveMaximum": True}, [10**9], []),
        ({"exclusiveMaximum": 5}, [4], [5]),
        ({"type": "object", "properties": {"b": {"required": True}}}, [{"b": 1}], [{}]),
        ({"properties": {"b": {"required": False}}, "required": ["c"]}, [{"c": 1}], [{"b": 1}]),
        ({"items": {"properties": {"b": {"required": True}}}}, [[{"b": 1}]], [[{}]]),
    ],
)
def test_forms_of_draft_4_are_understood(
    said: dict[str, t.Any], good: list[t.Any], bad: list[t.Any]
) -> None:
    assert SchemaCheck({"properties": {"a": said}}).unchecked == ()
    assert all(fits(said, value) for value in good)
    assert not any(fits(said, value) for value in bad)


def test_a_required_property_of_draft_4_has_to_be_there() -> None:
    shapes = SchemaCheck(
        {"properties": {"a": {"type": "integer", "required": True}}, "required": ["b"]}
    )
    for body, good in (({"a": 1, "b": 1}, True), ({"b": 1}, False), ({"a": 1}, False)):
        assert (not shapes.misfit(body, shapes.of(body))) == good


BROKEN: list[tuple[dict[str, t.Any], str]] = [
    ({"pattern": "(?P<year>[0-9]+)(?P=year)"}, "pattern"),
    ({"pattern": "^a\\Z"}, "pattern"),
    ({"pattern": "(?#comment)a"}, "pattern"),
    ({"pattern": "a(?i)b"}, "pattern"),
    ({"pattern": "["}, "pattern"),
    ({"pattern": "\\p{Nothing}"}, "pattern"),
    ({"pattern": 5}, "pattern"),
    ({"type": "any"}, "type"),
    ({"type": ["string", "datetime"]}, "type"),
    ({"type": 5}, "type"),
    ({"minLength": "3"}, "minLength"),
    ({"maxLength": -1}, "maxLength"),
    ({"multipleOf": 0}, "multipleOf"),
    ({"enum": "x"}, "enum"),
    ({"required": "b"}, "required"),
    ({"anyOf": []}, "anyOf"),
    ({"anyOf": [5]}, "anyOf"),
    ({"items": 5}, "items"),
    ({"items": {"type": "zzz"}}, "items.type"),
    ({"items": [{"type": "zzz"}]}, "items.0.type"),
    ({"not": {"type": "zzz"}}, "not"),
    ({"oneOf": [{"type": "zzz"}, {"type": "string"}]}, "oneOf"),
    ({"anyOf": [{"type": "zzz"}, {"type": "null"}]}, "anyOf.0.type"),
    ({"if": {"type": "zzz"}, "then": False}, "if"),
    ({"properties": 5, "additionalProperties": False}, "properties"),
    ({"properties": {"b": 5}, "additionalProperties": False}, "properties.b"),
    ({"patternProperties": {"[": {}}, "additionalProperties": False}, "patternProperties"),
    ({"dependencies": {"b": 5}}, "dependencies.b"),
    ({"$ref": "#/nowhere", "type": "integer"}, "$ref"),
    ({"$ref": "#nowhere"}, "$ref"),
    ({"$ref": "#/properties/a/type"}, "$ref"),
    ({"$ref": 5}, "$ref"),
    ({"$ref": "file:///etc/passwd"}, "$ref"),
    ({"$ref": "other.json#/definitions/x"}, "$ref"),
    ({"$id": 5}, "$id"),
]


@pytest.mark.parametrize(("said", "keyword"), BROKEN, ids=str)
def test_a_keyword_that_cannot_be_compiled_is_left_unchecked(
    said: dict[str, t.Any], keyword: str
) -> None:
    whole = {"properties": {"a": said, "b": {"type": "integer"}}}
    before = copy.deepcopy(whole)
    shapes = SchemaCheck(whole)
    assert whole == before
    assert shapes.unchecked == (f"properties.a.{keyword}",)
    for value in ("x", {"b": 1}, None, "b"):
        body = {"a": value, "b": 1}
        assert not shapes.misfit(body, shapes.of(body)), value
        wrong = {"a": value, "b": "text"}
        assert shapes.misfit(wrong, shapes.of(wrong)).startswith("b does not fit")


def test_keywords_beside_a_broken_one_are_checked() -> None:
    assert not fits({"pattern": "(?#x)", "maxLength": 2}, "abc")
    assert fits({"pattern": "(?#x)", "maxLength": 2}, "ab")


@pytest.mark.parametrize(
    ("more", "said", "good", "bad"),
    [
        ({"definitions": {"x": {"type": "integer"}}}, {"$ref": "#/definitions/x"}, 1, "x"),
        ({"$defs": {"a/b~": {"type": "integer"}}}, {"$ref": "#/$defs/a~1b~0"}, 1, "x"),
        ({"$defs": {"a b": {"type": "integer"}}}, {"$ref": "#/$defs/a%20b"}, 1, "x"),
        ({"parts": {"all": {"x": {"type": "integer"}}}}, {"$ref": "#/parts/all/x"}, 1, "x"),
        (
            {"definitions": {"x": {"$id": "#name", "type": "integer"}}},
            {"$ref": "#name"},
            1,
            "x",
        ),
        (
            {"additionalProperties": False},
            {"$ref": "#"},
            {"a": {"a": {}}},
            {"a": {"b": 1}},
        ),
    ],
    ids=str,
)
def test_local_references_are_followed(
    more: dict[str, t.Any], said: dict[str, t.Any], good: t.Any, bad: t.Any
) -> None:
    assert SchemaCheck({"properties": {"a": said}, **more}).unchecked == ()
    assert fits(said, good, **more)
    assert not fits(said, bad, **more)


def test_a_tree_is_checked_to_its_leaves() -> None:
    more = {
        "definitions": {
            "node": {
                "properties": {
                    "value": {"type": "integer"},
                    "next": {"anyOf": [{"$ref": "#/definitions/node"}, {"type": "null"}]},
                }
            }
        }
    }
    tree: dict[str, t.Any] = {"value": 1, "next": None}
    bad: dict[str, t.Any] = {"value": "x", "next": None}
    for _ in range(50):
        tree, bad = {"value": 1, "next": tree}, {"value": 1, "next": bad}
    assert fits({"$ref": "#/definitions/node"}, tree, **more)
    assert not fits({"$ref": "#/definitions/node"}, bad, **more)


@contextlib.contextmanager
def counting_server() -> t.Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_nothing_is_fetched_and_one_warning_says_so(
    vendor: Vendor, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "part.json"
    file.write_text('{"type": "integer"}')
    with counting_server() as (address, asked):
        said = {
            "employeeNick": {"$ref": f"{address}/a.json"},
            "employeeNotes": {"$ref": file.as_uri()},
            "employeeNickName": {"pattern": "(?#dialect)"},
        }
        messages: list[t.Any] = []
        for number in range(3):
            # Changed each time, so it is compiled each time.
            messages.append(schema(EMPLOYEES, ["employeeCode"], **said, **{f"p{number}": {}}))
            more = {"employeeNick": "x", "employeeNotes": "y", "employeeNickName": "z"}
            messages.append(record(EMPLOYEES, employeeCode=f"E-{number}", **more))
        run = run_target(vendor.config(), [*messages, state("end")])
    assert (run.code, run.states, asked) == (0, ["end"], [])
    assert len(vendor.taken) == 3
    (warning,) = [text for text in caplog.messages if "SCHEMA" in text]
    assert EMPLOYEES in warning
    assert "properties.employeeNick.$ref" in warning
    assert "properties.employeeNickName.pattern" in warning


WORDS = st.sampled_from(
    [
        *("type", "properties", "items", "required", "$ref", "anyOf", "oneOf", "not", "if", "then"),
        *("pattern", "enum", "const", "minimum", "exclusiveMaximum", "additionalProperties"),
        *("patternProperties", "dependencies", "definitions", "$id", "format", "maxLength", "x"),
    ]
)
ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 3),
        st.sampled_from(["string", "object", "#", "#/properties/a", "#/x", "[", "(?#)", "a", ""]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.slow
@given(st.dictionaries(WORDS, ANYTHING, max_size=4), ANYTHING)
def test_any_schema_can_be_used(said: dict[str, t.Any], value: t.Any) -> None:
    whole = {"properties": {"a": said}, "required": ["b"]}
    before = copy.deepcopy(whole)
    shapes = SchemaCheck(whole)
    assert whole == before
    for body in ({"a": value, "b": 1}, {"a": value, "b": 1}, {"a": value}):
        shapes.misfit(body, shapes.of(body))
    clean, unchecked = understood(whole)
    assert understood(clean) == (clean, [])
    # What cannot be understood in one property leaves the rest of the schema alone.
    assert unchecked == ["the whole schema"] or shapes.misfit({"a": value}, shapes.of({"a": value}))
