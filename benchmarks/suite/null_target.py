"""Writing to a vendor that takes everything at once: target-erp, and a plain SDK target.

Both validate each record against the SCHEMA message. Ours keeps its ledger, on disk; the SDK's has
none. The input is a file, and counting begins when imports and configuration are done.
"""

from __future__ import annotations

import functools
import pathlib
import tempfile
import typing as t

from benchmarks import configs
from benchmarks.environments import peer
from benchmarks.harness import Report, interleave
from benchmarks.processes import Finished, ProcessError, execute, ours
from benchmarks.records import PLAIN, messages
from benchmarks.work import NULL_STREAM

OURS, SDK = "target-erp, null vendor, with ledger", "plain SDK target, no-op BatchSink"
AGAIN = "target-erp, the same input once more"


def settings(folder: pathlib.Path, ledger: str) -> dict[str, t.Any]:
    """Configuration of a target that calls nobody.

    Args:
        folder: Where it may write.
        ledger: Name of the ledger's file.
    """
    return {**configs.aimsio("http://127.0.0.1:1"), **configs.files(folder / ledger)}


def run(*, quick: bool) -> Report:
    """Measure."""
    records, times = (20_000, 1) if quick else (100_000, 3)
    report = Report()
    sdk = peer("singer", "singer_target")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source = folder / "input.jsonl"
        with source.open("wb") as file:
            file.writelines(messages(PLAIN, NULL_STREAM, range(records)))
        rate = functools.partial(_rate, records, source)
        ledgers = [f"ledger-{number}" for number in range(times)]
        fresh, used = iter(ledgers), iter(ledgers)

        def write(ledger: t.Iterator[str]) -> float:
            return rate(execute, *ours("null_target", config=settings(folder, next(ledger))))

        sides: dict[str, t.Callable[[], float]] = {
            OURS: functools.partial(write, fresh),
            AGAIN: functools.partial(write, used),
        }
        if isinstance(sdk, str):
            report.notes.append(sdk)
        else:
            sides[SDK] = functools.partial(rate, sdk.run, {})
        interleave(report, sides, times, "records/s")
    report.values["null_rate"] = report.median(OURS)
    report.values["null_ratio"] = report.ratio(OURS, SDK)
    return report


def _rate(
    records: int, source: pathlib.Path, start: t.Callable[..., Finished], *job: t.Any
) -> float:
    done = start(*job, stdin=source)
    if done.said["records"] != records:
        msg = f"took {done.said['records']} records of {records}"
        raise ProcessError(msg)
    return done.rate
