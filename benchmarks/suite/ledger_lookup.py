"""Look-ups in the ledger, on the disk, with 10,000 and with 1,000,000 lines in it.

First alone, 500 records at a time as the delivery makes them; then as part of a run of the target
to whose input nothing has changed. The records come from all over the ledger, in no order, which
is the worst case: each look-up reads a page of its own. Looked up alone they come in the order of
their keys, too, as from a source that lists them by key.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import random
import tempfile
import time
import typing as t

from benchmarks.harness import Report, interleave
from benchmarks.processes import ProcessError, execute, ours
from benchmarks.records import PLAIN, messages
from benchmarks.suite.null_target import settings
from benchmarks.work import NULL_STREAM
from erp_ledger import LedgerRecord, RecordStatus, open_ledger
from erp_ledger.record import digest_of
from erp_vendors.aimsio.settings import SETTINGS, VENDOR
from erp_vendors.http import codec
from erp_vendors.settings import Block

_BATCH = 20_000
_LOOKS, _CHUNK = 10_000, 500


def run(*, quick: bool) -> Report:
    """Measure."""
    sizes, times = ((10_000, 100_000), 3) if quick else ((10_000, 1_000_000), 7)
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        after: list[t.Callable[[], None]] = []
        alone: dict[str, t.Callable[[], float]] = {}
        in_order: dict[str, t.Callable[[], float]] = {}
        whole: dict[str, t.Callable[[], float]] = {}
        for lines in sizes:
            config = settings(folder, f"{lines}.sqlite")
            account = Block(VENDOR, SETTINGS, config[VENDOR]).account
            numbers = random.sample(range(lines), _LOOKS)
            source = folder / f"{lines}.jsonl"
            with source.open("wb") as file:
                file.writelines(messages(PLAIN, NULL_STREAM, numbers))
            place = config["ledger"], account
            _fill(*place, lines, set(numbers))
            title = f"{lines:,} lines"
            alone[f"look-ups alone, {title}"] = functools.partial(_look, *place, numbers)
            start = (lines - _LOOKS) // 2
            one_after_the_other = list(range(start, start + _LOOKS))
            title_in_order = f"look-ups alone, keys in order, {lines:,} lines"
            in_order[title_in_order] = functools.partial(_look, *place, one_after_the_other)
            whole[f"unchanged run, {title}"] = functools.partial(_resync, config, source)
            after.append(functools.partial(_assert_unchanged, *place, numbers[0]))
        interleave(report, alone, times, "µs per record")
        interleave(report, in_order, times, "µs per record")
        interleave(report, whole, times, "µs per record")
        for make_sure in after:
            make_sure()
    sides_of = {"look_up": alone, "look_up_order": in_order, "look_up_run": whole}
    for bar, sides in sides_of.items():
        few, many = sides
        report.values[bar] = None if quick else report.ratio(many, few)
    return report


def _key(number: int) -> str:
    return f"{PLAIN.key}={PLAIN.key_of(number)}"


def _fill(path: str, account: str, lines: int, read: set[int]) -> None:
    """Note all records as accepted; what will not be read needs no true hash."""
    with contextlib.closing(open_ledger(path)) as ledger:
        for start in range(0, lines, _BATCH):
            entries = []
            for number in range(start, min(lines, start + _BATCH)):
                digest = bytes(16)
                if number in read:
                    digest = digest_of(codec.decode(PLAIN.render(number)))
                entries.append(
                    LedgerRecord(
                        _key(number), digest, RecordStatus.ACCEPTED, str(number), 1, "filled"
                    )
                )
            ledger.write(account, NULL_STREAM, entries)


def _look(path: str, account: str, numbers: list[int]) -> float:
    """Microseconds per record; what an earlier look has left in memory does not count."""
    keys = [_key(number) for number in numbers]
    chunks = [keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)]
    with contextlib.closing(open_ledger(path)) as ledger:
        started = time.perf_counter()
        found = [ledger.look_many(account, NULL_STREAM, chunk) for chunk in chunks]
        seconds = time.perf_counter() - started
    known = {key: line.vendor_id for chunk in found for key, line in chunk.items()}
    if known != {_key(number): str(number) for number in numbers}:
        msg = "the ledger does not hold what was written"
        raise ProcessError(msg)
    return 1e6 * seconds / len(keys)


def _resync(config: dict[str, t.Any], source: pathlib.Path) -> float:
    return 1e6 / execute(*ours("null_target", config=config), stdin=source).rate


def _assert_unchanged(path: str, account: str, number: int) -> None:
    with contextlib.closing(open_ledger(path)) as ledger:
        line = ledger.look(account, NULL_STREAM, _key(number))
    if line is None or line.run != "filled":
        msg = "the target wrote records that were unchanged"
        raise ProcessError(msg)
