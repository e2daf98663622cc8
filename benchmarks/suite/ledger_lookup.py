"""One look into the ledger, on the disk, with 10,000 and with 1,000,000 lines in it."""

from __future__ import annotations

import contextlib
import functools
import pathlib
import random
import tempfile
import time

from benchmarks.harness import Report, interleave
from benchmarks.processes import ProcessError
from target_erp.ledger import Entry, Ledger, Mark, open_ledger

ACCOUNT, STREAM = "account", "aimsio_employees"
_BATCH = 20_000
_LOOKS = 5_000


def run(*, quick: bool) -> Report:
    """Measure."""
    sizes, times = ((10_000, 100_000), 5) if quick else ((10_000, 1_000_000), 9)
    report = Report()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sides = {}
        for lines in sizes:
            ledger = open_ledger(str(pathlib.Path(folder) / f"{lines}.sqlite"))
            stack.callback(ledger.close)
            _fill(ledger, lines)
            sides[f"{lines:,} lines"] = functools.partial(_look, ledger, lines)
        interleave(report, sides, times, "µs per look")
        few, many = sides
    report.values["look_up"] = None if quick else report.ratio(many, few)
    return report


def _key(number: int) -> str:
    return f"employeeCode=E-{number:08d}"


def _fill(ledger: Ledger, lines: int) -> None:
    for start in range(0, lines, _BATCH):
        entries = [
            Entry(_key(number), f"{number:032x}", Mark.ACCEPTED, str(number), 1, "run")
            for number in range(start, min(lines, start + _BATCH))
        ]
        ledger.write(ACCOUNT, STREAM, entries)


def _look(ledger: Ledger, lines: int) -> float:
    """Microseconds per look at keys from all over the ledger."""
    numbers = random.sample(range(lines), _LOOKS)
    keys = [_key(number) for number in numbers]
    started = time.perf_counter()
    found = [ledger.look(ACCOUNT, STREAM, key) for key in keys]
    seconds = time.perf_counter() - started
    if [entry and entry.vendor_id for entry in found] != [str(number) for number in numbers]:
        msg = "the ledger does not hold what was written"
        raise ProcessError(msg)
    return 1e6 * seconds / _LOOKS
