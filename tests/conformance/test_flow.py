"""How far the target reads ahead of what it has settled, and when STATE comes out."""

from __future__ import annotations

import json
import threading
import time
import typing as t

from .findings import Findings

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench


LONG_TEXT = "x" * 1_000
"""Makes records long, so that the pipe between test and target holds few of them."""
STILL = 1.5
"""Seconds without progress after which nothing more is expected."""
WANTED_STATES = 3
PATIENCE = 20.0
"""Seconds until a condition must have come true."""


def test_the_target_reads_no_more_than_so_far_ahead(one_bench: Bench) -> None:
    """The API takes writes and answers nothing; the input goes on, with STATE in between."""
    bench, limit = one_bench, one_bench.adapter.read_ahead
    bench.server.rule("hold")
    taken: list[Row] = []
    enough = threading.Event()

    def messages() -> t.Iterator[Row]:
        yield bench.schema()
        while len(taken) < 2 * limit and not enough.is_set():
            record = {**bench.adapter.record(len(taken)), bench.adapter.text: LONG_TEXT}
            yield bench.record(record)
            taken.append(record)
            if len(taken) % 10 == 0:
                yield bench.state(len(taken))

    def watch() -> None:
        while not bench.server.writes:
            time.sleep(0.05)
        before = -1
        while before != len(taken) < 2 * limit:
            before = len(taken)
            time.sleep(STILL)
        at_most.append(len(taken))
        enough.set()
        bench.server.no_rules()

    at_most: list[int] = []
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    run = bench.run(messages())
    watcher.join()
    assert at_most[0] <= limit, f"{at_most[0]} records were read while none was settled"
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(taken, run) == Findings()


def test_state_comes_out_although_something_is_always_open(one_bench: Bench) -> None:
    """The input comes faster than the API answers, and goes on until there was some STATE."""
    bench = one_bench
    records: list[Row] = []
    bench.server.rule("delay", seconds=0.3)

    def messages() -> t.Iterator[Row]:
        yield bench.schema()
        until = time.monotonic() + PATIENCE
        while bench.targets[-1].emitted < WANTED_STATES:
            assert time.monotonic() < until, "STATE does not come out while the input goes on"
            records.append(bench.adapter.record(len(records)))
            yield bench.record(records[-1])
            yield bench.state(len(records))

    run = bench.run(messages(), pause=0.005)
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    assert bench.findings(records, run) == Findings()


def test_one_answer_that_does_not_come_holds_up_the_state_behind_it_alone(bench: Bench) -> None:
    place, records = 20, bench.records(60)
    key = str(records[place][bench.adapter.key])
    bench.server.rule("hold", contains=json.dumps(key))
    released: list[float] = []

    def messages() -> t.Iterator[Row]:
        yield from bench.messages(records)
        until = time.monotonic() + PATIENCE
        while bench.server.stats["commits"] < len(records) - bench.adapter.per_call:
            assert time.monotonic() < until, "the other records were not written"
            time.sleep(0.05)
        time.sleep(STILL)
        released.append(time.monotonic())
        bench.server.no_rules()

    run = bench.run(messages(), pause=0.001)
    assert (run.code, bench.reported) == (bench.adapter.ok, []), run.stderr
    early = [bench.position(state) for at, state in run.states if at < released[0]]
    assert place - bench.adapter.per_call < max(early, default=0) <= place
    assert bench.findings(records, run) == Findings()
