"""Times and numbers as people read them."""

from __future__ import annotations

import datetime as dt

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def moment(stamp: str) -> str:
    """A UTC time for people, such as `27 Nov 2026 02:00`.

    Args:
        stamp: ISO 8601; anything else comes back as it is.
    """
    when = parsed(stamp)
    if when is None:
        return stamp
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year} {when:%H:%M}"


def tick(stamp: str) -> str:
    """A UTC time in short, for an axis: `27 Nov 02:00`.

    Args:
        stamp: ISO 8601.
    """
    when = parsed(stamp)
    return stamp if when is None else f"{when.day} {_MONTHS[when.month - 1]} {when:%H:%M}"


def duration(seconds: float) -> str:
    """A time span for people, in its two largest units.

    Args:
        seconds: Zero or more.
    """
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"  # noqa: PLR2004
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} days {whole % _DAY // _HOUR} h"


def records(count: int) -> str:
    """A number of records in words.

    Args:
        count: Zero or more.
    """
    return "1 record" if count == 1 else f"{exact(count)} records"


def compact(value: float) -> str:
    """A number in few characters, for an axis.

    Args:
        value: Zero or more.
    """
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def exact(value: float) -> str:
    """A number for people, with all its digits.

    Args:
        value: Zero or more.
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def parsed(stamp: str) -> dt.datetime | None:
    """A time with its zone; None if the text is no time.

    Args:
        stamp: ISO 8601; it is UTC where it names no zone.
    """
    try:
        when = dt.datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    return when.astimezone(dt.timezone.utc) if when.tzinfo else when.replace(tzinfo=dt.timezone.utc)
