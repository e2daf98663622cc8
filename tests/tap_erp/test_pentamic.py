"""Pentamic's streams: whole lists, invoices per customer, nothing lost."""

from __future__ import annotations

import contextlib
import io
import json
import time
import typing as t

import pytest

from erp_plugin import config_schema
from erp_plugin.cli import ExitCode
from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.pentamic import PENTAMIC
from erp_vendors.schemas import ANYTHING
from erp_vendors.vendors import VENDORS
from tap_erp.settings import SETTINGS
from tap_erp.streams import STREAMS
from tap_erp.streams import pentamic as streams
from tap_erp.tap import TapErp
from tests.erp_vendors.pentamic.played import ANN, BOB, Pentamic, played
from tests.support.stub import Reply, Request
from tests.tap_erp.running import parsed

CUSTOMERS = "pentamic_customers"
INVOICES = "pentamic_customer_invoices"


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(VENDORS, "pentamic", PENTAMIC)
    monkeypatch.setitem(STREAMS, "pentamic", streams.streams)
    monkeypatch.setattr(TapErp, "config_jsonschema", config_schema(SETTINGS))


@pytest.fixture
def pentamic(short_pauses: None) -> t.Iterator[Pentamic]:  # noqa: ARG001
    with played() as found:
        yield found


class Run(t.NamedTuple):
    """What a run of the tap said."""

    messages: list[dict[str, t.Any]]
    error: str

    def of(self, kind: str, stream: str = "") -> list[dict[str, t.Any]]:
        return [
            message
            for message in self.messages
            if message["type"] == kind and message.get("stream", "") in {stream, ""}
        ]

    def records(self, stream: str) -> list[dict[str, t.Any]]:
        return [message["record"] for message in self.of("RECORD", stream)]


def run(
    pentamic: Pentamic,
    *,
    select: t.Sequence[str] = (),
    deselect: t.Sequence[str] = (),
    state: dict[str, t.Any] | None = None,
    top: t.Mapping[str, t.Any] | None = None,
    **block: t.Any,
) -> Run:
    """Run the tap on some streams (none: all), without some properties (`stream.property`)."""
    config = {"pentamic": pentamic.block(**block), **(top or {})}
    catalog = None
    if select or deselect:
        catalog = TapErp(config=config).catalog_dict
        for entry in catalog["streams"]:
            for part in entry["metadata"]:
                name = ".".join((entry["tap_stream_id"], *part["breadcrumb"][1:]))
                if (select and not part["breadcrumb"] and name not in select) or name in deselect:
                    part["metadata"]["selected"] = False
                    part["metadata"]["inclusion"] = "available"
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw)
    error = ""
    with contextlib.redirect_stdout(out):
        tap = TapErp(config=config, catalog=catalog, state=state)
        try:
            tap.sync_all()
        except (ErpError, ExitCode) as failure:
            error = str(failure)
    return Run(parsed(raw.getvalue().splitlines()), error)


def test_both_streams_from_one_list(pentamic: Pentamic) -> None:
    found = run(pentamic)
    assert found.error == ""
    assert found.records(CUSTOMERS) == [ANN, BOB]
    assert found.records(INVOICES) == [
        {"_customer_id": 1, "id": 11, "total": 10.5},
        {"_customer_id": 2, "id": 21},
    ]
    assert sorted(pentamic.calls) == [
        "GET /api/customers/1/invoices",
        "GET /api/customers/2/invoices",
        "GET /api/customers?orderBy=id",
    ]
    assert pentamic.tokens == 1


def test_discovery_makes_no_call(pentamic: Pentamic) -> None:
    catalog = TapErp(config={"pentamic": pentamic.block()}).catalog_dict
    keys = {entry["tap_stream_id"]: list(entry["key_properties"]) for entry in catalog["streams"]}
    assert keys == {CUSTOMERS: ["id"], INVOICES: ["_customer_id", "id"]}
    schemas = {entry["tap_stream_id"]: entry["schema"] for entry in catalog["streams"]}
    tax_code = schemas[CUSTOMERS]["properties"]["taxCode"]
    assert tax_code["type"] == ["string", "null"]
    assert pentamic.stub.requests == []


def test_a_complete_copy_is_activated_after_its_last_record(pentamic: Pentamic) -> None:
    found = run(pentamic, select=[CUSTOMERS])
    kinds = [message["type"] for message in found.messages if message.get("stream") == CUSTOMERS]
    assert kinds == ["SCHEMA", "RECORD", "RECORD", "ACTIVATE_VERSION"]
    versions = {record["version"] for record in found.of("RECORD", CUSTOMERS)}
    assert versions == {found.of("ACTIVATE_VERSION", CUSTOMERS)[0]["version"]}
    assert pentamic.calls == ["GET /api/customers?orderBy=id"]


def test_invoices_alone(pentamic: Pentamic) -> None:
    found = run(pentamic, select=[INVOICES])
    assert [row["id"] for row in found.records(INVOICES)] == [11, 21]
    assert found.records(CUSTOMERS) == []


