"""Reads and writes AIM's JSON and XML by the types of members (3)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from erp_sandbox import jsontext, xmltext
from erp_sandbox.aim.types import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_sandbox.store import Row

_MINIMUM = "0001-01-01T00:00:00"
_NAMESPACE = "http://schemas.datacontract.org/2004/07/AIM.WebService"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_ARRAYS = 'xmlns:d2p1="http://schemas.microsoft.com/2003/10/Serialization/Arrays"'
_PRIMITIVES = {"s": "string", "i": "long", "d": "decimal", "b": "boolean"}
_DEFAULTS: dict[str, object] = {"i": 0, "d": 0, "b": False}
_DATE_LENGTH = 10


class BadMember(ValueError):  # noqa: N818 - it becomes a binding error
    """A member of a request that is not of its type."""


def shown(row: Row, kinds: Mapping[str, str], empty: str, *, nulls: bool = False) -> Row:
    """Return a row as it is encoded in JSON (3.1).

    Args:
        row: The stored row.
        kinds: Its type; members of no known kind come as they are.
        empty: What an empty DateTime? is: ``minimum`` or ``omit``.
        nulls: Whether null members are printed.
    """
    found: Row = {}
    for name, value in row.items():
        kind = kinds.get(name, "o")
        if name.startswith("_"):
            continue
        if value is None and kind == "T" and empty == "minimum":
            found[name] = f"{_MINIMUM}.0000000"
        elif value is None:
            # A non-nullable DateTime at its default is left out (DOC sample).
            if nulls and kind != "t":
                found[name] = None
        elif kind[0] in "[{" and kind[1:-1] in TYPES:
            inner = TYPES[kind[1:-1]]
            found[name] = (
                [shown(item, inner, empty, nulls=nulls) for item in value]
                if kind[0] == "["
                else shown(value, inner, empty, nulls=nulls)
            )
        else:
            found[name] = value
    return found


def to_json(row: Row, kinds: Mapping[str, str], empty: str, *, nulls: bool) -> bytes:
    """Return an answer as JSON."""
    return jsontext.dumps(shown(row, kinds, empty, nulls=nulls))


def to_xml(row: Row, kinds: Mapping[str, str], root: str, empty: str) -> bytes:
    """Return an answer as XML: members in alphabetical order, Status first (DOC, 3.1)."""
    head = f'xmlns:i="{_INSTANCE}" xmlns="{_NAMESPACE}"'
    inside = _members({"Status": row.get("Status"), **row}, kinds, empty, first="Status")
    return (xmltext.HEAD + xmltext.element(root, inside, head)).encode()


def _members(row: Row, kinds: Mapping[str, str], empty: str, first: str = "") -> str:
    names = sorted({*row, *kinds}, key=lambda name: (name != first, name))
    parts = []
    for name in names:
        kind = kinds.get(name, "o")
        # A number that an answer does not have at all (RemainingRecords switched off) is no null.
        if not name.startswith("_") and (name in row or kind not in {"i", "d", "b"}):
            parts.append(_member(name, row.get(name), kind, empty))
    return "".join(parts)


def _member(name: str, value: object, kind: str, empty: str) -> str:
    if value is None and (kind == "t" or (kind == "T" and empty == "minimum")):
        return xmltext.element(name, _MINIMUM)
    if value is None:
        return xmltext.element(name, "", 'i:nil="true"')
    if isinstance(value, list):
        inner = kind[1:-1] if kind[0] == "[" else "o"
        if inner in _PRIMITIVES:
            items = (
                xmltext.element(f"d2p1:{_PRIMITIVES[inner]}", _text(item, inner)) for item in value
            )
            return xmltext.element(name, "".join(items), _ARRAYS)
        known = TYPES.get(inner, {})
        items = (xmltext.element(inner, _members(item, known, empty)) for item in value)
        return xmltext.element(name, "".join(items))
    if isinstance(value, dict):
        return xmltext.element(name, _members(value, TYPES.get(kind[1:-1], {}), empty))
    return xmltext.element(name, _text(value, kind))


def _text(value: object, kind: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    if kind in {"t", "T"}:
        # XML prints seconds without zeros behind them (DOC sample).
        text = text.rstrip("0").rstrip(".") if "." in text else text
    return xmltext.escape(text)


def moment(text: str) -> str:
    """Return a date or date-time without a zone in the vendor's full form.

    Raises:
        BadMember: It is none.
    """
    day, _, clock = text.strip().partition("T")
    clock = clock.removesuffix("Z") or "00:00:00"
    seconds, _, fraction = clock.partition(".")
    full = f"{day}T{seconds}.{fraction[:7].ljust(7, '0')}"
    good = len(day) == _DATE_LENGTH and len(seconds) == len("00:00:00")
    if not good or not full.translate({ord(mark): None for mark in "-T:."}).isdigit():
        message = f"'{text}' is not a date"
        raise BadMember(message)
    return full


def member(name: str, value: object, kind: str) -> Any:  # noqa: ANN401 - by its kind
    """Return a request member in the form in which it is stored.

    Args:
        name: Its name, for the error.
        value: JSON value, text of the query, or XML element.
        kind: See :data:`erp_sandbox.aim.types.Fields`.

    Raises:
        BadMember: It is not of that kind.
    """
    kind = kind.rstrip("!")
    if isinstance(value, ET.Element):
        if value.get(f"{{{_INSTANCE}}}nil") == "true":
            return None
        if kind[0] not in "[{o":
            value = value.text or ""
    if value is None:
        return None
    if kind[0] == "[":
        items: Any = value if isinstance(value, (list, ET.Element)) else [value]
        inner = kind[1:-1]
        return [member(name, item, inner if len(inner) == 1 else f"{{{inner}}}") for item in items]
    if kind[0] == "{":
        return members(value, TYPES[kind[1:-1]], name)
    if kind == "o":
        return value
    return _primitive(name, value, kind)


def _primitive(name: str, value: object, kind: str) -> object:
    """Return a plain member; ServiceStack converts text to numbers by itself."""
    text = str(value).strip()
    try:
        if isinstance(value, (dict, list)):
            raise BadMember
        if kind in {"t", "T"}:
            found = None if not text else moment(text)
            return None if found is not None and found.startswith(_MINIMUM) else found
        if kind == "i" and not isinstance(value, bool):
            return None if not text else int(text)
        if kind == "d" and not isinstance(value, bool):
            number = value if isinstance(value, (int, Decimal)) else Decimal(text or "0")
            return number if Decimal(number).is_finite() else Decimal(text + "x")
        if kind == "b":
            return {"true": True, "1": True, "false": False, "0": False, "": False}[text.lower()]
    except (ValueError, KeyError, InvalidOperation):
        message = f"Unable to bind to request: {name}"
        raise BadMember(message) from None
    if kind in {"i", "d"} or isinstance(value, bool):
        message = f"Unable to bind to request: {name}"
        raise BadMember(message)
    return value if isinstance(value, str) else str(value)


def members(sent: object, kinds: Mapping[str, str], name: str) -> Row:
    """Return the known members of a request object; names go without regard to case (2).

    A null member is the same as an absent one: a DTO cannot tell them apart.

    Raises:
        BadMember: It is no object, or a member is not of its kind.
    """
    if isinstance(sent, ET.Element):
        pairs: Any = ((item.tag.rpartition("}")[2], item) for item in sent)
    elif isinstance(sent, dict):
        pairs = sent.items()
    else:
        message = f"Unable to bind to request: {name}"
        raise BadMember(message)
    known = {column.lower(): column for column in kinds}
    found: Row = {}
    for key, value in pairs:
        column = known.get(str(key).lower())
        if column is not None:
            read = member(column, value, kinds[column])
            if read is not None:
                found[column] = read
    return found


def parse(body: bytes, content_type: str) -> object:
    """Return the body of a request as a JSON value or an XML element.

    Raises:
        BadMember: It is neither.
    """
    if not body.strip():
        return {}
    try:
        if "xml" in content_type.lower():
            return ET.fromstring(body)  # noqa: S314 - loopback only
        return jsontext.loads(body)
    except (ValueError, ET.ParseError):
        message = "Unable to bind to request: the body cannot be read"
        raise BadMember(message) from None


def empty_row(type_name: str) -> Row:
    """Return a row of a type in which each value type has its default."""
    kinds = TYPES[type_name]
    return {name: [] if kind[0] == "[" else _DEFAULTS.get(kind) for name, kind in kinds.items()}
