"""The subcommands of `erp ledger` that only show: runs, show, rejects, report."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

import click

from erp_cli.command_line import not_blank
from erp_cli.ledger.options import (
    json_option,
    key_option,
    limit_option,
    stream_option,
    with_sources,
)
from erp_ledger.letters import handle
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from target_erp.report.formats import moment
from target_erp.report.letters import name_of, why
from target_erp.report.page import page
from target_erp.report.past_runs import outcomes_in, past_run
from target_erp.report.record_details import record_as_json, record_details
from target_erp.text_table import UNCUT, fits, table, width_of

if t.TYPE_CHECKING:
    from erp_cli.ledger.sources import Sources
    from erp_ledger import LedgerRun
    from target_erp.report.past_runs import PastRun


@click.command()
@limit_option
@json_option
@with_sources
def runs(sources: Sources, *, limit: int, as_json: bool) -> None:
    """List the newest runs."""
    with sources.opened() as ledger:
        found = ledger.runs(limit)
    if as_json:
        for run in found:
            click.echo(run.report or _without_report(run))
    else:
        _show_runs([past_run(run) for run in found])


@click.command()
@click.argument("stream", metavar="SINK", callback=not_blank)
@click.argument("key", callback=not_blank)
@json_option
@with_sources
def show(sources: Sources, *, stream: str, key: str, as_json: bool) -> None:
    """Show what the ledger knows of a record."""
    with sources.opened() as ledger:
        found = ledger.find(stream, key)
    if not found:
        msg = f"the ledger has no record {key} of {stream}"
        raise ConfigError(msg)
    letters = sources.letters_by_record()
    for line in found:
        letter = letters.get((line.stream, line.entry.key))
        if as_json:
            click.echo(record_as_json(line, letter))
        else:
            click.echo(record_details(line, letter, width_of(sys.stdout, UNCUT)) + "\n")


@click.command()
@stream_option
@key_option
@json_option
@with_sources
def rejects(sources: Sources, *, stream: str, key: str, as_json: bool) -> None:
    """List records that have not got through."""
    with sources.opened() as ledger:
        letters = sources.open_letters(ledger, stream, key)
    if as_json:
        for letter in letters:
            click.echo(codec.encode(letter).decode())
        return
    rows: list[tuple[object, ...]] = [
        ("first", "last", "attempts", "stream", "key", "why", "reason")
    ]
    rows += [
        (
            moment(letter["first_at"]),
            moment(letter["last_at"]),
            letter["attempts"],
            letter["stream"],
            name_of(letter) or handle(letter),
            why(letter),
            letter["reason"],
        )
        for letter in letters
    ]
    click.echo(table(rows, width_of(sys.stdout, UNCUT)))
    click.echo(f"{len(letters)} records", err=True)


@click.command()
@click.option("--output", default="erp_report.html", show_default=True, help="File to write.")
@limit_option
@with_sources
def report(sources: Sources, *, output: str, limit: int) -> None:
    """Write one self-contained HTML page."""
    with sources.opened() as ledger:
        letters = sources.open_letters(ledger)
        html = page(ledger.runs(limit), letters, sources.in_doubt(ledger))
    file = pathlib.Path(output).absolute()
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as error:
        msg = f"cannot write the report (--output): {error}"
        raise ConfigError(msg) from None
    click.echo(f"The report is in {file}")


def _without_report(run: LedgerRun) -> str:
    return json.dumps({"run": run.run, "started_at": run.started_at, "ended_at": None})


def _show_runs(past: t.Sequence[PastRun]) -> None:
    width = width_of(sys.stdout, UNCUT)
    names = outcomes_in(run.counts for run in past)
    heads = ("started", "end", "exit", "seconds", "read", *names, "calls", "error")
    rows: list[tuple[str, ...]] = [heads]
    for run in past:
        counts = (f"{run.counts[name]:,}" for name in names)
        rows.append((*_begin(run), *counts, f"{run.calls:,}", run.error))
    if fits(rows, width):
        click.echo(table(rows, width))
        return
    # A narrow screen has no room for a column per outcome, and errors need lines of their own.
    rows = [("started", "end", "exit", "seconds", "read", "calls", "records")]
    for run in past:
        records = ", ".join(f"{run.counts[name]:,} {name}" for name in names if run.counts[name])
        rows.append((*_begin(run), f"{run.calls:,}", records))
    click.echo(table(rows, width))
    errors = [(moment(run.started_at), run.error) for run in past if run.error]
    if errors:
        click.echo("\n" + table([("started", "error"), *errors], width))


def _begin(run: PastRun) -> tuple[str, ...]:
    return (
        moment(run.started_at),
        run.state.value,
        "" if run.exit_code is None else str(run.exit_code),
        "" if run.seconds is None else f"{run.seconds:,.1f}",
        f"{run.read:,}",
    )
