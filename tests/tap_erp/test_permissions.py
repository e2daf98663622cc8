"""A resource that the login may not read: skipped, or failed, by one rule for all vendors."""

from __future__ import annotations

import logging
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.tap_erp.running import run_tap
from tests.tap_erp.test_union import config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]


class Case(t.NamedTuple):
    """A vendor's streams: one whose path is refused, and another one.

    Attributes:
        refused: The stream that the login may not read.
        path: Regular expression of its calls.
        other: A stream that it may read.
        body: What the vendor says with its 403.
    """

    refused: str
    path: str
    other: str
    body: str = "Forbidden"


CASES = {
    "aim": Case("aim_locations", "/GetLocations", "aim_categories"),
    "aim unlicensed": Case(
        "aim_contracts", "/ContractFullDetails", "aim_categories", "No licence for Contracts"
    ),
    "aim child": Case("aim_customer_info", "/CustomerInfo", "aim_customers"),
    "aims360": Case(
        "aims360_styles", "/StyleColors|/styles/", "aims360_customers", "Access Denied"
    ),
    "aimsio": Case("aimsio_job_orders", "/JobOrder", "aimsio_users"),
    "cimcloud": Case("cimcloud_accounts", "/accounts", "cimcloud_orders"),
    "pentamic": Case("pentamic_customer_invoices", "/invoices", "pentamic_customers"),
}


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=4, limits=False) as sandbox:
        yield sandbox


@pytest.fixture(params=CASES)
def vendor(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> t.Iterator[str]:
    sandbox.reset(data=True)
    yield request.param
    sandbox.clear_faults()


def refuse(
    sandbox: RunningSandbox, vendor: str, path: str | None = None, status: int = 403
) -> None:
    case = CASES[vendor]
    sandbox.add_fault(
        "status",
        vendor=vendor.partition(" ")[0],
        status=status,
        path=path or case.path,
        body=case.body,
    )


def test_a_refused_stream_is_skipped_if_the_login_could_read_another(
    vendor: str, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    case = CASES[vendor]
    refuse(sandbox, vendor)
    with caplog.at_level(logging.WARNING):
        run = run_tap(config(sandbox.url, vendor.partition(" ")[0]), case.refused, case.other)
    assert (run.code, run.error) == (0, "")
    assert run.records(case.other)
    assert not run.records(case.refused)
    said = [line for line in caplog.messages if case.refused in line]
    assert len(said) == 1
    assert f"'!{case.refused}.*'" in said[0]


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("auth_type", ["basic", "bearer"])
def test_cimcloud_401_is_a_missing_permission_only_where_validate_takes_the_login(
    sandbox: RunningSandbox, auth_type: str, *, taken: bool
) -> None:
    sandbox.reset(data=True)
    case = CASES["cimcloud"]
    setting = config(sandbox.url, "cimcloud")
    setting["cimcloud"]["auth_type"] = auth_type
    refuse(sandbox, "cimcloud", status=401)
    if not taken:
        refuse(sandbox, "cimcloud", path="/validate", status=401)
    run = run_tap(setting, case.refused, case.other)
    sandbox.clear_faults()
    assert run.code == (0 if taken else 1)
    assert ("the credentials in 'cimcloud' were refused" in run.error) is not taken
    assert not run.records(case.refused)
    assert run.records(case.other) or not taken


def test_the_run_fails_if_the_login_could_read_nothing(
    vendor: str, sandbox: RunningSandbox
) -> None:
    case = CASES[vendor]
    refuse(sandbox, vendor)
    run = run_tap(config(sandbox.url, vendor.partition(" ")[0]), case.refused)
    assert run.code == 1
    assert case.refused in run.error


@pytest.mark.parametrize(("status", "emptied"), [(403, False), (403, True), (404, True)])
def test_a_refused_stream_failed_if_an_earlier_run_could_read_it(
    vendor: str, sandbox: RunningSandbox, status: int, *, emptied: bool
) -> None:
    case = CASES[vendor]
    setting = config(sandbox.url, vendor.partition(" ")[0])
    earlier = run_tap(setting, case.refused, case.other)
    assert earlier.code == 0, earlier.error
    state = earlier.state
    if emptied:  # what an empty list leaves behind
        state["bookmarks"][case.refused] = {"read": True}
    refuse(sandbox, vendor, status=status)
    run = run_tap(setting, case.refused, case.other, state=state)
    assert run.code == 1
    assert "an earlier run could read it" in run.error or status == 404
    assert case.refused in run.error
    assert run.records(case.other) or vendor != "aim"
    assert run.state["bookmarks"][case.refused] == state["bookmarks"][case.refused]


def test_a_stream_without_any_record_is_known_to_be_readable(sandbox: RunningSandbox) -> None:
    sandbox.reset(data=True)
    for row in sandbox.rows("pentamic", "customers"):
        sandbox.delete("pentamic", "customers", row["id"])
    setting = config(sandbox.url, "pentamic")
    run = run_tap(setting, "pentamic_customers")
    assert run.state["bookmarks"]["pentamic_customers"] == {"read": True}
