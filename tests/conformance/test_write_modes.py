"""Modes: a target that may only create changes nothing, and one that may only update makes nothing.

These tests are for targets that can be told so. What a mode forbids is no rejection.
"""

from __future__ import annotations

import typing as t

import pytest

if t.TYPE_CHECKING:
    from .running import Bench

LATER = "a later version"
LOST = 0.4
"""Share of the answers that get lost."""


@pytest.mark.parametrize("answers", ["arrive", "get lost"])
@pytest.mark.parametrize("mode", ["create_only", "update_only"])
def test_what_a_mode_forbids_is_left_alone(bench: Bench, mode: str, answers: str) -> None:
    """Of what is there, half was written by the target itself, and half by somebody else."""
    adapter = bench.adapter
    if mode not in adapter.modes:
        pytest.skip(f"this target has no mode {mode}, or not at this API")
    records = bench.records(12)
    mine, others, new = records[:4], records[4:8], records[8:]
    for some, place in ((mine, bench), (others, bench.elsewhere())):
        run = place.run(place.messages(some))
        assert run.code == adapter.ok, run.stderr
    adapter.use_mode(mode)
    if answers == "get lost":
        bench.server.rule("cut", after=True, probability=LOST, each=1)
    run = bench.run(bench.messages([{**record, adapter.text: LATER} for record in records]))
    assert (run.code, bench.reported) == (adapter.ok, []), run.stderr
    assert bench.position(run.state) == len(records), "what is left alone holds up nothing"
    before = {record[adapter.key]: [record[adapter.text]] for record in (*mine, *others)}
    changed = new if mode == "create_only" else (*mine, *others)
    expected = before | {record[adapter.key]: [LATER] for record in changed}
    assert bench.values(adapter.text) == expected
