"""The OData query options that are seen in use (4): filter, select, expand, orderby."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from erp_sandbox.aims360.values import ticks

if TYPE_CHECKING:
    from erp_sandbox.store import Row

Columns: TypeAlias = Mapping[str, Any]
"""Kind of each column: ``guid``, ``text``, ``number``, ``bool``, ``date``, ``moment``, or the
columns of a child collection."""
Scope: TypeAlias = dict[str, Columns]
Test: TypeAlias = Callable[[dict[str, Any]], bool]
Value: TypeAlias = Callable[[dict[str, Any]], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?:-\d{17})?)"
    r"|(?P<moment>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?)"
    r"|(?P<date>\d{4}-\d\d-\d\d)(?![\dT])"
    r"|(?P<number>-?\d+(?:\.\d+)?)(?![\w:-])"
    r"|(?P<name>[A-Za-z_@][\w.]*(?:/[A-Za-z_]\w*)*)"
    r"|(?P<mark>[():,]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "ge": lambda left, right: bool(left >= right),
    "gt": lambda left, right: bool(left > right),
    "le": lambda left, right: bool(left <= right),
    "lt": lambda left, right: bool(left < right),
}


_LITERALS: dict[str, Callable[[str], Any]] = {
    "text": lambda text: text[1:-1].replace("''", "'"),
    "guid": str.lower,
    "moment": ticks,
    "date": str,
    "number": Decimal,
}


class BadQuery(ValueError):  # noqa: N818 - it becomes a 400
    """A query option that the service cannot take."""


def column(columns: Columns, name: str) -> str:
    """Return a column's own spelling; case does not matter (OBS ``lineitems``, 4.2).

    Raises:
        BadQuery: There is no such column.
    """
    for known in columns:
        if known.lower() == name.lower():
            return known
    message = f"Could not find a property named '{name}'."
    raise BadQuery(message)


def comparable(value: object, kind: str) -> Any:  # noqa: ANN401 - whatever compares
    """Return a stored value in the form in which it is compared and sorted."""
    if value is None:
        return None
    if kind == "moment":
        return ticks(str(value))
    return str(value).lower() if kind == "guid" else value


def compile_filter(text: str, columns: Columns, zone: str = "any") -> Callable[[Row], bool]:
    """Return the test that a ``$filter`` means.

    Args:
        text: The ``$filter``.
        columns: The columns that it may name.
        zone: The option ``date_zone``; a moment without a zone is UTC.

    Raises:
        BadQuery: It cannot be read, names no column, or compares unlike things.
    """
    parser = _FilterParser(text, zone)
    test = parser.either({"": columns})
    parser.end()
    return lambda row: test({"": row})


class _FilterParser:
    """Recursive descent over the tokens of one ``$filter``."""

    def __init__(self, text: str, zone: str) -> None:
        self._zone = zone
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            found = _TOKEN.match(text, place)
            if found is None or found.lastgroup is None:
                message = f"Syntax error at position {place} in '{text}'."
                raise BadQuery(message)
            self._tokens.append((found.lastgroup, found.group(found.lastgroup)))
            place = found.end()
        self._place = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("end", "")

    def _next(self, wanted: str | None = None) -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end" or (wanted is not None and token[1] != wanted):
            message = f"Syntax error near '{token[1]}'."
            raise BadQuery(message)
        self._place += 1
        return token

    def _word(self, word: str) -> bool:
        if self._peek() == ("name", word):
            self._place += 1
            return True
        return False

    def end(self) -> None:
        """Check that nothing follows."""
        if self._peek()[0] != "end":
            message = f"Syntax error near '{self._peek()[1]}'."
            raise BadQuery(message)

    def either(self, scope: Scope) -> Test:
        """Read terms joined by ``or``."""
        tests = [self._both(scope)]
        while self._word("or"):
            tests.append(self._both(scope))
        return lambda rows: any(test(rows) for test in tests)

    def _both(self, scope: Scope) -> Test:
        tests = [self._term(scope)]
        while self._word("and"):
            tests.append(self._term(scope))
        return lambda rows: all(test(rows) for test in tests)

    def _term(self, scope: Scope) -> Test:
        if self._word("not"):
            test = self._term(scope)
            return lambda rows: not test(rows)
        kind, text = self._next()
        if text == "(":
            test = self.either(scope)
            self._next(")")
            return test
        if kind != "name":
            message = f"Syntax error near '{text}'."
            raise BadQuery(message)
        path, _, last = text.rpartition("/")
        if last == "any" and path:
            return self._any(scope, path)
        value, kind = _path(scope, text)
        operator = self._next()[1]
        if operator not in _COMPARE:
            message = f"Syntax error near '{operator}'."
            raise BadQuery(message)
        literal = self._literal(*self._next(), kind)
        compare = _COMPARE[operator]

        def test_value(rows: dict[str, Any]) -> bool:
            found = comparable(value(rows), kind)
            if found is None or literal is None:
                return operator in {"eq", "ne"} and compare(found, literal)
            return compare(found, literal)

        return test_value

    def _literal(self, found: str, text: str, kind: object) -> Any:  # noqa: ANN401 - as below
        """Return a literal, a moment only with the zone that the service takes."""
        if found == "moment":
            tail = text[len("2026-01-01T") :]
            zone = "utc" if tail.endswith("Z") else "any" if re.search("[+-]", tail) else "none"
            good = {"any": {"any", "utc"}, "utc": {"utc"}, "none": {"none"}}[self._zone]
            if zone not in good:
                message = f"The date '{text}' has the wrong zone."
                raise BadQuery(message)
            text += "Z" * (zone == "none")
        return _literal(found, text, kind)

    def _any(self, scope: Scope, path: str) -> Test:
        """Read ``children/any(x:test)`` (4.2)."""
        children, columns = _path(scope, path)
        if not isinstance(columns, Mapping):
            message = f"'{path}' is no collection."
            raise BadQuery(message)
        self._next("(")
        variable = self._next()[1]
        self._next(":")
        test = self.either({**scope, variable: columns})
        self._next(")")
        return lambda rows: any(test({**rows, variable: child}) for child in children(rows) or ())


def _path(scope: Scope, path: str) -> tuple[Value, Any]:
    """Return how to get the value of ``column`` or ``variable/column``, and its kind."""
    variable, slash, name = path.rpartition("/")
    if slash and variable not in scope:
        message = f"'{path}' is no property."
        raise BadQuery(message)
    name = column(scope[variable], name)
    return (lambda rows: rows[variable].get(name)), scope[variable][name]


def _literal(found: str, text: str, kind: object) -> Any:  # noqa: ANN401 - whatever compares
    """Return a literal as its column compares it; GUIDs and moments are not quoted (3)."""
    if text == "null":
        return None
    if kind == "bool" and text in {"true", "false"}:
        return text == "true"
    if found != kind or found not in _LITERALS:
        message = f"A binary operator with incompatible types was detected at {text}."
        raise BadQuery(message)
    try:
        return _LITERALS[found](text)
    except ValueError as error:
        raise BadQuery(str(error)) from None


def split_top(text: str, separator: str) -> list[str]:
    """Split at a separator that stands outside of brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == "'"
        depth += 0 if quoted else (character == "(") - (character == ")")
        if character == separator and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


