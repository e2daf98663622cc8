"""Text that is exactly a number, a flag or a moment, and what it is then.

Only what prints back to the same text is converted: "12.50" is 12.50, and "007" is no number,
because 7 would not be the same code any more.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
import typing as t

_WHOLE = re.compile(r"-?[1-9][0-9]*|0")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:(Z)|([+-]\d\d):?(\d\d)?)",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.ASCII)
_MOST_DIGITS = 4_300
"""As many as a number of the input may have (`erp_vendors.http.codec`)."""
_FLAGS = {"true": True, "false": False}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_MILLISECOND = dt.timedelta(milliseconds=1)
_DIGITS = 3


class Converted(t.NamedTuple):
    """A text in a type that its property has.

    Attributes:
        value: An integer, a decimal, or a boolean.
    """

    value: int | decimal.Decimal | bool


def converted(text: str, kinds: t.Collection[str], *, epoch: bool = False) -> Converted | None:
    """A text as what it says.

    Args:
        text: The text.
        kinds: JSON types that the property may have; `string` is not among them.
        epoch: The property holds a moment in milliseconds since 1970.

    Returns:
        Its value; None if the text is not exactly one of these types, so something would be lost.
    """
    if len(text) > _MOST_DIGITS:
        return None
    if {"integer", "number"} & set(kinds) and _WHOLE.fullmatch(text):
        return Converted(int(text))
    if "number" in kinds and _FRACTION.fullmatch(text):
        return Converted(decimal.Decimal(text))
    if "boolean" in kinds and text.lower() in _FLAGS:
        return Converted(_FLAGS[text.lower()])
    moment = _milliseconds(text) if epoch else None
    return None if moment is None else Converted(moment)


def why_not(text: str, *, epoch: bool = False) -> str:
    """Why a text is not converted, beyond that it is none of the types; empty if that is all.

    Args:
        text: The text.
        epoch: The property holds a moment in milliseconds since 1970.
    """
    if epoch and _MOMENT.fullmatch(text) is None and _DAY.fullmatch(text):
        return (
            "a moment needs a time and an offset, such as 2026-01-31T00:00:00Z: without them "
            "nobody can tell which one it is"
        )
    if epoch and _MOMENT.fullmatch(text):
        return "milliseconds cannot hold it"
    if re.fullmatch(r"[+-]?0[0-9]+(?:\.[0-9]*)?", text):
        return "its leading zeros would be lost"
    return ""


def _milliseconds(text: str) -> int | None:
    """A moment with an offset, in milliseconds since 1970; None if it is finer, or none."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, minutes, seconds, fraction, zulu, hours, more = found.groups()
    fraction = fraction or ""
    if fraction[_DIGITS:].strip("0"):
        return None
    offset = "+00:00" if zulu else f"{hours}:{more or '00'}"
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{minutes}:{seconds or '00'}{offset}")
        whole = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError):
        return None
    return whole + int(fraction[:_DIGITS].ljust(_DIGITS, "0"))
