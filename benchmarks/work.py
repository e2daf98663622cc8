"""What is measured of our own: runs the tap or the target, and reports how long the work took.

Run as a process of its own, with a job as its only argument; see `processes.ours`.
"""

from __future__ import annotations

import json
import pathlib
import re
import resource
import sys
import time
import typing as t

from erp_plugin.cli import spare_collector

if t.TYPE_CHECKING:
    from target_erp.delivery import Prepared, Write

Job = dict[str, t.Any]

NULL_STREAM = "aimsio_nothing"
"""The sink that sends nothing."""


def tap(job: Job) -> tuple[float, int]:
    """Read streams: `config`, `streams`, perhaps `deselected` properties and a `state`."""
    from tap_erp.tap import TapErp  # noqa: PLC0415 - the target's processes do without

    config, streams, deselected = job["config"], set(job["streams"]), job.get("deselected", ())
    catalog = TapErp(config=config).catalog_dict
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["stream"] in streams
        # Columns that only the records tell are selected or not by their name.
        for name in deselected:
            entry["metadata"] = [m for m in entry["metadata"] if m["breadcrumb"][1:] != [name]]
            entry["schema"]["properties"].setdefault(name, {"type": ["string", "null"]})
            entry["metadata"].append(
                {"breadcrumb": ["properties", name], "metadata": {"selected": False}}
            )
    plugin = TapErp(config=config, catalog=catalog, state=job.get("state"))
    spare_collector()  # as the command does
    started = time.perf_counter()
    plugin.sync_all()
    seconds = time.perf_counter() - started
    return seconds, sum(stream.records_read for stream in plugin.erp_streams)


def target(job: Job) -> tuple[float, int]:
    """Write what comes on stdin: `config`."""
    from target_erp.target import TargetErp  # noqa: PLC0415 - the tap's processes do without

    plugin = TargetErp(config=job["config"])
    spare_collector()
    started = time.perf_counter()
    plugin.listen()
    return time.perf_counter() - started, plugin.run.summary.records_read


def null_target(job: Job) -> tuple[float, int]:
    """As `target`, to a vendor that takes everything at once and is not even called."""
    from target_erp.delivery import Prepared, Writer  # noqa: PLC0415
    from target_erp.writers import WRITERS  # noqa: PLC0415

    class NullWriter(Writer):
        stream = NULL_STREAM
        vendor = "aimsio"
        workers = 10
        batch_size = 500

        def prepare(self, record: dict[str, t.Any]) -> Prepared:
            return Prepared((("id", record["id"]),), record)

        def send(self, writes: list[Write]) -> None:
            pass

    WRITERS["aimsio"] = lambda _plugin, _name, _keys: NullWriter()
    return target(job)


def peak() -> int:
    """Largest resident memory of this process in bytes.

    On Linux `getrusage` also knows the memory of the process that this one was forked from.
    """
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="utf-8"))
        if found:
            return int(found.group(1)) * 1024
    units = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * units


TASKS: dict[str, t.Callable[[Job], tuple[float, int]]] = {
    "tap": tap,
    "target": target,
    "null_target": null_target,
}

if __name__ == "__main__":
    _job: Job = json.loads(sys.argv[1])
    _seconds, _records = TASKS[_job["task"]](_job)
    pathlib.Path(_job["result"]).write_text(
        json.dumps({"seconds": _seconds, "records": _records, "peak": peak()}), encoding="utf-8"
    )
