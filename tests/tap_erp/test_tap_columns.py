"""Columns that no document names: announced once, fit for whatever comes."""

from __future__ import annotations

import contextlib
import decimal
import io
import json
import typing as t
from unittest import mock

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors import schemas
from erp_vendors.schemas import ANYTHING
from erp_vendors.vendors import VENDORS
from tap_erp.columns import kinds_of, widened
from tap_erp.learning import LearningStream
from tap_erp.resource_stream import ResourceStream
from tap_erp.streams import STREAMS
from target_erp.schema_check import SchemaCheck
from tests.support.scale import full
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import Message, aimsio, cimcloud, make_tap, parsed, run_tap
from tests.tap_erp.test_any_answer import block

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap

LOCAL = "http://127.0.0.1:1"
NAME = "aimsio_made_up"

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**9)),
    st.text(max_size=3),
    st.lists(st.integers(0, 1), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 1), max_size=2),
)
ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=8)


class Rows(LearningStream):
    """A stream with two documented columns, whose rows a test gives."""

    vendor = "aimsio"
    rows: t.ClassVar[list[Message]] = []

    def __init__(self, tap: BaseTap) -> None:
        properties = {"id": {"type": "integer"}, "a": {"type": ["string", "null"]}}
        super().__init__(tap, name=NAME, schema={"properties": properties}, primary_keys=("id",))

    def get_records(self, context: Context | None) -> t.Iterator[Record]:  # noqa: ARG002
        yield from ({"id": number, **row} for number, row in enumerate(self.rows))


def read(rows: list[Message], columns: str | None = None) -> list[Message]:
    """The messages of a run that reads some rows."""
    out = io.TextIOWrapper(io.BytesIO())
    config = {**aimsio("http://127.0.0.1:1")}
    if columns:
        config["undocumented_columns"] = columns
    streams = mock.patch.dict(STREAMS, aimsio=lambda tap: [Rows(tap)])
    with streams, mock.patch.object(Rows, "rows", rows), contextlib.redirect_stdout(out):
        make_tap(config).sync_all()
    out.flush()
    lines = t.cast("t.Any", out).buffer.getvalue().splitlines()
    return [message for message in parsed(lines) if message["type"] != "STATE"]


def text_in_every_loader(column: Message) -> bool:
    """Whether the loaders that docs/warehouses.md names make a text column of this."""
    return column.get("oneOf") == ANYTHING["oneOf"] or column.get("type") == ["string", "null"]


@pytest.mark.slow
@settings(max_examples=full(10, 600), deadline=None)
@given(rows=ROWS)
def test_no_column_ever_needs_another_type_and_every_value_fits(rows: list[Message]) -> None:
    announced: Message = {}
    check = None
    for message in read(rows):
        if message["type"] == "SCHEMA":
            columns = message["schema"]["properties"]
            assert columns != announced, "SCHEMA goes out again only with something new"
            assert all(text_in_every_loader(columns[name]) for name in columns if name != "id")
            assert announced.keys() <= columns.keys()
            announced = columns
            check = SchemaCheck(message["schema"])
            validator = jsonschema_rs.Draft7Validator(message["schema"])
        else:
            validator.validate(message["record"])
            assert message["record"].keys() <= announced.keys()
            # What reads must be able to write: the target checks a record in its own way.
            assert check is not None
            assert not check.misfit(message["record"], check.of(message["record"]))
    sent = [m["record"] for m in read(rows) if m["type"] == "RECORD"]
    assert json.dumps(sent, default=str) == json.dumps(
        [{"id": n, **row} for n, row in enumerate(rows)], default=str
    ), "the values on the wire stay as they were"


@pytest.mark.slow
@settings(max_examples=full(8, 400), deadline=None)
@given(rows=ROWS)
def test_columns_as_seen_fit_every_value_too(rows: list[Message]) -> None:
    for message in read(rows, "as_seen"):
        if message["type"] == "SCHEMA":
            validator = jsonschema_rs.Draft7Validator(message["schema"])
        else:
            validator.validate(message["record"])


@pytest.mark.parametrize("vendor", VENDORS)
def test_all_streams_of_all_vendors_announce_an_undocumented_column_alike(vendor: str) -> None:
    streams = make_tap(block(vendor, "http://127.0.0.1:1")).streams.values()
    assert streams
    for stream in streams:
        if stream.name == "aimsio_object_index":  # its rows are made here, and never have others
            continue
        assert isinstance(stream, LearningStream)
        stream.learn([{"made_up": None, "count": 5}])
        columns = stream.effective_schema["properties"]
        assert columns["made_up"] == ANYTHING
        if (
            "count"
            not in schemas.load(vendor, stream.name.removeprefix(f"{vendor}_"))["properties"]
        ):
            assert columns["count"] == ANYTHING