def test_invoices_that_come_as_null_delete_none(pentamic: Pentamic) -> None:
    assert run(pentamic).of("ACTIVATE_VERSION", INVOICES)
    pentamic.instead = lambda request: (
        Reply(body=b"null") if request.path.startswith("/api/customers/1/") else None
    )
    found = run(pentamic)
    assert found.error == ""
    assert [row["id"] for row in found.records(INVOICES)] == [21]
    assert found.of("ACTIVATE_VERSION", CUSTOMERS)
    assert not found.of("ACTIVATE_VERSION", INVOICES)


def test_a_customer_without_its_key_does_not_cost_the_invoices(pentamic: Pentamic) -> None:
    """The SDK takes deselected properties out of the very record that it is given."""
    found = run(pentamic, deselect=[f"{CUSTOMERS}.name"])
    assert "name" not in found.records(CUSTOMERS)[0]
    assert [row["_customer_id"] for row in found.records(INVOICES)] == [1, 2]


def test_invoices_are_read_side_by_side_in_order(pentamic: Pentamic) -> None:
    numbers = list(range(1, 41))
    pentamic.customers = [{"id": number, "name": "x", "taxCode": "0"} for number in numbers]

    def slow(request: Request) -> Reply | None:
        if "/invoices" not in request.path:
            return None
        number = int(request.path.split("/")[3])
        return Reply(body=[{"id": number}], delay=0.02 * (number % 3))

    pentamic.instead = slow
    found = run(pentamic, select=[INVOICES], max_concurrency=4)
    assert [row["id"] for row in found.records(INVOICES)] == numbers
    assert 2 <= pentamic.stub.most_in_flight <= 4


@pytest.mark.serial
def test_the_default_rate_is_kept(pentamic: Pentamic) -> None:
    pentamic.customers = [{"id": number, "name": "x", "taxCode": "0"} for number in range(9)]
    pentamic.invoices = {str(number): [] for number in range(9)}
    started = time.monotonic()
    run(pentamic, requests_per_second=None)
    assert pentamic.stub.most_in_a_second() <= 5
    assert time.monotonic() - started < 20


def test_one_customers_trouble_is_not_the_others(pentamic: Pentamic) -> None:
    pentamic.customers = [{"id": number, "name": "x", "taxCode": "0"} for number in range(1, 6)]
    pentamic.invoices = {str(number): [{"id": number}] for number in range(1, 6)}

    def trouble(request: Request) -> Reply | None:
        if request.path == "/api/customers/2/invoices":
            return Reply(500)
        return Reply(body={}) if request.path == "/api/customers/4/invoices" else None

    pentamic.instead = trouble
    found = run(pentamic)
    assert [row["id"] for row in found.records(INVOICES)] == [1, 3, 5]
    assert len(found.records(CUSTOMERS)) == 5
    assert INVOICES in found.error
    assert "2 of its records or lists could not be read" in found.error
    assert "customers 2: pentamic: GET" in found.error
    assert len(found.of("ACTIVATE_VERSION", CUSTOMERS)) == 1
    assert found.of("ACTIVATE_VERSION", INVOICES) == []


def test_an_outage_ends_the_stream_before_all_customers_are_tried(pentamic: Pentamic) -> None:
    pentamic.customers = [{"id": number, "name": "x", "taxCode": "0"} for number in range(200)]
    pentamic.instead = lambda request: Reply(500) if "/invoices" in request.path else None
    found = run(pentamic, max_concurrency=1)
    assert "in a row could not be read" in found.error
    assert len(pentamic.calls) < 100


def test_a_customer_deleted_meanwhile_is_no_failure(pentamic: Pentamic) -> None:
    def delete(request: Request) -> None:
        if request.path == "/api/customers/2/invoices":
            del pentamic.invoices["2"]
            pentamic.customers = [ANN]
            pentamic.instead = lambda _: None

    pentamic.instead = delete
    found = run(pentamic)
    assert found.error == ""
    assert [row["id"] for row in found.records(INVOICES)] == [11]
    assert len(found.of("ACTIVATE_VERSION", INVOICES)) == 1


def test_a_customer_that_is_listed_but_unknown_is_a_failure(pentamic: Pentamic) -> None:
    del pentamic.invoices["2"]
    found = run(pentamic)
    assert "/customers lists 2, but the vendor does not know it" in found.error
    assert [row["id"] for row in found.records(INVOICES)] == [11]
    assert found.of("ACTIVATE_VERSION", INVOICES) == []


def test_no_permission_ends_the_stream(pentamic: Pentamic) -> None:
    state = run(pentamic).of("STATE")[-1]["value"]
    pentamic.instead = lambda request: Reply(403) if "/invoices" in request.path else None
    found = run(pentamic, state=state)
    assert "lacks the permission" in found.error
    assert found.records(CUSTOMERS) == [ANN, BOB]


def test_strange_elements_cost_only_themselves(pentamic: Pentamic) -> None:
    pentamic.customers = [ANN, None, "x", {"name": "no id"}, {"id": None}, BOB]
    found = run(pentamic)
    assert found.records(CUSTOMERS) == [ANN, BOB]
    assert [row["id"] for row in found.records(INVOICES)] == [11, 21]
    assert "2 of 2 streams failed" in found.error
    assert "4 of its records or lists could not be read" in found.error
    assert "element 1 of /customers is no record" in found.error


