"""The tap is killed, stopped or abandoned in the middle, and the next run completes its work."""

from __future__ import annotations

import signal
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.tap_erp.running import (
    TALKATIVE,
    Message,
    aimsio,
    command,
    parsed,
    run_command,
    sandbox_config,
    selected,
    written,
)

if t.TYPE_CHECKING:
    import pathlib
    import subprocess

pytestmark = pytest.mark.slow

SIZE = 80
JOBS = "aimsio_job_orders"


@pytest.fixture(scope="module")
def slow_sandbox() -> t.Iterator[RunningSandbox]:
    """A sandbox with so many rows and so slow that a signal falls into the middle."""
    with running_sandbox(limits=False, size=SIZE, latency_ms=30) as sandbox:
        yield sandbox


class Files:
    """The tap's files, and what all its runs have written to stdout."""

    def __init__(self, folder: pathlib.Path, config: Message) -> None:
        self.folder = folder
        self.config = config
        self.lines: list[bytes] = []

    @property
    def messages(self) -> list[Message]:
        """What a reader can use: whole lines."""
        return parsed(line for line in self.lines if line.endswith(b"\n"))

    @property
    def records(self) -> list[Message]:
        return [message["record"] for message in self.messages if message["type"] == "RECORD"]

    def arguments(self) -> list[str]:
        states = [message["value"] for message in self.messages if message["type"] == "STATE"]
        return [
            *("--config", written(self.folder, "config", self.config)),
            *("--catalog", written(self.folder, "catalog", selected(self.config, JOBS))),
            *(("--state", written(self.folder, "state", states[-1])) if states else ()),
        ]

    def start(self, program: str = TALKATIVE) -> subprocess.Popen[bytes]:
        log = (self.folder / "log").open("wb")
        with log:
            return command(*self.arguments(), program=program, stderr=log)

    def read(self, process: subprocess.Popen[bytes], records: int | None = None) -> None:
        """Read so many records, or all."""
        assert process.stdout is not None
        while records is None or records > 0:
            line = process.stdout.readline()
            if not line:
                assert records is None, "the tap ended before it could be stopped"
                return
            self.lines.append(line)
            if records is not None and b'"RECORD"' in line:
                records -= 1

    def finish(self, process: subprocess.Popen[bytes]) -> int:
        with process:
            self.read(process)
            return process.wait(30)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def files(tmp_path: pathlib.Path, slow_sandbox: RunningSandbox) -> Files:
    slow_sandbox.reset()
    return Files(tmp_path, aimsio(slow_sandbox.vendor_url("aimsio")))


def details(sandbox: RunningSandbox) -> int:
    count: int = sandbox.report("aimsio")["by_path"].get(
        "GET /rest/api/standard/v1/JobOrder/{guid}", 0
    )
    return count


def complete(files: Files, sandbox: RunningSandbox) -> bool:
    read = {record["jobGuid"]: record for record in files.records}
    rows = {row["jobGuid"]: row for row in sandbox.rows("aimsio", "job_orders")}
    return read.keys() == rows.keys() and all(
        row.items() <= read[key].items() for key, row in rows.items()
    )


def test_killed_twice_and_still_nothing_is_lost(files: Files, slow_sandbox: RunningSandbox) -> None:
    for _ in range(2):
        process = files.start()
        files.read(process, records=20)
        process.send_signal(signal.SIGKILL)
        assert files.finish(process) == -signal.SIGKILL
        assert 0 < len({record["jobGuid"] for record in files.records}) < SIZE, "in the middle"
    assert files.finish(files.start()) == 0
    assert complete(files, slow_sandbox)
    # Each kill costs at most what was in flight and what was written after the last STATE.
    assert details(slow_sandbox) <= SIZE + 2 * 40


def test_sigterm_emits_the_state_and_nothing_after_it(
    files: Files, slow_sandbox: RunningSandbox
) -> None:
    process = files.start(program="")  # with a STATE every few seconds only, as users run it
    files.read(process, records=20)
    process.send_signal(signal.SIGTERM)
    assert files.finish(process) == 1
    assert all(line.endswith(b"\n") for line in files.lines)
    assert files.messages[-1]["type"] == "STATE"
    assert len(files.records) < SIZE, "in the middle"
    last = [line for line in files.log.splitlines() if "ERROR" in line]
    assert len(last) == 1
    assert "Stopped by signal 15" in last[0]
    assert "Traceback" not in files.log
    assert files.finish(files.start()) == 0
    assert complete(files, slow_sandbox)
    assert len(files.records) <= SIZE + 1, "the next run continues from there"


def test_a_reader_that_goes_away_ends_the_tap_quietly(files: Files) -> None:
    process = files.start(program="")
    files.read(process, records=5)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) == 1
    assert "Traceback" not in files.log
    assert "BrokenPipe" not in files.log
    assert "Exception" not in files.log


def test_a_signal_ends_a_wait_for_the_rate_limit_at_once(
    files: Files, slow_sandbox: RunningSandbox
) -> None:
    slow_sandbox.add_fault(
        "status", vendor="aimsio", status=429, headers={"Retry-After": "600"}, after=10
    )
    try:
        process = files.start()
        files.read(process, records=3)
        process.send_signal(signal.SIGINT)
        assert files.finish(process) == 1
    finally:
        slow_sandbox.clear_faults()
    assert files.messages[-1]["type"] == "STATE"


def test_vendors_side_by_side_write_whole_lines(
    tmp_path: pathlib.Path, sandbox: RunningSandbox
) -> None:
    code, out, _ = run_command("--config", written(tmp_path, "config", sandbox_config(sandbox)))
    assert code == 0
    vendors = {
        message["stream"].partition("_")[0]
        for message in parsed(line.encode() for line in out.splitlines())
        if message["type"] == "RECORD"
    }
    assert vendors == {"aimsio", "cimcloud"}
