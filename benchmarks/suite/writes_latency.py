"""One call per record to a server that takes 50 ms: target-erp, drt-core, hotglue-singer-sdk.

What batches are worth is shown beside it: CIMcloud's, of ten records, which have no peer here.

Ours sends up to ten calls at once, keeps its ledger, and keeps the order of records with one key.
Our rate counts from the first line of the input to the last settled record; that of a peer from
its first call to its last, without anything before or behind.
"""

from __future__ import annotations

import functools
import itertools
import json
import pathlib
import tempfile
import typing as t

from benchmarks import configs
from benchmarks.environments import Peer, peer
from benchmarks.harness import Report, interleave
from benchmarks.processes import ProcessError, Server, execute, ours, serving
from benchmarks.records import PLAIN, messages
from benchmarks.vendors import CIMCLOUD, EMPLOYEES

LATENCY = 0.05
STREAM = "aimsio_employees"
OURS = "target-erp (Aimsio employees), ten in flight"
BATCHES = "target-erp (CIMcloud accounts), batches of 10"
DRT, HOTGLUE = "drt-core", "hotglue-singer-sdk"
_VERSIONS = 2


def write(server: Server, source: pathlib.Path, ledger: pathlib.Path) -> float:
    """Write a file, ten calls at once: employees one a call, accounts in batches.

    Args:
        server: Where to.
        source: Singer messages.
        ledger: The ledger.

    Returns:
        Records per second.
    """
    config = {
        **configs.aimsio(
            server.url, batch_size=1, max_concurrency=10, resources=configs.UNDERSTOOD
        ),
        **configs.cimcloud(server.url, max_concurrency=10),
        **configs.files(ledger),
    }
    return execute(*ours("target", config=config), stdin=source).rate


def run(*, quick: bool) -> Report:
    """Measure."""
    keys, few, times = (100, 20, 1) if quick else (300, 60, 3)
    report = Report()
    disorders: list[int] = []
    numbers = itertools.count()
    with serving(0, LATENCY) as server, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source, plain = folder / "employees.jsonl", folder / "plain.jsonl"
        accounts = folder / "accounts.jsonl"
        with accounts.open("wb") as file:
            file.writelines(messages(CIMCLOUD["accounts"], "cimcloud_accounts", range(10 * keys)))
        with source.open("wb") as file:
            file.writelines(messages(EMPLOYEES, STREAM, range(keys), _VERSIONS))
        with plain.open("wb") as file:
            file.writelines(messages(PLAIN, "items", range(few)))

        def us() -> float:
            rate = write(server, source, folder / f"{next(numbers)}.sqlite")
            counted = server.reset()
            if counted.number("aimsio write") != keys * _VERSIONS:
                msg = f"made {len(counted.arrivals)} calls for {keys * _VERSIONS} records"
                raise ProcessError(msg)
            disorders.append(counted.disorders)
            return rate

        def batches() -> float:
            rate = write(server, accounts, folder / f"{next(numbers)}.sqlite")
            counted = server.reset()
            if counted.number("cimcloud write") != keys or counted.written != 10 * keys:
                msg = f"made {len(counted.arrivals)} calls for {10 * keys} records"
                raise ProcessError(msg)
            return rate

        sides = {OURS: us, BATCHES: batches}
        rows = [json.loads(PLAIN.render(number)) for number in range(few)]
        jobs: dict[str, tuple[Peer | str, dict[str, t.Any], dict[str, t.Any]]] = {
            DRT: (peer("drt", "drt_sync"), {"rows": rows}, {}),
            HOTGLUE: (peer("hotglue", "hotglue_target"), {}, {"stdin": plain}),
        }
        for title, (found, job, options) in jobs.items():
            if isinstance(found, str):
                report.notes.append(found)
            else:
                start = functools.partial(found.run, {"url": server.url, **job}, **options)
                sides[title] = functools.partial(_peer, server, start, few)
        interleave(report, sides, times, "records/s")
    report.values["late_rate"] = report.median(OURS)
    report.values["late_drt"] = report.ratio(OURS, DRT)
    report.values["late_hotglue"] = report.ratio(OURS, HOTGLUE)
    report.values["late_order"] = max(disorders)
    return report


def _peer(server: Server, start: t.Callable[[], object], records: int) -> float:
    server.reset()
    start()
    counted = server.reset()
    if counted.number("plain write") != records:
        msg = f"made {len(counted.arrivals)} calls for {records} records"
        raise ProcessError(msg)
    return counted.rate("plain write")