def test_invoices_whose_key_is_another_one(
    pentamic: Pentamic, caplog: pytest.LogCaptureFixture
) -> None:
    pentamic.invoices = {"1": [], "2": [{"number": "A-1"}, {"number": "A-2"}]}
    found = run(pentamic)
    assert found.error == ""
    assert found.records(INVOICES) == [
        {"_customer_id": 2, "number": "A-1"},
        {"_customer_id": 2, "number": "A-2"},
    ]
    (schema,) = found.of("SCHEMA", INVOICES)
    assert schema["key_properties"] == []
    assert "name the right one in pentamic.resources" in caplog.text

    named = [{"name": "customer_invoices", "primary_keys": ["number"]}]
    found = run(pentamic, resources=named)
    (schema,) = found.of("SCHEMA", INVOICES)
    assert schema["key_properties"] == ["number"]
    assert [row["number"] for row in found.records(INVOICES)] == ["A-1", "A-2"]


def test_columns_that_nobody_documents_are_in_the_schema(pentamic: Pentamic) -> None:
    pentamic.invoices = {
        "1": [{"id": 1, "total": 10.5}],
        "2": [{"id": number} for number in range(2, 40)] + [{"id": 40, "paid": True}],
    }
    found = run(pentamic, select=[INVOICES])
    first, second = found.of("SCHEMA", INVOICES)
    assert first["schema"]["properties"]["total"] == ANYTHING
    assert "paid" not in first["schema"]["properties"]
    assert second["schema"]["properties"]["paid"] == ANYTHING
    assert found.messages.index(second) < len(found.messages) - 2


def test_records_read_before_a_failure_are_emitted(pentamic: Pentamic) -> None:
    pentamic.instead = lambda request: Reply(403) if "/2/invoices" in request.path else None
    found = run(pentamic, select=[INVOICES], max_concurrency=1)
    assert [row["id"] for row in found.records(INVOICES)] == [11]
    assert "lacks the permission" in found.error
    assert found.of("ACTIVATE_VERSION", INVOICES) == []


def test_no_invoices_at_all_still_have_a_schema(pentamic: Pentamic) -> None:
    pentamic.invoices = {"1": [], "2": []}
    found = run(pentamic)
    (schema,) = found.of("SCHEMA", INVOICES)
    assert schema["key_properties"] == ["_customer_id", "id"]
    assert found.of("ACTIVATE_VERSION", INVOICES) == []


def test_a_named_bookmark_field_is_kept_without_loss(pentamic: Pentamic) -> None:
    entry = [{"name": "customer_invoices", "replication_key": "changedAt"}]
    rows = [{"id": 1, "changedAt": "2026-01-01"}, {"id": 2, "changedAt": "2026-01-02"}, {"id": 3}]
    pentamic.invoices = {"1": rows, "2": []}
    top = {"lookback_seconds": 0}
    first = run(pentamic, select=[INVOICES], resources=entry, top=top)
    assert [row["id"] for row in first.records(INVOICES)] == [1, 2, 3]
    state = first.of("STATE")[-1]["value"]
    # A late one with the bookmark's stamp, a changed one, and an old one.
    pentamic.invoices["2"] = [
        {"id": 4, "changedAt": "2026-01-02"},
        {"id": 1, "changedAt": "2026-01-03"},
    ]
    second = run(pentamic, select=[INVOICES], resources=entry, top=top, state=state)
    assert [row["id"] for row in second.records(INVOICES)] == [3, 4, 1]
    assert second.of("ACTIVATE_VERSION", INVOICES) == []


def test_a_failure_keeps_the_bookmark(pentamic: Pentamic) -> None:
    entry = [{"name": "customer_invoices", "replication_key": "changedAt"}]
    pentamic.invoices = {"1": [{"id": 1, "changedAt": "2026-01-05"}], "2": {"no": "list"}}
    found = run(pentamic, select=[INVOICES], resources=entry)
    assert found.error
    assert "replication_key_value" not in json.dumps(found.messages)


def test_zeros_and_xml_come_out_as_text(pentamic: Pentamic) -> None:
    pentamic.instead = lambda request: (
        Reply(body=b'[{"id": 1, "name": ": 012", "taxCode": 0106459932}]')
        if "/invoices" not in request.path
        else Reply(
            body=b"<ArrayOfInvoice><Invoice><Id>7</Id></Invoice></ArrayOfInvoice>",
            headers={"Content-Type": "application/xml"},
        )
    )
    found = run(pentamic)
    assert found.records(CUSTOMERS) == [{"id": 1, "name": ": 012", "taxCode": "0106459932"}]
    # Nothing tells that an invoice's id is a number, so XML leaves it text.
    assert found.records(INVOICES) == [{"_customer_id": 1, "id": "7"}]


def test_a_wrong_entry_stops_the_discovery(pentamic: Pentamic) -> None:
    with pytest.raises(ConfigError, match=r"pentamic\.resources \(lines\)"):
        run(pentamic, resources=[{"name": "lines", "path": "/x/{id}/lines"}])
