"""Reading with no latency and no limit: tap-erp, dlt's extract step, and a plain SDK tap.

All read the same records, 500 a page, each in a process of its own that begins to count when its
imports and its configuration are done. Taps write to nowhere, dlt writes its load package.
"""

from __future__ import annotations

import decimal
import functools
import json
import pathlib
import tempfile
import typing as t

from benchmarks import configs
from benchmarks.environments import peer
from benchmarks.harness import Report, interleave
from benchmarks.processes import Finished, ProcessError, Server, execute, ours, serving
from benchmarks.records import PLAIN
from benchmarks.vendors import CUSTOMERS, PLAIN_ROWS

STREAM = "aims360_customers"
OURS, DLT, SDK = "tap-erp (AIMS360 customers)", "dlt, extract step", "plain SDK tap"
_HIDDEN = "note"
_CHECKED = 2_000


def reading(server: Server, **options: t.Any) -> tuple[list[str], dict[str, t.Any]]:
    """Command and job that read the whole list."""
    config = configs.aims360(server.url, page_size=PLAIN_ROWS)
    return ours("tap", config=config, streams=[STREAM], **options)


def run(*, quick: bool) -> Report:
    """Measure."""
    records, times = (20_000, 1) if quick else (100_000, 3)
    report = Report()
    with serving(records) as server:
        job = {"url": server.url, "schema": PLAIN.schema()}
        sides = {OURS: functools.partial(_rate, records, execute, *reading(server))}
        for title, environment, program in (
            (DLT, "dlt", "dlt_extract"),
            (SDK, "singer", "singer_tap"),
        ):
            found = peer(environment, program)
            if isinstance(found, str):
                report.notes.append(found)
                continue
            sides[title] = functools.partial(_rate, records, found.run, job)
        interleave(report, sides, times, "records/s")
    report.values["tap_dlt"] = report.ratio(OURS, DLT)
    plain = report.ratio(OURS, SDK)
    if plain is not None:
        report.notes.append(f"against the plain SDK tap: {plain:.2f}x")
    report.values["tap_honest"] = float(is_honest())
    return report


def _rate(records: int, start: t.Callable[..., Finished], *job: t.Any) -> float:
    done = start(*job)
    if done.said["records"] != records:
        msg = f"read {done.said['records']} records of {records}"
        raise ProcessError(msg)
    return done.rate


def is_honest() -> bool:
    """Whether the records are what the vendor sent, less a column that is not selected."""
    with serving(_CHECKED) as server, tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "output"
        execute(*reading(server, deselected=[_HIDDEN]), stdout=output)
        found = [_parse(line) for line in output.read_bytes().splitlines()]
    expected = [_parse(CUSTOMERS.render(number)) for number in range(_CHECKED)]
    for record in expected:
        del record[_HIDDEN]
    columns = set(found[0]["schema"]["properties"]) if found[0]["type"] == "SCHEMA" else set()
    # A column that is always empty has no type that a schema could state.
    wanted = {name for name, value in expected[0].items() if value is not None}
    records = [message["record"] for message in found if message["type"] == "RECORD"]
    return wanted <= columns and _HIDDEN not in columns and records == expected


def _parse(line: bytes) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads(line, parse_float=decimal.Decimal))
