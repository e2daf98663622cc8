"""The table of results, and the figures of the README."""

from __future__ import annotations

import json
import typing as t

from benchmarks.bars import BARS, MORE, Bar, shown
from benchmarks.harness import NOT_MEASURED, RESULTS, verdict
from benchmarks.processes import ROOT

if t.TYPE_CHECKING:
    import pathlib

START = "<!-- benchmarks: written by python -m benchmarks --table -->"
END = "<!-- benchmarks end -->"
PAGE = ROOT / "benchmarks" / "README.md"
"""Where the table stands."""
FIGURES_START = "<!-- figures: written by python -m benchmarks --table -->"
FIGURES_END = "<!-- figures end -->"
README = ROOT / "README.md"
FIGURES = (
    (
        "Of a limit of 10 calls a second {aimsio_share} are used, and no second sees more than "
        "{aimsio_peak}."
    ),
    "The tap reads {tap_dlt} as fast as dlt's extract step, where the vendor takes no time.",
    (
        "The target validates and notes {null_rate}, where the vendor takes no time: {null_ratio} "
        "the plain SDK target."
    ),
    (
        "One call a record, 50 ms each, ten at once, with ledger: {late_rate}, {late_drt} drt-core "
        "and {late_hotglue} hotglue's SDK."
    ),
    "Of 1,000,000 records the tap holds {tap_peak} at most, the target {target_peak}.",
)
"""The README's figures, with names of bars for the values."""
Result = dict[str, t.Any]


def read(folder: pathlib.Path = RESULTS) -> dict[str, Result]:
    """The kept results by benchmark; those of short runs do not count.

    Args:
        folder: Where they are.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {result["benchmark"]: result for result in found if not result["quick"]}


def table(results: t.Mapping[str, Result]) -> str:
    """The table.

    Args:
        results: Results by benchmark.

    Returns:
        Markdown, with a line about the commit and the machine.
    """
    rows = ["| what | bar | measured | |", "|---|---|---|---|"]
    for group in groups():
        found = [results.get(bar.benchmark, {}).get("values", {}).get(bar.name) for bar in group]
        values = "; ".join(
            "-" if value is None else shown(value, bar.unit)
            for bar, value in zip(group, found, strict=True)
        )
        what = "; ".join(bar.what.removeprefix(MORE) for bar in group)
        asked = "; ".join(bar.asked for bar in group)
        rows.append(f"| {what} | {asked} | {values} | {_worst(group, found)} |")
    made = sorted({f"commit {r['commit']}, {r['machine']}" for r in results.values()})
    where = f"Measured with `make bench`: {'; '.join(made)}." if made else "Not measured yet."
    return f"{where}\n\n" + "\n".join(rows)


def figures(results: t.Mapping[str, Result]) -> str:
    """The README's figures, one a line.

    Args:
        results: Results by benchmark.
    """
    units = {bar.name: bar for bar in BARS}
    values = {
        name: NOT_MEASURED if value is None else shown(value, bar.unit)
        for name, bar in units.items()
        for value in [results.get(bar.benchmark, {}).get("values", {}).get(name)]
    }
    return "\n".join(f"- {line.format_map(values)}" for line in FIGURES)


def insert(text: str, content: str, start: str = START, end: str = END) -> str:
    """Put the table, or the figures, between their marks.

    Args:
        text: The page.
        content: What goes there.
        start: The mark before it.
        end: The mark behind it.

    Raises:
        ValueError: If the marks are not there.
    """
    before, first, rest = text.partition(start)
    _, last, after = rest.partition(end)
    if not first or not last:
        msg = f"the page has no {start} with {end} behind it"
        raise ValueError(msg)
    return f"{before}{start}\n{content}\n{end}{after}"


def write() -> None:
    """Renew the table on its page, and the figures in the README."""
    results = read()
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(insert(page, table(results)), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    text = insert(readme, figures(results), FIGURES_START, FIGURES_END)
    README.write_text(text, encoding="utf-8")


def groups() -> list[list[Bar]]:
    """Bars by row of the table: those that go on from the one before stand with it."""
    found: list[list[Bar]] = []
    for bar in BARS:
        if bar.what.startswith(MORE):
            found[-1].append(bar)
        else:
            found.append([bar])
    return found


def _worst(group: t.Sequence[Bar], values: t.Sequence[float | None]) -> str:
    verdicts = {verdict(bar, value) for bar, value in zip(group, values, strict=True)}
    return next(text for text in ("MISS", NOT_MEASURED, "PASS") if text in verdicts)
