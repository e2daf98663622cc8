"""The target's memory before a vendor that takes 300 ms, with a STATE every 100 records.

What is open must be bounded by the target itself: neither the input, which could be read much
faster than it is written, nor its STATE lines may decide how much is held.
"""

from __future__ import annotations

import json
import pathlib
import tempfile

from benchmarks import configs
from benchmarks.harness import Report, Samples
from benchmarks.processes import ProcessError, execute, ours, serving
from benchmarks.records import messages
from benchmarks.vendors import EMPLOYEES

_LATENCY = 0.3
_BATCH = 100
_EVERY = 100
_CHECKPOINT_SECONDS = 1
_STREAM = "aimsio_employees"


def run(*, quick: bool) -> Report:
    """Measure."""
    few, many = 3_000, 10_000 if quick else 50_000
    report = Report()
    states: list[int] = []
    peaks: dict[str, Samples] = {}
    with serving(0, _LATENCY) as server, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def measure(records: int, every: int) -> float:
            source = folder / f"{records}-{every}.jsonl"
            with source.open("wb") as file:
                file.writelines(messages(EMPLOYEES, _STREAM, range(records), every=every))
            config = {
                **configs.aimsio(
                    server.url,
                    batch_size=_BATCH,
                    max_concurrency=10,
                    resources=configs.UNDERSTOOD,
                ),
                **configs.files(source.with_suffix(".sqlite")),
                "checkpoint_seconds": _CHECKPOINT_SECONDS,
            }
            out = source.with_suffix(".states")
            done = execute(*ours("target", config=config), stdin=source, stdout=out)
            said = [json.loads(line)["done"] for line in out.read_text().splitlines()]
            if server.reset().written != records or said[-1] is not True:
                msg = f"not all of {records} records were written and settled"
                raise ProcessError(msg)
            states.append(len(said))
            return float(done.said["peak"]) / 1e6

        for title, records, every in (
            (f"{few:,} records, no STATE between them", few, 0),
            (f"{many:,} records, no STATE between them", many, 0),
            (f"{many:,} records, a STATE every {_EVERY}", many, _EVERY),
        ):
            peaks[title] = Samples([measure(records, every)], "MB")
    report.sides |= peaks
    before, _, after = (samples.median for samples in peaks.values())
    report.values["slow_memory"] = after / before
    report.values["slow_peak"] = after
    report.values["slow_states"] = states[-1]
    return report
