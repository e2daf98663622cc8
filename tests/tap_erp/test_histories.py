"""Random histories of a vendor between and during runs: nothing lost, nothing emitted twice."""

from __future__ import annotations

import datetime as dt
import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scale import full
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import Message, Run, aimsio, cimcloud, run_tap

pytestmark = pytest.mark.slow

START = dt.datetime(2026, 3, 1, tzinfo=dt.timezone.utc)
LATE = 3000
"""A stamp may be this many seconds behind the newest one; the lookback is an hour."""

# A step of the vendor's clock in seconds (0: the same stamp again), how far behind this record's
# stamp is, and which record it is about.
CHANGE = st.tuples(
    st.sampled_from([0, 0, 1, 600, 90_000]), st.sampled_from([0, 0, LATE]), st.integers(0, 9)
)
HISTORY = st.lists(st.lists(CHANGE, max_size=6), min_size=1, max_size=4)
"""Changes before each run."""
DURING = st.lists(CHANGE, max_size=3)
"""Changes while the first run reads."""


class History:
    """Records with a version and a stamp that no other version of the same record has."""

    def __init__(self) -> None:
        self.clock = 0
        self.rows: dict[int, tuple[int, int]] = {}

    def apply(self, changes: t.Iterable[tuple[int, int, int]]) -> None:
        for step, behind, number in changes:
            self.clock += step
            version, before = self.rows.get(number, (0, -1))
            stamp = max(0, self.clock - behind)
            if stamp <= before:  # a second change in one tick is the next tick's
                stamp = before + 1
                self.clock = max(self.clock, stamp)
            self.rows[number] = (version + 1, stamp)


def histories(
    test: t.Callable[[list[list[tuple[int, int, int]]], list[tuple[int, int, int]]], None],
) -> t.Callable[..., None]:
    return settings(max_examples=full(5, 25))(given(history=HISTORY, during=DURING)(test))


def judge(
    play: t.Callable[[History], t.Callable[[Request], Reply]],
    run: t.Callable[[str, Message], Run],
    read: t.Callable[[Message], tuple[int, int]],
    stream: str,
    changes: list[list[tuple[int, int, int]]],
) -> None:
    """Changes: while the first run reads, then before each run."""
    vendor = History()
    during, *before = changes
    seen: list[tuple[int, int]] = []
    state: Message = {}
    with running_stub(play(vendor)) as stub:
        answer = stub.script
        pending = list(during)

        def meddling(request: Request) -> Reply:
            reply = answer(request)
            if pending:
                vendor.apply([pending.pop()])
            return reply

        for step in [*before, []]:
            vendor.apply(step)
            stub.script = answer if state else meddling
            made = run(stub.url, state)
            assert (made.code, made.error) == (0, "")
            state = json.loads(json.dumps(made.state))
            seen += map(read, made.records(stream))
    latest = dict(sorted(seen))
    assert latest == {number: version for number, (version, _) in vendor.rows.items()}
    assert len(seen) == len(set(seen)), "emitted twice"


@histories
def test_aimsio(
    history: list[list[tuple[int, int, int]]], during: list[tuple[int, int, int]]
) -> None:
    def play(vendor: History) -> t.Callable[[Request], Reply]:
        def ms(stamp: int) -> int:
            return int((START.timestamp() + stamp) * 1000)

        def answer(request: Request) -> Reply:
            entity, _, key = request.path.rpartition("/v1/")[2].partition("/")
            if entity != "JobOrder":
                return Reply(body=[])
            if not key:
                rows = vendor.rows.items()
                return Reply(body=[{"id": n, "updatedAt": ms(stamp)} for n, (_, stamp) in rows])
            version, stamp = vendor.rows[int(key)]
            return Reply(body={"jobGuid": key, "jobId": version, "jobUpdatedAt": ms(stamp)})

        return answer

    judge(
        play,
        lambda url, state: run_tap(aimsio(url), "aimsio_job_orders", state=state),
        lambda record: (int(record["jobGuid"]), record["jobId"]),
        "aimsio_job_orders",
        [during, *history],
    )


@histories
def test_cimcloud(
    history: list[list[tuple[int, int, int]]], during: list[tuple[int, int, int]]
) -> None:
    def play(vendor: History) -> t.Callable[[Request], Reply]:
        def answer(request: Request) -> Reply:
            if request.path.endswith("/authenticate"):
                return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
            rows = [
                {
                    "ref_id": str(number),
                    "version": version,
                    "last_modify_date": f"{START + dt.timedelta(seconds=stamp):%Y-%m-%dT%H:%M:%S}",
                }
                for number, (version, stamp) in sorted(vendor.rows.items())
            ]
            if "greather" in request.path:
                month, day, year = request.path.rpartition("~")[2].rstrip(")").split("/")
                first = f"{year}-{month:>02}-{day:>02}"
                rows = [row for row in rows if str(row["last_modify_date"]) >= first]
            return Reply(body=rows)

        return answer

    judge(
        play,
        lambda url, state: run_tap(cimcloud(url), "cimcloud_accounts", state=state),
        lambda record: (int(record["ref_id"]), record["version"]),
        "cimcloud_accounts",
        [during, *history],
    )
