"""docs/coverage.md is up to date and true: no operation of the vendors is lost, none invented."""

from __future__ import annotations

import json
import re
import socket
import typing as t
import urllib.request

import pytest

from demo.sandbox import block
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.vendors import VENDORS
from tests.tap_erp.running import make_tap, run_tap
from tools import coverage

if t.TYPE_CHECKING:
    import pathlib

MARKS = {"DOC", "OBS", "OBS(v)", "INF", "UNK"}
# The names that users rely on, as the page of the public interface has them.
READ = {
    "aims360": (
        "orders style_colors styles customers warehouses currencies purchase_orders "
        "background_jobs documents aqua_<name>"
    ),
    "aimsio": (
        "job_orders employees billable_items price_books companies equipment nrbs "
        "payroll_periods timecards invoices users"
    ),
    "aim": (
        "inventory ecommerce_products invoices contracts service_tickets customers categories "
        "locations sales store_transfers auto_price_rules web_orders delivery_tickets "
        "scheduled_returns contract_defaults contract_statuses rental_plans rental_schools "
        "rental_teachers rental_districts rental_instruments instructor_invoices active_employees "
        "security_override_requests inventory_details inventory_quantities serials "
        "inventory_images customer_info customer_history shipping_addresses "
        "customer_purchase_orders transfer_lines contract_details web_order_status "
        "customer_access_tokens"
    ),
    "cimcloud": (
        "accounts customers products shipping_addresses orders order_details payments "
        "inventory_levels product_prices invoice_payments order_history order_history_lines "
        "shipments invoices invoice_lines credits online_orders"
    ),
    "pentamic": "customers customer_invoices",
}
WRITTEN = {
    "aims360": "orders",
    "aimsio": (
        "employees billable_items price_books companies equipment job_orders nrbs invoices "
        "timecards"
    ),
    "aim": (
        "customers customer_dependants shipping_addresses external_ids inventory inventory_scans "
        "inventory_images web_orders delivery_tickets scheduled_returns contracts service_tickets "
        "lessons ap_invoices time_clock"
    ),
    # Every Standard resource, and the function that takes whole orders.
    "cimcloud": f"{READ['cimcloud'].removesuffix(' online_orders')} order_passthrough",
    "pentamic": "customers",
}
# More than the interface asks for.
FURTHER = {"aimsio_object_index"}
OPTIONAL = {"aims360_aqua_<name>", "aim_customer_access_tokens", "cimcloud_online_orders"}
# What a run calls only after something has gone before, or with another setting.
SPECIAL = {
    "aims360: POST /reports/v1.0/exportdata": "a tenant without today's path",
    "aims360: POST /jobsmanagement/v1.0/backgroundjob/{}/rerun": "the job of an earlier run",
    "aims360: GET /documentmanagement/v1.0/aimsdocument/{}": "a private link",
    "aims360: GET /styles/v1.0/style/{}": "a tenant without the list",
    "cimcloud: POST generatecustomersession": "session_username",
}


def names(table: t.Mapping[str, str]) -> set[str]:
    return {f"{vendor}_{name}" for vendor, text in table.items() for name in text.split()}


@pytest.fixture(scope="module")
def found() -> coverage.Found:
    """What the code has, found without a single connection."""

    def refuse(*_: t.Any, **__: t.Any) -> t.NoReturn:
        pytest.fail("a connection was made")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        return coverage.find()


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=2, limits=False) as running:
        yield running


@pytest.fixture
def config(sandbox: RunningSandbox) -> coverage.Config:
    """All vendors of the sandbox, with every stream there is."""
    sandbox.reset(data=True)
    with urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310 - loopback
        played = json.load(answer)["vendors"]
    blocks: coverage.Config = {
        name: {
            **block(vendor, played[name]),
            "requests_per_second": 1000,
            **coverage.OPTIONS.get(name, {}),
        }
        for name, vendor in VENDORS.items()
    }
    blocks["aims360"] |= {"aqua_poll_seconds": 0.05, "calls_per_minute": 100_000}
    accounts = [sandbox.rows("aim", "customers")[0]["Acct"]]
    blocks["aim"]["customer_access_tokens"] = {"accounts": accounts}
    return blocks


def asked(sandbox: RunningSandbox) -> set[str]:
    """What the sandbox was asked, spelled as operations."""
    calls = {
        f"{vendor}: {call}"
        for vendor, counts in sandbox.report().items()
        for call in counts["by_path"]
    }
    own = r"/store(?=/)|(?<= )/\{site\}/|(?<=\w)/\{page\}$"
    return {spelled(re.sub(own, "", call)) for call in calls}


def spelled(call: str) -> str:
    """Without names of parameters and hosts, in lower case, as two of the vendors do not care."""
    call = re.sub(r"\{[^}]*\}", "{}", re.sub(r"https?://[^/]*", "", call))
    vendor, method, path = call.split(" ", 2)
    return f"{vendor} {method} {path.lower()}"


