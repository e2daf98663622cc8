"""The command `erp-ledger`; it reads the ledger and the dead letters, and no Singer input."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import sys
import typing as t

from erp_ledger import FoundRecord, Ledger, RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_plugin.cli import FAILED, ExitCode
from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.http import codec
from erp_vendors.http.budget import Clock
from erp_vendors.http.redact import redact
from target_erp.delivery import Outcome
from target_erp.delivery.dead_letters import dismiss, handle, identity, newest, still_open
from target_erp.output_paths import is_file
from target_erp.report.conclusion import moment
from target_erp.report.letters import first_and_last, name_of, why
from target_erp.report.page import page
from target_erp.report.past_runs import OUTCOMES, past_run
from target_erp.report.record_text import as_line, described, doubtful
from target_erp.settings import SETTINGS
from target_erp.target import TargetErp
from target_erp.text_table import screen, table

_RUNS = 50
_UNCUT = 1_000_000
"""Columns for a pipe: what reads it may look for what a screen would not show."""
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Entry point of `erp-ledger`.

    Args:
        arguments: Command line (default: the process's).

    Returns:
        Exit code: 0; 1 with one line on stderr; or, for `replay`, the target's.
    """
    options = _parser().parse_args(arguments)
    try:
        with contextlib.closing(_existing(options.ledger)) as ledger:
            return int(options.run(options, ledger) or 0)
    except ExitCode as ending:
        print(f"erp-ledger: {ending}", file=sys.stderr)
        return ending.code
    except ErpError as error:
        print(f"erp-ledger: {error}", file=sys.stderr)
        return FAILED


def _existing(setting: str) -> Ledger:
    if is_file(setting) and not pathlib.Path(setting).is_file():
        msg = f"there is no ledger at {setting}; name it with --ledger or TARGET_ERP_LEDGER"
        raise ConfigError(msg)
    return open_ledger(setting)


def _runs(options: argparse.Namespace, ledger: Ledger) -> None:
    found = ledger.runs(options.limit)
    if options.json:
        for begun in found:
            bare = {"run": begun.run, "started_at": begun.started_at, "ended_at": None}
            print(begun.report or json.dumps(bare))
        return
    past = [past_run(run) for run in found]
    # Reports of version 0.1 count what was accepted, and not how.
    used = [name for name in OUTCOMES if name != "accepted" or any(r.counts[name] for r in past)]
    rows: list[tuple[object, ...]] = [
        ("started", "end", "exit", "seconds", "read", *used, "calls", "error")
    ]
    for run in past:
        counts = run.counts
        rows.append(
            (
                moment(run.started_at),
                run.state.value,
                "" if run.exit_code is None else run.exit_code,
                "" if run.seconds is None else f"{run.seconds:,.1f}",
                f"{run.read:,}",
                *(f"{counts[name]:,}" for name in used),
                f"{run.calls:,}",
                run.error,
            )
        )
    _print(rows)


def _show(options: argparse.Namespace, ledger: Ledger) -> None:
    found = ledger.find(options.stream, options.key)
    if not found:
        msg = f"the ledger has no record {options.key} of {options.stream}"
        raise ConfigError(msg)
    letters = _by_record(options)
    for line in found:
        letter = letters.get((line.stream, line.entry.key))
        print(as_line(line, letter) if options.json else described(line, letter) + "\n")


def _open_letters(options: argparse.Namespace, ledger: Ledger) -> list[dict[str, t.Any]]:
    """Dead letters of records that have not got through since."""
    return still_open(newest(options.dead_letters, options.stream, options.key), ledger)


def _by_record(options: argparse.Namespace) -> dict[tuple[str, str], dict[str, t.Any]]:
    """The newest dead letter of each record."""
    return {(letter["stream"], handle(letter)): letter for letter in newest(options.dead_letters)}


