"""Whole processes: the server, and what is measured."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
"""The repository."""
_DEADLINE = 300.0
"""Seconds after which a process that is measured counts as hanging."""


class ProcessError(Exception):
    """A process did not end as it should."""


@dataclasses.dataclass(frozen=True)
class Finished:
    """What a process left behind.

    Attributes:
        wall: Seconds from start to end.
        said: What it wrote into its result file, an object; empty if it wrote none.
    """

    wall: float
    said: dict[str, t.Any]

    @property
    def seconds(self) -> float:
        """Seconds of its work, without its start."""
        return float(self.said["seconds"])

    @property
    def rate(self) -> float:
        """Records per second of its work."""
        return float(self.said["records"]) / self.seconds


def execute(
    command: t.Sequence[str],
    job: t.Mapping[str, t.Any] | None = None,
    *,
    stdin: pathlib.Path | int = subprocess.DEVNULL,
    stdout: pathlib.Path | None = None,
    inside: bool = False,
) -> Finished:
    """Run a process to its end.

    Args:
        command: Program and arguments.
        job: Handed over as JSON in a last argument, with a `result` file for what it reports.
        stdin: A file to read from, or a descriptor.
        stdout: A file to write to; None for nowhere.
        inside: Run it in an empty folder of its own; otherwise in the repository.

    Raises:
        ProcessError: If it fails or hangs; the end of its log says why.
    """
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        result, log = folder / "result.json", folder / "log"
        arguments = list(command)
        if job is not None:
            arguments.append(json.dumps({**job, "result": str(result)}))
        source = stack.enter_context(stdin.open("rb")) if isinstance(stdin, pathlib.Path) else stdin
        sink = stack.enter_context((stdout or pathlib.Path(os.devnull)).open("wb"))
        errors = stack.enter_context(log.open("wb"))
        place = folder / "work" if inside else ROOT
        place.mkdir(exist_ok=True)
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - programs of this folder
            arguments, stdin=source, stdout=sink, stderr=errors, cwd=place, env=_environment()
        )
        guard = threading.Timer(_DEADLINE, process.kill)
        guard.start()
        code = process.wait()
        wall = time.perf_counter() - started
        guard.cancel()
        if code:
            end = " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
            msg = f"{pathlib.Path(arguments[0]).name} ended with {code}: {end}"
            raise ProcessError(msg)
        said = json.loads(result.read_text()) if result.exists() else {}
        return Finished(wall, said)


def ours(task: str, **job: t.Any) -> tuple[list[str], dict[str, t.Any]]:
    """Command and job of a task of `benchmarks.work`.

    Args:
        task: Name of the task.
        **job: What it needs to know.
    """
    return [sys.executable, "-m", "benchmarks.work"], {"task": task, **job}


def _environment() -> dict[str, str]:
    """Without settings of the user's own plugins, and peers tell nobody what they do."""
    quiet = {"DO_NOT_TRACK": "1", "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return quiet | {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TAP_", "TARGET_", "MELTANO_", "SINGER_"))
    }


@dataclasses.dataclass(frozen=True)
class Counted:
    """What a server was asked.

    Attributes:
        arrivals: Time and kind of each call, in order.
        most_in_flight: Largest number of calls at once.
        disorders: Records written while an earlier version was under way, or after a later one.
        written: Number of different keys that were written.
    """

    arrivals: list[tuple[float, str]]
    most_in_flight: int
    disorders: int
    written: int

    def number(self, kind: str) -> int:
        """Calls of a kind."""
        return sum(name == kind for _, name in self.arrivals)

    def most_in_a_second(self) -> int:
        """Largest number of calls in any second."""
        times = [at for at, _ in self.arrivals]
        most = first = 0
        for place, at in enumerate(times):
            while at - times[first] >= 1.0:
                first += 1
            most = max(most, place - first + 1)
        return most

    def rate(self, kind: str) -> float:
        """Calls of a kind per second, from the first to the last one."""
        times = [at for at, name in self.arrivals if name == kind]
        return (len(times) - 1) / (times[-1] - times[0])


class Server:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def reset(self) -> Counted:
        """Forget what was asked, and say what it was."""
        request = urllib.request.Request(f"{self.url}/_bench/", method="POST", data=b"")  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            said = json.load(answer)
        said["arrivals"] = [(at, kind) for at, kind in said["arrivals"]]
        return Counted(**said)


@contextlib.contextmanager
def serving(records: int, latency: float = 0.0) -> t.Iterator[Server]:
    """Run a server.

    Args:
        records: Number of records of every resource.
        latency: Seconds before each answer.
    """
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.server", str(records), str(latency)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin  # noqa: S101 - it is a pipe
    assert process.stdout  # noqa: S101
    try:
        yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@contextlib.contextmanager
def piped(command: t.Sequence[str]) -> t.Iterator[int]:
    """Run a program whose output another one reads.

    Args:
        command: Program and arguments.

    Yields:
        Descriptor of its output.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603
        assert process.stdout  # noqa: S101 - it is a pipe
        yield process.stdout.fileno()
