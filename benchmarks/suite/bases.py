"""What it costs the ledger to keep the base of each record: hashes of 20 fields.

Intents and receipts of batches of ten, as the delivery notes them, on the disk: without a base, and
with one that replaces an earlier one.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import tempfile
import time
import typing as t

from benchmarks.harness import Report, interleave
from benchmarks.records import PLAIN
from erp_ledger import LedgerRecord, RecordStatus, open_ledger
from erp_ledger.field_hashes import FieldHashes
from erp_ledger.record import digest_of
from erp_vendors.http import codec

_ACCOUNT, _STREAM, _BATCH = "account", "bench_rows", 10


def run(*, quick: bool) -> Report:
    """Measure."""
    records, times = (1_000, 3) if quick else (5_000, 5)
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        bodies = [codec.decode(PLAIN.render(number)) for number in range(records)]
        sides = {"without": False, "with": True}
        files = {side: folder / f"{side}.sqlite" for side in sides}
        interleave(
            report,
            {
                f"ledger {side} base": functools.partial(_note, files[side], bodies, based=based)
                for side, based in sides.items()
            },
            times,
            "rows/s",
        )
        for side, file in files.items():
            size = functools.partial(_size, file, records)
            interleave(report, {f"line {side} base": size}, 1, "bytes")
    ratio = report.ratio("ledger without base", "ledger with base")
    bytes_ = [report.median(f"line {side} base") or 0 for side in sides]
    report.values["base_ratio"] = None if quick else ratio
    report.values["base_bytes"] = None if quick else bytes_[1] - bytes_[0]
    return report


def _note(path: pathlib.Path, bodies: list[dict[str, t.Any]], *, based: bool) -> float:
    """Rows per second; the first run makes the lines, and the later ones replace them."""
    with contextlib.closing(open_ledger(str(path))) as ledger:
        hashes = FieldHashes(ledger.base_key())
        started = time.perf_counter()
        for start in range(0, len(bodies), _BATCH):
            some = {_key(body): body for body in bodies[start : start + _BATCH]}
            bases: dict[str, bytes] = {}
            if based:
                before = ledger.bases(_ACCOUNT, _STREAM, list(some))
                bases = {key: hashes.after(before.get(key, b""), b) for key, b in some.items()}
            digests = {key: digest_of(body) for key, body in some.items()}
            intent = ledger.intend(_ACCOUNT, _STREAM, "run", digests, bases=bases)
            entries = [
                LedgerRecord(key, digest, RecordStatus.ACCEPTED, None, 1, "run")
                for key, digest in digests.items()
            ]
            changes = ledger.receipt(_ACCOUNT, _STREAM, entries, [intent])
            ledger.commit([*changes, *ledger.based(_ACCOUNT, _STREAM, bases)])
        return len(bodies) / (time.perf_counter() - started)


def _key(body: t.Mapping[str, t.Any]) -> str:
    return f"{PLAIN.key}={body[PLAIN.key]}"


def _size(path: pathlib.Path, records: int) -> float:
    """Bytes of the file per record."""
    return path.stat().st_size / records
