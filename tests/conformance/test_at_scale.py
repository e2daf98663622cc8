"""target-erp at scale: many writes among faults, many kills, two runs at once.

`make nightly` has ten thousand writes and fifty kills; a change has fewer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import threading
import typing as t

import pytest

from tests.support.scale import full
from tests.support.services import postgres_url, redis_url

from . import vendors
from .findings import Findings, find
from .running import Bench, Run
from .test_kill import run_and_kill

if t.TYPE_CHECKING:
    import pathlib

    from .adapter import Adapter
    from .book import Row
    from .conftest import Benches

WRITES = full(800, 10_000)
BATCH = full(4, 20)
CUSTOMERS = full(400, 2_000)
"""Fewer: to find one of Pentamic's customers, all of them must be read."""
KILLS, KILLED_RECORDS = full(10, 50), full(400, 2_000)
UPSERT_KILLS, UPSERT_RECORDS = full(3, 8), full(300, 800)
RATE, SHARED_RECORDS = 100, full(150, 250)
"""Calls per second that two processes share, and records of each of them."""

FAULTS: tuple[Row, ...] = (
    {"kind": "cut", "after": True, "probability": 0.02},
    {"kind": "status", "after": True, "status": 503, "probability": 0.01},
    # Not more often to one record: after three such answers it waits for the next run.
    {"kind": "status", "status": 503, "probability": 0.015, "each": 2},
    # A whole second for each of these would make it a test of patience.
    {"kind": "status", "status": 429, "headers": {"Retry-After": "0.1"}, "probability": 0.015},
)


def use(bench: Bench, **vendor: t.Any) -> Bench:
    """The same bench with more settings of the vendor block, and fewer STATE messages."""
    adapter = t.cast("vendors.TargetErp", bench.adapter)
    adapter.vendor = {**adapter.vendor, **vendor}
    adapter.settings = {"checkpoint_seconds": 1}
    return bench


