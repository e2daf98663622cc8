"""Datetimes and errors of AIMS360 (3, 5.2)."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from erp_sandbox.exchange import Refusal, json_answer

if TYPE_CHECKING:
    import random

    from erp_sandbox.exchange import SandboxCall

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7})\d*)?)?(Z|[+-]\d\d:\d\d)"
)
_EPOCH = datetime(1, 1, 1, tzinfo=timezone.utc)


def refusal(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Refusal:
    """Return an error: ``requestId`` and ``error`` with ``code`` and ``message`` (5.2)."""
    body = {"requestId": str(uuid.uuid4()), "error": {"code": code, "message": text}}
    return Refusal(json_answer(body, status, headers))


def ticks(text: str) -> int:
    """Return a moment as tenths of microseconds, so that seven digits are kept.

    Raises:
        ValueError: The text is no moment with a zone.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        message = f"no moment with a zone: {text!r}"
        raise ValueError(message)
    *numbers, fraction, zone = found.groups()
    moment = datetime(*(int(number or 0) for number in numbers), tzinfo=timezone.utc)  # type: ignore[misc,arg-type]
    offset = timedelta()
    if zone != "Z":
        hours, minutes = zone[1:].split(":")
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if zone[0] == "-" else 1)
    seconds = (moment - offset - _EPOCH) // timedelta(seconds=1)
    return seconds * 10_000_000 + int((fraction or "0").ljust(7, "0"))


def moment_text(moment: datetime, digits: int = 7) -> str:
    """Return ISO text in UTC with ``Z`` and two to seven fractional digits (DOC, 3)."""
    fraction = f"{moment.microsecond:06d}0"[:digits]
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def compact(moment: datetime) -> str:
    """Return ``yyyyMMddHHmmssfff`` in UTC, the tail of job ids and link tokens (10)."""
    return f"{moment.astimezone(timezone.utc):%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}"


def absolute(call: SandboxCall, region: str, path: object) -> object:
    """Return a path of a tenant as a URL of its region, as the caller reaches it."""
    if not isinstance(path, str) or not path.startswith("/"):
        return path
    return f"http://{call.headers.get('host', '')}/aims360/{region}{path}"


def guid(source: random.Random) -> str:
    """Return a lower-case GUID that depends on the generator only."""
    return str(uuid.UUID(int=source.getrandbits(128), version=4))
