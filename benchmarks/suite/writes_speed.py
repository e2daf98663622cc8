"""One call per record to a server that answers at once, with the ledger on the disk."""

from __future__ import annotations

import itertools
import pathlib
import tempfile

from benchmarks.harness import Report, interleave
from benchmarks.processes import ProcessError, serving
from benchmarks.records import messages
from benchmarks.suite.writes_latency import STREAM, write
from benchmarks.vendors import EMPLOYEES

OURS = "target-erp (Aimsio employees), ten in flight"


def run(*, quick: bool) -> Report:
    """Measure."""
    records, times = (1_000, 1) if quick else (5_000, 3)
    report = Report()
    numbers = itertools.count()
    with serving(0) as server, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source = folder / "employees.jsonl"
        with source.open("wb") as file:
            file.writelines(messages(EMPLOYEES, STREAM, range(records)))

        def measure() -> float:
            rate = write(server, source, folder / f"{next(numbers)}.sqlite")
            counted = server.reset()
            if counted.number("aimsio write") != records or counted.written != records:
                msg = f"made {len(counted.arrivals)} calls for {records} records"
                raise ProcessError(msg)
            return rate

        interleave(report, {OURS: measure}, times, "records/s")
    report.values["fast_rate"] = report.median(OURS)
    return report
