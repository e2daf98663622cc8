"""The command `erp-ledger`; it reads the ledger and the dead letters, and no Singer input."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import sys
import typing as t

from erp_plugin.cli import FAILED, ExitCode
from erp_vendors.errors import ConfigError, ErpError
from erp_vendors.http import codec
from target_erp.delivery.dead_letters import identity as _identity
from target_erp.delivery.dead_letters import last_at, newest
from target_erp.history.report import page
from target_erp.ledger import Ledger, Mark, open_ledger
from target_erp.settings import SETTINGS
from target_erp.target import TargetErp

_RUNS = 50
_WIDTH = 100


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
    if "://" not in setting and not pathlib.Path(setting).is_file():
        msg = f"there is no ledger at {setting}; name it with --ledger or TARGET_ERP_LEDGER"
        raise ConfigError(msg)
    return open_ledger(setting)


def _runs(options: argparse.Namespace, ledger: Ledger) -> None:
    rows: list[tuple[str, ...]] = [
        ("run", "ended", "read", "created", "updated", "unchanged", "refused", "unknown", "seconds")
    ]
    for run in ledger.runs(options.limit):
        if options.json:
            print(run.report or json.dumps({"run": run.run, "ended": None}))
            continue
        report = json.loads(run.report or "{}")
        counts = [
            str(sum(stream.get(outcome, 0) for stream in report.get("streams", {}).values()))
            for outcome in ("created", "updated", "unchanged", "refused", "unknown")
        ]
        rows.append(
            (
                run.run,
                run.ended_at or "did not end",
                str(report.get("records_read", "")),
                *counts,
                str(report.get("seconds", "")),
            )
        )
    if not options.json:
        _table(rows)


def _show(options: argparse.Namespace, ledger: Ledger) -> None:
    found = ledger.find(options.stream, options.key)
    if not found:
        msg = f"the ledger has no record {options.key} of {options.stream}"
        raise ConfigError(msg)
    for account, stream, entry in found:
        for name, value in (
            ("stream", stream),
            ("account", account),
            ("key", entry.key),
            ("outcome", entry.mark.value),
            ("vendor id", entry.vendor_id or "not known"),
            ("sent", f"{entry.attempts} times"),
            ("first", entry.first_at),
            ("last", entry.last_at),
            ("run", entry.run),
        ):
            print(f"{name:10} {value}")
        print()


def _open_letters(options: argparse.Namespace, ledger: Ledger) -> list[dict[str, t.Any]]:
    """Dead letters of records that have not got through since."""
    letters = newest(options.dead_letters, options.stream, options.key)
    return [letter for letter in letters if not _got_through(letter, ledger)]


def _got_through(letter: t.Mapping[str, t.Any], ledger: Ledger) -> bool:
    found = ledger.find(letter["stream"], _identity(letter)) if _identity(letter) else []
    return any(line.entry.mark in {Mark.ACCEPTED, Mark.DELETED} for line in found)


def _rejects(options: argparse.Namespace, ledger: Ledger) -> None:
    letters = _open_letters(options, ledger)
    if options.full:
        for letter in letters:
            print(codec.encode(letter).decode())
        return
    rows = [("at", "stream", "key", "class", "reason")]
    rows += [
        (last_at(letter), letter["stream"], _identity(letter), letter["class"], letter["reason"])
        for letter in letters
    ]
    _table(rows)
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


def _unknown(options: argparse.Namespace, ledger: Ledger) -> None:
    found = [
        item
        for mark in (Mark.UNKNOWN, Mark.INTENT)
        for item in ledger.find(options.stream, options.key, mark)
    ]
    if options.settle:
        if not options.key or len(found) != 1:
            msg = f"--settle needs --key of one record; {len(found)} match"
            raise ConfigError(msg)
        ((account, stream, entry),) = found
        # "absent" leaves the record open to be sent: a refused one is tried again when it comes.
        mark = Mark.ACCEPTED if options.settle == "accepted" else Mark.REFUSED
        settled = type(entry)(entry.key, entry.digest, mark, entry.vendor_id, 0, "by hand")
        ledger.write(account, stream, [settled])
        print(f"{entry.key} of {stream} is now {mark.value}")
        return
    rows = [("last", "stream", "key", "state", "sent", "run")]
    rows += [
        (e.last_at, stream, e.key, e.mark.value, str(e.attempts), e.run) for _, stream, e in found
    ]
    _table(rows)


def _report(options: argparse.Namespace, ledger: Ledger) -> None:
    letters = newest(options.dead_letters)
    pathlib.Path(options.output).write_text(
        page(ledger.runs(options.limit), letters), encoding="utf-8"
    )
    print(options.output)


def _table(rows: t.Sequence[t.Sequence[str]]) -> None:
    widths = [min(max(len(str(row[i])) for row in rows), _WIDTH) for i in range(len(rows[0]))]
    for row in rows:
        cells = (str(cell)[:_WIDTH].ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def _parser() -> argparse.ArgumentParser:
    defaults = {setting.name: setting.default for setting in SETTINGS}
    parser = argparse.ArgumentParser(prog="erp-ledger", description="What target-erp did.")
    parser.add_argument(
        "--ledger",
        default=os.environ.get("TARGET_ERP_LEDGER", defaults["ledger"]),
        help="the target's 'ledger' setting (environment: TARGET_ERP_LEDGER)",
    )
    parser.add_argument(
        "--dead-letters",
        default=os.environ.get("TARGET_ERP_DEAD_LETTERS", defaults["dead_letters"]),
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

    runs = command("runs", _runs, "list the newest runs")
    runs.add_argument("--json", action="store_true", help="each run's report, one JSON line a run")
    runs.add_argument("--limit", type=int, default=_RUNS, help="how many runs")
    show = command("show", _show, "show what the ledger knows of a record")
    show.add_argument("stream")
    show.add_argument("key")
    rejects = command("rejects", _rejects, "list records that have not got through")
    rejects.add_argument(
        "--full", action="store_true", help="whole dead letters, one JSON line each"
    )
    filters(rejects)
    replay = command("replay", _replay, "send refused records again, the newest version of each")
    replay.add_argument("--config", required=True, help="the target's configuration file")
    filters(replay)
    unknown = command("unknown", _unknown, "list records whose outcome nobody knows, or decide it")
    unknown.add_argument(
        "--settle",
        choices=("accepted", "absent"),
        help="you looked: the vendor has the record, or has it not",
    )
    filters(unknown)
    report = command("report", _report, "write one self-contained HTML page")
    report.add_argument("--output", default="erp_report.html", help="file to write")
    report.add_argument("--limit", type=int, default=_RUNS, help="how many runs")
    return parser
