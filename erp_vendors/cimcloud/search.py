"""Searchstrings: the one place where they are built and escaped (cimcloud.md 4.2)."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from erp_vendors.errors import ConfigError

if t.TYPE_CHECKING:
    import datetime as dt

_UNSENDABLE = frozenset("~|")
"""Separators of the grammar, for which no escape is documented."""
_TOKENS = re.compile("YYYY|MM|M|DD|D|HH|mm|ss")


def exact(column: str, value: object) -> str:
    """Rows whose column equals a value.

    Args:
        column: Column name.
        value: Value; sent as text.

    Raises:
        ValueError: If the value holds a separator of the grammar.
    """
    return f"searchexact~{_escape(column)}~{_escape(str(value))}"


def all_of(terms: t.Sequence[str]) -> str:
    """Rows that fit several searches at once; each is put into parentheses (4.2).

    Args:
        terms: Searchstrings, at least one.
    """
    return _joined(terms, "and")


def any_of(terms: t.Sequence[str]) -> str:
    """Rows that fit at least one of several searches; each is put into parentheses (4.2).

    Args:
        terms: Searchstrings, at least one.
    """
    return _joined(terms, "or")


def _joined(terms: t.Sequence[str], joiner: str) -> str:
    return terms[0] if len(terms) == 1 else f"|{joiner}|".join(f"({term})" for term in terms)


def changed_since(column: str, day: dt.datetime, date_format: str) -> str:
    """Rows whose date column is at or after a date.

    The command is put into parentheses, as the vendor's own sample does: a date holds slashes, and
    a page number may follow.

    Args:
        column: Column name.
        day: Lower bound.
        date_format: The `date_format` setting.
    """
    # The operator's spelling is the vendor's (DOC).
    return f"(searchgreatherthanequal~{_escape(column)}~{format_date(day, date_format)})"


def format_date(day: dt.datetime, date_format: str) -> str:
    """A date literal, ready for the path.

    Args:
        day: The date.
        date_format: Pattern of YYYY, MM, M, DD, D, HH, mm, ss.

    Raises:
        ConfigError: If the pattern names no year, month and day.
    """
    if not all(token in date_format for token in "YMD"):
        msg = f"cimcloud.date_format '{date_format}' must name year, month and day"
        raise ConfigError(msg)
    values = {
        "YYYY": f"{day.year:04}",
        "MM": f"{day.month:02}",
        "M": str(day.month),
        "DD": f"{day.day:02}",
        "D": str(day.day),
        "HH": f"{day.hour:02}",
        "mm": f"{day.minute:02}",
        "ss": f"{day.second:02}",
    }
    text = _TOKENS.sub(lambda token: values[token.group()], date_format)
    return urllib.parse.quote(text, safe="/%:-.")


def _escape(value: str) -> str:
    if _UNSENDABLE & set(value):
        msg = f"{value!r} cannot be searched for: '~' and '|' have no escape"
        raise ValueError(msg)
    return urllib.parse.quote(value, safe="")
