"""Runs the server and the target as processes, and says what is wrong with what they leave."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import typing as t

from .adapter import load
from .book import Commit
from .findings import Findings, find
from .server import kill

if t.TYPE_CHECKING:
    import pathlib

    from .adapter import Adapter
    from .book import Row

LONGEST_RUN = 300.0
"""Seconds after which a run of the target is killed, and the test fails."""
_ROOT = __package__ or ""


class RunningServer:
    """The server's process, and what can be asked of it."""

    def __init__(self, adapter: str) -> None:
        self.adapter = adapter
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-m", _ROOT, adapter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        stdout = t.cast("t.IO[str]", self._process.stdout)
        port = stdout.readline().strip()
        if not port:
            msg = f"the server of {adapter} did not start"
            raise RuntimeError(msg)
        self.url = f"http://127.0.0.1:{port}"
        self._http = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)

    def close(self) -> None:
        """End the process."""
        self._http.close()
        self._process.communicate(timeout=30)

    def reset(self, seed: int = 0, *, keep: bool = False) -> None:
        """Forget calls and rules; and what is committed, unless it is to be kept."""
        self.no_rules()
        self._settle()
        self._ask("reset", seed=seed, keep=keep)

    def rule(self, kind: str, **how: t.Any) -> None:
        """Add a rule; see `server.Rule`."""
        self._ask("rule", kind=kind, **how)

    def no_rules(self) -> None:
        """Let everything pass."""
        self._ask("unrule")

    @property
    def stats(self) -> Row:
        """Calls by kind, duplicates, the highest rate, and how often each rule was used."""
        stats: Row = self._ask("stats")
        assert not stats["errors"], f"the adapter's API raised: {stats['errors']}"
        return stats

    @property
    def writes(self) -> int:
        """Number of write calls."""
        return int(self.stats["calls"].get("write", 0))

    @property
    def log(self) -> list[Commit]:
        """Every version committed, in order, once the server has nothing left to do."""
        self._settle()
        return [Commit(*entry) for entry in self._ask("log")]

    @property
    def keys(self) -> list[str]:
        """The keys of the records that are there, sorted."""
        self._settle()
        return t.cast("list[str]", self._ask("keys"))

    @property
    def rows(self) -> dict[str, list[Row]]:
        """What the API has, by key; two rows with one key are what must not happen."""
        self._settle()
        return t.cast("dict[str, list[Row]]", self._ask("rows"))

    def edit(self, key: str, **changes: t.Any) -> None:
        """Change a record as a person does in the vendor's own program."""
        self._ask("edit", key=key, changes=changes)

    @property
    def bodies(self) -> list[str]:
        """The bodies of the last write calls, as they came."""
        return t.cast("list[str]", self._ask("bodies"))

    def _settle(self) -> None:
        while self._ask("stats")["in_flight"]:
            time.sleep(0.02)

    def _ask(self, command: str, **said: t.Any) -> t.Any:
        self._http.request("POST", f"/_/{command}", body=json.dumps(said))
        return json.loads(self._http.getresponse().read())


@dataclasses.dataclass
class Run:
    """What a run of the target left behind.

    Attributes:
        code: Exit code; negative if it was killed.
        states: The STATE values it printed, each with the monotonic time when it was read.
        stderr: Its log.
        input_ended: Monotonic time when the last line of input was handed over.
    """

    code: int
    states: list[tuple[float, t.Any]]
    stderr: str
    input_ended: float

    @property
    def state(self) -> t.Any:
        """The last STATE, or None."""
        return self.states[-1][1] if self.states else None


class Target:
    """The target's process."""

    def __init__(self, adapter: Adapter, url: str, folder: pathlib.Path) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `wait`
        self._lines: list[tuple[float, str]] = []
        self._input_ended = 0.0
        self.process = adapter.start(url, folder, self._errors)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def feed(self, messages: t.Iterable[Row | str], pause: float = 0.0) -> None:
        """Hand over input, and end it.

        Args:
            messages: Messages, or lines that are none.
            pause: Seconds between two of them.
        """
        with contextlib.suppress(BrokenPipeError), t.cast("t.IO[bytes]", self.process.stdin) as out:
            for message in messages:
                out.write(as_line(message).encode() + b"\n")
                if pause:
                    out.flush()
                    time.sleep(pause)
        self._input_ended = time.monotonic()

    @property
    def emitted(self) -> int:
        """Number of different STATE lines so far."""
        return len({line for _, line in self._lines})

    def wait(self) -> Run:
        """Wait for its end."""
        code = self.process.wait()
        self._reader.join()
        self._errors.seek(0)
        stderr = self._errors.read().decode(errors="replace")
        self._errors.close()
        states = []
        for place, (at, line) in enumerate(self._lines):
            try:
                states.append((at, json.loads(line)))
            except ValueError:  # a kill may cut the last line
                assert code < 0, f"not a message on stdout: {line!r}"
                assert place == len(self._lines) - 1, f"not a message on stdout: {line!r}"
        return Run(code, states, stderr, self._input_ended)

    def _read(self) -> None:
        for line in t.cast("t.IO[bytes]", self.process.stdout):
            self._lines.append((time.monotonic(), line.decode()))
        t.cast("t.IO[bytes]", self.process.stdout).close()


