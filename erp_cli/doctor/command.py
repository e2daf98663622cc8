"""The subcommand `erp doctor`."""

from __future__ import annotations

import os
import pathlib
import sys
import typing as t

import click

from erp_cli import configuration
from erp_cli.configuration import config_option
from erp_cli.doctor import show
from erp_cli.doctor.changes import changes_of
from erp_cli.doctor.config_file import rewrite
from erp_cli.doctor.connection import DoctorStep, Level
from erp_cli.doctor.examination import Report, examine, plan
from erp_cli.doctor.sinks import sink_notes
from erp_plugin.cli import FAILED
from erp_vendors.errors import ConfigError
from erp_vendors.private import replace_file
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.target import TargetErp
from target_erp.text_table import width_of

if t.TYPE_CHECKING:
    from erp_cli.configuration import Configuration
    from erp_cli.doctor.changes import SettingChange
    from erp_cli.doctor.show import Shown

DIFFERS = 2
"""Exit code, with --detailed-exitcode, if something differs and was not written."""


@click.command()
@config_option
@click.option(
    "--vendor", "vendors", multiple=True, type=click.Choice(list(VENDORS)), metavar="VENDOR",
    help="Examine this vendor only. May be given again.",
)  # fmt: skip
@click.option("--streams", default="", metavar="NAMES", help="Only these, with commas between.")
@click.option("--deep", is_flag=True, help="Look more closely, with more calls; try other logins.")
@click.option("--max-calls", type=click.IntRange(1), metavar="N", help="Calls a vendor at most.")
@click.option("--sinks", is_flag=True, help="Say what stays open about writes, too.")
@click.option("--write", metavar="FILE", help="Write what fits: JSON, meltano.yml, or a new file.")
@click.option("--overwrite", is_flag=True, help="Change settings that the configuration states.")
@click.option("--save", metavar="FILE", help="Keep what was asked and answered, secrets masked.")
@click.option("--json", "as_json", is_flag=True, help="For scripts: one JSON object.")
@click.option("--detailed-exitcode", is_flag=True, help="2: something differs, and is not written.")
def doctor(
    *,
    config: tuple[str, ...],
    vendors: tuple[str, ...],
    streams: str,
    deep: bool,
    max_calls: int | None,
    sinks: bool,
    write: str | None,
    overwrite: bool,
    save: str | None,
    as_json: bool,
    detailed_exitcode: bool,
) -> int:
    """Find out what the configured accounts are like, and which settings fit.

    Vendors are only read. Exit code: 0 if each vendor can be used, 1 if not.
    """
    given = configuration.read(config)
    # Nothing but reads: a variable that would have no effect on a run has none here, either.
    tap = TapErp(config=given.of(TapErp), differs_on_purpose=TapErp.config_jsonschema["properties"])
    wanted = [name.strip() for name in streams.split(",") if name.strip()]
    found: list[Shown] = []
    for vendor in _vendors(tap, vendors, wanted):
        report = _examined(tap, vendor, wanted, deep=deep, most=max_calls)
        notes = [*_sink_notes(given, report)] if sinks else []
        fit = changes_of(report, dict(tap.config.get(vendor) or {}))
        kept = [change for change in fit if change.is_stated and not overwrite]
        written = [change for change in fit if change not in kept]
        found.append(show.Shown(report, written, kept, [note._asdict() for note in notes]))
    # Of vendors that cannot be used nothing was learned that a file could say.
    file = (
        rewrite(write, {one.report.vendor: one.changes for one in found}, dict(tap.config))
        if write and any(one.report.usable for one in found)
        else None
    )
    if as_json:
        click.echo(show.as_json(found, write))
    else:
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        click.echo(show.tables(found, width_of(sys.stdout, _PAGE), color=color))
    if file is not None:
        if not as_json:
            nothing = "is new" if file.before is None else "says all of it already"
            click.echo(file.difference or f"{write} {nothing}")
        if file.after != file.before:
            file.write()
    elif write:
        click.echo(f"{write} (--write) was not written, as no vendor can be used", err=True)
    if save:
        _save(save, show.saved(found))
    if not all(one.report.usable for one in found):
        return FAILED
    left = any(_differing(one.kept) or (_differing(one.changes) and not write) for one in found)
    return DIFFERS if detailed_exitcode and left else 0


_PAGE = 160
"""Columns where stdout is no terminal."""


def _differing(changes: t.Iterable[SettingChange]) -> bool:
    """Whether any of these changes is more than what was learned about an undescribed table."""
    return any(change.why for change in changes)


def _vendors(tap: TapErp, vendors: t.Sequence[str], streams: t.Sequence[str]) -> list[str]:
    """The vendors to examine.

    Raises:
        ConfigError: If one is not configured, or a stream belongs to none of them.
    """
    for vendor in vendors:
        if vendor not in tap.vendors:
            msg = (
                f"{vendor} (--vendor) is not configured: the configuration has no block '{vendor}'"
            )
            raise ConfigError(msg)
    chosen = [vendor for vendor in tap.vendors if not vendors or vendor in vendors]
    for name in streams:
        if not any(name.startswith(f"{vendor}_") for vendor in chosen):
            msg = f"no vendor that is examined has the stream {name} (--streams); see `erp streams`"
            raise ConfigError(msg)
    return [
        vendor
        for vendor in chosen
        if not streams or any(name.startswith(f"{vendor}_") for name in streams)
    ]


def _examined(
    tap: TapErp, vendor: str, streams: t.Sequence[str], *, deep: bool, most: int | None
) -> Report:
    title = VENDORS[vendor].title
    try:
        wanted = plan(tap, vendor, streams, deep=deep, most=most)
    except ConfigError as error:
        report = Report(vendor, 0)
        report.steps.append(DoctorStep("settings", Level.RED, str(error)))
        return report
    click.echo(f"{title}: at most {wanted.most_calls} calls, all of them reads", err=True)
    return examine(wanted)


def _sink_notes(given: Configuration, report: Report) -> t.Iterator[t.Any]:
    target = TargetErp(
        config=given.of(TargetErp), differs_on_purpose=TargetErp.config_jsonschema["properties"]
    )
    yield from sink_notes(target, report)


def _save(name: str, text: str) -> None:
    """Write what was asked and answered; it may hold people's data, so it is its owner's alone.

    Raises:
        ConfigError: If the file cannot be written.
    """
    try:
        replace_file(pathlib.Path(name), [f"{text}\n".encode()])
    except OSError as error:
        msg = f"cannot write {name} (--save): {error.strerror}"
        raise ConfigError(msg) from None
    click.echo(
        f"{name} holds what was asked and answered; secrets are masked, but records are not",
        err=True,
    )
