"""Reads of pages at 50 ms, with a limit that is never reached: ten in flight against one."""

from __future__ import annotations

import functools
import typing as t

from benchmarks import configs
from benchmarks.harness import Report, interleave
from benchmarks.processes import ProcessError, Server, execute, ours, serving

LATENCY = 0.05
_KINDS: dict[str, tuple[t.Callable[..., dict[str, t.Any]], str, int]] = {
    "aims360": (configs.aims360, "aims360_customers", 250),
    "cimcloud": (configs.cimcloud, "cimcloud_accounts", 50),
    "aim": (configs.aim, "aim_inventory", 100),
}
"""Configuration, stream, and records on a page, by vendor."""


def run(*, quick: bool) -> Report:
    """Measure."""
    pages, times = (20, 1) if quick else (60, 2)
    report = Report()
    for vendor, (_, _, rows) in _KINDS.items():
        # Not a multiple of the page, so that the last page tells that it is the last one.
        records = pages * rows - rows // 2
        with serving(records, LATENCY) as server:
            alone, together = f"{vendor}, one after the other", f"{vendor}, ten in flight"
            read = functools.partial(_read, server, vendor, records)
            sides = {
                alone: functools.partial(read, max_concurrency=1),
                together: functools.partial(read, max_concurrency=10),
            }
            interleave(report, sides, times, "records/s")
        report.values[f"{vendor}_pages"] = report.ratio(together, alone)
    return report


def _read(server: Server, vendor: str, records: int, **settings: t.Any) -> float:
    config, stream, _ = _KINDS[vendor]
    done = execute(*ours("tap", config=config(server.url, **settings), streams=[stream]))
    if done.said["records"] != records:
        msg = f"{vendor}: read {done.said['records']} records of {records}"
        raise ProcessError(msg)
    return done.rate
