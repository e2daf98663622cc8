"""Names of columns that loaders cannot take: told once, with the stream map that mends them."""

from __future__ import annotations

import json
import logging
import pathlib
import re
import typing as t
from unittest import mock

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.vendors import VENDORS
from tap_erp.column_names import refused, renaming
from tap_erp.learning import LearningStream
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import Message, Run, cimcloud, make_tap, run_tap, selected
from tests.tap_erp.test_any_answer import block

ROOT = pathlib.Path(__file__).parents[2]
ACCOUNTS = "cimcloud_accounts"
LONG = "x" * 64
BAD = ["", LONG, "ü" * 32, 'a"b', "_sdc_deleted_at", "_SDC_x", "weight"]
"""What target-postgres or target-duckdb stopped at, beside a column `Weight`."""
GOOD = ["Weight", "x" * 63, "a.b", "a%b", "Weight (kg)", " lead", "größe", "select", "a-b", "$x"]
"""What both took."""


def test_names_are_refused_that_loaders_stop_at_and_no_others() -> None:
    found = refused([*GOOD, *BAD])
    assert sorted(name for names in found.values() for name in names) == sorted(BAD)
    assert len(found) == 5


@given(
    st.lists(
        st.one_of(st.sampled_from([*BAD, *GOOD, "Weight_2"]), st.text(max_size=70)), unique=True
    )
)
def test_a_renaming_leaves_nothing_to_refuse(names: list[str]) -> None:
    bad = [name for kind in refused(names).values() for name in kind]
    entries = renaming(bad, names)
    after = [name for name in (*names, *entries) if entries.get(name, name) is not None]
    assert not refused(after)
    assert len(after) == len(names), "each column is there still"


def test_the_page_shows_the_map_that_the_warning_brings() -> None:
    page = (ROOT / "docs" / "warehouses.md").read_text("utf-8")
    (shown,) = re.findall(r"```yaml\n# names\n(.*?)```", page, re.DOTALL)
    entries = renaming(["weight"], ["Weight", "weight"])
    assert yaml.safe_load(shown) == {"stream_maps": {ACCOUNTS: entries}}


def read(row: Message, **top: t.Any) -> Run:
    def answer(request: Request) -> Reply:
        if "authenticate" in request.path:
            return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
        return Reply(
            body=[{"ref_id": "A", "last_modify_date": "2020-01-01", **row}, {"ref_id": "B"}]
        )

    with running_stub(answer) as stub:
        return run_tap({**cimcloud(stub.url), **top}, ACCOUNTS)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    caplog.clear()
    return [text for text in said if "stream_maps" in text]


def test_the_map_of_the_warning_mends_the_names(caplog: pytest.LogCaptureFixture) -> None:
    row = {"Weight": 0, **{name: number for number, name in enumerate(BAD)}}
    first = read(row)
    said = told(caplog)
    assert len(said) == 5, "one of each kind"
    assert all(text.startswith(f"{ACCOUNTS}: columns ") for text in said)
    assert first.records(ACCOUNTS)[0].items() >= row.items(), "the values stay as they were"
    entries: Message = {}
    for text in said:
        entries.update(json.loads(text[text.index("{") :])[ACCOUNTS])
    second = read(row, stream_maps={ACCOUNTS: entries})
    assert (second.code, told(caplog)) == (0, [])
    (schema,) = [m["schema"] for m in second.messages if m["type"] == "SCHEMA"]
    assert not refused(schema["properties"])
    record, bare = second.records(ACCOUNTS)
    values = sorted(v for name, v in record.items() if name in entries)
    assert values == sorted(str(number) for number, _ in enumerate(BAD))
    assert bare["unnamed"] is None


def test_a_documented_column_in_other_letters_is_announced_as_the_site_writes_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = read({"NM": "n"})
    assert told(caplog) == []
    (schema,) = [m["schema"] for m in run.messages if m["type"] == "SCHEMA"]
    assert schema["properties"]["NM"]["type"] == ["string", "null"]
    assert "nm" not in schema["properties"]
    assert run.records(ACCOUNTS)[0]["NM"] == "n"
    both = read({"NM": "n", "nm": "m"})
    assert len(told(caplog)) == 1
    (schema,) = [m["schema"] for m in both.messages if m["type"] == "SCHEMA"]
    assert {"nm", "NM"} <= schema["properties"].keys()


def test_a_deselected_column_stays_so_in_other_letters() -> None:
    def without(config: Message, *streams: str) -> Message:
        catalog = selected(config, *streams)
        (entry,) = [one for one in catalog["streams"] if one["stream"] == ACCOUNTS]
        for place in entry["metadata"]:
            if place["breadcrumb"] == ["properties", "nm"]:
                place["metadata"]["selected"] = False
        return catalog

    with mock.patch("tests.tap_erp.running.selected", without):
        run = read({"NM": "n"})
    (schema,) = [m["schema"] for m in run.messages if m["type"] == "SCHEMA"]
    assert not {"nm", "NM"} & schema["properties"].keys()
    assert [row["ref_id"] for row in run.records(ACCOUNTS)] == ["A", "B"]
    assert "NM" not in run.records(ACCOUNTS)[0]


@pytest.mark.parametrize("columns", ["stable", "as_seen"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_no_vendor_announces_a_documented_column_twice(vendor: str, columns: str) -> None:
    config = {**block(vendor, "http://127.0.0.1:1"), "undocumented_columns": columns}
    tried = 0
    for stream in make_tap(config).streams.values():
        if not isinstance(stream, LearningStream):
            continue
        before = stream.effective_schema["properties"]
        kept = {*stream.primary_keys, stream.replication_key}
        for name in [name for name in before if name.swapcase() != name and name not in kept][:3]:
            stream.learn([{name.swapcase(): None}])
            after = stream.effective_schema["properties"]
            assert after[name.swapcase()] == before[name]
            assert name not in after
            tried += 1
    assert tried
