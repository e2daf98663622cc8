"""What `erp doctor` finds out about a CIMcloud site, and a read with what it sets."""

from __future__ import annotations

import itertools
import typing as t

import pytest

from erp_cli.doctor.connection import Level
from erp_cli.doctor.examiner import Access
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.assumption import VerdictState
from tests.support import doctor
from tests.support.scale import mostly_nightly
from tests.tap_erp.running import run_tap

if t.TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow

VENDOR = "cimcloud"
SIZE = 100
"""Two full pages, so that what lies past the end is asked for."""
TABLES = 16
SOME = ("accounts", "products", "order_details")
CALLS = 30

Found = tuple[str, str, VerdictState, dict[str, t.Any], dict[str, t.Any]]


def keys(sandbox: RunningSandbox, name: str) -> list[str]:
    key = key_of(sandbox, name)
    return sorted(row[key] for row in sandbox.rows(VENDOR, name))


def key_of(sandbox: RunningSandbox, name: str) -> str:
    return next(iter(sandbox.rows(VENDOR, name)[0]))


def reads_all(
    sandbox: RunningSandbox,
    config: doctor.Config,
    calls: int | None = None,
    tables: t.Collection[str] = (),
) -> None:
    """A run emits every row once, and the next one what has changed, and no more.

    Args:
        sandbox: The sandbox.
        config: The configuration.
        calls: Calls that the second run may make; None for any number.
        tables: Tables to read, all if there are none.
    """
    config = {**config, "activate_version": False}
    first = run_tap(config, *(f"cimcloud_{name}" for name in tables))
    assert first.code == 0, first.error
    names = {m["stream"].removeprefix("cimcloud_") for m in first.messages if m["type"] == "RECORD"}
    assert len(names) == (len(tables) or TABLES)
    for name in names:
        key = key_of(sandbox, name)
        assert sorted(row[key] for row in first.records(f"cimcloud_{name}")) == keys(sandbox, name)
        chosen = doctor.keys_of(first, f"cimcloud_{name}")
        found = doctor.values(first.records(f"cimcloud_{name}"), *chosen)
        assert not chosen or len(set(found)) == SIZE, name
    account, line = keys(sandbox, "accounts")[70], keys(sandbox, "order_details")[7]
    sandbox.change(VENDOR, "accounts", account, {"nm": "Ånother"})
    sandbox.change(VENDOR, "order_details", line, {"ds": "changed"})
    sandbox.reset()
    second = run_tap(config, "cimcloud_accounts", "cimcloud_order_details", state=first.state)
    assert second.code == 0, second.error
    if calls is not None:
        assert len(sandbox.calls(VENDOR)) <= calls
    (found,) = second.records("cimcloud_accounts")
    assert (found["a_key"], found["nm"]) == (account, "Ånother")
    lines = second.records("cimcloud_order_details")
    has_no_bookmark = "replication_key" not in first.state["bookmarks"]["cimcloud_order_details"]
    if has_no_bookmark:  # no stamp, so no bookmark: the whole table again
        assert sorted(row["od_key"] for row in lines) == keys(sandbox, "order_details")
    else:
        assert [row["od_key"] for row in lines] == [line]


def examined(
    sandbox: RunningSandbox, *, deep: bool = False, **settings: t.Any
) -> tuple[doctor.Config, doctor.Report]:
    config = doctor.config_of(sandbox, VENDOR, **settings)
    report = doctor.examined(config, VENDOR, deep=deep)
    assert report.usable
    assert len(report.exchanges) <= report.most_calls <= CALLS
    return config, report


def one(report: doctor.Report, name: str) -> tuple[VerdictState, Mapping[str, t.Any]]:
    (found,) = doctor.found(report, name)
    return found.state, found.settings


NO_DATES = {"date_format": "none"}
ENCODED = {"date_format": "M%2FD%2FYYYY"}
ISO = {"date_format": "YYYY-MM-DD"}