Shower: TypeAlias = Callable[["Row"], "Row"]


def shower(columns: Columns, select: str | None, expand: str | None) -> Shower:
    """Return what turns a stored row into a shown one.

    Child collections come only when expanded (INF, 4.2).

    Args:
        columns: The columns; a child collection is a mapping with the key ``""`` absent.
        select: ``$select``, or None.
        expand: ``$expand``, or None.

    Raises:
        BadQuery: A name is unknown or is no child collection.
    """
    wanted = None if select is None else {column(columns, name) for name in split_top(select, ",")}
    children: dict[str, tuple[Callable[[Row], bool] | None, Shower]] = {}
    for item in split_top(expand or "", ","):
        name, _, inside = item.partition("(")
        name = column(columns, name.strip())
        if not isinstance(columns[name], Mapping):
            message = f"Property '{name}' is not a navigation property."
            raise BadQuery(message)
        options = dict(
            part.partition("=")[::2] for part in split_top(inside.removesuffix(")"), ";")
        )
        test = None
        if "$filter" in options:
            test = compile_filter(options["$filter"], columns[name])
        nested = shower(columns[name], options.get("$select"), options.get("$expand"))
        children[name] = (test, nested)

    def show(row: Row) -> Row:
        shown: Row = {}
        for name, value in row.items():
            if name in children:
                test, nested = children[name]
                rows = [child for child in value or () if test is None or test(child)]
                shown[name] = [nested(child) for child in rows]
            elif name.startswith("_") or isinstance(columns.get(name), Mapping):
                continue
            elif wanted is None or name in wanted:
                shown[name] = value
        return shown

    return show


def sort(rows: list[Row], text: str, columns: Columns) -> list[Row]:
    """Return rows in the order of ``$orderby``; nulls come first.

    Raises:
        BadQuery: A name is unknown, or a direction is neither asc nor desc.
    """
    for item in reversed(split_top(text, ",")):
        field, _, direction = item.partition(" ")
        name = column(columns, field)
        kind = columns[name]
        if direction.strip() not in {"", "asc", "desc"} or isinstance(kind, Mapping):
            message = f"Cannot order by '{item}'."
            raise BadQuery(message)

        def place(row: Row, name: str = name, kind: str = kind) -> tuple[bool, Any]:
            value = comparable(row.get(name), kind)
            return value is not None, "" if value is None else value

        rows = sorted(rows, key=place, reverse=direction.strip() == "desc")
    return rows
