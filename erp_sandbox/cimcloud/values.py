"""Column values as CIMcloud stores and shows them (3)."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation, localcontext

SKU_LENGTH = 32
"""Characters of a SKU (8.3)."""
_FORMATS = (
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
)
_SHOWN = {
    "iso": "%Y-%m-%dT%H:%M:%S",
    "iso-ms": "%Y-%m-%dT%H:%M:%S.000",
    "iso-z": "%Y-%m-%dT%H:%M:%SZ",
    "sql": "%Y-%m-%d %H:%M:%S",
}
_ZONE = re.compile(r"(?<=\d)(Z|[+-]\d\d:?\d\d)$")
_PLACES = Decimal("0.0001")
_DIGITS = 80
_STORED_LENGTH = len("2026-01-31T13:45:10")


class BadValue(Exception):  # noqa: N818 - becomes part of an answer
    """A value that does not fit its column; the text says why."""


def parse_moment(text: str) -> datetime | None:
    """Return a date or date-time without a zone (a zone in the text is dropped), or None."""
    clean = text.strip()
    if len(clean) == _STORED_LENGTH and clean[10] == "T":
        try:
            return datetime.fromisoformat(clean)
        except ValueError:
            return None
    if "T" in clean or " " in clean:
        clean = _ZONE.sub("", clean)
    for form in _FORMATS:
        try:
            return datetime.strptime(clean, form)  # noqa: DTZ007 - the vendor has no zone
        except ValueError:
            continue
    return None


def moment_text(moment: datetime) -> str:
    """Return a moment as it is stored: ``2026-01-31T13:45:10``."""
    return moment.strftime(_SHOWN["iso"])


def shown_moment(text: str, form: str) -> str:
    """Return a stored moment in the format that the site shows."""
    if form == "iso":
        return text
    moment = parse_moment(text)
    if moment is None:
        return text
    if form == "us":
        hour = moment.hour % 12 or 12
        return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S %p}"
    return moment.strftime(_SHOWN[form])


def money(value: Decimal) -> Decimal:
    """Return an amount with exactly four decimals (3)."""
    with localcontext() as context:
        context.prec = _DIGITS
        return value.quantize(_PLACES)


def stored(column: str, kind: str, value: object) -> object:
    """Return a written value as the column keeps it.

    Raises:
        BadValue: It does not fit.
    """
    if isinstance(value, (dict, list)):
        message = f"{column}: nested values are not supported"
        raise BadValue(message)
    if value is None or kind == "custom":
        return value
    if kind in {"key", "text", "flag"}:
        text = str(value) if not isinstance(value, bool) else str(int(value))
        if column == "sku" and len(text) > SKU_LENGTH:
            message = f"{column}: longer than {SKU_LENGTH} characters"
            raise BadValue(message)
        return text
    if value == "":
        return None  # a blank clears the field (6.1, INF for the API)
    if kind == "date":
        moment = parse_moment(str(value))
        if moment is None:
            message = f"{column}: {value!r} is not a date"
            raise BadValue(message)
        return moment_text(moment)
    return _number(column, kind, value)


def _number(column: str, kind: str, value: object) -> object:
    try:
        number = Decimal(str(int(value) if isinstance(value, bool) else value))
        if kind == "money" and number.is_finite():
            return money(number)
        good = number.is_finite() and (kind != "int" or number == number.to_integral_value())
    except InvalidOperation:
        good = False
    if not good:
        message = f"{column}: {value!r} is not a number of kind {kind}"
        raise BadValue(message)
    return int(number) if kind == "int" else number
