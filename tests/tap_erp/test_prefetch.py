"""Pages that are asked for ahead of their time, in whole runs: the same records, few calls more."""

from __future__ import annotations

import functools
import itertools
import json
import re
import signal
import threading
import time
import typing as t
import urllib.parse
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from erp_vendors.aim import paging
from erp_vendors.aim.client import AimClient
from erp_vendors.aims360 import odata
from erp_vendors.aims360.client import Aims360Client
from erp_vendors.cimcloud.client import CimcloudClient
from erp_vendors.errors import DataError
from tests.erp_vendors.aims360 import fake as aims360
from tests.support.ahead import scrambled
from tests.support.scale import full
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import (
    Message,
    Run,
    cimcloud,
    command,
    make_tap,
    run_tap,
    selected,
    written,
)

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"
SIZE = {"aims360": 50, "aim": 100, "cimcloud": 50}
STREAM = {"aims360": "aims360_customers", "aim": "aim_inventory", "cimcloud": "cimcloud_accounts"}
VENDORS = pytest.mark.parametrize("vendor", list(STREAM))


class Listed:
    """A vendor's list, and the calls that it got; no network between it and the tap."""

    def __init__(self, vendor: str, rows: int, *, counts: bool = False) -> None:
        self.vendor = vendor
        self.stream = STREAM[vendor]
        self.rows: list[Message] = [self.row(number) for number in range(rows)]
        self.counts = counts
        self.asked: list[int] = []
        self.most = 0
        self.before: t.Callable[[int, int], object] = lambda _number, _start: None
        self._running = 0
        self._lock = threading.Lock()

    def row(self, number: int) -> Message:
        stamp = f"2026-{1 + number // 1000:02}-{1 + number // 60 % 28:02}T10:{number % 60:02}:00"
        if self.vendor == "aim":
            return {"Pk": number, "Description": f"Item {number}"}
        if self.vendor == "aims360":
            return {"customerID": f"c{number:05}", "lastModifiedOn": f"{stamp}Z"}
        return {"ref_id": f"A{number:05}", "last_modify_date": stamp}

    @property
    def change(self) -> Message:
        """What is new in a row that has changed."""
        if self.vendor == "aim":
            return {"Description": "changed"}
        name = "lastModifiedOn" if self.vendor == "aims360" else "last_modify_date"
        return {name: "2026-12-01T00:00:00"}

    def run(self, most: int | None, **more: t.Any) -> Run:
        """A run of the tap.

        Args:
            most: Calls at once; None for the vendor's default.
            more: Settings.
        """
        self.asked.clear()
        self.most = 0
        config = self.config(**({} if most is None else {"max_concurrency": most}), **more)
        with self.patched():
            return run_tap(config, self.stream)

    def config(self, **more: t.Any) -> Message:
        more.setdefault("requests_per_second", 10_000)
        if self.vendor == "cimcloud":
            return cimcloud(NOWHERE, **more)
        if self.vendor == "aims360":
            block = {"api_url": NOWHERE, "access_token": "a-token", "page_size": 50}
            return {"aims360": {**block, **more}}
        names = ("api_key", "app_id", "username", "password")
        return {"aim": {"api_url": NOWHERE, **dict.fromkeys(names, "sandbox-value"), **more}}

    def names(self, run: Run) -> list[str]:
        return [json.dumps(record, sort_keys=True) for record in run.records(self.stream)]

    @property
    def pages(self) -> int:
        """Calls that a run makes which asks for one page after the other."""
        size, rows = SIZE[self.vendor], len(self.rows)
        if self.vendor == "cimcloud":
            return rows // size + 1
        last = max(1, -(-(rows - 1) // (size - 1)))
        # How large a page may be is documented for CIMcloud alone.
        return last if self.counts else last + (rows > 0)

    def _take(self, start: int) -> tuple[list[Message], int]:
        with self._lock:
            number = len(self.asked)
            self.asked.append(start)
            self._running += 1
            self.most = max(self.most, self._running)
        try:
            self.before(number, start)
            with self._lock:
                rows = [dict(row) for row in self.rows[start : start + SIZE[self.vendor]]]
                return rows, len(self.rows)
        finally:
            with self._lock:
                self._running -= 1

    def patched(self) -> t.ContextManager[object]:
        """Let the vendor's client read from here."""

        def of_cimcloud(
            _client: object, _resource: object, _search: str = "", number: int = 1
        ) -> list[Message]:
            return self._take((number - 1) * SIZE["cimcloud"])[0]

        def of_aims360(
            _client: object, _resource: object, skip: int = 0, **_: object
        ) -> odata.ODataPage:
            rows, total = self._take(skip)
            return odata.ODataPage(rows, total if self.counts else None)

        def of_aim(
            _client: object, _resource: object, _members: object, offset: int
        ) -> paging.AimPage:
            rows, total = self._take(offset)
            left = max(0, total - offset - len(rows))
            return paging.AimPage(rows, left if self.counts else None)

        if self.vendor == "cimcloud":
            return mock.patch.object(CimcloudClient, "page", of_cimcloud)
        if self.vendor == "aims360":
            return mock.patch.object(Aims360Client, "page", of_aims360)
        return mock.patch.object(AimClient, "_page", of_aim)


def certain(listed: Listed, most: int) -> bool:
    """Whether no call at all may be in vain."""
    return most == 1 or listed.counts


@VENDORS
@settings(max_examples=full(4, 25))
@given(rows=st.integers(0, 900), counts=st.booleans(), most=st.integers(1, 9))
def test_the_same_records_in_the_same_order(
    vendor: str,
    rows: int,
    counts: bool,  # noqa: FBT001
    most: int,
) -> None:
    listed = Listed(vendor, rows, counts=counts and vendor != "cimcloud")
    alone = listed.run(1)
    needed, all_needed = len(listed.asked), set(listed.asked)
    assert (alone.code, listed.most) == (0, min(1, needed))
    assert listed.names(alone) == [json.dumps(row, sort_keys=True) for row in listed.rows]
    together = listed.run(most)
    assert (together.code, together.error) == (0, "")
    assert listed.names(together) == listed.names(alone)
    assert listed.most <= most
    assert len(set(listed.asked)) == len(listed.asked), "no page is asked for twice"
    assert all_needed <= set(listed.asked)
    assert len(listed.asked) - needed <= (0 if certain(listed, most) else most - 1)


@VENDORS
@pytest.mark.parametrize("rows", [0, 1, 49, 99, 120])
def test_a_short_list_costs_no_call_more(vendor: str, rows: int) -> None:
    listed = Listed(vendor, rows)
    listed.run(8)
    assert len(listed.asked) == listed.pages
    if vendor == "cimcloud" and rows < SIZE[vendor]:
        assert len(listed.asked) == 1


@VENDORS
def test_several_pages_are_in_flight(vendor: str) -> None:
    listed = Listed(vendor, 1500, counts=vendor == "aims360")
    together = threading.Event()

    def meet(_: int, start: int) -> None:
        if listed.most == 4:
            together.set()
        if start > 5 * SIZE[vendor] and not together.wait(10):
            msg = "no four calls run at once"
            raise DataError(msg)

    listed.before = meet
    run = listed.run(4)
    assert (run.code, run.error) == (0, "")
    assert listed.most == 4


def test_where_calls_are_counted_over_a_longer_time_none_is_in_vain() -> None:
    listed = Listed("cimcloud", 520)
    # Up to the documented rate the documented 100 calls in 15 minutes count, too.
    with mock.patch("erp_vendors.http.budget.Clock.sleep"):
        run = listed.run(None, requests_per_second=2)
    assert run.code == 0
    assert sorted(listed.asked) == list(range(0, 550, 50))
    assert listed.most <= 2


def test_aim_is_read_one_call_after_the_other_unless_more_are_permitted() -> None:
    listed = Listed("aim", 1200)
    listed.before = lambda _number, _start: time.sleep(0.002)
    listed.run(None)
    assert listed.most == 1
    assert listed.asked == sorted(listed.asked)
    assert len(listed.asked) == listed.pages


def test_orders_that_are_taken_by_being_read_are_never_asked_for_ahead() -> None:
    pages = iter([[{"o_key": f"O{page:02}{n:02}"} for n in range(50)] for page in range(9)])

    def answer(request: Request) -> Reply:
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token-1"})
        return Reply(body=next(pages, []), delay=0.01)

    with running_stub(answer) as stub:
        config = cimcloud(stub.url, read_online_orders=True, max_concurrency=8)
        run = run_tap(config, "cimcloud_online_orders")
    assert len(run.records("cimcloud_online_orders")) == 450
    assert stub.most_in_flight == 1
    assert sum(path.startswith("GET") for path in stub.paths) == 10, "one that is empty, none more"


@VENDORS
@pytest.mark.parametrize("failing", [2, 5, 9])
def test_records_before_a_page_that_fails_are_emitted(vendor: str, failing: int) -> None:
    listed = Listed(vendor, 1500)
    step = SIZE[vendor] - (vendor != "cimcloud")

    def fail(_: int, start: int) -> None:
        if start >= failing * step:
            msg = f"{vendor}: the page at {start} is broken"
            raise DataError(msg)

    listed.before = fail
    run = listed.run(8)
    assert run.code == 1
    assert f"the page at {failing * step} is broken" in run.error, "the first one, not a later one"
    read = failing * step + (vendor != "cimcloud")
    assert listed.names(run) == [json.dumps(row, sort_keys=True) for row in listed.rows[:read]]
    assert "replication_key_value" not in run.state.get("bookmarks", {}).get(listed.stream, {})


def test_a_site_that_answers_the_same_page_for_ever_is_read_once() -> None:
    listed = Listed("cimcloud", 50)
    with mock.patch.object(listed, "_take", functools.partial(_first, listed)):
        run = listed.run(8)
    assert (run.code, len(run.records(listed.stream))) == (0, 50)
    assert len(listed.asked) <= 3


def _first(listed: Listed, start: int) -> tuple[list[Message], int]:
    listed.asked.append(start)
    return [dict(row) for row in listed.rows], 50


@VENDORS
@settings(max_examples=full(6, 60))
@given(
    rows=st.integers(400, 800),
    when=st.integers(1, 14),
    where=st.lists(st.integers(0, 399), min_size=1, max_size=6, unique=True),
    seed=st.integers(0, 10**6),
)
@example(rows=400, when=7, where=[396, 0, 7, 1], seed=7)  # one moves to where it was
def test_no_row_slips_between_pages_while_others_move(
    vendor: str, rows: int, when: int, where: list[int], seed: int
) -> None:
    """Some get a newer stamp and go to the end, in the worst order of the calls under way."""
    listed = Listed(vendor, rows)
    moving = [listed.rows[place] for place in where]

    def move(number: int, _: int) -> None:
        if number == when:
            listed.rows = [row for row in listed.rows if row not in moving]
            listed.rows += [{**row, **listed.change} for row in moving]

    listed.before = move
    still = {json.dumps(row, sort_keys=True) for row in listed.rows if row not in moving}
    with scrambled(seed):
        run = listed.run(8)
    assert run.code == 0
    names = listed.names(run)
    assert still <= set(names), "no row is lost"
    assert len(names) == len(set(names)), "and no version of one comes twice"


def test_a_reader_that_leaves_lets_no_further_call_begin() -> None:
    listed = Listed("cimcloud", 5_000)
    release = threading.Event()

    def wait(_: int, start: int) -> None:
        if start > 500:
            release.wait(10)

    listed.before = wait
    with listed.patched():
        site: CimcloudClient = make_tap(listed.config(max_concurrency=6)).client("cimcloud")
        pages = iter(site.pages(site.resources["accounts"]))
        assert [len(page) for page in itertools.islice(pages, 9)] == [50] * 9
        t.cast("t.Generator[object, None, None]", pages).close()
        begun = len(listed.asked)
        release.set()
        time.sleep(0.05)
    assert begun <= len(listed.asked) <= 9 + 6


def test_a_run_that_is_stopped_waits_for_no_page(tmp_path: pathlib.Path) -> None:
    customers = [
        {"customerID": f"c{n:04}", "lastModifiedOn": "2026-01-01T00:00:00Z"} for n in range(3_000)
    ]
    played, hang, leave = aims360.Fake(), threading.Event(), threading.Event()
    played.lists["/customers/v1.0/customers"] = customers

    def before(request: Request) -> Reply | None:
        skipped = re.search(r"skip=(\d+)", urllib.parse.unquote(request.path))
        if skipped and int(skipped[1]) > 1_000:
            hang.set()  # later pages are asked for, and none is answered
            leave.wait(60)
        return None

    played.before = before
    with running_stub(played) as stub:
        played.url = stub.url
        config = aims360.config(stub.url, max_concurrency=4)
        process = command(
            *("--config", written(tmp_path, "config", config)),
            *("--catalog", written(tmp_path, "catalog", selected(config, STREAM["aims360"]))),
        )
        with process:
            assert hang.wait(30)
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=20)
            leave.set()
    assert process.returncode == 1
    assert out.splitlines()[-1].startswith(b'{"type":"STATE"')


def test_a_stopped_run_whose_output_nobody_reads_ends_all_the_same(tmp_path: pathlib.Path) -> None:
    rows = [
        {"customerID": f"c{n:04}", "lastModifiedOn": "2026-01-01T00:00:00Z", "note": "x" * 500}
        for n in range(3_000)
    ]
    played = aims360.Fake()
    played.lists["/customers/v1.0/customers"] = rows
    with running_stub(played) as stub:
        played.url = stub.url
        config = aims360.config(stub.url)
        process = command(
            *("--config", written(tmp_path, "config", config)),
            *("--catalog", written(tmp_path, "catalog", selected(config, STREAM["aims360"]))),
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.read(1)  # the pipe fills up behind this
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            finally:
                process.kill()
    assert process.returncode == 1