@pytest.mark.parametrize(
    ("variants", "name", "settings", "calls"),
    mostly_nightly(
        [
            ({"date_literal": "us-encoded"}, "date_literal", ENCODED, 4),
            ({"date_literal": "iso"}, "date_literal", ISO, 4),
            ({"date_literal": "none"}, "date_literal", NO_DATES, 7),
            ({"date_literal": "iso", "misread_date": "no-rows"}, "misread_date", ISO, 4),
            ({"date_literal": "iso", "misread_date": "all-rows"}, "misread_date", ISO, 4),
            ({"date_literal": "none", "misread_date": "all-rows"}, "misread_date", NO_DATES, 7),
            ({"date_literal": "none", "misread_date": "no-rows"}, "misread_date", NO_DATES, 7),
            ({"past_end": "not-found"}, "past_end", {}, 4),
            ({"past_end": "bad-request"}, "past_end", {}, 4),
            ({"past_end": "repeat"}, "past_end", {}, 4),
            ({"search_page": "refused"}, "search_page", {}, None),
            ({"date_page": "refused"}, "date_page", {}, None),
            ({"date_page": "no-rows"}, "date_page", {}, None),
            ({"search_bound": "exclusive"}, "search_bound", {}, 4),
            ({"stamp_format": "iso-ms"}, "stamp_format", {}, 4),
            ({"stamp_format": "iso-z"}, "stamp_format", {}, 4),
            ({"stamp_format": "sql"}, "stamp_format", {}, 4),
            ({"stamp_format": "us"}, "stamp_format", {}, 4),
            ({"order": "modified"}, "order", {}, 6),
        ],
        keep=(1, 4, 9),
    ),
)
def test_the_other_answer_of_the_site_is_found_and_read(
    variants: dict[str, str], name: str, settings: dict[str, t.Any], calls: int | None
) -> None:
    played = {f"cimcloud.{key}": value for key, value in variants.items()}
    with running_sandbox(size=SIZE, limits=False, variants=played) as sandbox:
        config, report = examined(sandbox)
        assert one(report, name)[0] is VerdictState.DIFFERS
        fitting = {key: value for f in report.findings for key, value in f.settings.items()}
        assert fitting == settings
        assert not any(finding.entry for finding in report.findings)
        reads_all(sandbox, doctor.applied(config, report), calls, SOME)


@pytest.mark.parametrize(
    ("name", "answer", "entries"),
    mostly_nightly(
        [
            (
                "stamp_column",
                "modified_date",
                {"products": {"replication_key": "modified_date"}},
            ),
            ("stamp_column", "none", {"order_details": {"replication_key": ""}}),
            (
                "guessed_paths",
                "camel",
                {
                    "order_details": {"path": "OrderDetails"},
                    "invoice_lines": {"path": "InvoiceLines"},
                },
            ),
            (
                "guessed_paths",
                "singular",
                {
                    "shipping_addresses": {"path": "shipping_address"},
                    "order_history_lines": {"path": "order_history_line"},
                },
            ),
            ("rows", "wrapped", {"accounts": {"rows_in": "data"}, "credits": {"rows_in": "data"}}),
            (
                "unique_key",
                "other",
                {"accounts": {"primary_keys": ["a_key"]}, "products": {"primary_keys": ["p_key"]}},
            ),
        ],
        keep=(4,),
    ),
)
def test_the_other_answer_of_a_table_is_found_and_read(
    name: str, answer: str, entries: dict[str, dict[str, t.Any]]
) -> None:
    with running_sandbox(size=SIZE, limits=False, variants={f"cimcloud.{name}": answer}) as sandbox:
        config, report = examined(sandbox)
        found = {finding.stream: finding for finding in doctor.found(report, name)}
        for stream, entry in entries.items():
            assert (found[stream].state, found[stream].entry) == (VerdictState.DIFFERS, entry)
        assert set(doctor.differing(report)) == {name}
        assert not any(finding.settings for finding in report.findings)
        assert all(sample.access is Access.READ for sample in report.samples.values())
        reads_all(sandbox, doctor.applied(config, report))


def test_nothing_differs_where_everything_is_as_assumed() -> None:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        config, report = examined(sandbox)
        assert not doctor.differing(report)
        assert not any(finding.settings or finding.entry for finding in report.findings)
        assert not any(sample.entry for sample in report.samples.values())
        # What no document describes has a key and columns of its own, and nothing else is set.
        assert all(entry.keys() <= {"schema", "primary_keys"} for entry in report.learned.values())
        assert not {"accounts", "customers", "products"} & report.learned.keys()
        assert not [call for call in sandbox.calls(VENDOR) if "OnlineOrders" in call["path"]]
        told = {finding.name for finding in report.findings if finding.state is VerdictState.HOLDS}
        assert {"date_literal", "date_page", "search_page", "search_bound", "past_end"} <= told
        reads_all(sandbox, doctor.applied(config, report), 4)


def test_what_is_documented_is_looked_at_first() -> None:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        _, report = examined(sandbox)
        first = list(report.samples)[:4]
        assert set(first) == {"accounts", "customers", "products", "orders"}
        assert first[-1] == "orders"


def test_the_calls_of_an_examination_leave_room_for_others() -> None:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        _, report = examined(sandbox)
        assert len(report.exchanges) <= 24
        assert sum(call.method == "POST" for call in report.exchanges) == 1


@pytest.mark.parametrize("hours", mostly_nightly((9.0, 14.0), keep=(1,)))
def test_a_clock_that_is_ahead_is_seen_in_a_row_that_has_just_changed(hours: float) -> None:
    with running_sandbox(
        size=60, limits=False, options={VENDOR: {"utc_offset_hours": hours}}
    ) as sandbox:
        sandbox.change(VENDOR, "accounts", keys(sandbox, "accounts")[3], {"nm": "new"})
        _, report = examined(sandbox)
        (found,) = doctor.found(report, "clock")
        assert found.state is VerdictState.DIFFERS
        assert f"{hours:.1f} hours ahead" in found.seen


