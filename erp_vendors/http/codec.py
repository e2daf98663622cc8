"""JSON in and out with decimals kept as the vendor wrote them."""

from __future__ import annotations

import decimal
import json
import re
import typing as t

import msgspec

_DIGITS = 4_300
"""Digits that a number may have, written out: as many as Python's own integers from text."""
_EXPONENT_DIGITS = 4
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COUNT = re.compile("[0-9]{1,18}")
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "null"),
    (dict, "object"),
    ((list, tuple), "list"),
    (str, "text"),
    (bool, "boolean"),  # before the numbers, as it is one in Python
    (object, "number"),
)
_SHOWN = 40
MOST_LEVELS = 200
"""Levels of objects and lists, or of XML elements, that may stand in each other. What goes through
a value level by level would fail at a few hundred."""


MOST_PARTS = 20_000_000
"""Values, objects and lists that a text may hold, as far as its signs tell: each takes 50 bytes of
memory and more, be it written in two."""


class TooManyPartsError(ValueError):
    """A text is small enough, but what it holds would fill the memory."""


def check_parts(body: bytes, signs: bytes) -> None:
    """Refuse a text that holds more than can be kept in memory, by what its parts begin with.

    Args:
        body: The text.
        signs: The characters that begin a part.

    Raises:
        TooManyPartsError: If there are more than 20,000,000 of them.
    """
    if len(body) > MOST_PARTS and sum(body.count(sign) for sign in signs) > MOST_PARTS:
        msg = f"it holds more than {MOST_PARTS:,} values"
        raise TooManyPartsError(msg)


def _decimal(text: str) -> decimal.Decimal:
    """A fraction, or a number with an exponent.

    Args:
        text: The number as it stands in the JSON text.

    Raises:
        ValueError: If it has so many digits that a calculation with it would fill the memory.
    """
    if len(text) <= _DIGITS:
        if "e" not in text and "E" not in text:
            return decimal.Decimal(text)
        _, _, exponent = text.lower().partition("e")
        if len(exponent.lstrip("+-0")) <= _EXPONENT_DIGITS:
            value = decimal.Decimal(text)
            if -_DIGITS <= value.adjusted() <= _DIGITS:
                return value
    raise _too_long(text)


def _integer(text: str) -> int:
    if len(text) > _DIGITS:
        raise _too_long(text)
    return int(text)


def _too_long(text: str) -> ValueError:
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return ValueError(f"the number {shown} has more than {_DIGITS:,} digits")


