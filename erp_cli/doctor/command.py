"""The subcommand `erp doctor`."""

from __future__ import annotations

import click

from erp_cli import configuration
from erp_cli.configuration import config_option
from erp_cli.doctor.examination import examine, plan
from tap_erp.tap import TapErp


@click.command()
@config_option
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor. May be given again.")
@click.option("--streams", default="", help="Only these streams, separated by commas.")
@click.option("--deep", is_flag=True, help="Look more closely; try other logins.")
@click.option("--max-calls", type=click.IntRange(1), help="Calls per vendor at most.")
def doctor(*, config, vendors, streams, deep, max_calls) -> int:
    """Find out what the configured accounts are like; nothing is written to a vendor."""
    given = configuration.read(config)
    tap = TapErp(config=given.of(TapErp), differs_on_purpose=TapErp.config_jsonschema["properties"])
    wanted = [name for name in streams.split(",") if name]
    for vendor in vendors or tap.vendors:
        report = examine(plan(tap, vendor, wanted, deep=deep, most=max_calls))
        for step in report.steps:
            click.echo(step)
        for finding in report.findings:
            click.echo(finding)
        click.echo(report.learned)
        click.echo(report.notes)
    return 0
