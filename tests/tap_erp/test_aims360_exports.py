"""Aqua exports as streams (aims360.md 10, 11)."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ErpError
from tap_erp.tap import TapErp
from tests.erp_vendors.aims360.fake import JOBS, Fake, Row, config, run_tap
from tests.support.stub import Reply, Request, running_stub

pytestmark = pytest.mark.slow

STREAM = "aims360_aqua_lines"
ENTRY = {"name": "lines", "source": "Orders", "view": "All Orders-Line Details"}
ROWS = [
    {"Order": "1", "Start Date": "1/31/2026", "Order Qty": 3, "Price": 10.5},
    {"Order": "2", "Start Date": None, "Order Qty": None, "Price": 1},
]


@pytest.fixture
def fake() -> t.Iterator[Fake]:
    fake = Fake()
    with running_stub(fake) as stub:
        fake.url = stub.url
        fake.output = lambda _: Reply(body={"totalRecordCount": len(ROWS), "data": ROWS})
        yield fake


def settings(fake: Fake, *entries: Row, **entry: t.Any) -> Row:
    return config(fake.url, aqua_exports=list(entries) or [{**ENTRY, **entry}])


def gives(fake: Fake, *rows: Row) -> None:
    fake.output = lambda _: Reply(body={"data": list(rows)})


def submissions(fake: Fake) -> list[str]:
    posts = [request for request in fake.requests if request.method == "POST"]
    return [request.path.rpartition("/")[2] for request in posts]


def test_an_export_becomes_a_stream_with_its_columns(fake: Fake) -> None:
    asked = {**settings(fake, primary_keys=["Order"]), "undocumented_columns": "as_seen"}
    run = run_tap(asked, STREAM)
    assert run.code == 0
    assert run.records(STREAM) == ROWS
    (schema,) = run.schemas(STREAM)
    assert schema["schema"]["properties"] == {
        "Order": {"type": ["string", "integer"]},
        "Start Date": {"type": ["string", "null"]},
        "Order Qty": {"type": ["integer", "null"]},
        "Price": {"type": ["number", "null"]},
    }
    assert schema["key_properties"] == ["Order"]
    types = [message["type"] for message in run.messages]
    assert types.index("SCHEMA") < types.index("RECORD")


def test_csv_has_text_only_and_the_schema_says_so(fake: Fake) -> None:
    body = b'Order No,PO Cancel,Price,PO Cancel\r\n1,"a, b",10.50,\r\n'
    fake.output = lambda _: Reply(body=body, headers={"Content-Type": "text/csv"})
    run = run_tap(settings(fake, format="csv", primary_keys=["OrderNo"]), STREAM)
    assert run.records(STREAM) == [
        {"Order No": "1", "PO Cancel": "a, b", "Price": "10.50", "PO Cancel_2": None}
    ]
    (schema,) = run.schemas(STREAM)
    assert schema["key_properties"] == ["Order No"], "blanks in captions may be left out"
    assert set(schema["schema"]["properties"]) == {"Order No", "PO Cancel", "Price", "PO Cancel_2"}


def test_decimals_stay_exact(fake: Fake) -> None:
    fake.output = lambda _: Reply(body=b'{"data": [{"Price": 10.500000000000000000001}]}')
    (row,) = run_tap(settings(fake), STREAM).records(STREAM)
    assert str(row["Price"]) == "10.500000000000000000001"


def test_an_empty_export_still_has_its_keys(fake: Fake) -> None:
    gives(fake)
    run = run_tap(settings(fake, primary_keys=["Order"]), STREAM)
    assert run.code == 0
    (schema,) = run.schemas(STREAM)
    assert schema["key_properties"] == ["Order"]
    assert "Order" in schema["schema"]["properties"]


def test_the_next_run_runs_the_job_again(fake: Fake) -> None:
    first = run_tap(settings(fake), STREAM)
    run = run_tap(settings(fake), STREAM, state=first.state)
    assert run.records(STREAM) == ROWS
    assert submissions(fake) == ["exportdata", "rerun"]


@pytest.mark.parametrize(
    "change", [{"view": "All Orders"}, {"source": "Invoices"}, {"format": "csv"}]
)
def test_another_question_is_another_job(fake: Fake, change: Row) -> None:
    first = run_tap(settings(fake), STREAM)
    fake.output = lambda _: Reply(body=b"[]", headers={"Content-Type": "application/json"})
    run_tap(settings(fake, **change), STREAM, state=first.state)
    assert submissions(fake) == ["exportdata", "exportdata"]


def test_a_run_that_was_killed_leaves_its_job_to_the_next_one(fake: Fake) -> None:
    fake.statuses = ["Queued", "Inprogress", "Inprogress", "Completed"]
    looks = []

    def before(request: Request) -> Reply | None:
        looks.append(request.path)
        return Reply(409) if len(looks) == 3 else None

    fake.before = before
    run = run_tap(settings(fake), STREAM)
    assert run.code == 1
    assert run.records(STREAM) == []
    fake.before = lambda _: None
    run = run_tap(settings(fake), STREAM, state=run.state)
    assert run.code == 0
    assert run.records(STREAM) == ROWS
    assert submissions(fake) == ["exportdata"]


def test_a_run_that_was_killed_while_it_emitted_starts_over(fake: Fake) -> None:
    entry = {"primary_keys": ["Order"], "replication_key": "Changed"}
    gives(
        fake, *({"Order": str(n), "Changed": f"2026-01-0{n}"} for n in range(1, 5)), {"Order": None}
    )
    run = run_tap(settings(fake, **entry), STREAM)
    assert run.code == 1
    assert len(run.records(STREAM)) == 4
    again = run_tap(settings(fake, **entry), STREAM, state=run.state)
    assert len(again.records(STREAM)) == 4, "without a bookmark nothing counts as read"


def test_a_failed_job_is_the_end_of_its_stream_only(fake: Fake) -> None:
    fake.statuses = ["Failed"]
    fake.lists["/codes/v1.0/currencies"] = [{"currencyID": "1"}]
    run = run_tap(settings(fake), STREAM, "aims360_currencies")
    assert run.code == 1
    assert "ended as 'Failed'" in run.error
    assert run.records("aims360_currencies")
    assert run.schemas(STREAM) == []
    fake.statuses = ["Completed"]
    again = run_tap(settings(fake), STREAM, state=run.state)
    assert again.records(STREAM) == ROWS
    assert submissions(fake) == ["exportdata", "exportdata"]


def test_a_replication_key_leaves_out_what_was_emitted(fake: Fake) -> None:
    entry = {"primary_keys": ["Order"], "replication_key": "changedon"}
    gives(
        fake,
        {"Order": "1", "Changed On": "1/30/2026 11:00 PM"},
        {"Order": "2", "Changed On": "1/31/2026"},
        {"Order": "3", "Changed On": None},
    )
    first = run_tap(settings(fake, **entry), STREAM)
    assert [row["Order"] for row in first.records(STREAM)] == ["1", "2", "3"]
    mark = first.state["bookmarks"][STREAM]
    assert (mark["replication_key"], mark["replication_key_value"]) == (
        "Changed On",
        "2026-01-31T00:00:00.000000",
    )
    gives(
        fake,
        {"Order": "4", "Changed On": "2/1/2026"},
        {"Order": "5", "Changed On": "1/31/2026"},
        {"Order": "2", "Changed On": "1/31/2026"},
        {"Order": "1", "Changed On": "1/30/2026 11:00 PM"},
    )
    run = run_tap(settings(fake, **entry), STREAM, state=first.state)
    assert [row["Order"] for row in run.records(STREAM)] == ["4", "5"]


def test_a_key_that_no_column_has_is_an_error(fake: Fake) -> None:
    run = run_tap(settings(fake, primary_keys=["Oder"]), STREAM)
    assert run.code == 1
    assert "aims360.aqua_exports[0]: the export has no column 'Oder'; it has Order" in run.error


def test_rows_that_cannot_be_read_are_told_and_the_others_go_on(fake: Fake) -> None:
    gives(fake, {"Order": "1"}, t.cast("Row", 5), {"Order": None}, {"Order": "2"})
    run = run_tap(settings(fake, primary_keys=["Order"]), STREAM)
    assert run.code == 1
    assert [row["Order"] for row in run.records(STREAM)] == ["1", "2"]
    assert "2 of its records" in run.error


def test_columns_of_an_earlier_catalog_are_widened_not_replaced(fake: Fake) -> None:
    gives(fake, {"Order": "1", "Qty": 5, "Old": "x"})
    asked = config(fake.url, aqua_exports=[ENTRY], discover_columns=True)
    catalog = TapErp(config={**asked, "undocumented_columns": "as_seen"}).catalog_dict
    gives(fake, {"Order": "1", "Qty": "n/a", "New": True})
    run = run_tap(settings(fake), STREAM, catalog=catalog)
    (schema,) = run.schemas(STREAM)
    columns = schema["schema"]["properties"]
    assert set(columns) == {"Order", "Qty", "Old", "New"}
    assert set(columns["Qty"]["type"]) == {"string", "integer", "null"}


def test_an_export_that_discovery_has_made_is_not_made_again(fake: Fake) -> None:
    run = run_tap(config(fake.url, aqua_exports=[ENTRY], discover_columns=True), STREAM)
    assert run.records(STREAM) == ROWS
    assert submissions(fake) == ["exportdata"]


def test_discovery_survives_an_export_that_fails(fake: Fake) -> None:
    fake.statuses = ["Failed"]
    tap = TapErp(config=config(fake.url, aqua_exports=[ENTRY], discover_columns=True))
    assert tap.streams[STREAM].schema["properties"] == {}


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"name": "a", "source": "Orders"}, "aims360.aqua_exports[0].view' is missing"),
        ({**ENTRY, "format": "excel"}, "aims360.aqua_exports[0].format' must be one of: json, csv"),
        ({**ENTRY, "key": "x"}, "aims360.aqua_exports[0].key"),
    ],
)
def test_a_wrong_entry_is_named(fake: Fake, entry: Row, why: str) -> None:
    run = run_tap(settings(fake, entry), STREAM)
    assert run.code == 1
    assert why in run.error


def test_stopping_does_not_wait_for_the_job(fake: Fake) -> None:
    fake.statuses = ["Queued"] * 100_000
    tap = TapErp(config=settings(fake))

    def stop(request: Request) -> None:
        if JOBS in request.path:
            tap.connection.clock.stop()

    fake.before = stop
    for stream in tap.streams.values():
        stream.selected = stream.name == STREAM
    with pytest.raises(ErpError, match="stop"):
        tap.sync_all()
    assert len(fake.requests) <= 3
