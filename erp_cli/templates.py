"""The subcommands `erp sinks` and `erp template`: what the target can write."""

from __future__ import annotations

import sys
import typing as t

import click

from erp_vendors.http import codec
from target_erp.target import TargetErp
from target_erp.templates import KINDS, any_account, legend, sinks, template
from target_erp.text_table import UNCUT, table, width_of


@click.command("sinks")
@click.option("--json", "as_json", is_flag=True, help="For scripts: JSON lines.")
def list_sinks(*, as_json: bool) -> None:
    """List what can be written: keys, what a new record must have, what can be done.

    No vendor is called.
    """
    found = sinks(_target())
    if as_json:
        for one in found:
            click.echo(codec.encode(one._asdict()).decode())
        return
    rows = [("sink", "key", "required", "writes")]
    rows += [(one.name, one.keys, ", ".join(one.required), one.writes) for one in found]
    click.echo(table(rows, width_of(sys.stdout, UNCUT)))


@click.command("template")
@click.argument("sink")
@click.option(
    "--format", "kind", type=click.Choice(KINDS), default="json", show_default=True, help="Form."
)
def show_template(*, sink: str, kind: str) -> None:
    """Print a record of SINK to be filled in; what its properties mean goes to stderr.

    csv is a header line, json an object, sql a select with the names of the properties.
    """
    target = _target()
    click.echo(template(target, sink, kind))
    if kind == "csv":
        click.echo(legend(target, sink, width_of(sys.stderr, UNCUT)), err=True)


def _target(**settings: t.Any) -> TargetErp:  # noqa: ANN401
    return TargetErp(config={**any_account(), **settings})
