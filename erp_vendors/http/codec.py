"""JSON in and out with decimals kept as the vendor wrote them."""

from __future__ import annotations

import decimal
import json
import typing as t

import msgspec

_DIGITS = 4_300
"""Digits that a number may have, written out: as many as Python's own integers from text."""
_EXPONENT_DIGITS = 4
_SHOWN = 40


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


def decode(body: bytes) -> t.Any:  # noqa: ANN401 - JSON can be anything
    """Parse JSON; fractions become `decimal.Decimal`, integers stay exact.

    Args:
        body: JSON text in UTF-8, with or without a byte-order mark.

    Returns:
        The parsed value.

    Raises:
        ValueError: If the body is not JSON in UTF-8, is nested too deep, or holds a number of
            more than 4,300 digits.
    """
    body = body.removeprefix(_UTF8_BOM)
    try:
        try:
            return _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # Half of a surrogate pair is legal JSON text but no character: only the standard
            # library lets it through, and it is replaced because UTF-8 cannot carry it.
            return _mend(
                json.loads(
                    body.decode(),
                    parse_float=_decimal,
                    parse_int=_integer,
                    parse_constant=_refuse,
                )
            )
    except RecursionError:
        msg = "it is nested too deep"
        raise ValueError(msg) from None


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
