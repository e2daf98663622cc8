"""Whatever comes in: one clear line or a record that is settled, and never a traceback."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp_plugin.cli import FAILED
from erp_vendors.errors import ConfigError
from target_erp.run import REJECTED
from target_erp.target import TargetErp
from tests.support.plugins import Message, record, run_target, schema, state
from tests.support.scale import full, mostly_nightly

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

pytestmark = pytest.mark.slow

EMPLOYEES = "aimsio_employees"

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from([EMPLOYEES, "E-1", "", "\ud800", 10**40, -1]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(["type", "properties", "employeeCode", "$ref", "required"]),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
MEMBERS = ("type", "stream", "schema", "key_properties", "record", "version", "value", "extra")
WHOLE: tuple[Message, ...] = (
    schema(EMPLOYEES, ["employeeCode"], employeeNotes={"type": ["string", "null"]}),
    record(EMPLOYEES, employeeCode="E-2", employeeNotes="a note"),
    {"type": "ACTIVATE_VERSION", "stream": EMPLOYEES, "version": 1},
    state({"n": 1}),
    {"type": "BATCH", "stream": EMPLOYEES, "encoding": {}, "manifest": ["file:///nowhere"]},
)
many = settings(
    max_examples=full(5, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(vendor: Vendor, line: Message | str | bytes, **config: t.Any) -> int:
    """Run with a line in the middle; what comes before it is settled, and what comes after it."""
    vendor.taken.clear()
    messages = [
        schema(EMPLOYEES, ["employeeCode"]),
        record(EMPLOYEES, employeeCode="E-1"),
        state("before"),
        line,
        schema(EMPLOYEES, ["employeeCode"]),
        record(EMPLOYEES, employeeCode="E-3"),
        state("behind"),
    ]
    run = run_target(vendor.config(**config), messages)
    assert run.code in {0, FAILED, REJECTED}, run.error
    assert "\n" not in run.error
    codes = [row["employeeCode"] for row in vendor.taken]
    assert "E-1" in codes
    if run.code == FAILED:
        assert run.states == ["before"]
        assert "line 4 of the input" in run.error
        assert "E-3" not in codes
    else:
        assert run.states == ["behind"]
        assert "E-3" in codes
    return run.code


@many
@given(message=st.sampled_from(WHOLE), member=st.sampled_from(MEMBERS), value=JSON)
def test_any_member_of_any_message_may_be_anything(
    vendor: Vendor, message: Message, member: str, value: t.Any
) -> None:
    check(vendor, {**message, member: value})


@many
@given(message=st.sampled_from(WHOLE), member=st.sampled_from(MEMBERS))
def test_any_member_may_be_missing(vendor: Vendor, message: Message, member: str) -> None:
    check(vendor, {name: value for name, value in message.items() if name != member})


@many
@given(
    st.one_of(
        JSON.map(json.dumps),
        st.text().filter(lambda text: "\n" not in text and "\r" not in text),
        st.binary().filter(lambda text: b"\n" not in text),
    )
)
def test_a_line_may_be_anything(vendor: Vendor, line: str | bytes) -> None:
    encoded = line if isinstance(line, bytes) else line.encode()
    assert check(vendor, line) == (FAILED if encoded.strip() else 0)


@many
@given(JSON, JSON)
def test_a_record_and_its_schema_may_be_anything(vendor: Vendor, body: t.Any, said: t.Any) -> None:
    lines = [
        {"type": "SCHEMA", "stream": EMPLOYEES, "schema": said, "key_properties": []},
        {"type": "RECORD", "stream": EMPLOYEES, "record": body},
    ]
    check(vendor, "\n".join(json.dumps(line) for line in lines[:1]))
    check(vendor, lines[1])


DEEP = {
    "record": '{"type":"RECORD","stream":"@","record":{"employeeCode":"E-2","employeeNick":%}}',
    "value": '{"type":"STATE","value":%}',
    "schema": '{"type":"SCHEMA","stream":"@","schema":{"properties":{"a":{"items":%}}}}',
    "keys": '{"type":"SCHEMA","stream":"@","schema":{"properties":{}},"key_properties":%}',
    "more": '{"type":"RECORD","stream":"@","record":{"employeeCode":"E-2"},"more":%}',
}


@pytest.mark.parametrize(
    ("levels", "kind", "place"),
    mostly_nightly(
        itertools.product((100, 190, 250, 2_000, 20_000, 200_000), ("array", "object"), DEEP)
    ),
)
def test_nesting_has_a_bound(vendor: Vendor, levels: int, kind: str, place: str) -> None:
    opening, closing = {"array": ("[", "]"), "object": ('{"a":', "}")}[kind]
    nested = opening * levels + "1" + closing * levels
    line = DEEP[place].replace("@", EMPLOYEES).replace("%", nested)
    code = check(vendor, line)
    if levels > 200 or place == "keys":
        assert code == FAILED
    else:
        assert code != FAILED


NUMBERS = {
    "1e9999999999999999999": FAILED,
    "-1e-9999999999999999999": FAILED,
    "1e999999999": FAILED,
    "0e999999999": FAILED,
    "1" * 5_000: FAILED,
    "0." + "1" * 5_000: FAILED,
    "NaN": FAILED,
    "-Infinity": FAILED,
    "1e400": 0,
    "7" * 4_000: 0,
    "-0.0": 0,
}


@pytest.mark.parametrize(
    ("number", "said"),
    mostly_nightly(
        itertools.product(NUMBERS, ({}, {"type": "number"}, {"multipleOf": 2}, {"maximum": 3}))
    ),
    ids=lambda value: str(value)[:20],
)
def test_numbers_have_a_bound(vendor: Vendor, number: str, said: Message) -> None:
    lines = [
        json.dumps(schema(EMPLOYEES, ["employeeCode"], big=said)),
        f'{{"type":"RECORD","stream":"{EMPLOYEES}","record":{{"employeeCode":"E-2","big":{number}}}}}',
    ]
    run = run_target(vendor.config(), [*lines, state("behind")])
    assert (run.code == FAILED) == (NUMBERS[number] == FAILED)
    if run.code == FAILED:
        assert run.states == []
        assert "line 2 of the input" in run.error
        assert len(run.error) < 200
    value = run_target(vendor.config(), [f'{{"type":"STATE","value":{number}}}'])
    assert value.code == NUMBERS[number]


SHAPELESS = [
    ({"type": "RECORD", "stream": EMPLOYEES, "record": [1]}, EMPLOYEES, "record is a list"),
    ({"type": "RECORD", "stream": EMPLOYEES, "record": None}, EMPLOYEES, "record is null"),
    ({"type": "RECORD", "stream": EMPLOYEES, "record": "x"}, EMPLOYEES, "record is text"),
    ({"type": "RECORD", "stream": EMPLOYEES, "record": 1}, EMPLOYEES, "record is a number"),
    ({"type": "RECORD", "stream": EMPLOYEES}, EMPLOYEES, "record is missing"),
    ({"type": "RECORD", "stream": None, "record": {}}, "RECORD", "name of a stream"),
    ({"type": "RECORD", "stream": 5, "record": {}}, "RECORD", "name of a stream"),
    ({"type": "RECORD", "record": {}}, "RECORD", "name of a stream"),
    ({"type": "RECORD", "stream": "aimsio_nrbs", "record": {}}, "aimsio_nrbs", "before"),
    ({"type": "SCHEMA", "stream": EMPLOYEES}, EMPLOYEES, "schema is missing"),
    ({"type": "SCHEMA", "stream": EMPLOYEES, "schema": None}, EMPLOYEES, "schema is null"),
    ({"type": "SCHEMA", "stream": EMPLOYEES, "schema": []}, EMPLOYEES, "schema is a list"),
    ({"type": "SCHEMA", "stream": EMPLOYEES, "schema": True}, EMPLOYEES, "schema is true or"),
    ({"type": "SCHEMA", "stream": EMPLOYEES, "schema": {}}, EMPLOYEES, "properties is missing"),
    (
        {"type": "SCHEMA", "stream": EMPLOYEES, "schema": {"properties": []}},
        EMPLOYEES,
        "properties is a list",
    ),
    ({**schema(EMPLOYEES), "key_properties": "employeeCode"}, EMPLOYEES, "key_properties"),
    ({**schema(EMPLOYEES), "key_properties": [1]}, EMPLOYEES, "key_properties"),
    ({**schema(EMPLOYEES), "key_properties": {"a": 1}}, EMPLOYEES, "key_properties"),
    ({"type": "STATE"}, "STATE", "without a value"),
    ({"type": "ACTIVATE_VERSION", "stream": EMPLOYEES}, EMPLOYEES, "version is missing"),
    (
        {"type": "ACTIVATE_VERSION", "stream": EMPLOYEES, "version": "1"},
        EMPLOYEES,
        "version is text",
    ),
    (
        {"type": "ACTIVATE_VERSION", "stream": EMPLOYEES, "version": True},
        EMPLOYEES,
        "version is true or false",
    ),
    ({"type": "ACTIVATE_VERSION", "stream": "aimsio_nrbs", "version": 1}, "aimsio_nrbs", "before"),
    (WHOLE[4], EMPLOYEES, "`batch_config`"),
    ({"type": ["RECORD"]}, "['RECORD']", "unknown message type"),
]


@pytest.mark.parametrize(("message", "name", "complaint"), SHAPELESS)
def test_a_message_without_a_usable_shape_is_named(
    vendor: Vendor, message: Message, name: str, complaint: str
) -> None:
    assert check(vendor, message) == FAILED
    run = run_target(vendor.config(), [schema(EMPLOYEES), message])
    assert run.error.startswith("line 2 of the input has ")
    assert name in run.error
    assert complaint in run.error


def test_a_manifest_is_not_opened(vendor: Vendor, tmp_path: pathlib.Path) -> None:
    manifest = tmp_path / "batch.jsonl"
    manifest.write_text('{"employeeCode": "E-2"}\n')
    before = manifest.stat().st_atime_ns
    batch = {**WHOLE[4], "encoding": {"format": "jsonl", "compression": "none"}}
    batch["manifest"] = [manifest.as_uri()]
    assert check(vendor, batch) == FAILED
    assert manifest.stat().st_atime_ns == before


HARMLESS: tuple[str | bytes, ...] = (
    "",
    "   ",
    "\r",
    b"\xef\xbb\xbf" + json.dumps(record(EMPLOYEES, employeeCode="E-2")).encode(),
    json.dumps(record(EMPLOYEES, employeeCode="E-2")) + "\r",
    json.dumps(record(EMPLOYEES, employeeCode="E-2", employeeNick="x" * 3_000_000)),
    '{"type":"RECORD","stream":"aimsio_employees","record":{"employeeCode":"a","employeeCode":"E-2"}}',
    '{"type":"RECORD","stream":"aimsio_employees","record":{"employeeCode":"E-2","x":"\\ud800"}}',
    json.dumps({**schema(EMPLOYEES), "key_properties": None}),
    json.dumps({**schema(EMPLOYEES), "key_properties": ["employeeCode", "employeeCode"]}),
)


@pytest.mark.parametrize("line", HARMLESS, ids=range(len(HARMLESS)))
def test_unusual_messages_that_can_be_understood_are(vendor: Vendor, line: str | bytes) -> None:
    assert check(vendor, line) == 0
    assert all(row["employeeCode"] in {"E-1", "E-2", "E-3"} for row in vendor.taken)


@pytest.mark.parametrize(
    "line", [b"\xff\xfe", b'{"type": "STATE", "value": "\xe9"}', "{} {}", "<html>", "{", "nul"]
)
def test_a_line_that_is_no_json_is_named(vendor: Vendor, line: str | bytes) -> None:
    assert check(vendor, line) == FAILED


BUILT_IN = ("stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth")
SETTING = st.sampled_from(
    sorted({*TargetErp.config_jsonschema["properties"], *BUILT_IN} - {"ledger", "dead_letters"})
)


@many
@given(name=SETTING, value=JSON)
def test_a_setting_may_be_anything(vendor: Vendor, name: str, value: t.Any) -> None:
    config = {**vendor.config(), "plan_file": "none", name: value}
    complaint = refusal(lambda: TargetErp(config=config))
    assert "\n" not in complaint
    assert not complaint or "setting" in complaint or name in complaint


STREAMS = st.one_of(
    JSON,
    st.dictionaries(
        st.sampled_from([EMPLOYEES, "*", "other", "__else__"]),
        st.one_of(
            st.none(),
            st.dictionaries(
                st.sampled_from(
                    [
                        "employeeNick",
                        "employeeCode",
                        "__filter__",
                        "__alias__",
                        "__source__",
                        "__else__",
                        "new",
                        "__key_properties__",
                    ]
                ),
                st.one_of(
                    st.none(),
                    st.sampled_from(
                        [
                            "record",
                            "1 +",
                            "1/0",
                            "nobody",
                            "int(employeeCode)",
                            "__NULL__",
                            "''",
                            "bool(0)",
                            "[1, {2: 3}]",
                            "float('nan')",
                            "aimsio_employees",
                            "1 + 1",
                            "'x'*3",
                            "datetime.date(2026, 1, 1)",
                            "datetime",
                            "md5(employeeCode)",
                            "_",
                        ]
                    ),
                    JSON,
                ),
                max_size=3,
            ),
        ),
        max_size=3,
    ),
)


@settings(many, max_examples=full(10, 200))
@given(maps=STREAMS)
def test_stream_maps_may_be_anything(vendor: Vendor, maps: t.Any) -> None:
    messages = [
        schema(EMPLOYEES, ["employeeCode"], employeeCode={"type": "string"}, employeeNick={}),
        record(EMPLOYEES, employeeCode="E-1", employeeNick="x"),
        state("end"),
    ]
    config = vendor.config(stream_maps=maps, unknown_streams="skip")
    complaint = refusal(lambda: TargetErp(config=config))
    if complaint:
        assert "\n" not in complaint
        assert "stream_maps" in complaint
        return
    run = run_target(config, messages)
    assert "\n" not in run.error
    assert run.states == ([] if run.code == FAILED else ["end"])


def refusal(call: t.Callable[[], object]) -> str:
    """What a config error says; empty if there is none."""
    try:
        call()
    except ConfigError as error:
        return str(error)
    return ""


def command(folder: pathlib.Path, lines: str, how: str) -> subprocess.CompletedProcess[str]:
    """The target as a process, in a shell that opens its stdin and stdout as told."""
    config = folder / "config.json"
    block = {"api_url": "http://127.0.0.1:9", "username": "u", "password": "p-secret"}
    config.write_text(json.dumps({"aimsio": block}))
    (folder / "lines").write_text(lines)
    return subprocess.run(
        ["/bin/sh", "-c", how.replace("@", f"{sys.executable} -m target_erp --config {config}")],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("how", "complaint"),
    mostly_nightly(
        [
            ("@ <&-", "stdin is closed"),
            ("@ <lines >&-", "STATE cannot be written to stdout"),
            ("(@ <lines; echo $? >code) | true", "STATE cannot be written to stdout"),
            ("@ <lines >/dev/full", "STATE cannot be written to stdout"),
        ],
        keep=(0, 2),
    ),
)
def test_closed_pipes_are_one_line_each(tmp_path: pathlib.Path, how: str, complaint: str) -> None:
    done = command(tmp_path, json.dumps(state(1)) + "\n", how)
    code = tmp_path / "code"
    assert (int(code.read_text()) if code.exists() else done.returncode) == FAILED
    errors = [line for line in done.stderr.splitlines() if "INFO" not in line]
    assert len(errors) == 1, done.stderr
    assert complaint in errors[0]