class Bench:
    """One adapter's server, and a folder for its target."""

    def __init__(self, adapter: Adapter, server: RunningServer, folder: pathlib.Path) -> None:
        self.adapter = adapter
        self.server = server
        self.folder = folder
        self.targets: list[Target] = []

    def run(
        self, messages: t.Iterable[Row | str], *, pause: float = 0.0, death: Row | None = None
    ) -> Run:
        """Run the target.

        Args:
            messages: Its input, or lines that are no messages.
            pause: Seconds between two of them.
            death: When the server kills the target, as a rule; None for never.
        """
        target = Target(self.adapter, self.server.url, self.folder)
        self.targets.append(target)
        hung = threading.Event()

        def give_up() -> None:
            hung.set()
            kill(target.process.pid)

        guard = threading.Timer(LONGEST_RUN, give_up)
        guard.start()
        try:
            if death is not None:
                self.server.rule("kill", pid=target.process.pid, times=1, **death)
            target.feed(messages, pause)
            run = target.wait()
        except BaseException:
            kill(target.process.pid)
            target.wait()
            raise
        finally:
            guard.cancel()
        assert not hung.is_set(), f"still running after {LONGEST_RUN:.0f} s: {run.stderr[-2000:]}"
        return run

    def elsewhere(self) -> Bench:
        """Somebody else who writes to the same API, and of whom the target knows nothing."""
        folder = self.folder / "elsewhere"
        folder.mkdir(exist_ok=True)
        return Bench(load(self.server.adapter), self.server, folder)

    def values(self, name: str) -> dict[str, list[t.Any]]:
        """What the API has of a property, by key; a record that is there twice has two values."""
        return {key: [row.get(name) for row in rows] for key, rows in self.server.rows.items()}

    def records(self, count: int, **more: t.Any) -> list[Row]:
        """Records with different keys, each with further properties if any are given."""
        return [{**self.adapter.record(number), **more} for number in range(count)]

    def messages(self, records: t.Sequence[Row], start: int = 0, every: int = 1) -> list[Row]:
        """SCHEMA, RECORD and STATE messages.

        Args:
            records: All records.
            start: How many of them an earlier run has passed with its STATE.
            every: Records between two STATE messages; there is always one at the end.
        """
        found = [self.schema()]
        for place, record in enumerate(records[start:], start + 1):
            found.append(self.record(record))
            if place % every == 0 or place == len(records):
                found.append(self.state(place))
        return found

    def schema(self, **properties: Row) -> Row:
        """The SCHEMA message; properties that are not named are free."""
        return {
            "type": "SCHEMA",
            "stream": self.adapter.stream,
            "schema": {
                "type": "object",
                "properties": {self.adapter.key: {"type": "string"}, **properties},
            },
            "key_properties": [self.adapter.key],
        }

    def record(self, record: Row) -> Row:
        """A RECORD message."""
        return {"type": "RECORD", "stream": self.adapter.stream, "record": record}

    def state(self, position: int) -> Row:
        """The STATE message after that many records."""
        bookmark = {self.adapter.stream: {"position": position}}
        return {"type": "STATE", "value": {"bookmarks": bookmark}}

    def activate_version(self, version: int) -> Row:
        """The message that this version of the stream is complete."""
        return {"type": "ACTIVATE_VERSION", "stream": self.adapter.stream, "version": version}

    def position(self, state: t.Any) -> int:
        """How many records a STATE value has passed."""
        return int(state["bookmarks"][self.adapter.stream]["position"]) if state else 0

    @property
    def reported(self) -> list[str]:
        """Keys that the target has reported as rejected or unknown."""
        return sorted(self.adapter.reported(self.folder))

    def findings(self, records: t.Sequence[Row], *runs: Run) -> Findings:
        """What is wrong at the vendor after runs of the target.

        Args:
            records: All records of the input, in its order.
            *runs: The runs, whose STATE is compared with the times of the commits.
        """
        states = [(at, self.position(state)) for run in runs for at, state in run.states]
        reported = set(self.reported)
        return find(self.adapter, records, self.server.log, states, reported)


def as_line(message: Row | str) -> str:
    """A message as a line of input."""
    return message if isinstance(message, str) else json.dumps(message)
