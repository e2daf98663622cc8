"""kill -9 at random points, then a run from the last STATE: nothing is lost, nothing doubled."""

from __future__ import annotations

import random
import signal
import typing as t

from .findings import Findings

if t.TYPE_CHECKING:
    from .book import Row
    from .running import Bench, Run


COUNT = 120
"""Records."""
KILLS = 6
"""Kills before the run that is let to its end."""
SEED = 20240229
_ANSWERED_IN = 0.002
"""Seconds that the server takes to answer, so that several calls are under way when death comes."""


def random_death(dice: random.Random, calls: int) -> Row:
    """A moment to die: before a call is carried out, after it, or after its answer.

    Args:
        dice: Where the randomness comes from.
        calls: Calls within which it should happen.
    """
    how: Row = {"skip": dice.randrange(calls), "on": dice.choice(["write", ""])}
    moment = dice.choice(["before", "after", "answered"])
    if moment == "answered":
        how["seconds"] = 0.02
    return {**how, "after": moment != "before"}


def run_and_kill(bench: Bench, records: list[Row], kills: int, seed: int = SEED) -> list[Run]:
    """Run again and again from the last STATE, killed each time but the last.

    Args:
        bench: Where.
        records: All records of the input.
        kills: How often.
        seed: Of the random points.
    """
    dice = random.Random(seed)  # noqa: S311 - moments, not secrets
    runs: list[Run] = []
    position = 0
    for left in range(kills, -1, -1):
        death = None
        if left:
            calls = (len(records) - position) // bench.adapter.per_call
            death = random_death(dice, max(1, calls // left))
        bench.server.no_rules()
        bench.server.rule("delay", on="", seconds=_ANSWERED_IN)
        runs.append(bench.run(bench.messages(records, position), death=death))
        position = max(position, bench.position(runs[-1].state))
        assert bench.findings(records[:position], *runs).lost == [], "STATE passed lost records"
    return runs


def test_killed_at_random_points(bench: Bench) -> None:
    records = bench.records(COUNT)
    runs = run_and_kill(bench, records, KILLS)
    *killed, last = runs
    assert -signal.SIGKILL in [run.code for run in killed], "it was never killed"
    assert (last.code, bench.reported) == (bench.adapter.ok, []), last.stderr
    assert bench.findings(records, *runs) == Findings()
    assert max(bench.position(run.state) for run in runs) == COUNT
