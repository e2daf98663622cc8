"""The command `erp`: all subcommands for people, beside the two Singer executables."""

from __future__ import annotations

import typing as t

import click

from erp_cli.command_line import LazyGroup, Subcommand, run
from erp_cli.configuration import config_option

SUBCOMMANDS = {
    "definition": Subcommand("erp_cli.definition:definition", "Print a plugin's definition."),
    "doctor": Subcommand("erp_cli.doctor.command:doctor", "Find out what the accounts are like."),
    "ledger": Subcommand("erp_cli.ledger:erp_ledger", "Show what target-erp did, and correct it."),
    "plan": Subcommand("erp_cli.plan:plan", "Show what a run would write."),
    "sandbox": Subcommand("erp_sandbox.cli:erp_sandbox", "Play the vendors on this machine."),
    "sinks": Subcommand("erp_cli.templates:list_sinks", "List what can be written."),
    "streams": Subcommand("erp_cli.streams:streams", "List what can be read."),
    "template": Subcommand("erp_cli.templates:show_template", "Print a record to be filled in."),
}
"""The subcommands: where each is, and what it does."""


@click.group(cls=LazyGroup, table=SUBCOMMANDS)
@config_option
def erp(**_: object) -> None:
    """Look at what tap-erp and target-erp can do and have done, and correct it."""


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Entry point of `erp`.

    Args:
        arguments: Command line (default: the process's).

    Returns:
        Exit code: 0; 1 with one line on stderr; or the subcommand's own.
    """
    return run(erp, "erp", arguments)
