"""The subcommands `erp sinks` and `erp template`: what the target can write."""

from __future__ import annotations

import sys

import click

from erp_cli import configuration
from erp_cli.configuration import config_option
from erp_vendors.http import codec
from target_erp.target import TargetErp
from target_erp.templates import KINDS, any_account, legend, sinks, template
from target_erp.text_table import UNCUT, table, width_of


@click.command("sinks")
@config_option
@click.option("--json", "as_json", is_flag=True, help="For scripts: JSON lines.")
def list_sinks(*, config: tuple[str, ...], as_json: bool) -> None:
    """List what can be written: keys, what a new record must have, what can be done.

    No vendor is called. With --config, the sinks of its own are among them.
    """
    found = sinks(_target(config))
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
    target = _target(config)
    click.echo(template(target, sink, kind))
    if kind == "csv":
        click.echo(legend(target, sink, width_of(sys.stderr, UNCUT)), err=True)


def _target(names: tuple[str, ...]) -> TargetErp:
    """A target that can write to all vendors, with what the configuration says of them."""
    given, config = configuration.read(names).of(TargetErp), any_account()
    for name, value in given.items():
        config[name] = {**config[name], **value} if name in config else value
    # Nothing is written: a variable that would have no effect on a run has none here, either.
    return TargetErp(config=config, differs_on_purpose=TargetErp.config_jsonschema["properties"])
