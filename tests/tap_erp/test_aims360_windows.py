"""Pages and windows of time of AIMS360's lists (aims360.md 4)."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest

from tap_erp.tap import TapErp
from tests.erp_vendors.aims360.fake import (
    CUSTOMERS,
    OVERLOADED,
    Fake,
    config,
    customers,
    ids,
    run_tap,
)

WINDOW = re.compile(
    r"lastModifiedOn ge (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
    r" and lastModifiedOn le (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"
)


@pytest.mark.parametrize("at_once", [1, 5])
def test_all_pages_are_read_and_nothing_is_asked_for_twice(fake: Fake, at_once: int) -> None:
    fake.lists[CUSTOMERS] = customers(601)
    run = run_tap(config(fake.url, max_concurrency=at_once), "aims360_customers")
    assert run.code == 0
    assert ids(run.records("aims360_customers")) == ids(fake.lists[CUSTOMERS])
    asked = [asked.get("$skip") for asked in fake.paths(CUSTOMERS)]
    if at_once > 1:
        asked[1:] = sorted(asked[1:])  # pages that are read side by side arrive in any order
    assert asked == [None, "249", "498"]
    assert {asked["pagesize"] for asked in fake.paths(CUSTOMERS)} == {"250"}


@pytest.mark.parametrize("counts", [True, False])
def test_rows_with_a_link_that_is_made_for_each_answer_are_read(
    fake: Fake,
    *,
    counts: bool,
) -> None:
    fake.lists[CUSTOMERS] = customers(601)
    fake.counts = counts
    fake.shown = lambda row: {**row, "link": f"signed {len(fake.requests)}"}
    run = run_tap(config(fake.url), "aims360_customers")
    assert (run.code, run.error) == (0, "")
    assert set(ids(run.records("aims360_customers"))) == set(ids(customers(601)))


@pytest.mark.parametrize("count", [0, 1, 249, 250])
def test_one_page_is_one_call(fake: Fake, count: int) -> None:
    fake.lists[CUSTOMERS] = customers(count)
    run = run_tap(config(fake.url), "aims360_customers")
    assert len(run.records("aims360_customers")) == count
    assert len(fake.requests) == 1


def test_the_next_run_asks_for_a_closed_window(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(5)
    first = run_tap(config(fake.url), "aims360_customers")
    assert "$filter" not in fake.paths(CUSTOMERS)[0], "rows without a stamp have to come once"
    fake.lists[CUSTOMERS] += customers(2, first=5)
    before = dt.datetime.now(dt.timezone.utc)
    second = run_tap(config(fake.url), "aims360_customers", state=first.state)
    match = WINDOW.fullmatch(fake.paths(CUSTOMERS)[-1]["$filter"])
    assert match
    assert match[1] == "2025-12-31T23:04:00Z", "the bookmark less lookback_seconds"
    until = dt.datetime.fromisoformat(match[2].replace("Z", "+00:00"))
    assert abs((until - before).total_seconds()) < 60
    assert ids(second.records("aims360_customers")) == ["c0005", "c0006"]
    mark = second.state["bookmarks"]["aims360_customers"]
    assert mark["replication_key_value"] == "2026-01-01T00:06:00.000000Z"


def test_start_date_opens_the_window(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(5)
    settings = {**config(fake.url), "start_date": "2026-01-01T00:03:00Z"}
    run = run_tap(settings, "aims360_customers")
    assert fake.paths(CUSTOMERS)[0]["$filter"].startswith("lastModifiedOn ge 2026-01-01T00:03:00Z ")
    assert ids(run.records("aims360_customers")) == ["c0003", "c0004"]


def test_stamps_with_an_offset_are_compared_in_utc(fake: Fake) -> None:
    rows = [
        {"customerID": "late", "lastModifiedOn": "2022-04-25T14:28:38-07:00"},
        {"customerID": "early", "lastModifiedOn": "2022-04-25T20:00:00.1234567Z"},
    ]
    fake.lists[CUSTOMERS] = rows
    run = run_tap(config(fake.url), "aims360_customers")
    assert run.records("aims360_customers") == sorted(rows, key=lambda row: row["customerID"])
    mark = run.state["bookmarks"]["aims360_customers"]
    assert mark["replication_key_value"] == "2022-04-25T21:28:38.000000Z"


def test_a_stamp_in_the_future_does_not_carry_the_bookmark_away(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = [
        *customers(2),
        {"customerID": "x", "lastModifiedOn": "9999-12-31T00:00:00Z"},
    ]
    run = run_tap(config(fake.url), "aims360_customers")
    assert len(run.records("aims360_customers")) == 3
    mark = run.state["bookmarks"]["aims360_customers"]["replication_key_value"]
    assert mark[:10] <= dt.datetime.now(dt.timezone.utc).date().isoformat()


@pytest.mark.parametrize(
    ("refused", "calls"), [({"$orderby"}, 2), ({"$filter"}, 3), ({"$filter", "$orderby"}, 4)]
)
def test_refused_query_options_are_left_out(fake: Fake, refused: set[str], calls: int) -> None:
    fake.lists[CUSTOMERS] = customers(3)
    first = run_tap(config(fake.url), "aims360_customers")
    fake.refused = refused
    fake.requests.clear()
    fake.lists[CUSTOMERS] += customers(2, first=100)
    run = run_tap(config(fake.url), "aims360_customers", state=first.state)
    assert run.code == 0
    assert ids(run.records("aims360_customers")) == ["c0100", "c0101"]
    assert len(fake.requests) == calls


def test_another_refusal_is_a_failure(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = []
    fake.refused = {"pagesize"}
    run = run_tap(config(fake.url), "aims360_customers")
    assert run.code == 1
    assert "no pagesize" in run.error


@pytest.mark.usefixtures("short_pauses")
def test_overload_is_no_refusal_of_the_filter(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(3)
    first = run_tap(config(fake.url), "aims360_customers")
    fake.requests.clear()
    fake.before = lambda _: OVERLOADED
    run = run_tap(config(fake.url), "aims360_customers", state=first.state)
    assert run.code == 1
    assert len({request.path for request in fake.requests}) == 1
    assert run.state == first.state


def test_a_filter_on_a_property_that_does_not_exist_loses_nothing(fake: Fake) -> None:
    # A lenient server answers such a filter with nothing instead of an error.
    fake.lists[CUSTOMERS] = [{"customerID": str(n)} for n in range(7)]
    settings = {**config(fake.url, page_size=3), "start_date": "2026-01-01"}
    run = run_tap(settings, "aims360_customers")
    assert len(run.records("aims360_customers")) == 7


def test_an_empty_window_is_not_read_as_a_whole(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(300)
    settings = {**config(fake.url), "start_date": "2026-06-01"}
    run = run_tap(settings, "aims360_customers")
    assert run.records("aims360_customers") == []
    assert len(fake.requests) == 2


def test_a_full_table_by_catalog_asks_for_no_window(fake: Fake) -> None:
    fake.lists[CUSTOMERS] = customers(3)
    first = run_tap(config(fake.url), "aims360_customers")
    catalog = json.loads(TapErp(config=config(fake.url)).catalog_json_text)
    for entry in catalog["streams"]:
        entry["replication_method"] = "FULL_TABLE"
    run = run_tap(config(fake.url), "aims360_customers", state=first.state, catalog=catalog)
    assert len(run.records("aims360_customers")) == 3
    assert "$filter" not in fake.paths(CUSTOMERS)[-1]
