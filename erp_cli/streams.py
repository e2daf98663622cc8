"""The subcommand `erp streams`: what the tap can read, and how."""

from __future__ import annotations

import sys
import typing as t

import click
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from erp_cli import configuration
from erp_cli.configuration import config_option
from erp_vendors.http import codec
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.text_table import UNCUT, table, width_of

if t.TYPE_CHECKING:
    from tap_erp.base import TapStream

_RUN = "(start of the run)"
"""The bookmark of a stream whose records carry no stamp."""


@click.command()
@config_option
@click.option("--all", "everything", is_flag=True, help="Of all vendors, configured or not.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: JSON lines.")
def streams(*, config: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """List the streams of the configured vendors: key, bookmark, and how each is read.

    No vendor is called. Without --config, the streams of all vendors are listed.
    """
    given = configuration.read(config)
    settings = given.of(TapErp)
    if everything or not config:
        settings = {**{vendor: {} for vendor in VENDORS}, **settings}
    # Nothing is read: a variable that would have no effect on a run has none here, either.
    tap = TapErp(config=settings, differs_on_purpose=TapErp.config_jsonschema["properties"])
    found = [_described(stream) for stream in tap.erp_streams]
    found.sort(key=lambda one: one["stream"])
    if as_json:
        for one in found:
            click.echo(codec.encode(one).decode())
        return
    rows = [("stream", "key", "bookmark", "is read")]
    rows += [
        (one["stream"], " + ".join(one["key"]) or "(none)", one["bookmark"], one["is_read"])
        for one in found
    ]
    click.echo(table(rows, width_of(sys.stdout, UNCUT)))


def _described(stream: TapStream) -> dict[str, t.Any]:
    incremental = stream.replication_method == REPLICATION_INCREMENTAL
    return {
        "stream": stream.name,
        "key": list(stream.primary_keys),
        "bookmark": stream.replication_key or (_RUN if incremental else ""),
        "is_read": "changes only" if incremental else "in full",
    }
