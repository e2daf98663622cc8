"""Repeats, medians, ratios and verdicts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import pathlib
import platform
import statistics
import subprocess
import typing as t

from benchmarks.bars import BARS, Bar, shown
from benchmarks.processes import ROOT

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
"""Where the results are kept, a file for each benchmark."""
NOT_MEASURED = "not measured"


@dataclasses.dataclass(frozen=True)
class Samples:
    """One side of a comparison, measured several times.

    Attributes:
        values: What was measured.
        unit: Of the values.
    """

    values: list[float]
    unit: str

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        low, high = min(self.values), max(self.values)
        text = shown(self.median, self.unit)
        if len(self.values) == 1:
            return f"{text} (once)"
        return f"{text} ({shown(low, '')} to {shown(high, '')}, {len(self.values)} runs)"


@dataclasses.dataclass
class Report:
    """What a benchmark found.

    Attributes:
        values: Measured value by name of its bar; None where it could not be measured.
        sides: Samples by what was measured.
        notes: What else there is to know, such as a peer that cannot be installed.
    """

    values: dict[str, float | None] = dataclasses.field(default_factory=dict)
    sides: dict[str, Samples] = dataclasses.field(default_factory=dict)
    notes: list[str] = dataclasses.field(default_factory=list)

    def median(self, side: str) -> float | None:
        """Median of a side; None if it was not measured."""
        return self.sides[side].median if side in self.sides else None

    def ratio(self, side: str, to: str) -> float | None:
        """Median of a side by that of another; None if one of them was not measured."""
        above, below = self.median(side), self.median(to)
        return None if above is None or below is None else above / below


def interleave(
    report: Report, sides: t.Mapping[str, t.Callable[[], float]], times: int, unit: str
) -> None:
    """Measure several sides in turn, so that what else the machine does meets all of them alike.

    Args:
        report: Takes the samples.
        sides: What measures a side once, by name.
        times: How often.
        unit: Of what is measured.
    """
    values: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(times):
        for name, measure in sides.items():
            values[name].append(measure())
    report.sides |= {name: Samples(found, unit) for name, found in values.items()}


def verdict(bar: Bar, value: float | None) -> str:
    """PASS, MISS, or that there is nothing to judge."""
    if value is None:
        return NOT_MEASURED
    return "PASS" if bar.holds(value) else "MISS"


def check(name: str, report: Report) -> None:
    """Make sure that a benchmark measured what is asked of it, no more and no less.

    Args:
        name: Name of the benchmark.
        report: What it found; a bar that it could not measure stands in it as None.

    Raises:
        ValueError: If a bar is missing or there is none.
    """
    asked = {bar.name for bar in BARS if bar.benchmark == name}
    if asked != report.values.keys():
        msg = f"{name} must measure {sorted(asked)}, but it measured {sorted(report.values)}"
        raise ValueError(msg)


def lines(name: str, report: Report) -> t.Iterator[str]:
    """A report for people.

    Args:
        name: Name of the benchmark.
        report: What it found.

    Yields:
        Its lines.
    """
    yield name
    for side, samples in report.sides.items():
        yield f"  {side:<44} {samples}"
    for bar in BARS:
        if bar.benchmark == name:
            value = report.values.get(bar.name)
            text = "-" if value is None else shown(value, bar.unit)
            yield f"  {verdict(bar, value):<5} {bar.name}: {text} (bar: {bar.asked})"
    for note in report.notes:
        yield f"  note: {note}"


def save(name: str, report: Report, *, quick: bool, seconds: float) -> None:
    """Keep a report for the table.

    Args:
        name: Name of the benchmark.
        report: What it found.
        quick: It was a short run, whose numbers are rough.
        seconds: How long it took.
    """
    RESULTS.mkdir(exist_ok=True)
    content = {
        "benchmark": name,
        "commit": _commit(),
        "machine": machine(),
        "at": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "quick": quick,
        "seconds": round(seconds, 1),
        **dataclasses.asdict(report),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def machine() -> str:
    """The kind of machine, without its name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, Python {platform.python_version()}"


def _commit() -> str:
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
