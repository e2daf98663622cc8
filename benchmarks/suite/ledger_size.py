"""How large the ledger is: bytes on the disk for each record that the target has written.

The target writes records of 20 fields to a vendor that takes everything at once, with its ledger in
SQLite. The run's own line and the empty tables count, which matter less the more records there are.
"""

from __future__ import annotations

import pathlib
import tempfile

from benchmarks.harness import Report, Samples
from benchmarks.processes import execute, ours
from benchmarks.records import PLAIN, messages
from benchmarks.suite.null_target import settings
from benchmarks.work import NULL_STREAM

_SIZES = (10_000, 100_000)


def run(*, quick: bool) -> Report:
    """Measure."""
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for records in _SIZES[:1] if quick else _SIZES:
            source = folder / "input.jsonl"
            with source.open("wb") as file:
                file.writelines(messages(PLAIN, NULL_STREAM, range(records)))
            config = settings(folder, f"{records}.sqlite")
            execute(*ours("null_target", config=config), stdin=source)
            # SQLite's log of what is not yet in the file counts as well.
            size = sum(path.stat().st_size for path in folder.glob(f"{records}.sqlite*"))
            report.sides[f"ledger of {records:,} records"] = Samples([size / records], "bytes each")
    return report
