"""The subcommands `erp sinks` and `erp template`: what the target can write."""

from __future__ import annotations

import sys

import click

from erp_cli import configuration
from erp_cli.configuration import config_option
from erp_vendors.http import codec
from target_erp.templates import KINDS, legend, sinks, template
from target_erp.text_table import UNCUT, table, width_of


@click.command("sinks")
@config_option
@click.option("--json", "as_json", is_flag=True, help="For scripts: JSON lines.")
def list_sinks(*, config: tuple[str, ...], as_json: bool) -> None:
    """List what can be written: keys, what a new record must have, what can be done.

    No vendor is called. With --config, the sinks of its own are among them.
    """
    found = sinks(configuration.read(config).target())
    if as_json:
        for one in found:
            click.echo(codec.encode(one._asdict()).decode())
        return
    rows = [("sink", "key", "required", "writes")]
    rows += [(one.name, one.keys, ", ".join(one.required), one.writes) for one in found]
    click.echo(table(rows, width_of(sys.stdout, UNCUT)))


@click.command("template")
@config_option
@click.argument("sink")
@click.option(
    "--format", "kind", type=click.Choice(KINDS), default="json", show_default=True, help="Form."
)
def show_template(*, config: tuple[str, ...], sink: str, kind: str) -> None:
    """Print a record of SINK to be filled in; what its properties mean goes to stderr.

    csv is a header line, json an object, sql a select with the names of the properties.
    """
    target = configuration.read(config).target()
    click.echo(template(target, sink, kind))
    if kind == "csv":
        click.echo(legend(target, sink, width_of(sys.stderr, UNCUT)), err=True)
