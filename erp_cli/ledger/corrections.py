"""The subcommands of `erp ledger` that change what is sent again: replay, dismiss, forget."""

from __future__ import annotations

import shlex
import typing as t

import click

from erp_cli.command_line import not_blank
from erp_cli.ledger.options import account_option, key_option, stream_option, with_sources
from erp_ledger import RecordStatus
from erp_ledger.letters import identity
from erp_vendors.errors import ConfigError
from target_erp.delivery import Outcome
from target_erp.delivery.dead_letters import dismiss as take_out
from target_erp.delivery.dead_letters import newest

if t.TYPE_CHECKING:
    from erp_cli.ledger.sources import Sources

_sink = click.argument("stream", metavar="SINK", callback=not_blank)
_key = click.argument(
    "key",
    metavar="[KEY]",
    required=False,
    callback=not_blank,
)


@click.command()
@stream_option
@key_option
@with_sources
def replay(sources: Sources, *, stream: str, key: str) -> None:
    """Send refused records again, the newest version of each; needs --config."""
    # Only this subcommand writes to vendors, and the target is slow to import.
    from target_erp.target import TargetErp  # noqa: PLC0415

    if not sources.config.names:
        msg = "replay needs the target's configuration: --config FILE, or ENV for the environment"
        raise click.UsageError(msg)
    with sources.opened() as ledger:  # or else the target would begin a new ledger
        sources.check_folder()
        sources.check_stream(ledger, stream)
    target = sources.config.make(
        TargetErp, ledger=sources.ledger, dead_letters=sources.dead_letters, streams={}
    )
    target.replay(stream, key)


@click.command()
@_sink
@_key
@with_sources
def dismiss(sources: Sources, *, stream: str, key: str) -> None:
    """Take records out of the dead letters that nobody will send again.

    KEY is a VALUE or NAME=VALUE; without it, all records of the sink are meant.
    """
    sources.check_folder()
    letters = newest(sources.dead_letters, stream, key)
    unknown = [letter for letter in letters if letter["outcome"] == Outcome.UNKNOWN.value]
    known = [letter for letter in letters if letter not in unknown]
    with sources.opened() as ledger:
        waiting = [
            (found.account, found.stream, found.entry)
            for letter in known
            if letter["outcome"] == Outcome.WAITING.value
            for found in ledger.find(letter["stream"], identity(letter))
            if found.entry.parent
        ]
        # What is dismissed must not be sent by itself when its parent comes.
        with sources.leased(ledger, [partition[:2] for partition in waiting]):
            for account, sink, entry in waiting:
                still = ledger.look(account, sink, entry.key)
                if still is not None and still.parent:
                    settled = type(entry)(
                        still.key, still.digest, RecordStatus.REFUSED, None, 0, "by hand"
                    )
                    ledger.write(account, sink, [settled])
            take_out(sources.dead_letters, known)
    if unknown:
        click.echo(
            f"{len(unknown)} with an unknown outcome stay; settle them with "
            f"{shlex.join(sources.again('unknown'))}",
            err=True,
        )
    if not letters:
        msg = f"no dead letter of {stream}" + f" has the key {key}" * bool(key)
        raise ConfigError(msg)
    click.echo(f"{len(known)} of {stream} dismissed")


@click.command()
@_sink
@_key
@account_option
@with_sources
def forget(sources: Sources, *, stream: str, key: str, account: str) -> None:
    """Let records be sent although they are unchanged; doubles stay excluded.

    KEY is a VALUE or NAME=VALUE; without it, all records of the sink are meant.
    """
    with sources.opened() as ledger:
        accounts = [account] if account else ledger.accounts(stream)
        with sources.leased(ledger, [(one, stream) for one in accounts]):
            count = ledger.forget(account, stream, key)
    if not count:
        of = f" record {key} of" if key else "thing of"
        msg = f"the ledger has no{of} {stream} that the vendor has from us"
        raise ConfigError(msg)
    click.echo(f"{count} of {stream} will be sent when they come again")
