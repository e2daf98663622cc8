"""The README's table of results."""

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
README = ROOT / "README.md"
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


def insert(text: str, content: str) -> str:
    """Put the table between its marks.

    Args:
        text: The README.
        content: The table.

    Raises:
        ValueError: If the marks are not there.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        msg = f"the README has no {START} with {END} behind it"
        raise ValueError(msg)
    return f"{before}{START}\n{content}\n{END}{after}"


def write() -> None:
    """Renew the table in the README."""
    text = README.read_text(encoding="utf-8")
    README.write_text(insert(text, table(read())), encoding="utf-8")


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
