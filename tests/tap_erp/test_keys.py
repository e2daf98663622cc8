"""Streams without a key, and keys that are not unique in what was read."""

from __future__ import annotations

import collections
import dataclasses
import json
import logging
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.vendors import VENDORS
from tap_erp.keys import Keyless, KeyWatch, snippet
from tap_erp.resource_stream import ResourceStream
from tests.support.scale import full
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import Message, Run, cimcloud, make_tap, run_tap
from tests.tap_erp.test_any_answer import block

if t.TYPE_CHECKING:
    from collections.abc import Sequence

ACCOUNTS, SHIPMENTS = "cimcloud_accounts", "cimcloud_shipments"
LOGIN = Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
ROW = st.fixed_dictionaries(
    {"k": st.integers(0, 9), "x": st.one_of(st.none(), st.integers(), st.text(max_size=2))}
)
DIFFERENT = st.lists(st.integers(), min_size=18, max_size=30, unique=True).map(
    lambda values: [{"k": value % 3, "x": value} for value in values]
)


@settings(max_examples=full(40, 1_000), deadline=None)
@given(rows=st.one_of(st.lists(ROW, max_size=30), DIFFERENT), cuts=st.sets(st.integers(0, 30)))
def test_repeats_are_counted_and_a_unique_column_is_one(
    rows: list[Message], cuts: set[int]
) -> None:
    watch = KeyWatch(lambda _: False)
    start = 0
    for end in (*sorted(cuts), len(rows)):
        watch.note(rows[start:end], ["k"])
        start = max(start, end)
    assert watch.repeats == sum(n - 1 for n in collections.Counter(r["k"] for r in rows).values())
    values = [row["x"] for row in rows]
    unique = len(set(map(str, values))) == len(values) and not {None, ""} & set(values)
    assert watch.unique == ("x" if len(rows) >= 20 and unique else None)


def test_behind_a_key_that_holds_columns_are_compared_again_from_the_first_repeat_on() -> None:
    watch = KeyWatch(lambda _: False)
    rows = [{"k": n % 900, "x_id": n, "y": n} for n in range(1_000)]
    for start in range(0, 900, 50):
        watch.note(rows[start : start + 50], ["k"])
    assert (watch.repeats, watch.compared) == (0, 200)
    watch.note(rows[900:], ["k"])
    assert (watch.repeats, watch.compared, watch.unique) == (100, 300, "x_id")


def test_memory_does_not_grow_with_columns() -> None:
    watch = KeyWatch(lambda _: False)
    watch.note([{f"c{c}": n for c in range(50)} | {"a_key": n} for n in range(300)], [])
    assert watch.unique == "a_key"
    assert watch.candidates is not None
    assert len(watch.candidates) == 2


@pytest.mark.parametrize("vendor", VENDORS)
def test_no_stream_of_any_vendor_is_incremental_without_a_key(vendor: str) -> None:
    streams = make_tap(block(vendor, "http://127.0.0.1:1")).streams.values()
    assert streams
    for stream in streams:
        if isinstance(stream, ResourceStream):
            stream.primary_keys = ()
            assert (stream.replication_method, stream.incremental) == ("FULL_TABLE", False)


def test_the_snippet_is_of_one_piece() -> None:
    found = [
        Keyless("cimcloud", "resources", "shipments", "s_key"),
        Keyless("cimcloud", "resources", "credits", None),
        Keyless("aims360", "aqua_exports", "lines", "Line"),
    ]
    assert json.loads(snippet(found)) == {
        "cimcloud": {
            "resources": [
                {"name": "shipments", "primary_keys": ["s_key"]},
                {"name": "credits", "primary_keys": ["..."]},
            ]
        },
        "aims360": {"aqua_exports": [{"name": "lines", "primary_keys": ["Line"]}]},
    }


def read(
    rows: Sequence[Message], *streams: str, state: Message | None = None, **more: t.Any
) -> Run:
    """A run against a site whose every list holds some rows."""

    def answer(request: Request) -> Reply:
        if "authenticate" in request.path:
            return LOGIN
        return Reply(body=list(rows))

    with running_stub(answer) as stub:
        return run_tap(cimcloud(stub.url, **more), *streams, state=state)


def numbered(request: Request, rows: Sequence[Message]) -> Reply:
    """The answer of a site that has these shipments."""
    tail = request.path.rsplit("/", 1)[-1]
    if "authenticate" in request.path:
        return LOGIN
    start = (int(tail) - 1) * 50
    return Reply(body=list(rows[start : start + 50]))


def shipments(
    rows: Sequence[Message],
    change: t.Callable[[int], Sequence[Message]] | None = None,
    **top: t.Any,
) -> Run:
    """A run of a site with these shipments.

    Args:
        rows: What it has.
        change: What it has from the nth reading on.
        top: Settings of the tap; `resources` of the vendor.
    """
    readings = [0]
    block = {"resources": top.pop("resources")} if "resources" in top else {}
    block["max_concurrency"] = top.pop("at_once", 1)

    def answer(request: Request) -> Reply:
        readings[0] += request.path.endswith("/1")
        return numbered(request, change(readings[0]) if change else rows)

    with running_stub(answer) as stub:
        return run_tap({**cimcloud(stub.url, **block), **top}, SHIPMENTS)


