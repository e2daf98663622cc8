"""The command `erp ledger`, also to be called as `erp-ledger`; it reads no Singer input."""

from __future__ import annotations

import typing as t

import click

from erp_cli.command_line import OptionsAnywhere, run
from erp_cli.ledger.corrections import dismiss, forget, replay
from erp_cli.ledger.listings import rejects, report, runs, show
from erp_cli.ledger.options import source_options
from erp_cli.ledger.unknown import unknown
from erp_cli.ledger.upkeep import move, prune


@click.group(cls=OptionsAnywhere)
@source_options
def erp_ledger(**_: object) -> None:
    """Show what target-erp did, and correct it."""


for _command in (runs, show, rejects, replay, dismiss, forget, unknown, report, move, prune):
    erp_ledger.add_command(_command)


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Entry point of `erp-ledger`.

    Args:
        arguments: Command line (default: the process's).

    Returns:
        Exit code: 0; 1 with one line on stderr; or, for `replay`, the target's.
    """
    return run(erp_ledger, "erp-ledger", arguments)
