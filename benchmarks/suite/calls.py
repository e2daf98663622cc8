"""What a second run asks for when nothing has changed."""

from __future__ import annotations

import json
import pathlib
import tempfile
import typing as t

from benchmarks import configs
from benchmarks.harness import Report
from benchmarks.processes import Counted, Server, execute, ours, serving
from benchmarks.records import messages
from benchmarks.suite.writes_latency import STREAM, write
from benchmarks.vendors import EMPLOYEES

AIMSIO_STREAMS = ["aimsio_employees", "aimsio_billable_items", "aimsio_job_orders"]
CIMCLOUD_STREAMS = ["cimcloud_accounts", "cimcloud_customers", "cimcloud_products"]
_RECORDS = 300


def run(*, quick: bool) -> Report:
    """Count; nothing is timed, so `quick` changes nothing."""
    del quick
    report = Report()
    with serving(_RECORDS) as server, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        aimsio = _again(server, configs.aimsio(server.url), AIMSIO_STREAMS, folder)
        report.values["aimsio_calls"] = len(aimsio.arrivals) / len(AIMSIO_STREAMS)
        cimcloud = _again(server, configs.cimcloud(server.url), CIMCLOUD_STREAMS, folder)
        pages = cimcloud.number("cimcloud page")
        report.values["cimcloud_calls"] = pages / len(CIMCLOUD_STREAMS)
        report.notes.append(f"CIMcloud: {len(cimcloud.arrivals) - pages} call to log in besides")
        source, ledger = folder / "employees.jsonl", folder / "ledger.sqlite"
        with source.open("wb") as file:
            file.writelines(messages(EMPLOYEES, STREAM, range(_RECORDS)))
        write(server, source, ledger)
        server.reset()
        write(server, source, ledger)
        report.values["target_calls"] = len(server.reset().arrivals)
    return report


def _again(
    server: Server, config: dict[str, t.Any], streams: list[str], folder: pathlib.Path
) -> Counted:
    """The calls of a run with the state of the one before it."""
    output = folder / "output"
    execute(*ours("tap", config=config, streams=streams), stdout=output)
    server.reset()
    states = [m for m in map(json.loads, output.read_bytes().splitlines()) if m["type"] == "STATE"]
    execute(*ours("tap", config=config, streams=streams, state=states[-1]["value"]))
    return server.reset()
