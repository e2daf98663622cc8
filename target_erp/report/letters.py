"""Dead letters as people see them."""

from __future__ import annotations

import collections
import re
import typing as t

from erp_vendors.http import codec
from target_erp.printable import cut

Letter = t.Mapping[str, t.Any]

CONFLICT = "conflict"
"""Class of a refusal because somebody has changed the record at the vendor."""
_LONGEST = 140
_SHORTEST_VALUE = 2
_NUMBER = re.compile(r"\d+(?:[.,:-]\d+)*")
_ID = re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b")


class Cause(t.NamedTuple):
    """Why records were not written, without what differs between them.

    Attributes:
        kind: Class of the refusal.
        status: HTTP status as text, or empty.
        reason: Text of the reason with `…` for the record's own values and `#` for numbers.
    """

    kind: str
    status: str
    reason: str


def name_of(letter: Letter) -> str:
    """The record's business key; empty if it has none.

    Args:
        letter: A dead letter.
    """
    return ", ".join(f"{name}={value}" for name, value in letter["key"].items())


def why(letter: Letter) -> str:
    """Why a record did not get through, in a word or two: class and status, or the outcome.

    Args:
        letter: A dead letter.
    """
    if letter["outcome"] != "refused":
        return str(letter["outcome"])
    return f"{letter['class']} {letter['status'] or ''}".strip()


def conflicts_of(letter: Letter) -> list[str]:
    """What a conflict is about, one line a field; empty for another letter.

    Args:
        letter: A dead letter.
    """
    fields = letter.get("conflicts")
    return [
        f"{name}: {_shown(of, 'theirs')} at the vendor, {_shown(of, 'ours')} here, "
        f"{_shown(of, 'base')} before"
        for name, of in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(of, dict)
    ]


def _shown(versions: t.Mapping[str, t.Any], which: str) -> str:
    value = versions.get(which)
    return "nothing" if value is None else codec.encode(value).decode()


def cause_of(letter: Letter) -> Cause:
    """The cause of a refusal, in a form that is the same for every record with this fault.

    Args:
        letter: A dead letter.
    """
    reason = letter["reason"]
    values = {
        str(value)
        for part in (letter["key"], letter["record"], letter["payload"])
        for value in part.values()
        if isinstance(value, (str, int)) and len(str(value)) >= _SHORTEST_VALUE
    }
    found = [value for value in values if value in reason]
    for value in sorted(found, key=len, reverse=True):
        reason = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", reason)
    reason = _NUMBER.sub("#", _ID.sub("…", reason))
    reason = cut(" ".join(reason.split()), _LONGEST)
    return Cause(letter["class"], str(letter["status"] or ""), reason)


def causes(letters: t.Iterable[Letter]) -> collections.Counter[Cause]:
    """Count records by cause.

    Args:
        letters: Dead letters.
    """
    return collections.Counter(map(cause_of, letters))