def _rejects(options: argparse.Namespace, ledger: Ledger) -> None:
    letters = _open_letters(options, ledger)
    if options.json:
        for letter in letters:
            print(codec.encode(letter).decode())
        return
    rows: list[tuple[object, ...]] = [
        ("first", "last", "attempts", "stream", "key", "why", "reason")
    ]
    for letter in letters:
        first, last = first_and_last(letter)
        row = (moment(first), moment(last), letter.get("attempts") or 0, letter["stream"])
        called = name_of(letter) or handle(letter)
        rows.append((*row, called, why(letter), letter.get("reason") or ""))
    _print(rows)
    print(f"{len(letters)} records", file=sys.stderr)


def _replay(options: argparse.Namespace, ledger: Ledger) -> int:
    ledger.close()
    config = {
        **codec.decode(pathlib.Path(options.config).read_bytes()),
        "ledger": options.ledger,
        "dead_letters": options.dead_letters,
        "streams": {},
    }
    TargetErp(config=config).replay(options.stream, options.key)
    return 0


@contextlib.contextmanager
def _leased(
    options: argparse.Namespace, ledger: Ledger, places: t.Iterable[tuple[str, str]]
) -> t.Iterator[None]:
    """Let no run write to accounts and streams meanwhile; waits for those that do."""
    with leases(options.ledger, ledger) as held:
        for account, stream in sorted(set(places)):
            held.take(account, stream, Clock())
        yield


def _forget(options: argparse.Namespace, ledger: Ledger) -> None:
    accounts = [options.account] if options.account else ledger.accounts(options.stream)
    with _leased(options, ledger, [(account, options.stream) for account in accounts]):
        count = ledger.forget(options.account, options.stream, options.key)
    if not count:
        of = f" record {options.key} of" if options.key else "thing of"
        msg = f"the ledger has no{of} {options.stream} that the vendor has from us"
        raise ConfigError(msg)
    print(f"{count} of {options.stream} will be sent when they come again")


def _dismiss(options: argparse.Namespace, ledger: Ledger) -> None:
    letters = newest(options.dead_letters, options.stream, options.key)
    unknown = [letter for letter in letters if letter.get("outcome") == Outcome.UNKNOWN.value]
    known = [letter for letter in letters if letter not in unknown]
    waiting = [
        (found.account, found.stream, found.entry)
        for letter in known
        if letter.get("outcome") == Outcome.WAITING.value
        for found in ledger.find(letter["stream"], identity(letter))
        if found.entry.parent
    ]
    # What is dismissed must not be sent by itself when its parent comes.
    with _leased(options, ledger, [place[:2] for place in waiting]):
        for account, stream, entry in waiting:
            still = ledger.look(account, stream, entry.key)
            if still is not None and still.parent:
                settled = type(entry)(
                    still.key, still.digest, RecordStatus.REFUSED, None, 0, "by hand"
                )
                ledger.write(account, stream, [settled])
        dismiss(options.dead_letters, known)
    if unknown:
        print(
            f"{len(unknown)} with an unknown outcome stay; settle them with erp-ledger unknown",
            file=sys.stderr,
        )
    if not known and not unknown:
        msg = f"no dead letter of {options.stream}" + (
            f" has the key {options.key}" * bool(options.key)
        )
        raise ConfigError(msg)
    print(f"{len(known)} of {options.stream} dismissed")


def _doubts(
    ledger: Ledger, stream: str = "", key: str = "", account: str = ""
) -> list[FoundRecord]:
    """Lines whose outcome nobody noted."""
    return [
        found
        for mark in (RecordStatus.UNKNOWN, RecordStatus.INTENT)
        for found in ledger.find(stream, key, mark, account=account)
    ]


def _unknown(options: argparse.Namespace, ledger: Ledger) -> None:
    found = _doubts(ledger, options.stream, options.key, options.account)
    if options.settle:
        if not options.key or len(found) != 1:
            msg = f"--settle needs --key of one record; {len(found)} match"
            msg += " (--stream and --account tell them apart)" if len(found) > 1 else ""
            raise ConfigError(msg)
        ((account, stream, entry),) = found
        # "absent" leaves the record open to be sent: a refused one is tried again when it comes.
        mark = RecordStatus.ACCEPTED if options.settle == "accepted" else RecordStatus.REFUSED
        settled = type(entry)(entry.key, entry.digest, mark, entry.vendor_id, 0, "by hand")
        with _leased(options, ledger, [(account, stream)]):
            ledger.write(account, stream, [settled], ledger.intents(account, stream))
        print(f"{entry.key} of {stream} is now {mark.value}")
        return
    letters = _by_record(options)
    for line in found:
        letter = letters.get((line.stream, line.entry.key))
        if options.json:
            print(as_line(line, letter))
        else:
            print(doubtful(line, letter, _repeated(options)) + "\n")
    print(f"{len(found)} records", file=sys.stderr)


