"""Whatever breaks at whichever call: the runs together read exactly what the vendor has."""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.support.scale import mostly_nightly
from tests.tap_erp.running import Config, Run, run_tap

pytestmark = pytest.mark.slow

Rows = dict[str, set[str]]

FAULTS: dict[str, dict[str, t.Any]] = {
    "down": {"kind": "status", "status": 500, "times": 9},
    "cut": {"kind": "cut_after", "times": 9},
    "half": {"kind": "half_body", "times": 9},
    "garbage": {"kind": "garbage", "times": 9},
    "limit": {"kind": "status", "status": 429, "times": 2},
    "one": {"kind": "status", "status": 503, "times": 1},
    "shape": {"kind": "wrong_type", "times": 1},
}
"""Nine times in a row is more than a call is tried: the run fails, and the next one goes on."""
RUNS = 4


def config(url: str, vendor: str) -> Config:
    fast = {"requests_per_second": 5000}
    login = {"username": "sandbox-user", "password": "sandbox-password"}
    blocks: dict[str, Config] = {
        "aims360": {
            "api_url": f"{url}/aims360/west",
            "client_id": "5A4D0B0C-0000-4000-8000-00000000C11E",
            "client_secret": "sandbox-secret",
            "page_size": 2,
            "calls_per_minute": 1_000_000,
            **login,
        },
        "aim": {
            "api_url": f"{url}/aim/api",
            "api_key": "sandbox-key",
            "app_id": "sandbox-app",
            **login,
        },
        "aimsio": {"api_url": f"{url}/aimsio", **login},
        "cimcloud": {
            "api_url": f"{url}/cimcloud",
            "site_name": "sandbox-site",
            "auth_key": "sandbox-key",
            **login,
        },
        "pentamic": {
            "api_url": f"{url}/pentamic/api",
            "token_url": f"{url}/pentamic/connect/token",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "scope": "pa-api",
        },
    }
    return {vendor: {**blocks[vendor], **fast}}


VENDORS = ("aim", "aims360", "aimsio", "cimcloud", "pentamic")


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=4, limits=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def whole(sandbox: RunningSandbox) -> dict[str, tuple[Rows, int]]:
    """What each vendor has, and the calls that an undisturbed run makes."""
    found = {}
    for vendor in VENDORS:
        sandbox.reset()
        run = run_tap(config(sandbox.url, vendor))
        assert run.code == 0, run.error
        found[vendor] = (rows_of(run), int(sandbox.report(vendor)["calls"]))
    return found


def rows_of(run: Run) -> Rows:
    rows: Rows = {}
    for message in run.messages:
        if message["type"] == "RECORD":
            line = json.dumps(message["record"], sort_keys=True, default=str)
            rows.setdefault(message["stream"], set()).add(line)
    return rows


def runs_until_done(settings: Config, disturb: t.Callable[[int], None]) -> Rows:
    """Run after run, each with the state that the one before it left."""
    together: Rows = {}
    state: Config = {}
    for number in range(RUNS):
        disturb(number)
        run = run_tap(settings, state=state)
        for stream, rows in rows_of(run).items():
            together.setdefault(stream, set()).update(rows)
        state = run.state or state
        if run.code == 0:
            return together
    pytest.fail(f"still failing after {RUNS} runs: {run.error}")


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(("fault", "vendor"), mostly_nightly(itertools.product(FAULTS, VENDORS)))
def test_one_fault_at_any_call_loses_no_row(
    sandbox: RunningSandbox, whole: dict[str, tuple[Rows, int]], vendor: str, fault: str
) -> None:
    everything, calls = whole[vendor]
    # A place of its own for each kind of fault, spread over the run.
    place = calls * (1 + list(FAULTS).index(fault)) // (len(FAULTS) + 1)

    struck = 0

    def disturb(number: int) -> None:
        nonlocal struck
        struck += sum(t.cast("int", rule["used"]) for rule in sandbox.faults())
        sandbox.clear_faults()
        if number == 0:
            sandbox.add_fault(vendor=vendor, after=place, **FAULTS[fault])

    try:
        together = runs_until_done(config(sandbox.url, vendor), disturb)
    finally:
        disturb(RUNS)
    assert together == everything
    assert struck >= 1


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize(
    ("place", "vendor"),
    mostly_nightly(itertools.product((0.0, 0.3, 0.7), ("aim", "aims360", "cimcloud", "pentamic"))),
)
def test_a_token_that_dies_at_any_call_is_no_failure(
    sandbox: RunningSandbox, whole: dict[str, tuple[Rows, int]], vendor: str, place: float
) -> None:
    everything, calls = whole[vendor]
    sandbox.add_fault("status", vendor=vendor, status=401, after=2 + int(calls * place), times=1)
    try:
        run = run_tap(config(sandbox.url, vendor))
    finally:
        sandbox.clear_faults()
    assert (run.code, run.error) == (0, "")
    assert rows_of(run) == everything
