"""The command line of both plugins: errors in one line, and exit codes that can be relied on."""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
import typing as t

import click

from erp_plugin import output
from erp_vendors.errors import ErpError
from erp_vendors.http.redact import protect_logging

if t.TYPE_CHECKING:
    from singer_sdk.plugin_base import PluginBase

_GARBAGE = 10_000
"""Objects that are made before the garbage collector looks for cycles again."""
FAILED = 1
"""Exit code of a run that failed."""


class ExitCode(ErpError):  # noqa: N818 - an ending, not always an error
    """Ends the process with an exit code of its own, after a message of one line."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def run(plugin: type[PluginBase]) -> t.NoReturn:
    """Run the tap or the target as a command."""
    spare_collector()
    command = plugin.cli
    protect_logging()
    logger = logging.getLogger(plugin.name)
    code, said = outcome(command, plugin.name, sys.argv[1:])
    if said:
        logger.error("%s", said)
    sys.exit(code)


def outcome(command: click.Command, name: str, arguments: list[str]) -> tuple[int, str]:
    """Run a command.

    Args:
        command: The command that the SDK makes of a plugin.
        name: The command's name.
        arguments: The command's arguments.

    Returns:
        The exit code, and one line that says why the command failed; empty if it did not.
    """
    try:
        # Click's `main` would end silently if stdout is closed, and print usage with other errors.
        with _ended_well(), command.make_context(name, arguments) as context:
            command.invoke(context)
        output.write(b"")
    except ExitCode as ending:
        code, said = ending.code, str(ending)
    except click.ClickException as error:
        code, said = FAILED, f"{error.format_message()} (see {name} --help)"
    except (ErpError, ValueError, OSError) as error:
        broken = isinstance(error, BrokenPipeError) and not isinstance(error, output.OutputError)
        code, said = FAILED, str(output.OutputError(error) if broken else error)
        logging.getLogger(name).debug("Details", exc_info=True)
    else:
        return 0, ""
    return code, " ".join(said.split())


@contextlib.contextmanager
def _ended_well() -> t.Iterator[None]:
    """Let options such as `--version` end the command with 0; any other ending is a failure."""
    try:
        yield
    except click.exceptions.Exit as ending:
        if ending.exit_code:
            msg = "the command has failed"
            raise ExitCode(msg, ending.exit_code) from None


def spare_collector() -> None:
    """Let the garbage collector look at records less often.

    For speed, 5% (decision 0011; benchmark `null_target`): records hold no cycles, so the collector
    finds nothing among them. This may go when it costs no time beside encoding records.
    """
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])