# For speed: msgspec, with the standard library only for what msgspec refuses (`decode`). Benchmark:
# `raw_tap`. It may go when `json` reads decimals as fast.
_decoder = msgspec.json.Decoder(float_hook=_decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")
_sorted_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")
_UTF8_BOM = b"\xef\xbb\xbf"
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
Pairs = t.Callable[[list[tuple[str, t.Any]]], t.Any]


def decode(body: bytes) -> t.Any:  # noqa: ANN401 - JSON can be anything
    """Parse JSON; fractions become `decimal.Decimal`, integers stay exact.

    Args:
        body: JSON text in UTF-8, with or without a byte-order mark.

    Returns:
        The parsed value.

    Raises:
        ValueError: If the body is not JSON in UTF-8, is nested too deep, holds too many values,
            or a number of more than 4,300 digits.
    """
    body = body.removeprefix(_UTF8_BOM)
    check_parts(body, b"{[,")
    try:
        try:
            value = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Half of a surrogate pair is legal JSON text but no character: only the standard
            # library lets it through, and it is replaced because UTF-8 cannot carry it.
            value = _mend(_loads(body))
    except RecursionError:
        raise _too_deep() from None
    if _may_be_deeper(body, MOST_LEVELS) and is_deeper(value, MOST_LEVELS):
        raise _too_deep()
    return value


def decode_pairs(body: bytes, pairs: Pairs) -> t.Any:  # noqa: ANN401 - JSON can be anything
    """Parse JSON as `decode` does, with objects whose names may come twice.

    Args:
        body: JSON text in UTF-8.
        pairs: Makes a value of an object's names and values.

    Raises:
        ValueError: As `decode`.
    """
    body = body.removeprefix(_UTF8_BOM)
    # The depth is looked up in the text: `pairs` may make any objects of it, and Python 3.14 reads
    # tens of thousands of levels.
    if _may_be_deeper(body, MOST_LEVELS) and _is_deeper_text(body, MOST_LEVELS):
        raise _too_deep()
    return _loads(body, pairs)


def _loads(body: bytes, pairs: Pairs | None = None) -> t.Any:  # noqa: ANN401
    return json.loads(
        body.decode(),
        parse_float=_decimal,
        parse_int=_integer,
        parse_constant=_refuse,
        object_pairs_hook=pairs,
    )


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {MOST_LEVELS} levels")


def _may_be_deeper(body: bytes, levels: int) -> bool:
    """Whether JSON text may be nested deeper than that, found out by its brackets alone.

    For speed: to go through a page's values takes longer than to parse it. Benchmark: `raw_tap`.
    It may go when the parser has a limit of its own. Only a text that was made for it can hide its
    depth, by brackets inside its strings.
    """
    if body.count(b"{") + body.count(b"[") <= levels:
        return False
    brackets = body.translate(None, _NO_BRACKETS)
    for removed in range(0, levels, 2):  # each time one level goes, or two
        before = brackets
        brackets = before.replace(b"[]", b"").replace(b"{}", b"")
        if len(brackets) == len(before):
            return removed + len(brackets) > levels
    return bool(brackets)


def _is_deeper_text(body: bytes, levels: int) -> bool:
    """Whether JSON text is nested deeper than that."""
    depth = 0
    for bracket in _STRINGS.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > levels:
            return True
    return False


def is_deeper(value: t.Any, levels: int) -> bool:  # noqa: ANN401 - JSON can be anything
    """Whether objects and lists stand in each other more often than a number of times.

    Args:
        value: A parsed value.
        levels: Levels that are allowed; a list in a list is two.
    """
    layer = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not layer:
            return False
    return bool(layer)


def number_of(text: str) -> int | decimal.Decimal:
    """Read a number that stands in another text than JSON, as `decode` would read it.

    Args:
        text: The number, as XML may write it: with a plus, leading zeros or a bare point.

    Returns:
        An integer if there is neither a point nor an exponent.

    Raises:
        ValueError: If it is none, or has more than 4,300 digits.
    """
    if not _NUMBER.fullmatch(text):
        msg = f"{text[:_SHOWN]!r} is no number"
        raise ValueError(msg)
    return _integer(text) if text.lstrip("+-").isdigit() else _decimal(text)


def count_of(text: str) -> int | None:
    """Read a number of things that stands in a text.

    Returns:
        None if it is anything but digits from 0 to 9, or more of them than a count can have.
    """
    return int(text) if _COUNT.fullmatch(text) else None


def kind_of(value: object) -> str:
    """What JSON calls a value: null, object, list, text, number or boolean."""
    return next(kind for types, kind in _KINDS if isinstance(value, types))


def encode(value: object) -> bytes:
    """Serialise to JSON; decimals keep their digits.

    Args:
        value: Anything that JSON can hold, plus `decimal.Decimal`.

    Returns:
        JSON text in UTF-8.
    """
    return _encoder.encode(value)


def encode_sorted(value: object) -> bytes:
    """Serialise to JSON with the properties of every object in one order, for hashing.

    Args:
        value: As for `encode`.
    """
    return _sorted_encoder.encode(value)


def _refuse(constant: str) -> t.NoReturn:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def _mend(value: t.Any) -> t.Any:  # noqa: ANN401
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mend(item) for item in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    return value