def _repeated(options: argparse.Namespace) -> list[str]:
    """How this command was called, for the next one; a URL may hold a password."""
    if "://" in options.ledger or options.ledger == _DEFAULTS["ledger"]:
        return ["erp-ledger"]
    return ["erp-ledger", "--ledger", options.ledger]


def _report(options: argparse.Namespace, ledger: Ledger) -> None:
    letters = _open_letters(options, ledger)
    html = page(ledger.runs(options.limit), letters, _doubts(ledger))
    try:
        pathlib.Path(options.output).write_text(html, encoding="utf-8")
    except OSError as error:
        msg = f"cannot write the report (--output): {error}"
        raise ConfigError(msg) from None
    print(options.output)


def _print(rows: t.Sequence[t.Sequence[object]]) -> None:
    width = screen(sys.stdout) if sys.stdout.isatty() else _UNCUT
    print(redact(table(rows, width)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="erp-ledger", description="What target-erp did.")
    parser.add_argument(
        "--ledger",
        default=os.environ.get("TARGET_ERP_LEDGER", _DEFAULTS["ledger"]),
        help="the target's 'ledger' setting (environment: TARGET_ERP_LEDGER)",
    )
    parser.add_argument(
        "--dead-letters",
        default=os.environ.get("TARGET_ERP_DEAD_LETTERS", _DEFAULTS["dead_letters"]),
        help="the target's 'dead_letters' setting (environment: TARGET_ERP_DEAD_LETTERS)",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: t.Callable[..., t.Any], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        return made

    def filters(made: argparse.ArgumentParser) -> None:
        made.add_argument("--stream", default="", help="only this sink")
        made.add_argument("--key", default="", help="only this business key (value or name=value)")

    def listing(made: argparse.ArgumentParser) -> None:
        made.add_argument("--json", action="store_true", help="for scripts: one JSON line each")

    runs = command("runs", _runs, "list the newest runs")
    runs.add_argument("--limit", type=int, default=_RUNS, help="how many runs")
    listing(runs)
    show = command("show", _show, "show what the ledger knows of a record")
    show.add_argument("stream")
    show.add_argument("key")
    listing(show)
    rejects = command("rejects", _rejects, "list records that have not got through")
    filters(rejects)
    listing(rejects)
    replay = command("replay", _replay, "send refused records again, the newest version of each")
    replay.add_argument("--config", required=True, help="the target's configuration file")
    filters(replay)
    dismissed = command(
        "dismiss", _dismiss, "take records out of the dead letters that nobody will send again"
    )
    forgotten = command(
        "forget", _forget, "let records be sent although they are unchanged; doubles stay excluded"
    )
    for made in (dismissed, forgotten):
        made.add_argument("stream", metavar="SINK")
        made.add_argument("key", metavar="KEY", nargs="?", default="", help="value or name=value")
    forgotten.add_argument("--account", default="", help="only this account")
    unknown = command("unknown", _unknown, "list records whose outcome nobody knows, or decide it")
    unknown.add_argument(
        "--settle",
        choices=("accepted", "absent"),
        help="you looked: the vendor has the record, or has it not",
    )
    unknown.add_argument("--account", default="", help="only this account, as 'unknown' shows it")
    filters(unknown)
    listing(unknown)
    report = command("report", _report, "write one self-contained HTML page")
    report.add_argument("--output", default="erp_report.html", help="file to write")
    report.add_argument("--limit", type=int, default=_RUNS, help="how many runs")
    report.set_defaults(stream="", key="")
    return parser
