"""JSON in and out with decimals kept as the vendor wrote them."""

from __future__ import annotations

import decimal
import json
import typing as t

import msgspec

_decoder = msgspec.json.Decoder(float_hook=decimal.Decimal)
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
        ValueError: If the body is not JSON in UTF-8.
    """
    body = body.removeprefix(_UTF8_BOM)
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Half of a surrogate pair is legal JSON text but no character: only the standard
        # library lets it through, and it is replaced because UTF-8 cannot carry it.
        return _mend(json.loads(body.decode(), parse_float=decimal.Decimal, parse_constant=_refuse))


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
