"""What a terminal shows while tap-erp reads."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import pathlib
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
import typing as t

from rich.text import Text

from demo.sandbox import DemoSandbox, block
from erp_sandbox.testing import running_sandbox
from erp_vendors.vendors import VENDORS
from tools.generated import ROOT
from tools.pictures.drawing import WIDTH, drawn

_COMMAND = "tap-erp --config config.json --catalog catalog.json > employees.jsonl"
_STREAM = "aimsio_employees"
_SECONDS = 12.0
"""How long it reads until the picture is taken."""


def progress() -> bytes:
    """Log lines and the live line of a run that is under way, as SVG."""
    with running_sandbox(size=240) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        played = DemoSandbox(sandbox.url).vendors()["aimsio"]
        config = {"aimsio": block(VENDORS["aimsio"], played), "user_agent": "picture"}
        (folder / "config.json").write_text(json.dumps(config))
        tap = [sys.executable, "-m", "tap_erp", "--config", "config.json"]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        found = json.loads(
            subprocess.run(  # noqa: S603 - our own command
                [*tap, "--discover"], cwd=folder, env=env, check=True, capture_output=True
            ).stdout
        )
        for stream in found["streams"]:
            for entry in stream["metadata"]:
                entry["metadata"]["selected"] = stream["stream"] == _STREAM
        (folder / "catalog.json").write_text(json.dumps(found))
        seen = _on_a_terminal([*tap, "--catalog", "catalog.json"], folder, env)
    text = Text.assemble(("$ ", "bold green"), f"{_COMMAND}\n", "\n".join(_screen(seen)))
    return drawn(text, "progress", "tap-erp while it reads").encode()


def _on_a_terminal(command: list[str], folder: pathlib.Path, env: t.Mapping[str, str]) -> str:
    """What a command writes to a terminal in its first seconds; then it is ended."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=folder, env=env, stdin=its, stdout=subprocess.DEVNULL, stderr=its
    )
    os.close(its)
    seen, deadline = b"", time.monotonic() + _SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            if select.select([ours], [], [], left)[0]:
                seen += os.read(ours, 65536)
    except OSError as error:
        if error.errno != errno.EIO:  # the terminal's other end is closed: it ended before
            raise
    finally:
        process.terminate()
        process.wait()
        os.close(ours)
    return seen.decode()


def _screen(seen: str) -> list[str]:
    """The lines that stand there: what comes behind a carriage return overwrites its line."""
    lines = []
    for row in seen.replace("\r\n", "\n").split("\n"):
        line = ""
        for part in row.split("\r"):
            line = part + line[len(part) :]
        lines.append(line.rstrip())
    return [line[:WIDTH] for line in lines if line]