def covered(found: coverage.Found, role: str) -> dict[str, set[str]]:
    """What is covered by roles that begin so: operations, and the calls that each may be."""
    return {
        spelled(f"{vendor}: {row.operation}"): {
            spelled(f"{vendor}: {call}")
            for call in (*coverage.plain(row.operation), *(f"GET {path}" for path in row.guesses))
        }
        for vendor, rows in found.rows.items()
        for row in rows
        if any(cover.startswith(role) for cover in row.covers)
    }


def test_the_page_is_up_to_date(found: coverage.Found) -> None:
    text = (coverage.ROOT / coverage.PAGE).read_text("utf-8")
    assert text == coverage.page(found), "run `make settings`"


def test_nothing_is_lost_and_nothing_invented(found: coverage.Found) -> None:
    assert found.problems == []
    for vendor in VENDORS:
        listed = [entry["operation"] for entry in coverage.operations(vendor)]
        assert [row.operation for row in found.rows[vendor]] == listed
        for row in found.rows[vendor]:
            assert bool(row.covers) != bool(row.reason), row


def test_the_lists_of_operations_are_sound() -> None:
    for vendor in VENDORS:
        listed = coverage.operations(vendor)
        calls = [call for entry in listed for call in coverage.plain(entry["operation"])]
        assert len(calls) == len(set(calls)), vendor
        for entry in listed:
            assert set(entry) == {"operation", "section", "mark"}
            assert entry["mark"] in MARKS, entry
            assert re.fullmatch(r"(GET|POST|PUT|DELETE)(,GET)? \S.*", entry["operation"]), entry
            assert re.fullmatch(r"\d+(\.\d+)?", entry["section"]), entry


def test_every_stream_and_sink_of_the_interface_exists(found: coverage.Found) -> None:
    entries = {name: entry for named in found.entries.values() for name, entry in named.items()}
    read = {name for name, entry in entries.items() if entry.read_key is not None}
    assert read == names(READ) | FURTHER
    assert {name for name, entry in entries.items() if entry.optional} - read == set()
    assert {name for name, entry in entries.items() if entry.optional and name in read} == OPTIONAL
    assert {name for name, entry in entries.items() if entry.write_key is not None} == names(
        WRITTEN
    )


def test_a_run_asks_for_what_the_page_says(
    found: coverage.Found, config: coverage.Config, sandbox: RunningSandbox
) -> None:
    run = run_tap(config)
    assert (run.code, run.error) == (0, "")
    calls = asked(sandbox)
    read = covered(found, "stream ")
    known = set().union(*read.values(), *covered(found, "login").values())
    assert calls - known == set()
    quiet = {operation for operation, may_be in read.items() if not may_be & calls}
    assert quiet == set(SPECIAL)


def test_a_connection_test_asks_for_what_the_page_says(
    found: coverage.Found, config: coverage.Config, sandbox: RunningSandbox
) -> None:
    # A token made in the ERP needs no login.
    del config["aims360"]["access_token"]
    make_tap(config).check_credentials()
    calls = {*covered(found, "connection test"), *covered(found, "login")}
    assert asked(sandbox) == calls - {"cimcloud: POST refresh"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"less": "GET /rest/api/standard/v1/User/{guid or id}"},
            "`aimsio_users`: no document names",
        ),
        ({"more": "POST /rest/api/standard/v1/Crew"}, "neither covered nor left out for a reason"),
        ({"less": "GET <Location>"}, "'GET <Location>' is no operation of tests/operations"),
        ({"used": {"aimsio_crews": []}}, "'aimsio_crews' is neither a role nor a stream"),
        ({"guesses": {"users": "<User>"}}, "'users' is no guess"),
        (
            {"left_out": {"too hard": ["POST /rest/api/standard/v1/NRB"]}},
            "left out, but covered by sink `aimsio_nrbs`",
        ),
    ],
    ids=str,
)
def test_a_page_that_is_out_of_step_is_told(
    change: dict[str, t.Any],
    problem: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = json.loads(coverage.DATA.read_text("utf-8"))
    for part in ("used", "guesses", "left_out"):
        data[part]["aimsio"].update(change.get(part, {}))
    (tmp_path / "data.json").write_text(json.dumps(data))
    listed = {vendor: coverage.operations(vendor) for vendor in VENDORS}
    listed["aimsio"] = [
        entry for entry in listed["aimsio"] if entry["operation"] != change.get("less")
    ]
    if "more" in change:
        listed["aimsio"].append({"operation": change["more"], "section": "7", "mark": "DOC"})
    monkeypatch.setattr(coverage, "DATA", tmp_path / "data.json")
    monkeypatch.setattr(coverage, "operations", listed.__getitem__)
    problems = coverage.find().problems
    assert len(problems) == 1
    assert problems[0].startswith("aimsio: ")
    assert problem in problems[0]
