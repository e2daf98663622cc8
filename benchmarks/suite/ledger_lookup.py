"""Look-ups in the ledger, on the disk, with 10,000 and with 1,000,000 lines in it.

Records are looked up 500 at a time, as the delivery does, and come from all over the ledger.
"""

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
_LOOKS, _CHUNK = 10_000, 500


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
        interleave(report, sides, times, "µs per record")
        few, many = sides
    report.values["look_up"] = None if quick else report.ratio(many, few)
    return report


def _key(number: int) -> str:
    return f"employeeCode=E-{number:08d}"


def _fill(ledger: Ledger, lines: int) -> None:
    for start in range(0, lines, _BATCH):
        entries = [
            Entry(_key(number), number.to_bytes(16, "big"), Mark.ACCEPTED, str(number), 1, "run")
            for number in range(start, min(lines, start + _BATCH))
        ]
        ledger.write(ACCOUNT, STREAM, entries)


def _look(ledger: Ledger, lines: int) -> float:
    """Microseconds per record."""
    numbers = random.sample(range(lines), _LOOKS)
    keys = [_key(number) for number in numbers]
    chunks = [keys[start : start + _CHUNK] for start in range(0, _LOOKS, _CHUNK)]
    started = time.perf_counter()
    found = [ledger.look_many(ACCOUNT, STREAM, chunk) for chunk in chunks]
    seconds = time.perf_counter() - started
    known = {key: line.vendor_id for chunk in found for key, line in chunk.items()}
    if known != {_key(number): str(number) for number in numbers}:
        msg = "the ledger does not hold what was written"
        raise ProcessError(msg)
    return 1e6 * seconds / _LOOKS
