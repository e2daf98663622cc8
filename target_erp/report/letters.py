"""Dead letters as people see them: of this version and of earlier ones."""

from __future__ import annotations

import collections
import re
import typing as t

from target_erp.text_table import cut

Letter = t.Mapping[str, t.Any]

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
    key = letter.get("key") or {}
    return ", ".join(f"{name}={value}" for name, value in key.items())


def first_and_last(letter: Letter) -> tuple[str, str]:
    """When the record failed for the first and for the last time (UTC, ISO 8601).

    Args:
        letter: A dead letter; one of version 0.1 has one time only.
    """
    last = str(letter.get("last_at") or letter.get("at") or "")
    return str(letter.get("first_at") or last), last


def why(letter: Letter) -> str:
    """Class and status of a refusal, or the outcome that is none, in a word or two.

    Args:
        letter: A dead letter.
    """
    if letter.get("outcome") not in {"refused", None}:
        return str(letter["outcome"])
    return f"{letter.get('class') or ''} {letter.get('status') or ''}".strip()


def cause_of(letter: Letter) -> Cause:
    """Why, in a form that is the same for every record with this fault.

    Args:
        letter: A dead letter.
    """
    reason = str(letter.get("reason") or "")
    values = {
        str(value)
        for part in (letter.get("key"), letter.get("record"), letter.get("payload"))
        if isinstance(part, dict)
        for value in part.values()
        if isinstance(value, (str, int)) and len(str(value)) >= _SHORTEST_VALUE
    }
    found = [value for value in values if value in reason]
    for value in sorted(found, key=len, reverse=True):
        reason = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", reason)
    reason = _NUMBER.sub("#", _ID.sub("…", reason))
    status = str(letter.get("status") or "")
    return Cause(str(letter.get("class") or ""), status, cut(" ".join(reason.split()), _LONGEST))


def causes(letters: t.Iterable[Letter]) -> collections.Counter[Cause]:
    """Number of records by cause.

    Args:
        letters: Dead letters.
    """
    return collections.Counter(map(cause_of, letters))
