"""What is open is bounded whatever comes in, and STATE comes out in time."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import threading
import time
import typing as t

import pytest

from target_erp.target import TargetErp
from tests.support.plugins import record, schema, state
from tests.support.scale import full, mostly_nightly
from tests.support.stub import Reply, Request
from tests.support.waiting import wait_until
from tests.target_erp.acting import Site, Stage

if t.TYPE_CHECKING:
    import pathlib

    from target_erp.delivery import Write
    from tests.target_erp.conftest import Vendor

pytestmark = pytest.mark.slow

EMPLOYEES = "aimsio_employees"
AHEAD, CHUNK = full(100, 1_000), full(50, 500)
MESSAGES = 24 * AHEAD // 10
BOUND = 17 * AHEAD // 10
"""The records that may be open, the chunk that is looked up together, and a few on their way."""


@pytest.fixture(autouse=True)
def _bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a night they are those of the product; each change is judged by smaller ones."""
    monkeypatch.setattr("target_erp.delivery.delivery.AHEAD", AHEAD)
    monkeypatch.setattr("target_erp.delivery.delivery.CHUNK", CHUNK)


class Input:
    """Lines that are made when they are asked for; it knows how far it was read."""

    def __init__(self, messages: t.Iterator[dict[str, t.Any]]) -> None:
        self.read = 0
        self._messages = messages

    def __iter__(self) -> t.Iterator[str]:
        for message in self._messages:
            self.read += message["type"] == "RECORD"
            yield json.dumps(message) + "\n"


def rows(count: int, every: int) -> t.Iterator[dict[str, t.Any]]:
    yield schema(EMPLOYEES, ["employeeCode"])
    for number in range(count):
        yield record(EMPLOYEES, employeeCode=f"E-{number}")
        if every and number % every == every - 1:
            yield state({"n": number + 1})


class Slow:
    """A vendor that answers nothing until it is let go."""

    def __init__(self, vendor: Vendor) -> None:
        self.go = threading.Event()
        vendor.script = self.answer
        self._lock = threading.Lock()
        self.taken = 0

    def answer(self, request: Request) -> Reply | None:
        if request.method == "POST":
            self.go.wait(120)
            with self._lock:  # the calls are answered side by side
                self.taken += sum(map(len, request.json.values()))
            return Reply(body={"ok": True})
        return None


def started(target: TargetErp, lines: Input, out: io.StringIO) -> threading.Thread:
    def run() -> None:
        with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
            target.listen(t.cast("t.IO[t.Any]", lines))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("batch", "every"), mostly_nightly(itertools.product((1, AHEAD // 10), (0, 1, 7, 100)))
)
def test_the_input_waits_for_the_vendor_however_often_state_comes(
    every: int, batch: int, vendor: Vendor
) -> None:
    slow = Slow(vendor)
    success = [{"name": "employees", "success": {"status": 200}}]
    block = {"batch_size": batch, "resources": success}
    target = TargetErp(config=vendor.config(aimsio=block, checkpoint_seconds=1))
    lines = Input(rows(MESSAGES, every))
    thread = started(target, lines, io.StringIO())
    wait_until(lambda: lines.read > 9 * AHEAD // 10)
    time.sleep(0.7)
    assert lines.read < BOUND
    slow.go.set()
    thread.join(180)
    assert (lines.read, slow.taken) == (MESSAGES, MESSAGES)


def test_state_comes_out_although_there_is_never_a_moment_at_which_all_is_settled(
    vendor: Vendor,
) -> None:
    """Each answer takes a while, so that something is under way at each moment."""

    def slow(request: Request) -> Reply | None:
        if request.method != "POST":
            return None
        time.sleep(0.05)
        return Reply(body={"ok": True})

    vendor.script = slow
    block = {"batch_size": 1, "resources": [{"name": "employees", "success": {"status": 200}}]}
    target = TargetErp(config=vendor.config(aimsio=block, checkpoint_seconds=0.3))
    out = io.StringIO()
    thread = started(target, Input(rows(600, 10)), out)
    thread.join(180)
    states = [json.loads(line)["n"] for line in out.getvalue().splitlines()]
    assert states == sorted(states)
    assert states[-1] == 600
    assert len(states) > 4, "600 calls of 50 ms, ten at once, take ten checkpoints"


def test_state_comes_out_while_the_input_pauses(vendor: Vendor) -> None:
    vendor.script = lambda request: Reply(body={"ok": True}) if request.method == "POST" else None
    go, out = threading.Event(), io.StringIO()

    def messages() -> t.Iterator[dict[str, t.Any]]:
        yield from rows(20, 20)
        go.wait(120)
        yield record(EMPLOYEES, employeeCode="last")

    block = {"resources": [{"name": "employees", "success": {"status": 200}}]}
    target = TargetErp(config=vendor.config(aimsio=block, checkpoint_seconds=0.2))
    thread = started(target, Input(messages()), out)
    wait_until(lambda: json.loads(out.getvalue() or "{}").get("n") == 20)
    go.set()
    thread.join(180)


def test_one_slow_record_holds_back_the_state_behind_it_alone(tmp_path: pathlib.Path) -> None:
    go = threading.Event()
    site = Site(upsert=True, workers=4)

    def act(writes: list[Write]) -> None:
        if writes[0].body["key"] == "k50":
            go.wait(120)

    site.act = act
    settled: list[int] = []

    def feed() -> t.Iterator[dict[str, t.Any]]:
        for number in range(200):
            yield {"key": f"k{number}"}
        wait_until(lambda: len(site.calls) == 200)
        time.sleep(0.2)
        settled.append(stage.delivery.watermark.settled)
        go.set()

    stage = Stage(tmp_path)
    run = stage.run(site, feed())
    assert (settled, run.delivery.watermark.settled) == ([50], 200)
