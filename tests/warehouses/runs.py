"""Runs of the tap whose lines go to a loader."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import signal
import typing as t

from erp_plugin.cli import ExitCode
from erp_vendors.errors import ErpError
from tests.tap_erp.running import TALKATIVE, Config, command, make_tap, selected, written
from tests.tap_erp.test_union import VENDORS, config

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

Message = dict[str, t.Any]


class Lines(t.NamedTuple):
    """What a run said.

    Attributes:
        code: Its exit code.
        error: Why it failed.
        text: What it wrote to stdout: whole lines.
    """

    code: int
    error: str
    text: bytes


def settings(sandbox: RunningSandbox, vendors: t.Iterable[str] = VENDORS, **top: t.Any) -> Config:
    """Configuration of the tap for some vendors."""
    found: Config = {**top}
    for vendor in vendors:
        found |= config(sandbox.url, vendor)
    return found


def tap_lines(config: Config, streams: t.Iterable[str], state: Message) -> Lines:
    """Run the tap to its end."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code, error = 0, ""
    with contextlib.redirect_stdout(out):
        try:
            catalog = selected(config, *streams)
            make_tap(config, state=_copy(state), catalog=catalog).sync_all()
        except ExitCode as ending:
            code, error = ending.code, str(ending)
        except ErpError as failure:
            code, error = 1, str(failure)
    out.flush()
    return Lines(code, error, t.cast("io.BytesIO", out.buffer).getvalue())


def killed_lines(
    config: Config, streams: t.Iterable[str], state: Message, records: int, folder: pathlib.Path
) -> Lines:
    """Run the tap as a process, which is killed once so many records have come.

    Its pipe is as small as the system permits, so that it cannot be far ahead by then.
    """
    arguments = [
        *("--config", written(folder, "config", config)),
        *("--catalog", written(folder, "catalog", selected(config, *streams))),
        *(("--state", written(folder, "state", state)) if state else ()),
    ]
    lines: list[bytes] = []
    with (
        (folder / "log").open("wb") as log,
        command(*arguments, program=TALKATIVE, stderr=log) as tap,
    ):
        assert tap.stdout is not None
        fcntl.fcntl(tap.stdout, fcntl.F_SETPIPE_SZ, 4096)
        while records:
            line = tap.stdout.readline()
            assert line, "the tap ended before it could be killed"
            lines.append(line)
            records -= b'"RECORD"' in line
        tap.send_signal(signal.SIGKILL)
        lines += tap.stdout.readlines()
        assert tap.wait(30) == -signal.SIGKILL
    return Lines(-signal.SIGKILL, "", b"".join(line for line in lines if line.endswith(b"\n")))


def _copy(state: Message) -> Message | None:
    return json.loads(json.dumps(state)) or None
