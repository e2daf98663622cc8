"""Runs the plugins in-process and keeps what they say."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import typing as t

from erp_plugin.cli import ExitCode
from erp_vendors.errors import ErpError
from target_erp.target import TargetErp

Message = dict[str, t.Any]


@dataclasses.dataclass
class TargetRun:
    """What a run of the target left behind."""

    code: int
    error: str
    states: list[t.Any]
    target: TargetErp


def run_target(config: Message, messages: t.Iterable[Message | str | bytes]) -> TargetRun:
    """Run target-erp on some messages, with the exit code that the command would give.

    Lines that are given as bytes come from a file, all others as text.
    """
    given = [line if isinstance(line, (str, bytes)) else json.dumps(line) for line in messages]
    lines: t.IO[t.Any] = io.StringIO("".join(f"{line}\n" for line in given))
    if any(isinstance(line, bytes) for line in given):
        encoded = [line.encode() if isinstance(line, str) else line for line in given]
        lines = io.BytesIO(b"".join(line + b"\n" for line in encoded))
    code, error = 0, ""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        target = TargetErp(config=config)
        try:
            target.listen(lines)
        except ExitCode as ending:
            code, error = ending.code, str(ending)
        except ErpError as failure:
            code, error = 1, str(failure)
    states = [json.loads(line) for line in out.getvalue().splitlines()]
    return TargetRun(code, error, states, target)


def schema(stream: str, keys: t.Sequence[str] = (), **properties: t.Any) -> Message:
    """A SCHEMA message; properties that are not given are free."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": list(keys),
    }


def record(stream: str, **fields: t.Any) -> Message:
    """A RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": fields}


def state(value: t.Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": value}
