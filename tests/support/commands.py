"""Runs a plugin's command in this process, and leaves the process as it was."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import typing as t

from erp_plugin.cli import outcome
from tests.support.signals import signals_kept

if t.TYPE_CHECKING:
    import click


class Ended(t.NamedTuple):
    """What a command left behind.

    Attributes:
        code: Exit code.
        said: The line that says why it failed; empty if it did not.
        out: Parsed lines of stdout.
    """

    code: int
    said: str
    out: list[t.Any]


def invoke(command: click.Command, name: str, *arguments: str) -> Ended:
    """Run a command whose stdout is JSON, a value a line or one in all.

    Args:
        command: The plugin's `cli`.
        name: The plugin's name.
        *arguments: The command's arguments.
    """
    out, loggers = io.TextIOWrapper(io.BytesIO()), list(logging.root.handlers)
    try:
        with signals_kept(), contextlib.redirect_stdout(out):
            code, said = outcome(command, name, list(arguments))
    finally:
        logging.root.handlers[:] = loggers
    out.flush()
    text = t.cast("t.Any", out).buffer.getvalue()
    try:
        return Ended(code, said, [json.loads(line) for line in text.splitlines()])
    except ValueError:
        return Ended(code, said, [json.loads(text)])
