"""Vendors without upsert, through the sandbox: no record is lost or doubled, whatever breaks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from target_erp.delivery import Outcome
from tests.support.plugins import record, run_target, schema, state
from tests.support.scale import NIGHTLY

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.slow

ORDERS, CUSTOMERS = "aims360_orders", "pentamic_customers"
KILLS_AT = (15, 40, 90, 135, 170) if NIGHTLY else (90,)
"""How many orders are there when the target is killed."""
FAULTS: tuple[dict[str, t.Any], ...] = (
    {"kind": "cut_after", "probability": 0.04, "method": "POST"},
    {"kind": "status_after", "status": 503, "probability": 0.03, "method": "POST"},
    {"kind": "status", "status": 503, "probability": 0.03, "method": "POST"},
    {"kind": "status", "status": 429, "probability": 0.03, "method": "POST"},
)


def config(sandbox: RunningSandbox, folder: pathlib.Path) -> dict[str, t.Any]:
    fast = {"requests_per_second": 5000, "max_concurrency": 4}
    return {
        "aims360": {
            "api_url": f"{sandbox.url}/aims360/west",
            "access_token": "sandbox.access.token",
            "calls_per_minute": 1_000_000,
            **fast,
        },
        "pentamic": {
            "api_url": f"{sandbox.url}/pentamic/api",
            "token_url": f"{sandbox.url}/pentamic/connect/token",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "scope": "pa-api",
            **fast,
        },
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "dead"),
        "checkpoint_seconds": 0.05,
    }


def order(sandbox: RunningSandbox, number: int) -> dict[str, t.Any]:
    customer = sandbox.rows("aims360", "customers")[0]["customerID"]
    style = sandbox.rows("aims360", "style_colors")[0]
    size = style["sizes"][0]["sizeName"]
    sizes = [{"sizeName": size, "orderQuantity": 1}]
    line = {"styleColorID": style["styleColorID"], "sizes": sizes}
    return {"customerID": customer, "thirdPartyOrderID": f"T-{number}", "lineItems": [line]}


def customer(number: int) -> dict[str, t.Any]:
    return {"name": f"Customer {number}", "taxCode": f"09{number:08}", "phone": "1"}


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=3, limits=False) as sandbox:
        yield sandbox


def ours(sandbox: RunningSandbox, vendor: str, resource: str, name: str, start: str) -> list[str]:
    found = [str(row.get(name)) for row in sandbox.rows(vendor, resource)]
    return sorted(value for value in found if value.startswith(start))


def test_orders_are_created_once_whatever_breaks(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    rows = [order(sandbox, n) for n in range(150)]
    for fault in FAULTS:
        sandbox.add_fault(vendor="aims360", **fault)
    messages = [schema(ORDERS), *(record(ORDERS, **row) for row in rows)]
    run = run_target(config(sandbox, tmp_path), messages)
    assert (run.code, run.error) == (0, "")
    found = ours(sandbox, "aims360", "orders", "thirdPartyOrderID", "T-")
    assert found == sorted(row["thirdPartyOrderID"] for row in rows)
    assert run.target.run.delivery.tallies[ORDERS].accepted == 150
    assert sum(rule["used"] for rule in sandbox.faults()) > 5
    sandbox.reset()
    again = run_target(config(sandbox, tmp_path), messages)
    assert again.target.run.delivery.tallies[ORDERS][Outcome.UNCHANGED] == 150
    assert sandbox.report("aims360")["calls"] == 0


def test_customers_are_created_once_and_then_updated(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    rows = [customer(n) for n in range(120)]
    for fault in FAULTS:
        sandbox.add_fault(vendor="pentamic", path="customers", **fault)
    settings = config(sandbox, tmp_path)
    messages = [schema(CUSTOMERS), *(record(CUSTOMERS, **row) for row in rows)]
    assert run_target(settings, messages).code == 0
    codes = sorted(row["taxCode"] for row in rows)
    assert ours(sandbox, "pentamic", "customers", "taxCode", "09") == codes
    rows[5]["phone"] = "2"
    messages = [schema(CUSTOMERS), *(record(CUSTOMERS, **row) for row in rows)]
    run = run_target(settings, messages)
    tally = run.target.run.delivery.tallies[CUSTOMERS]
    assert (tally.accepted, tally[Outcome.UNCHANGED]) == (1, 119)
    assert ours(sandbox, "pentamic", "customers", "taxCode", "09") == codes
    changed = [row for row in sandbox.rows("pentamic", "customers") if row.get("phone") == "2"]
    assert [row["taxCode"] for row in changed] == [rows[5]["taxCode"]]


def test_without_its_ledger_the_target_finds_what_is_there(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    rows = [order(sandbox, n) for n in range(5)]
    messages = [
        schema(ORDERS),
        *(record(ORDERS, **row) for row in rows),
        schema(CUSTOMERS),
        *(record(CUSTOMERS, **customer(n)) for n in range(5)),
    ]
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        assert run_target(config(sandbox, folder), messages).code == 0
    assert len(ours(sandbox, "aims360", "orders", "thirdPartyOrderID", "T-")) == 5
    assert len(ours(sandbox, "pentamic", "customers", "taxCode", "09")) == 5


def test_an_order_that_exists_cannot_be_changed(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    first = order(sandbox, 1)
    settings = config(sandbox, tmp_path)
    assert run_target(settings, [schema(ORDERS), record(ORDERS, **first)]).code == 0
    run = run_target(settings, [schema(ORDERS), record(ORDERS, **first, note1="changed")])
    assert run.code == 3
    assert len(ours(sandbox, "aims360", "orders", "thirdPartyOrderID", "T-")) == 1


def test_a_target_that_is_killed_again_and_again_neither_loses_nor_doubles(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    """kill -9 in the middle of the writing; each run begins at the STATE of the one before it."""
    rows = [order(sandbox, n) for n in range(200)]
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config(sandbox, tmp_path)))
    sandbox.add_fault("delay", vendor="aims360", seconds=0.005)
    done = 0
    for kill_at in (*KILLS_AT, 10_000):
        messages = [schema(ORDERS)]
        for number in range(done, len(rows)):
            messages += [record(ORDERS, **rows[number]), state(number + 1)]
        source = tmp_path / "input.jsonl"
        source.write_text("".join(f"{json.dumps(message)}\n" for message in messages))
        with source.open() as lines:
            process = subprocess.Popen(
                [sys.executable, "-m", "target_erp", "--config", str(file)],
                stdin=lines,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if len(sandbox.rows("aims360", "orders")) >= kill_at:
                    os.kill(process.pid, signal.SIGKILL)
                    break
                time.sleep(0.002)
            out, _ = process.communicate(timeout=60)
        expected = 0 if kill_at > len(rows) else -signal.SIGKILL
        assert process.returncode == expected
        for line in out.splitlines():
            with contextlib.suppress(ValueError):  # the kill may cut the last line
                done = int(line)
        present = ours(sandbox, "aims360", "orders", "thirdPartyOrderID", "T-")
        assert {f"T-{n}" for n in range(done)} <= set(present), "STATE is ahead of the vendor"
    assert done == len(rows)
    assert ours(sandbox, "aims360", "orders", "thirdPartyOrderID", "T-") == sorted(
        row["thirdPartyOrderID"] for row in rows
    )
