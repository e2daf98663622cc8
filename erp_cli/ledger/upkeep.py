"""The subcommands of `erp ledger` for who operates it: move and prune."""

from __future__ import annotations

import contextlib
import datetime as dt
import typing as t

import click

from erp_cli.command_line import not_blank
from erp_cli.ledger.options import with_sources
from erp_ledger import open_ledger
from erp_ledger.lease import leases
from erp_ledger.letters import last_at
from erp_ledger.transfer import transfer
from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact, secrets_in
from target_erp.delivery import Outcome
from target_erp.delivery.dead_letters import dismiss, newest
from target_erp.output_paths import is_file

if t.TYPE_CHECKING:
    from erp_cli.ledger.sources import Sources
    from erp_ledger import Ledger
    from erp_ledger.lease import Leases

_DAYS = 90
_MOST_DAYS = 36_500


@click.command()
@click.argument("place", metavar="URL", callback=not_blank)
@with_sources
def move(sources: Sources, *, place: str) -> None:
    """Move the ledger from its SQLite file to PostgreSQL, so that several machines can use it.

    URL is postgresql://…; a password in it can be seen by others on this machine, so leave it to
    ~/.pgpass or PGPASSWORD. Each line is compared before the file is given up. A call that was cut
    off goes on when it is called again.
    """
    redact.add(*secrets_in(place))
    if not is_file(sources.ledger) or is_file(place):
        msg = "move takes a ledger in an SQLite file (--ledger) to a postgresql:// URL"
        raise ConfigError(msg)
    with (
        sources.opened() as source,
        contextlib.closing(open_ledger(place)) as target,
        leases(sources.ledger, source) as ours,
        leases(place, target) as theirs,
    ):
        for account, stream in source.partitions():
            for ledger, held in ((source, ours), (target, theirs)):
                _take(ledger, held, account, stream)
        moved = transfer(source, target)
    counts = ", ".join(
        f"{count:,} {name.removeprefix('erp_')}" for name, count in moved.rows.items() if count
    )
    click.echo(
        f"moved, and compared line by line: {counts or 'nothing'} ({moved.added:,} by this call; "
        f"digest {moved.digest}); set the setting 'ledger' (TARGET_ERP_LEDGER) to the new place: "
        f"{sources.ledger} is not used any more"
    )


def _take(ledger: Ledger, held: Leases, account: str, stream: str) -> None:
    """Take a lease without waiting.

    Raises:
        ConfigError: If a run has it, or one has lost it and a call of its may be under way.
    """
    if not held.try_to_take(account, stream):
        msg = f"a run is writing to {stream}; call this again when it has ended"
        raise ConfigError(msg)
    left = ledger.fence.left(ledger.partition(account, stream))
    if left > 0:
        msg = (
            f"{stream}: a call of a run that was cut off may be under way for {left:.0f} s more; "
            "call this again after that"
        )
        raise ConfigError(msg)


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, _MOST_DAYS),
    default=_DAYS,
    show_default=True,
    help="What is older goes.",
)
@with_sources
def prune(sources: Sources, *, days: int) -> None:
    """Remove old runs, and dead letters of records that were refused long ago.

    What keeps records from being written twice stays: the ledger's lines, and the letters of
    records whose outcome is unknown or that wait for others.
    """
    sources.check_folder()
    before = dt.datetime.now(dt.timezone.utc) - dt.timedelta(days=days)
    limit = before.isoformat(timespec="milliseconds")
    with sources.opened() as ledger:
        runs = ledger.prune_runs(limit)
    old = [letter for letter in newest(sources.dead_letters) if last_at(letter) < limit]
    refused = [letter for letter in old if letter["outcome"] == Outcome.REFUSED.value]
    dismiss(sources.dead_letters, refused)
    kept = len(old) - len(refused)
    stay = f"; {kept} that wait or whose outcome is unknown stay" if kept else ""
    click.echo(f"older than {days} days: {runs} runs and {len(refused)} dead letters removed{stay}")
