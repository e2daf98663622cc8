"""Searchstrings and page numbers in the path (4.1 to 4.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from erp_sandbox.cimcloud.values import parse_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from erp_sandbox.store import Row

    Test: TypeAlias = Callable[[Row], bool]

_OPERATORS = {
    "searchlike": 1,
    "searchexact": 1,
    "searchbetween": 2,
    # The vendor's spelling.
    "searchgreatherthanequal": 1,
}
"""Operators and their number of values; further names are UNK (4.2)."""
_DATE_AT_END = re.compile(r"(?<!\d)\d{1,2}/\d{1,2}/\d{4}$")
_PAGE_AT_END = re.compile(r"/(\d+)$")
_US_DATE = re.compile(r"(?<!\d)\d{1,2}/\d{1,2}/\d{4}")
_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}")
_FUNCTION = re.compile(r"<<\s*(.*?)\s*>>", re.DOTALL)
_JOINER = re.compile(r"\|(and|or)\|", re.IGNORECASE)


class BadSearch(Exception):  # noqa: N818 - becomes an answer
    """A searchstring or page that is refused; the text says why."""


class MisreadDate(BadSearch):
    """A date that the site does not take; what it does then is an option.

    Attributes:
        page: The page that was asked for.
    """

    def __init__(self, message: str, page: int = 1) -> None:
        super().__init__(message)
        self.page = page


@dataclass(frozen=True)
class Rules:
    """How searchstrings are read.

    Attributes:
        columns: Kind of each known column.
        refuse: Forms to refuse, see ``options.REFUSABLE``.
        now: The site's local time.
        names: The columns by the names that searchstrings use.
        misread_date: The option of that name.
        inclusive: Whether a value that equals a bound is found.
    """

    columns: Mapping[str, str]
    refuse: Collection[str]
    now: datetime
    names: Mapping[str, str]
    misread_date: str = "refuse"
    inclusive: bool = True


def split_page(
    rest: str, refuse: Collection[str] = (), ignore: Collection[str] = ()
) -> tuple[str, int]:
    """Split what follows the resource into searchstring and page number.

    A date with slashes at the very end is a value, not a page; how the vendor tells the two
    apart is UNK (4.3). A bare number is a page (4.1).

    Args:
        rest: The raw (percent-encoded) path after the resource, without slashes at the ends.
        refuse: Forms to refuse.
        ignore: Forms of a page number to pass over.

    Returns:
        The percent-decoded searchstring (may be empty) and the page; 0 if that was sent.

    Raises:
        MisreadDate: The slashes of a date are in a form that this site does not take.
        BadSearch: The form is one that this site refuses.
    """
    if "~" not in unquote(rest):
        if not rest or rest.isdigit():
            return "", int(rest or 1)
        message = f"neither a page nor a searchstring: {unquote(rest)}"
        raise BadSearch(message)
    page = 1
    plain = re.sub("%29", ")", rest, flags=re.IGNORECASE)
    found = None if _DATE_AT_END.search(plain) else _PAGE_AT_END.search(plain)
    if found is not None:
        plain = plain[: found.start()]
        page = int(found[1])
        if "page-after-search" in refuse:
            message = "a page after a searchstring is not accepted"
            raise BadSearch(message)
        if "page-after-date" in refuse and _DATE_AT_END.search(plain.rstrip(")")):
            message = "a page after a date is not accepted"
            raise MisreadDate(message, page)
        if "page-after-date" in ignore and _DATE_AT_END.search(plain.rstrip(")")):
            page = 1
    for form, slash in (("raw-slashes", "/"), ("encoded-slashes", "%2f")):
        if form in refuse and slash in plain.lower():
            message = f"{slash} inside a searchstring is not accepted"
            if _US_DATE.search(plain.lower().replace(slash, "/")):
                raise MisreadDate(message, page)
            raise BadSearch(message)
    return unquote(plain), page


class _SearchParser:
    """Recursive descent over one searchstring."""

    def __init__(self, text: str, rules: Rules) -> None:
        self._text = text
        self._at = 0
        self._rules = rules

    def parse(self) -> Test:
        test = self._either()
        if self._at != len(self._text):
            message = f"unexpected text at {self._text[self._at :]!r}"
            raise BadSearch(message)
        return test

    def _joiner(self, word: str) -> bool:
        self._spaces()
        found = _JOINER.match(self._text, self._at)
        if found is None or found[1].lower() != word:
            return False
        self._at = found.end()
        return True

    def _spaces(self) -> None:
        while self._text[self._at : self._at + 1] == " ":
            self._at += 1

    def _either(self) -> Test:
        tests = [self._all()]
        while self._joiner("or"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        # "and" binds closer than "or", as in SQL; without parentheses it is UNK (4.2).
        tests = [self._term()]
        while self._joiner("and"):
            tests.append(self._term())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _term(self) -> Test:
        self._spaces()
        if self._text[self._at : self._at + 1] == "(":
            self._at += 1
            test = self._either()
            self._spaces()
            if self._text[self._at : self._at + 1] != ")":
                message = "a parenthesis is not closed"
                raise BadSearch(message)
            self._at += 1
            return test
        return self._command(self._command_text())

    def _command_text(self) -> str:
        """Return the text up to a joiner or to a parenthesis that this command did not open."""
        depth, start = 0, self._at
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "|" and _JOINER.match(self._text, self._at):
                break
            if char == ")" and depth == 0:
                break
            depth += {"(": 1, ")": -1}.get(char, 0)
            self._at += 1
        return self._text[start : self._at]

    def _command(self, text: str) -> Test:
        operator, *parts = text.split("~")
        values = _OPERATORS.get(operator.strip().lower())
        if values is None:
            message = f"unknown operator {operator!r}"
            raise BadSearch(message)
        if len(parts) != values + 1:
            message = f"{operator} takes a column and {values} value(s)"
            raise BadSearch(message)
        column = self._column(parts[0])
        kind = self._rules.columns[column]
        operator = operator.strip().lower()
        if operator == "searchlike":
            needle = parts[1].lower()
            return lambda row: row.get(column) is not None and needle in str(row[column]).lower()
        try:
            low, *high = [self._value(part, kind) for part in parts[1:]]
        except MisreadDate:
            if self._rules.misread_date == "refuse":
                raise
            every = self._rules.misread_date == "all-rows"
            return lambda _: every
        inclusive = self._rules.inclusive

        def test(row: Row) -> bool:
            found = _comparable(row.get(column), kind)
            if found is None:
                return False  # as in SQL, null is neither equal nor greater
            if operator == "searchexact":
                return bool(found == low)
            if found == low or (high and found == high[0]):
                return inclusive
            return bool(found > low and (not high or found < high[0]))

        return test

    def _column(self, text: str) -> str:
        name = text.strip()
        if "." in name and "column-prefixes" not in self._rules.refuse:
            name = name.rpartition(".")[2]
        for shown, column in self._rules.names.items():
            if shown.lower() == name.lower():
                return column
        message = f"invalid column name {text!r}"
        raise BadSearch(message)

    def _value(self, text: str, kind: str) -> Any:  # noqa: ANN401 - of the kind
        function = _FUNCTION.fullmatch(text.strip())
        if function is not None:
            if kind == "date" and "date-functions" in self._rules.refuse:
                message = f"conversion failed when converting date {text!r}"
                raise MisreadDate(message)
            return self._function(function[1], kind)
        if kind in {"int", "number", "money"}:
            try:
                return Decimal(text.strip())
            except InvalidOperation:
                message = f"{text!r} is not a number"
                raise BadSearch(message) from None
        if kind != "date":
            return text.lower()
        refuse = self._rules.refuse
        moment = parse_moment(text)
        plain = _US_DATE.fullmatch(text.strip()) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip())
        if (
            moment is None
            or ("iso-dates" in refuse and _ISO_DATE.match(text.strip()))
            or ("us-dates" in refuse and _US_DATE.match(text.strip()))
            or ("time-of-day" in refuse and not plain)
        ):
            message = f"conversion failed when converting date {text!r}"
            raise MisreadDate(message)
        return moment

    def _function(self, text: str, kind: str) -> str | datetime:
        name, *arguments = text.lower().split(":")
        day = self._rules.now.replace(hour=0, minute=0, second=0, microsecond=0)
        if name == "dateadd" and len(arguments) == 2 and arguments[0] == "days":  # noqa: PLR2004
            try:
                day += timedelta(days=int(arguments[1]))
            except (ValueError, OverflowError):
                message = f"bad number of days in <<{text}>>"
                raise BadSearch(message) from None
        elif name != "date" or arguments:
            message = f"unknown function <<{text}>>"
            raise BadSearch(message)
        return day if kind == "date" else day.strftime("%Y-%m-%dt00:00:00")


def _comparable(value: object, kind: str) -> Any:  # noqa: ANN401 - of the kind
    if value is None:
        return None
    if kind == "date":
        return parse_moment(str(value))
    if kind in {"int", "number", "money"}:
        return Decimal(str(value))
    return str(value).lower()


def compile_search(text: str, rules: Rules) -> Test:
    """Return a test for rows.

    Args:
        text: The percent-decoded searchstring; empty matches all.
        rules: How it is read.

    Raises:
        BadSearch: It cannot be read.
    """
    if not text:
        return lambda _: True
    return _SearchParser(text, rules).parse()
