"""`erp_outcomes` says what the vendor has executed, whatever breaks while the target writes."""

from __future__ import annotations

import collections
import contextlib
import json
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from tests.support.plugins import record, schema, state
from tests.support.scale import full
from tests.tap_erp.loader import Loader
from tests.tap_erp.running import run_tap

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox
    from tests.support.plugins import Message

pytestmark = pytest.mark.slow

ORDERS = "aims360_orders"
COUNT = full(120, 400)
KILLS_AT = [COUNT // 8, COUNT // 2, COUNT * 3 // 4][full(1, 0) : full(2, 3)]
"""How many orders are there when the target is killed."""
FAULTS: tuple[dict[str, t.Any], ...] = (
    {"kind": "cut_after", "probability": 0.05, "method": "POST"},
    {"kind": "status_after", "status": 503, "probability": 0.05, "method": "POST"},
    {"kind": "status", "status": 503, "probability": 0.03, "method": "POST"},
)


class Book:
    """What a target writes to the sandbox, and the warehouse that a tap keeps of it."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.loader = Loader()
        config = {
            "aims360": {
                "api_url": f"{sandbox.url}/aims360/west",
                "access_token": "sandbox.access.token",
                "calls_per_minute": 1_000_000,
                "requests_per_second": 5000,
                "max_concurrency": 4,
            },
            "ledger": str(folder / "ledger.sqlite"),
            "dead_letters": str(folder / "letters"),
            "report_file": "none",
            "checkpoint_seconds": 0.05,
        }
        (folder / "config.json").write_text(json.dumps(config))
        customer = sandbox.rows("aims360", "customers")[0]["customerID"]
        style = sandbox.rows("aims360", "style_colors")[0]
        sizes = [{"sizeName": style["sizes"][0]["sizeName"], "orderQuantity": 1}]
        line = {"styleColorID": style["styleColorID"], "sizes": sizes}
        self.orders = [
            {"customerID": customer, "thirdPartyOrderID": f"T-{number}", "lineItems": [line]}
            for number in range(COUNT)
        ]
        # One in ten is refused: the sandbox knows no such customer.
        for order in self.orders[::10]:
            order["customerID"] = "00000000-0000-4000-8000-000000000000"

    def write(self, begin: int, kill_at: int | None) -> tuple[int | None, int]:
        """Run the target from a STATE on; the exit code, and the STATE that it reached."""
        messages: list[Message] = [schema(ORDERS)]
        for number in range(begin, COUNT):
            messages += [record(ORDERS, **self.orders[number]), state(number + 1)]
        source = self.folder / "input.jsonl"
        source.write_text("".join(f"{json.dumps(message)}\n" for message in messages))
        with source.open() as lines:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "target_erp"),
                    *("--config", str(self.folder / "config.json")),
                ],
                stdin=lines,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            deadline = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < deadline:
                if kill_at is not None and len(self.executed()) >= kill_at:
                    self.read()  # while it is writing
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.005)
            out, _ = process.communicate(timeout=60)
        reached = begin
        for line in out.splitlines():
            with contextlib.suppress(ValueError):  # the kill may cut the last line
                reached = int(line)
        return process.returncode, reached

    def read(self) -> None:
        """Bring the warehouse up to date."""
        results = {
            "ledger": str(self.folder / "ledger.sqlite"),
            "dead_letters": str(self.folder / "letters"),
        }
        run = run_tap({"results": results}, state=self.loader.state)
        assert (run.code, run.error) == (0, "")
        self.loader.load(run.messages)

    def executed(self) -> collections.Counter[str]:
        """How often each order was created, by the sandbox's own log of calls."""
        return collections.Counter(
            json.loads(call["body"])["thirdPartyOrderID"]
            for call in self.sandbox.calls("aims360")
            if call["written"].get("created")
        )

    def outcomes(self) -> dict[str, Message]:
        """The warehouse's rows, by order number."""
        rows = self.loader.rows("erp_outcomes")
        return {row["key"].partition("=")[2]: row for row in rows}


def test_the_warehouse_says_what_was_executed(tmp_path: pathlib.Path) -> None:
    """Answers are lost, calls fail, the target is killed, and the tap reads meanwhile."""
    with running_sandbox(size=3, limits=False) as sandbox:
        book = Book(sandbox, tmp_path)
        for fault in (*FAULTS, {"kind": "delay", "seconds": 0.003}):
            sandbox.add_fault(vendor="aims360", **fault)
        reached, codes = 0, []
        for kill_at in (*KILLS_AT, None):
            code, reached = book.write(reached, kill_at)
            codes.append(code)
            book.read()
        assert codes == [-signal.SIGKILL] * len(KILLS_AT) + [3]
        assert sum(rule["used"] for rule in sandbox.faults()) > COUNT
        ids = {
            row.get("thirdPartyOrderID"): row["order"] for row in sandbox.rows("aims360", "orders")
        }
        executed, outcomes = book.executed(), book.outcomes()

    assert set(executed.values()) == {1}
    refused = {order["thirdPartyOrderID"] for order in book.orders[::10]}
    assert {key for key, row in outcomes.items() if row["outcome"] == "accepted"} == set(executed)
    assert {key for key, row in outcomes.items() if row["outcome"] == "refused"} == refused
    assert outcomes.keys() == {order["thirdPartyOrderID"] for order in book.orders}
    wrong = {
        key: row["vendor_id"]
        for key, row in outcomes.items()
        if key in executed and row["vendor_id"] not in {None, str(ids[key])}
    }
    assert not wrong
    known = [row for key, row in outcomes.items() if key in executed and row["vendor_id"]]
    assert len(known) == len(executed)
    runs = book.loader.rows("erp_runs")
    assert sorted((run["ended_at"] is None) for run in runs) == [False] + [True] * len(KILLS_AT)
    letters = {row["key"].partition("=")[2] for row in book.loader.rows("erp_dead_letters")}
    assert letters >= refused
