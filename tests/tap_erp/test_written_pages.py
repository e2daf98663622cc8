"""Records that are written a page at a time: whole lines, selection, maps, limits."""

from __future__ import annotations

import contextlib
import io
import json
import typing as t

import pytest
from singer_sdk.exceptions import AbortedSyncPausedException

from tap_erp.streams.aims360 import Aims360Stream
from tests.erp_vendors.aims360.fake import CUSTOMERS, Fake, Row, config, customers, run_tap
from tests.tap_erp.running import make_tap, parsed, selected

STREAM = "aims360_customers"


class Counted(io.BytesIO):
    """What is written to stdout, and in which pieces."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def write(self, text: t.Any) -> int:
        self.pieces.append(bytes(text))
        return super().write(text)


def written(settings: Row, change: t.Callable[[Row], object] = lambda _: None) -> list[bytes]:
    """What a run writes to stdout, piece by piece; whole lines or it fails.

    Args:
        settings: Configuration.
        change: Changes the catalog.
    """
    out = Counted()
    catalog = selected(settings, STREAM)
    change(catalog)
    with contextlib.redirect_stdout(io.TextIOWrapper(out, write_through=True)):
        make_tap(settings, catalog=catalog).sync_all()
        pieces = out.pieces
    assert all(piece.endswith(b"\n") for piece in pieces)
    return pieces


def test_a_page_is_written_at_once_and_before_the_state_that_counts_it(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(601)
    pieces = written(config(fake.url))
    counts = [piece.count(b'"RECORD"') for piece in pieces]
    assert sum(counts) == 601
    assert max(counts) >= 249
    kinds = [json.loads(line)["type"] for piece in pieces for line in piece.splitlines()]
    before_first_record = kinds[: kinds.index("RECORD")]
    states = [place for place, kind in enumerate(kinds) if kind == "STATE"]
    counted = states[before_first_record.count("STATE")]
    assert kinds[:counted].count("RECORD") == 601


@pytest.mark.parametrize(
    ("place", "gone"), [(["note"], "note"), (["address", "properties", "city"], "city")]
)
def test_columns_that_are_not_selected_stay_out(fake: Fake, place: list[str], gone: str) -> None:
    rows = [
        {**row, "note": "n", "address": {"city": "x", "zip": "y"}, "other": [1]}
        for row in customers(30)
    ]
    fake.lists[CUSTOMERS] = json.loads(json.dumps(rows))
    text = {"type": ["string", "null"]}
    properties = {
        "customerID": text,
        "note": text,
        "address": {"type": "object", "properties": {"city": text, "zip": text}},
    }
    schema = {"type": "object", "properties": properties}
    settings = config(fake.url, resources=[{"name": "customers", "schema": schema}])

    def leave_out(catalog: Row) -> None:
        for entry in catalog["streams"]:
            for metadata in entry["metadata"]:
                if list(metadata["breadcrumb"]) == ["properties", *place]:
                    metadata["metadata"]["selected"] = False

    lines = parsed(b"".join(written(settings, leave_out)).splitlines())
    for row in rows:
        (row if gone == "note" else row["address"]).pop(gone)
    assert [line["record"] for line in lines if line["type"] == "RECORD"] == rows


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ({"stream_maps": {STREAM: {"twice": "customerID + customerID"}}}, "twice", "c0007c0007"),
        ({"flattening_enabled": True, "flattening_max_depth": 1}, "address__city", "x"),
    ],
)
def test_maps_and_flattening_work(fake: Fake, more: Row, name: str, value: str) -> None:
    fake.lists[CUSTOMERS] = [{**row, "address": {"city": "x"}} for row in customers(30)]
    address = {"type": "object", "properties": {"city": {"type": "string"}}}
    text = {"type": "string"}
    schema = {"type": "object", "properties": {"customerID": text, "address": address}}
    settings = config(fake.url, resources=[{"name": "customers", "schema": schema}])
    found = run_tap({**settings, **more}, STREAM).records(STREAM)
    assert len(found) == 30
    assert found[7][name] == value


def test_a_limit_of_records_ends_within_a_page(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.lists[CUSTOMERS] = customers(601)
    monkeypatch.setattr(Aims360Stream, "ABORT_AT_RECORD_COUNT", 300)
    settings = config(fake.url)
    out = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(out), pytest.raises(AbortedSyncPausedException):
        make_tap(settings, catalog=selected(settings, STREAM)).sync_all()
    out.flush()
    out.seek(0)
    assert out.read().count('"RECORD"') == 300