@pytest.mark.parametrize(
    ("vendor", "count", "settings"),
    [
        ("Aimsio", WRITES, {"batch_size": 1}),
        ("Aimsio", max(WRITES, 1_500), {"batch_size": BATCH}),
        ("Cimcloud", WRITES, {"batch_size": BATCH // 2}),
        ("Aims360", WRITES, {}),
        ("Pentamic", CUSTOMERS, {}),
    ],
    ids=["Aimsio one by one", "Aimsio in batches", "Cimcloud", "Aims360", "Pentamic"],
)
def test_every_record_once_whatever_breaks_and_then_no_write(
    benches: Benches, vendor: str, count: int, settings: Row
) -> None:
    bench = use(benches(f"{vendors.__name__}:{vendor}"), **settings)
    records = bench.records(count)
    for fault in FAULTS:
        bench.server.rule(**fault)
    run = bench.run(bench.messages(records, every=100))
    stats = bench.server.stats
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr[-2000:]
    assert bench.findings(records, run) == Findings()
    assert bench.position(run.state) == count
    expected = stats["calls"]["write"] * sum(fault["probability"] for fault in FAULTS)
    assert min(stats["faults"]) > 0
    assert sum(stats["faults"]) > expected / 2
    bench.server.reset(keep=True)
    again = bench.run(bench.messages(records, every=100))
    assert again.code == bench.adapter.ok, again.stderr[-2000:]
    assert bench.server.writes == 0
    assert bench.position(again.state) == count


@pytest.mark.parametrize(
    ("vendor", "kills", "count"),
    [("Aims360", KILLS, KILLED_RECORDS), ("Aimsio", UPSERT_KILLS, UPSERT_RECORDS)],
)
def test_killed_at_many_random_points(
    benches: Benches, vendor: str, kills: int, count: int
) -> None:
    bench = benches(f"{vendors.__name__}:{vendor}")
    records = bench.records(count)
    runs = run_and_kill(bench, records, kills)
    killed = [run.code for run in runs].count(-signal.SIGKILL)
    assert killed >= kills * 0.8
    assert (runs[-1].code, bench.reported) == (bench.adapter.ok, []), runs[-1].stderr[-2000:]
    assert bench.findings(records, *runs) == Findings()
    assert max(bench.position(run.state) for run in runs) == count
    bench.server.reset(keep=True)
    assert bench.run(bench.messages(records)).code == bench.adapter.ok
    assert bench.server.writes == 0


def test_calls_that_a_killed_run_had_under_way_are_waited_for(benches: Benches) -> None:
    """The vendor carries it out when that run is dead and the next one is at work.

    The ledger is on another machine, so nothing but time tells that no call is under way any more.
    """
    bench = benches(f"{vendors.__name__}:Aims360")
    adapter = t.cast("vendors.TargetErp", bench.adapter)
    adapter.vendor = {**adapter.vendor, "timeout_seconds": 1}
    records = bench.records(40)
    bench.server.rule("late", seconds=6, skip=6)
    with postgres_url() as ledger:
        adapter.settings = {"ledger": ledger}
        killed = bench.run(bench.messages(records), death={"skip": 9})
        assert killed.code == -signal.SIGKILL
        bench.server.no_rules()
        under_way = bench.server.stats["in_flight"]
        run = bench.run(bench.messages(records, bench.position(killed.state)))
    assert under_way >= 2, "nothing was left to be carried out"
    assert (run.code, bench.reported) == (adapter.ok, []), run.stderr
    assert bench.findings(records, killed, run) == Findings()


@dataclasses.dataclass
class Pair:
    """Two targets at once: one account, one ledger, one rate budget, one server."""

    benches: list[Bench]
    runs: list[Run] = dataclasses.field(default_factory=list)

    def run(self, *inputs: t.Sequence[Row]) -> None:
        """Run both to their end, each on records of its own."""

        def one(bench: Bench, records: t.Sequence[Row]) -> None:
            self.runs.append(bench.run(bench.messages(records, every=20)))

        threads = [
            threading.Thread(target=one, args=pair, daemon=True)
            for pair in zip(self.benches, inputs, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [run.code for run in self.runs] == [0, 0], [run.stderr[-800:] for run in self.runs]


def pair(
    bench: Bench, folder: pathlib.Path, adapters: t.Iterable[Adapter], ledger: str, store: str
) -> Pair:
    """Two benches with one server that share a ledger and a budget."""
    found = []
    for number, adapter in enumerate(adapters):
        ours = t.cast("vendors.TargetErp", adapter)
        ours.vendor = {**ours.vendor, "requests_per_second": RATE}
        ours.settings = {"ledger": ledger, "rate_limit_store": store}
        place = folder / str(number)
        place.mkdir()
        found.append(Bench(ours, bench.server, place))
    return Pair(found)


@pytest.mark.serial
@pytest.mark.parametrize("store", ["postgres", "redis"])
def test_two_runs_on_two_streams_share_one_budget(
    benches: Benches, tmp_path: pathlib.Path, store: str
) -> None:
    bench = benches(f"{vendors.__name__}:Aimsio")
    with contextlib.ExitStack() as stack:
        ledger = stack.enter_context(postgres_url())
        budget = redis_url() if store == "redis" else ledger
        adapters = (vendors.Aimsio(), vendors.AimsioItems())
        for adapter in adapters:
            adapter.vendor["batch_size"] = 1
        both = pair(bench, tmp_path, adapters, ledger, budget)
        inputs = [one.records(SHARED_RECORDS) for one in both.benches]
        both.run(*inputs)
    for one, records in zip(both.benches, inputs, strict=True):
        ours = [
            commit for commit in bench.server.log if commit.key[0] == records[0][one.adapter.key][0]
        ]
        assert len({commit.key for commit in ours}) == SHARED_RECORDS
        assert find(one.adapter, records, ours, [], one.reported) == Findings()
    # Below it, the limit would not have been put to the test.
    assert RATE * 0.7 < bench.server.stats["most_in_a_second"] <= RATE


@pytest.mark.serial
def test_two_runs_on_one_stream_write_each_record_once(
    benches: Benches, tmp_path: pathlib.Path
) -> None:
    bench = benches(f"{vendors.__name__}:Aims360")
    with postgres_url() as ledger:
        both = pair(bench, tmp_path, (vendors.Aims360(), vendors.Aims360()), ledger, ledger)
        records = both.benches[0].records(SHARED_RECORDS * 3 // 2)
        bench.server.rule("cut", after=True, probability=0.03)
        both.run(records[:SHARED_RECORDS], records[SHARED_RECORDS // 2 :])
    assert bench.findings(records) == Findings()
    assert bench.server.stats["most_in_a_second"] <= RATE
