"""OData as AIMS360 speaks it: the one place where queries are built, quoted and answers read."""

from __future__ import annotations

import datetime as dt
import decimal
import typing as t
import urllib.parse
import uuid

from erp_vendors.elements import records_of
from erp_vendors.errors import DataError
from erp_vendors.http import codec

Row = dict[str, t.Any]

_READABLE = "$(),;:'/@="
"""Left as they are in a query: no server takes offence at them, and people can read it."""


_ENVELOPE = frozenset({"@odata.context", "@odata.count", "@odata.nextLink"})


class ODataPage(t.NamedTuple):
    """One page of a list.

    Attributes:
        rows: Its records, and in their places what is no record (`NoRecord`).
        total: How many records match in all, or None if the vendor did not say.
    """

    rows: list[Row]
    total: int | None


def literal(value: object) -> str:
    """A value as `$filter` takes it (aims360.md 3, OBS).

    Args:
        value: Text is quoted, even when it is numeric; a `uuid.UUID` is not; a datetime without
            zone counts as UTC, and no fraction of a second is sent.

    Raises:
        TypeError: If there is no literal for such a value.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value.replace(chr(39), chr(39) * 2)}'"
    if isinstance(value, (int, decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, dt.datetime):
        moment = value.astimezone(dt.timezone.utc) if value.tzinfo else value
        # UTC, because the + of an offset is easily taken for a blank (4.3).
        return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"
    msg = f"no OData literal for {type(value).__name__}"
    raise TypeError(msg)


def equal(column: str, value: object) -> str:
    """Records whose property equals a value.

    Args:
        column: Property.
        value: See `literal`.
    """
    return f"{column} eq {literal(value)}"


def between(column: str, since: dt.datetime, until: dt.datetime, zone: str = "utc") -> str:
    """Records whose stamp lies in a window that is closed at both ends (4.3, OBS).

    Args:
        column: Property.
        since: First moment.
        until: Last moment.
        zone: The setting `date_zone`.
    """
    first, last = (literal(moment).removesuffix("Z") for moment in (since, until))
    mark = {"utc": "Z", "offset": "+00:00"}.get(zone, "")
    return f"{column} ge {first}{mark} and {column} le {last}{mark}"


def with_query(path: str, options: t.Mapping[str, str]) -> str:
    """A path with query options.

    Args:
        path: Path; options of its own, which a user may have put there, come first and win.
        options: Further options; empty ones are left out.

    Returns:
        The path, percent-encoded.
    """
    path, _, own = path.partition("?")
    taken = {part.partition("=")[0].replace("%24", "$").lower() for part in own.split("&")}
    parts = [own] if own else []
    parts += [
        f"{name}={urllib.parse.quote(value, safe=_READABLE)}"
        for name, value in options.items()
        if value and name.lower() not in taken
    ]
    return f"{path}?{'&'.join(parts)}" if parts else path


def pick(record: t.Mapping[str, t.Any], *names: str) -> t.Any:  # noqa: ANN401
    """A property by any of its names, whatever their case (aims360.md 3, DOC: jobId and jobID).

    Args:
        record: An object of the vendor's.
        *names: Names, best one first.

    Returns:
        Its value; None if it has none of them.
    """
    for name in names:
        if name in record:
            return record[name]
    by_name = {key.casefold(): value for key, value in record.items()}
    return next((by_name[name.casefold()] for name in names if name.casefold() in by_name), None)


def read_page(where: str, answer: object, keys: t.Iterable[str]) -> ODataPage:
    """Read a list in any of the shapes that the vendor shows (aims360.md 3).

    Args:
        where: Path, for messages.
        answer: The parsed body: an object with `value`, a bare list, or a bare record.
        keys: Properties by which a bare record is told from something else.

    Raises:
        DataError: If it is none of them.
    """
    rows, total = answer, None
    if isinstance(answer, dict):
        rows = pick(answer, "value")
        total = _count(pick(answer, "@odata.count", "@count"))
        # An answer with a count is a list, even if its records are missing.
        if rows is None and total is None and any(pick(answer, key) is not None for key in keys):
            rows = [answer]
    records = records_of(rows, f"aims360: GET {where}")
    # Only the envelope of a list has these members; a list of envelopes holds no records.
    if rows is answer and any(_ENVELOPE & row.keys() for row in records):
        msg = f"aims360: GET {where} answered with a list of lists, not with a list of objects"
        raise DataError(msg)
    return ODataPage(records, total)


def _count(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return codec.count_of(value)
    return value if isinstance(value, int) else None
