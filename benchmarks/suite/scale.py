"""Memory, and time per record, from 1,000 to 1,000,000 records.

The tap reads AIMS360 pages of 500 at no latency; the target takes the same records from a pipe,
for a null vendor, with its ledger on the disk. Children are Aimsio's details. Times count from the
first call or line, not from the start of the process; memory is the process's own largest.
"""

from __future__ import annotations

import itertools
import pathlib
import statistics
import sys
import tempfile
import typing as t

from benchmarks import configs
from benchmarks.harness import Report, Samples
from benchmarks.processes import Finished, execute, ours, piped, serving
from benchmarks.suite.null_target import settings
from benchmarks.suite.raw_tap import reading
from benchmarks.work import NULL_STREAM

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_CHILDREN = (1_000, 10_000)
_TURNS = 5
_REPEATED = 10_000
"""Largest number of records that is so quick that it is measured in every turn."""


def run(*, quick: bool) -> Report:
    """Measure."""
    sizes = _SIZES[:3] if quick else _SIZES
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        for what, measure in (("tap", _tap), ("target", _target(pathlib.Path(name)))):
            times, peaks = _measure(report, what, sizes, measure)
            report.values |= {
                f"{what}_memory": None if quick else peaks[1_000_000] / peaks[10_000],
                f"{what}_peak": None if quick else peaks[1_000_000],
                f"{what}_growth": None if quick else times[1_000_000] / times[10_000],
            }
    times, _ = _measure(report, "children", _CHILDREN, _children)
    report.values["child_growth"] = times[10_000] / times[1_000]
    return report


def _measure(
    report: Report, what: str, sizes: t.Sequence[int], measure: t.Callable[[int], Finished]
) -> tuple[dict[int, float], dict[int, float]]:
    """Microseconds per record, and megabytes, by number of records."""
    times: dict[int, list[float]] = {size: [] for size in sizes}
    peaks: dict[int, list[float]] = {size: [] for size in sizes}
    for turn in range(_TURNS):
        # In turn, the long ones in the middle, so that what else the machine does meets all alike.
        for size in sizes:
            if turn == _TURNS // 2 or size <= _REPEATED:
                done = measure(size)
                times[size].append(1e6 * done.seconds / size)
                peaks[size].append(done.said["peak"] / 1e6)
    for size in sizes:
        each, most = Samples(times[size], "µs per record"), Samples(peaks[size], "MB")
        report.sides |= {f"{what}, {size:,}: time": each, f"{what}, {size:,}: memory": most}
    return (
        {size: statistics.median(found) for size, found in times.items()},
        {size: statistics.median(found) for size, found in peaks.items()},
    )


def _tap(size: int) -> Finished:
    with serving(size) as server:
        return execute(*reading(server))


def _target(folder: pathlib.Path) -> t.Callable[[int], Finished]:
    numbers = itertools.count()

    def measure(size: int) -> Finished:
        config = settings(folder, f"ledger-{next(numbers)}")
        source = [sys.executable, "-m", "benchmarks.records", NULL_STREAM, str(size)]
        with piped(source) as stdin:
            return execute(*ours("null_target", config=config), stdin=stdin)

    return measure


def _children(size: int) -> Finished:
    with serving(size) as server:
        config = configs.aimsio(server.url)
        return execute(*ours("tap", config=config, streams=["aimsio_employees"]))
