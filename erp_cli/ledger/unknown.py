"""The subcommand `erp ledger unknown`: records whose outcome nobody knows."""

from __future__ import annotations

import sys
import typing as t

import click

from erp_cli.ledger.options import (
    account_option,
    json_option,
    key_option,
    stream_option,
    with_sources,
)
from erp_ledger import RecordStatus
from erp_vendors.errors import ConfigError
from target_erp.report.record_details import how_to_settle, record_as_json
from target_erp.text_table import UNCUT, width_of

if t.TYPE_CHECKING:
    from erp_cli.ledger.sources import Sources
    from erp_ledger import FoundRecord, Ledger, LedgerRecord

_STATUS = {
    "accepted": RecordStatus.ACCEPTED,
    # A refused record is sent when it comes again.
    "absent": RecordStatus.REFUSED,
}


@click.command()
@click.option(
    "--settle",
    type=click.Choice(list(_STATUS)),
    help="You looked: the vendor has the record, or has it not.",
)
@account_option
@stream_option
@key_option
@json_option
@with_sources
def unknown(
    sources: Sources, *, settle: str | None, account: str, stream: str, key: str, as_json: bool
) -> None:
    """List records whose outcome nobody knows, or decide it."""
    with sources.opened() as ledger:
        found = sources.in_doubt(ledger, stream, key, account)
        if settle:
            if not key or len(found) != 1:
                msg = f"--settle needs --key of one record; {len(found)} match"
                msg += " (--stream and --account tell them apart)" if len(found) > 1 else ""
                raise ConfigError(msg)
            _settle(sources, ledger, found[0], _STATUS[settle])
            return
    letters, width = sources.letters_by_record(), width_of(sys.stdout, UNCUT)
    for line in found:
        letter = letters.get((line.stream, line.entry.key))
        if as_json:
            click.echo(record_as_json(line, letter))
        else:
            click.echo(how_to_settle(line, letter, sources.again("unknown"), width) + "\n")
    click.echo(f"{len(found)} records", err=True)


def _settle(sources: Sources, ledger: Ledger, found: FoundRecord, status: RecordStatus) -> None:
    account, stream, entry = found
    with sources.leased(ledger, [(account, stream)]):
        # A run that was waited for may have settled it, or sent it once more.
        now = sources.in_doubt(ledger, stream, entry.key, account)
        still = next((line.entry for line in now if _sent(line.entry) == _sent(entry)), None)
        if still is None:
            msg = (
                f"{entry.key} of {stream}: a run has gone on with it meanwhile, so nothing was "
                "settled; look at it again"
            )
            raise ConfigError(msg)
        settled = type(still)(still.key, still.digest, status, still.vendor_id, 0, "by hand")
        ledger.write(account, stream, [settled], ledger.intents(account, stream))
    click.echo(f"{entry.key} of {stream} is now {status.value}")


def _sent(entry: LedgerRecord) -> tuple[object, ...]:
    """What was sent of a record, by whom and how often."""
    return entry.key, entry.digest, entry.run, entry.attempts
