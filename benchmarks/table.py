"""The README's table of results."""

from __future__ import annotations

import json
import typing as t

from benchmarks.bars import BARS, Bar, shown
from benchmarks.harness import RESULTS, verdict
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
    for bar in BARS:
        value = results.get(bar.benchmark, {}).get("values", {}).get(bar.name)
        rows.append(f"| {bar.what} | {bar.asked} | {_cell(bar, value)} | {verdict(bar, value)} |")
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


def _cell(bar: Bar, value: float | None) -> str:
    return "" if value is None else shown(value, bar.unit)