def contents(rows: t.Iterable[Message]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize("resources", [[], [{"name": "shipments", "primary_keys": []}]])
@pytest.mark.parametrize("days", [None, 0])
@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("different", [1, 2, 60, 120])
def test_each_row_without_a_key_is_a_row(
    resources: list[Message], days: int | None, at_once: int, different: int
) -> None:
    rows = [{"a": n % different} for n in range(120)]
    top: Message = {"at_once": at_once, "resources": resources}
    if days is not None:
        top["reconcile_days"] = days
    run = shipments(rows, **top)
    assert (run.code, contents(run.records(SHIPMENTS))) == (0, contents(rows))
    assert ("ACTIVATE_VERSION" in run.kinds(SHIPMENTS)) == (days is not None)


def test_equal_rows_go_out_as_often_as_the_reading_had_them_that_had_most(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    less = [{"a": 1}, {"a": 2}]
    more = [{"a": 1}, {"a": 1}, {"a": 2}]
    added = shipments([], lambda reading: less if reading == 1 else more, reconcile_days=0)
    gone = shipments([], lambda reading: more if reading == 1 else less, reconcile_days=0)
    for run in (added, gone):
        assert contents(run.records(SHIPMENTS)) == contents(more)
    assert "ACTIVATE_VERSION" in added.kinds(SHIPMENTS)
    assert "ACTIVATE_VERSION" not in gone.kinds(SHIPMENTS)
    assert "rows that were read first have changed or gone since" in caplog.text
    assert "no two readings had the same rows" not in caplog.text


def test_three_readings_that_differ_are_told_as_such(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shipments([], lambda reading: [{"a": 1}, {"a": 10 + reading}], reconcile_days=0)
    assert "no two readings had the same rows" in caplog.text


@pytest.mark.parametrize("row", [{"a": 1}, None])
def test_a_server_that_knows_no_page_numbers_is_read_to_its_end(row: Message | None) -> None:
    rows = [row or {"a": n} for n in range(50)]

    def answer(request: Request) -> Reply:
        return numbered(dataclasses.replace(request, path=f"{request.path}/../1"), rows)

    with running_stub(answer) as stub:
        run = run_tap(cimcloud(stub.url, max_concurrency=1), SHIPMENTS)
    assert (run.code, contents(run.records(SHIPMENTS))) == (0, contents(rows))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


OLD = "2020-01-01 10:00:00"


def test_streams_without_a_key_are_read_in_full_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [{"n": n, "s_key": n, "qty": 1, "last_modify_date": OLD} for n in range(20)]
    names = ("cimcloud_credits", SHIPMENTS)
    first = read(rows, *names)
    said = [text for text in warnings(caplog) if "primary_keys" in text]
    assert len(said) == 1
    assert json.loads(said[0][said[0].index("{") :]) == {
        "cimcloud": {
            "resources": [
                {"name": name.removeprefix("cimcloud_"), "primary_keys": ["s_key"]}
                for name in names
            ]
        }
    }
    again = read(rows, *names, state=first.state)
    for name in names:
        assert len(first.records(name)) == len(again.records(name)) == 20


@pytest.mark.parametrize("keys", [["s_key"], []])
def test_the_entry_of_the_snippet_ends_the_warning(
    keys: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"s_key": n, "last_modify_date": OLD} for n in range(3)]
    mend = {"resources": [{"name": "shipments", "primary_keys": keys}]}
    first = read(rows, SHIPMENTS, **mend)
    assert not [text for text in warnings(caplog) if "primary_keys" in text]
    again = read(rows, SHIPMENTS, state=first.state, **mend)
    assert len(again.records(SHIPMENTS)) == (0 if keys else 3)


def test_a_key_that_is_not_unique_is_told_and_both_rows_go_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows: list[Message] = [
        {"ref_id": str(n), "nm": "one", "a_key": n, "last_modify_date": OLD} for n in range(20)
    ]
    rows[19]["ref_id"] = "0"
    run = read(rows, ACCOUNTS)
    assert run.code == 0
    assert run.records(ACCOUNTS) == rows
    (said,) = [text for text in warnings(caplog) if "primary_keys" in text]
    assert "unique in 20 of them" in said
    assert f"{ACCOUNTS}: 1 of 20 records have a key (ref_id)" in said
    assert '["a_key"]' in said
    assert "[]" in said
    assert "--full-refresh" in said


@pytest.mark.parametrize("stream", [ACCOUNTS, SHIPMENTS])
def test_no_column_is_named_as_a_key_from_few_rows(
    stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"ref_id": "A", "Mode": n, "last_modify_date": OLD} for n in range(19)]
    read(rows, stream)
    (said,) = [text for text in warnings(caplog) if "primary_keys" in text]
    assert "Mode" not in said
    assert "what identifies a row" in said
    assert "too few rows" in said
    assert stream == ACCOUNTS or said.startswith("1 stream has no key")


def test_a_row_that_changes_between_two_readings_leaves_the_advice_as_it_was(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def rows(reading: int) -> list[Message]:
        return [
            {"amount": -1 if n == 5 and reading > 1 else n, "s_key": n, "last_modify_date": OLD}
            for n in range(30)
        ]

    run = shipments([], rows, reconcile_days=0)
    assert len(run.records(SHIPMENTS)) == 31
    (said,) = [text for text in warnings(caplog) if "primary_keys" in text]
    assert '"primary_keys":["s_key"]' in said.replace(" ", "")


def test_a_row_that_changed_while_it_was_read_is_no_second_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = [
        {"ref_id": "A", "nm": "one", "last_modify_date": OLD},
        {"ref_id": "A", "nm": "two", "last_modify_date": "2099-01-01 10:00:00"},
    ]
    read(rows, ACCOUNTS)
    assert not [text for text in warnings(caplog) if "primary_keys" in text]