def test_a_clock_that_is_behind_cannot_be_told() -> None:
    with running_sandbox(
        size=60, limits=False, options={VENDOR: {"utc_offset_hours": -5.0}}
    ) as sandbox:
        sandbox.change(VENDOR, "accounts", keys(sandbox, "accounts")[3], {"nm": "new"})
        assert one(examined(sandbox)[1], "clock")[0] is VerdictState.UNTOLD


@pytest.mark.parametrize(
    ("status", "auth"), mostly_nightly(itertools.product((403, 401), ("bearer", "basic")))
)
def test_a_table_that_is_not_granted_costs_one_call(status: int, auth: str) -> None:
    granted = ("accounts", "customers", "orders", "payments")
    options = {VENDOR: {"resources": granted, "denied_status": status}}
    variants = {"cimcloud.auth": auth}
    with running_sandbox(size=60, limits=False, options=options, variants=variants) as sandbox:
        report = doctor.examined(doctor.config_of(sandbox, VENDOR, auth_type=auth), VENDOR)
        denied = [name for name, one in report.samples.items() if one.access is Access.DENIED]
        assert len(denied) == TABLES - len(granted)
        assert doctor.found(report, "denied", "products")[0].state is (
            VerdictState.HOLDS if status == 403 else VerdictState.DIFFERS
        )
        assert sum(call.method == "POST" for call in report.exchanges) == (auth == "bearer")
        assert sum("/validate" in call.url for call in report.exchanges) == 1


@pytest.mark.parametrize(
    ("configured", "other"), mostly_nightly([("bearer", "basic"), ("basic", "bearer")], keep=(0,))
)
def test_the_other_type_of_authorization_is_tried_only_with_deep(
    configured: str, other: str
) -> None:
    with running_sandbox(size=60, limits=False, variants={"cimcloud.auth": other}) as sandbox:
        config = doctor.config_of(sandbox, VENDOR, auth_type=configured)
        report = doctor.examined(config, VENDOR)
        assert not report.usable
        assert len(report.exchanges) <= 2
        assert doctor.found(report, "auth")[0].state is VerdictState.UNTOLD
        report = doctor.examined(config, VENDOR, deep=True)
        assert one(report, "auth") == (VerdictState.DIFFERS, {"auth_type": other})
        report = doctor.examined(doctor.applied(config, report), VENDOR)
        assert report.usable
        assert not [step for step in report.steps if step.level is Level.RED]


@pytest.mark.parametrize(
    ("answer", "state"),
    mostly_nightly([("first", VerdictState.HOLDS), ("not-found", VerdictState.DIFFERS)], keep=(1,)),
)
def test_page_zero_is_asked_for_with_deep(answer: str, state: VerdictState) -> None:
    with running_sandbox(size=60, limits=False, variants={"cimcloud.page_zero": answer}) as sandbox:
        assert one(examined(sandbox)[1], "page_zero")[0] is VerdictState.UNTOLD
        assert one(examined(sandbox, deep=True)[1], "page_zero")[0] is state


def test_a_site_whose_rows_all_changed_on_one_day_is_searched_by_two_days() -> None:
    with running_sandbox(
        size=60,
        limits=False,
        variants={"cimcloud.date_literal": "iso", "cimcloud.misread_date": "all-rows"},
    ) as sandbox:
        for key in keys(sandbox, "accounts"):
            sandbox.change(VENDOR, "accounts", key, {"notes": "moved"})
        config = doctor.config_of(sandbox, VENDOR)
        report = doctor.examined(config, VENDOR, "cimcloud_accounts")
        assert one(report, "date_literal") == (VerdictState.DIFFERS, ISO)
        assert one(report, "misread_date")[0] is VerdictState.DIFFERS


def test_a_site_that_answers_everything_otherwise_is_read() -> None:
    variants = {
        "guessed_paths": "singular",
        "rows": "wrapped",
        "stamp_column": "modified_date",
        "stamp_format": "us",
        "unique_key": "other",
        "order": "created",
        "date_literal": "iso",
        "misread_date": "no-rows",
        "search_bound": "exclusive",
        "past_end": "bad-request",
        "clock": "ahead",
    }
    played = {f"cimcloud.{key}": value for key, value in variants.items()}
    with running_sandbox(size=SIZE, limits=False, variants=played) as sandbox:
        config, report = examined(sandbox)
        # No row has changed in the last hours, and some were created in 1969.
        assert {*variants} - {*doctor.differing(report)} == {"clock", "order"}
        assert all(sample.access is Access.READ for sample in report.samples.values())
        reads_all(sandbox, doctor.applied(config, report))


def test_the_one_form_that_is_documented_is_enough() -> None:
    with running_sandbox(
        size=SIZE, limits=False, variants={"cimcloud.date_literal": "us-only"}
    ) as sandbox:
        assert one(examined(sandbox)[1], "date_literal") == (VerdictState.HOLDS, {})
