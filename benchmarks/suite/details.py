"""Reads of one call per record at 50 ms: Aimsio's details and AIM's children.

First under a limit of ten calls a second, where the server's own clock tells the rate and the
fullest second. Then with a limit that is never reached: ten in flight against one after the other.
"""

from __future__ import annotations

import functools
import typing as t

from benchmarks import configs
from benchmarks.harness import Report, interleave
from benchmarks.processes import Server, execute, ours, serving

LATENCY = 0.05
LIMIT = 10.0
_KINDS: dict[str, tuple[t.Callable[..., dict[str, t.Any]], list[str], str]] = {
    "aimsio": (configs.aimsio, ["aimsio_employees"], "aimsio detail"),
    "aim": (configs.aim, ["aim_inventory_details"], "aim child"),
}
"""Configuration, streams, and what the server calls the calls that are meant, by vendor."""


def run(*, quick: bool) -> Report:
    """Measure."""
    limited, one, many, times = (20, 20, 100, 1) if quick else (80, 60, 400, 2)
    report = Report()
    for vendor, (_, _, kind) in _KINDS.items():
        with serving(limited, LATENCY) as server:
            _read(server, vendor, requests_per_second=LIMIT, max_concurrency=10)
            counted = server.reset()
        report.values[f"{vendor}_share"] = 100 * counted.rate(kind) / LIMIT
        report.values[f"{vendor}_peak"] = counted.most_in_a_second()
        with serving(one, LATENCY) as few, serving(many, LATENCY) as lots:
            alone, together = f"{vendor}, one after the other", f"{vendor}, ten in flight"
            sides = {
                alone: functools.partial(_read, few, vendor, max_concurrency=1),
                together: functools.partial(_read, lots, vendor, max_concurrency=10),
            }
            interleave(report, sides, times, "records/s")
        report.values[f"{vendor}_speedup"] = report.ratio(together, alone)
    return report


def _read(server: Server, vendor: str, **settings: t.Any) -> float:
    config, streams, _ = _KINDS[vendor]
    return execute(*ours("tap", config=config(server.url, **settings), streams=streams)).rate
