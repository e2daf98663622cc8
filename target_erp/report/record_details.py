"""What the ledger and the dead letters know of one record, for people and for scripts."""

from __future__ import annotations

import json
import shlex
import textwrap
import typing as t

from erp_ledger import RecordStatus
from erp_vendors.http import codec
from erp_vendors.http.redact import redact
from erp_vendors.vendors import VENDORS
from target_erp.printable import visible
from target_erp.report.formats import moment
from target_erp.text_table import details

if t.TYPE_CHECKING:
    from erp_ledger import FoundRecord
    from target_erp.report.letters import Letter

_MEANING = {
    RecordStatus.ACCEPTED: "accepted: the vendor has it",
    RecordStatus.DELETED: "deleted: the vendor does not have it any more",
    RecordStatus.WAITING: "waiting: a record that it refers to did not get through",
    RecordStatus.REFUSED: "refused: the vendor does not have this version",
    RecordStatus.UNKNOWN: "unknown: it was sent, and the answer was lost",
    RecordStatus.INTENT: (
        "open: its run was cut off while it was being sent, or is still sending it"
    ),
}
_INDENT = "  "


def record_as_json(found: FoundRecord, letter: Letter | None) -> str:
    """Tell of a record in one JSON line, for scripts.

    Args:
        found: Its line in the ledger.
        letter: Its newest dead letter, if it has one. What was sent is taken from there, because
            secrets are masked there.
    """
    entry = found.entry
    return json.dumps(
        {
            "account": found.account,
            "stream": found.stream,
            "key": entry.key,
            "state": entry.status.value,
            "vendor_id": entry.vendor_id,
            "attempts": entry.attempts,
            "first_at": entry.first_at,
            "last_at": entry.last_at,
            "run": entry.run,
            "letter": None if letter is None else json.loads(codec.encode(letter)),
        }
    )


def record_details(found: FoundRecord, letter: Letter | None, width: int) -> str:
    """Tell all that is known of a record.

    Args:
        found: Its line in the ledger.
        letter: Its newest dead letter, if it has one.
        width: Columns of the screen.
    """
    entry = found.entry
    lines = [
        ("state", _MEANING.get(entry.status, entry.status.value)),
        ("vendor's id", entry.vendor_id or "not known"),
        ("sent", f"{_times(entry.attempts)}; last noted in run {entry.run}"),
        ("first, last", f"{moment(entry.first_at)}, {moment(entry.last_at)} UTC"),
        ("account", found.account),
    ]
    if letter is not None and entry.status not in {RecordStatus.ACCEPTED, RecordStatus.DELETED}:
        lines += _of_letter(letter)
    return _paragraph(f"{found.stream} {entry.key}", lines, width)


def how_to_settle(
    found: FoundRecord, letter: Letter | None, command: t.Sequence[str], width: int
) -> str:
    """Tell what a person needs in order to decide about a record whose outcome nobody knows.

    Args:
        found: Its line in the ledger.
        letter: Its newest dead letter, if it has one.
        command: The command `unknown`, to be repeated.
        width: Columns of the screen.
    """
    entry = found.entry
    lines = [
        ("state", _MEANING.get(entry.status, entry.status.value)),
        ("sent", f"{_times(entry.attempts)}, last on {moment(entry.last_at)} UTC"),
    ]
    if letter is not None:
        lines += _of_letter(letter)
    else:
        lines.append(("what", "no dead letter holds it; the source has the record"))
    settle = [*command, "--stream", found.stream, "--key", entry.key]
    settle += ["--account", found.account, "--settle"]
    lines.append(("look", _where(found)))
    # Each command stays in one line, so that it can be copied.
    commands = [
        ("If it is there", shlex.join([*settle, "accepted"])),
        ("If it is not", shlex.join([*settle, "absent"])),
    ]
    shown = [f"{_INDENT}{when}: {redact(visible(text))}" for when, text in commands]
    return "\n".join([_paragraph(f"{found.stream} {entry.key}", lines, width), *shown])


def _where(found: FoundRecord) -> str:
    vendor, _, resource = found.stream.partition("_")
    title = VENDORS[vendor].title if vendor in VENDORS else vendor
    name, _, value = found.entry.key.partition("=")
    text = f"in {title} ({found.account.partition('|')[2]}), for the one among its "
    text += f"{resource.replace('_', ' ')} whose {name} is {value}"
    if found.entry.status is RecordStatus.INTENT:
        text += "; first let the next run try, which settles what it can"
    return text


def _of_letter(letter: Letter) -> t.Iterator[tuple[str, str]]:
    times = f"first {moment(letter['first_at'])}, last {moment(letter['last_at'])} UTC"
    yield "dead letter", f"{letter['outcome']}, {times}"
    yield "reason", letter["reason"]
    if letter["request"]:
        yield "request", letter["request"]
    yield "payload", codec.encode(letter["payload"] or letter["record"]).decode()
    if letter["answer"]:
        yield "answer", f"{letter['status'] or ''} {letter['answer']}".strip()


def _paragraph(title: str, lines: t.Sequence[tuple[str, str]], width: int) -> str:
    shown = details(lines, width - len(_INDENT))
    return f"{redact(visible(title))}\n{textwrap.indent(shown, _INDENT)}"


def _times(attempts: int) -> str:
    return "once" if attempts == 1 else f"{attempts} times"