@pytest.mark.parametrize(
    ("known", "value", "expected"),
    [
        (None, 1, {"type": ["integer", "null"]}),
        (None, decimal.Decimal("1.0"), {"type": ["number", "null"]}),
        ({"type": ["number", "null"]}, 1, {"type": ["number", "null"]}),
        ({"type": "integer"}, decimal.Decimal("1.5"), {"type": ["number", "integer"]}),
        ({"type": ["integer", "null"]}, "x", {"type": ["string", "integer", "null"]}),
        ({"anyOf": [{"type": "string"}]}, 1, {"anyOf": [{"type": "string"}]}),
    ],
)
def test_types_as_seen(known: Message | None, value: object, expected: Message) -> None:
    assert widened(known, kinds_of([{"c": value}])["c"], stable=False) == expected


def test_a_documented_text_column_that_holds_a_number_stays_text_in_loaders() -> None:
    known = {"type": ["string", "null"], "description": "d", "maxLength": 3}
    assert widened(known, {"integer"}, stable=True) == {"description": "d", **ANYTHING}


def test_a_schema_of_the_settings_types_a_column_for_good() -> None:
    known = {"type": ["integer", "null"]}
    assert widened(known, {"integer"}, stable=True) is known


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_vendor_widens_a_column_that_the_settings_type(
    vendor: str, caplog: pytest.LogCaptureFixture
) -> None:
    plain = make_tap(block(vendor, LOCAL)).streams.values()
    names = [
        s.resource.name
        for s in plain
        if isinstance(s, ResourceStream) and s.keys_setting == "resources"
    ]
    schema = {"properties": {"w": {"type": ["number", "null"]}, "any": {}}}
    typed = block(vendor, LOCAL)
    typed[vendor]["resources"] = [{"name": name, "schema": schema} for name in names]
    streams = [
        s
        for s in make_tap(typed).streams.values()
        if isinstance(s, ResourceStream) and s.resource.name in names
    ]
    assert len(streams) == len(names) > 0
    rows: list[Message] = [{"w": 1}, {"w": decimal.Decimal("1.5")}, {"w": None, "any": "x"}, {}]
    for stream in streams:
        if stream.at_once:
            continue
        stream.learn([*rows, {"w": "heavy"}])
        assert stream.effective_schema["properties"]["w"] == {"type": ["number", "null"]}
        assert stream.fitting([*rows, {"w": "heavy"}, {"w": True}, {"w": {}}]) == rows
        assert stream.faults.count == 3
        assert f"{stream.name}: the w of a record is of type string" in caplog.text


def test_a_record_that_does_not_fit_is_told_and_left_out_and_the_bookmark_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows: list[Message] = [
        {"ref_id": str(n), "w": w, "last_modify_date": f"2026-03-01T10:0{n}:00"}
        for n, w in enumerate([1, "heavy", 2])
    ]

    def answer(request: Request) -> Reply:
        if "authenticate" in request.path:
            return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
        return Reply(body=rows)

    schema = {"properties": {"ref_id": {"type": "string"}, "w": {"type": ["number", "null"]}}}
    stated = [{"name": "accounts", "schema": schema}]
    with running_stub(answer) as stub:
        settings = {**cimcloud(stub.url, resources=stated), "reconcile_days": 0}
        run = run_tap(settings, "cimcloud_accounts")
        rows[1]["w"] = 5
        again = run_tap(settings, "cimcloud_accounts", state=run.state or None)
    assert run.code == 1
    assert [row["ref_id"] for row in run.records("cimcloud_accounts")] == ["0", "2"]
    assert run.kinds("cimcloud_accounts").count("SCHEMA") == 1
    assert "ACTIVATE_VERSION" not in run.kinds("cimcloud_accounts")
    assert "replication_key_value" not in str(run.states)
    (told,) = [r.getMessage() for r in caplog.records if "of type string" in r.getMessage()[:99]][
        :1
    ]
    for word in ("cimcloud_accounts", "the w of", "ref_id '1'", "cimcloud.resources", "number"):
        assert word in told
    assert again.code == 0
    assert len(again.records("cimcloud_accounts")) == 3


def test_a_bookmark_in_mid_stream_does_not_pass_a_record_that_does_not_fit() -> None:
    stamps = {"a": 1_000, "b": 2_000, "c": 3_000}

    def answer(request: Request) -> Reply:
        guid = request.path.rsplit("/", 1)[-1]
        if guid in stamps:
            code = 7 if guid == "b" else guid
            return Reply(
                body={"employeeGuid": guid, "employeeCode": code, "employeeUpdatedAt": stamps[guid]}
            )
        return Reply(
            body=[{"dtype": "Employee", "guid": g, "updatedAt": at} for g, at in stamps.items()]
        )

    schema = {"properties": {"employeeCode": {"type": "string"}}}
    with running_stub(answer) as stub, mock.patch("tap_erp.stream._STATE_SECONDS", 0):
        settings = aimsio(stub.url, resources=[{"name": "employees", "schema": schema}])
        run = run_tap(settings, "aimsio_employees")
    assert run.code == 1
    assert [row["employeeGuid"] for row in run.records("aimsio_employees")] == ["a", "c"]
    assert [
        s["bookmarks"]["aimsio_employees"]["replication_key_value"]
        for s in run.states
        if "replication_key_value" in str(s)
    ]
    assert all(
        s["bookmarks"]["aimsio_employees"].get("replication_key_value", 0) <= 1_000
        for s in run.states
    )
