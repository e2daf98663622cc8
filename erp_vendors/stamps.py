"""Stamps as vendors write them, made comparable. Records keep the stamps that the vendor sent."""

from __future__ import annotations

import datetime as dt
import re

_ISO = re.compile(
    r"(?P<Y>\d{4})-(?P<m>\d\d?)-(?P<d>\d\d?)"
    r"(?:[T ](?P<H>\d\d?):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,](?P<f>\d+))?)?)?"
    r"\s*(?P<zone>Z|z|[+-]\d\d:?\d\d)?"
)
_US = re.compile(
    r"(?P<m>\d\d?)/(?P<d>\d\d?)/(?P<Y>\d{4})"
    r"(?:[T ]+(?P<H>\d\d?):(?P<M>\d\d)(?::(?P<S>\d\d)(?:\.(?P<f>\d+))?)?)?"
    r"\s*(?P<half>[AaPp][Mm])?(?P<zone>)"
)
_NOON = 12
BEHIND_UTC = dt.timedelta(hours=12)
"""A stamp without a zone may be local, and no clock on earth is further behind UTC."""
AHEAD_OF_UTC = dt.timedelta(hours=14)
"""Or further ahead of it."""


def utc_now() -> dt.datetime:
    """The present in UTC, without zone."""
    return dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)


def iso_now(shift: dt.timedelta = dt.timedelta(0)) -> str:
    """The present in UTC, or on a clock that differs from it by `shift`, without zone."""
    return (utc_now() + shift).isoformat(timespec="microseconds")


def to_iso(value: object) -> str | None:
    """Read a date or timestamp.

    Args:
        value: ISO 8601 in its usual variants, US dates (`1/31/2026 1:45 PM`), or None.

    Returns:
        ISO text of one width, so that text order is time order. With a zone it is converted to
        UTC and ends in `Z`; without one none is invented. None if it cannot be read.
    """
    if not isinstance(value, str):
        return None
    usual = _usual(value)
    if usual is not None:
        return usual
    match = _ISO.fullmatch(value.strip()) or _US.fullmatch(value.strip())
    if match is None:
        return None
    part = match.groupdict()
    hour = int(part["H"] or 0)
    if part.get("half"):
        hour = hour % _NOON + (_NOON if part["half"].lower() == "pm" else 0)
    zone = part["zone"]
    try:
        moment = dt.datetime(  # noqa: DTZ001 - a zone is added only where the vendor sent one
            int(part["Y"]),
            int(part["m"]),
            int(part["d"]),
            hour,
            int(part["M"] or 0),
            int(part["S"] or 0),
            int((part["f"] or "0")[:6].ljust(6, "0")),
        )
    except ValueError:
        return None
    if not zone:
        return moment.isoformat(timespec="microseconds")
    if zone not in {"Z", "z"}:
        sign = -1 if zone[0] == "-" else 1
        offset = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        moment = earlier(moment, sign * offset)
    return moment.isoformat(timespec="microseconds") + "Z"


def _usual(value: str) -> str | None:
    """As `to_iso`, for the form that most stamps have; None for any other.

    For speed, 12% (decision 0011; benchmark `raw_tap`): the regular expressions below are slower.
    This may go when a stream no longer reads the stamp of each record.
    """
    marks = value[4:5] + value[7:8] + value[13:14] + value[16:17]
    if marks != "--::" or value[10] not in "T " or not value[17:19].isdigit():
        return None
    rest = value[19:]
    zone = "Z" if rest[-1:] == "Z" else ""
    fraction = rest[1:-1] if zone else rest[1:]
    if rest not in ("", "Z") and not (rest[0] == "." and fraction.isascii() and fraction.isdigit()):
        return None
    text = f"{value[:10]}T{value[11:19]}"
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return f"{text}.{fraction[:6]:0<6}{zone}"


def earlier(moment: dt.datetime, by: dt.timedelta) -> dt.datetime:
    """A moment before another one (or after it), or the first or last that a datetime can hold.

    Vendors write 0001-01-01 and 9999-12-31 for dates that are not known.
    """
    try:
        return moment - by
    except OverflowError:
        return dt.datetime.min if by > dt.timedelta(0) else dt.datetime.max  # noqa: DTZ901


def from_iso(text: str) -> dt.datetime:
    """The moment of a text that `to_iso` wrote, without zone."""
    return dt.datetime.fromisoformat(text.removesuffix("Z"))


def moment_before(stamp: str, by: dt.timedelta) -> str:
    """The stamp that lies a time before another one, both as `to_iso` writes them."""
    zone = "Z" if stamp.endswith("Z") else ""
    return earlier(from_iso(stamp), by).isoformat(timespec="microseconds") + zone


def day_before(stamp: str, by: dt.timedelta) -> str:
    """The beginning of the day of `moment_before`, without zone, for vendors that compare days."""
    day = dt.datetime.combine(earlier(from_iso(stamp), by), dt.time())
    return day.isoformat(timespec="microseconds")


def to_epoch_ms(value: object) -> int | None:
    """Read a stamp of a vendor that sends epoch milliseconds.

    Args:
        value: Milliseconds as number or text, or an ISO date (as in `start_date`), which counts as
            UTC when it has no zone.

    Returns:
        Epoch milliseconds; None if it cannot be read.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    text = to_iso(value)
    if text is None:
        return None
    return int(from_iso(text).replace(tzinfo=dt.timezone.utc).timestamp() * 1000)
