"""Random histories: whatever changes between and during runs arrives, and arrives once."""

from __future__ import annotations

import collections
import datetime as dt
import random
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.erp_vendors.aims360.fake import Fake, Row, config, iso, run_tap
from tests.support.scale import full
from tests.support.stub import Reply, Request, running_stub

pytestmark = pytest.mark.slow

STREAM = "aims360_customers"
PATH = "/customers/v1.0/customers"
LOOKBACK = 600

ORDERS: dict[str, t.Callable[[Row], t.Any] | None] = {
    "inserted": None,
    "oldest": lambda row: row["lastModifiedOn"],
    "newest": lambda row: [-ord(c) for c in row["lastModifiedOn"]],
    "shuffled": lambda row: random.Random(row["customerID"]).random(),  # noqa: S311
}
KINDS = ["insert", "insert", "update", "update", "tie", "late", "delete", "wait"]


class History:
    """A table with a clock, and what a loader made of what the tap said about it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.clock = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
        self.fake = Fake()
        self.rows = self.fake.lists[PATH] = []
        self.serial = 0
        self.restless = 0
        self.loaded: dict[str, Row] = {}
        self.versions: collections.Counter[int] = collections.Counter()
        self.state: Row | None = None
        self.fake.before = self.before

    def before(self, request: Request) -> Reply | None:
        assert request.method == "GET"
        self.clock += dt.timedelta(seconds=self.random.choice([0, 1, 5]))
        for _ in range(min(self.restless, self.random.choice([0, 0, 1, 2]))):
            self.restless -= 1
            self.change(self.random.choice(KINDS))
        return None

    def change(self, kind: str) -> None:
        stamp = self.clock
        if kind == "wait":
            self.clock += dt.timedelta(seconds=self.random.choice([1, 300, 4000]))
            return
        if kind == "late":  # committed now, with a stamp of a while ago
            stamp -= dt.timedelta(seconds=self.random.randrange(LOOKBACK))
        if kind == "tie" and self.rows:
            stamp = max(
                dt.datetime.fromisoformat(row["lastModifiedOn"].replace("Z", "+00:00"))
                for row in self.rows
            )
            stamp = max(stamp, self.clock - dt.timedelta(seconds=LOOKBACK))
        if kind != "insert" and self.rows:
            row = self.rows.pop(self.random.randrange(len(self.rows)))
            if kind == "delete":
                return
        else:
            row = {"customerID": f"{self.random.randrange(10**6):06}-{self.serial}"}
        self.serial += 1
        row = {**row, "version": self.serial, "lastModifiedOn": iso(stamp)}
        self.rows.insert(self.random.randrange(len(self.rows) + 1), row)

    def run(self, url: str, page_size: int) -> list[Row]:
        settings = {**config(url, page_size=page_size), "lookback_seconds": LOOKBACK}
        with mock.patch("tap_erp.stamps.utc_now", return_value=self.clock.replace(tzinfo=None)):
            run = run_tap(settings, STREAM, state=self.state)
        assert run.code == 0, run.error
        self.state = run.state
        records = run.records(STREAM)
        for record in records:
            self.loaded[record["customerID"]] = record
            self.versions[record["version"]] += 1
        return records


@settings(max_examples=full(6, 40), deadline=None)
@given(
    seed=st.integers(0, 2**32),
    page_size=st.integers(2, 7),
    order=st.sampled_from(sorted(ORDERS)),
    refused=st.sets(st.sampled_from(["$filter", "$orderby"])),
    ignored=st.sets(st.sampled_from(["$filter", "$orderby"])),
    counts=st.booleans(),
    runs=st.lists(st.lists(st.sampled_from(KINDS), max_size=8), min_size=1, max_size=4),
)
def test_nothing_is_lost_and_nothing_comes_twice(  # noqa: PLR0917
    seed: int,
    page_size: int,
    order: str,
    refused: set[str],
    ignored: set[str],
    counts: bool,  # noqa: FBT001
    runs: list[list[str]],
) -> None:
    history = History(seed)
    fake = history.fake
    fake.order, fake.refused, fake.ignored, fake.counts = ORDERS[order], refused, ignored, counts
    for _ in range(history.random.randrange(15)):
        history.change("insert")
        history.change("wait")
    with running_stub(fake) as stub:
        for changes in runs:
            for kind in changes:
                history.change(kind)
            history.restless = 12
            history.run(stub.url, page_size)
            history.restless = 0
        history.run(stub.url, page_size)
        assert [row for row in history.rows if history.loaded.get(row["customerID"]) != row] == []
        assert history.run(stub.url, page_size) == []
    assert [version for version, times in history.versions.items() if times > 1] == []


@pytest.mark.parametrize("at", [0, 1, 3])
def test_a_run_that_breaks_off_is_made_up_for(at: int) -> None:
    history = History(1)
    for _ in range(12):
        history.change("insert")
    with running_stub(history.fake) as stub:
        history.run(stub.url, 4)
        history.clock += dt.timedelta(hours=2)
        for _ in range(12):
            history.change("update")
            history.change("insert")
        before, calls = history.state, len(history.fake.requests)
        real = history.fake.before

        def broken(request: Request) -> Reply | None:
            here = len(history.fake.requests) - calls > at
            return Reply(409, b"no") if here else real(request)

        history.fake.before = broken
        with mock.patch("tap_erp.stamps.utc_now", return_value=history.clock.replace(tzinfo=None)):
            run = run_tap(config(stub.url, page_size=4), STREAM, state=history.state)
        assert run.code == 1
        assert STREAM in run.error
        assert run.state["bookmarks"][STREAM] == before["bookmarks"][STREAM]  # type: ignore[index]
        history.fake.before = real
        history.run(stub.url, 4)
    assert [row for row in history.rows if history.loaded.get(row["customerID"]) != row] == []
