"""A second reading of the formats, simple and slow, that parsers are compared with."""

from __future__ import annotations

import decimal
import json
import re
import typing as t
from collections import Counter

if t.TYPE_CHECKING:
    import xml.etree.ElementTree as ET

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?0*\d{1,4})?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,7})", re.ASCII)
_LIMITS = re.compile(rb"[eE][+-]?[0-9]{4}|[0-9.]{4000}")


def strict(text: bytes) -> t.Any:
    """Read JSON with the standard library.

    Raises:
        ValueError: If it is none, or holds a number beyond all limits.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    try:
        value = json.loads(text.decode(), parse_float=decimal.Decimal, parse_constant=_refuse)
    except (ArithmeticError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return _characters(value)


def within_limits(text: bytes) -> bool:
    """Whether JSON text is surely neither too deep nor holds a number of too many digits."""
    return text.count(b"[") + text.count(b"{") <= 200 and not _LIMITS.search(text)


def texts(root: ET.Element) -> t.Iterator[str]:
    """All texts of an XML tree, wherever they stand."""
    if root.get(NIL, "").strip() not in {"true", "1"}:
        yield root.text or ""
    for child in root:
        yield from texts(child)
        yield child.tail or ""


def names(root: ET.Element) -> set[str]:
    """The names of all elements of an XML tree."""
    return {element.tag.split("}")[-1] for element in root.iter()}


def leaves(value: t.Any) -> t.Iterator[t.Any]:
    """The scalars of a value that is made of objects and lists."""
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def keys(value: t.Any) -> set[str]:
    """The names of all properties in a value."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def counted(values: t.Iterable[t.Any]) -> Counter[t.Any]:
    """How often each scalar occurs, whether it is written as text or has its type.

    Args:
        values: Scalars; those that are null or blank do not count.
    """
    return Counter(
        _plain(str(value)) for value in values if value is not None and str(value).strip()
    )


def _plain(text: str) -> t.Any:
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return decimal.Decimal(text)
    date = _DATE.fullmatch(text)
    return f"{date[1]}.{date[2]}".rstrip("0").rstrip(".") if date else text.lower()


def _characters(value: t.Any) -> t.Any:
    """A value in which half of a surrogate pair, which is no character, is replaced."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_characters(item) for item in value]
    if isinstance(value, dict):
        return {_characters(name): _characters(item) for name, item in value.items()}
    return value


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(constant)
