"""From the start of the process to its end: `--about`, and `--discover` for all vendors."""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile

from benchmarks import configs
from benchmarks.environments import peer
from benchmarks.harness import Report, interleave
from benchmarks.processes import execute, serving

OURS, EMPTY = "tap-erp --about", "the emptiest SDK tap, --about"
DISCOVER = "tap-erp --discover, five vendors"


def run(*, quick: bool) -> Report:
    """Measure."""
    times = 3 if quick else 9
    report = Report()
    empty = peer("singer", "empty_tap")
    tap = [sys.executable, "-m", "tap_erp"]
    with serving(10) as server, tempfile.TemporaryDirectory() as name:
        config = pathlib.Path(name) / "config.json"
        config.write_text(json.dumps(_all_vendors(server.url)), encoding="utf-8")
        discover = [*tap, "--config", str(config), "--discover"]
        sides = {
            OURS: lambda: execute([*tap, "--about"]).wall,
            DISCOVER: lambda: execute(discover).wall,
        }
        if isinstance(empty, str):
            report.notes.append(empty)
        else:
            command = [str(empty.python), str(empty.program), "--about"]
            sides[EMPTY] = lambda: execute(command).wall
        interleave(report, sides, times, "s")
        report.values["discover_calls"] = len(server.reset().arrivals)
    report.values["about"] = report.ratio(OURS, EMPTY)
    return report


def _all_vendors(url: str) -> dict[str, object]:
    config: dict[str, object] = {}
    for block in (configs.aims360, configs.aimsio, configs.aim, configs.cimcloud, configs.pentamic):
        config |= block(url)
    return config
