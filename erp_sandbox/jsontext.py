"""JSON in and out with every decimal kept as it was written.

``0.0000`` stays ``0.0000`` and ``0.1`` never becomes a binary fraction: numbers with a point or
an exponent are :class:`decimal.Decimal` everywhere in the sandbox.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def dumps(value: object) -> bytes:
    """Encode a value as compact UTF-8 JSON.

    Args:
        value: Built from dict, list, str, int, bool, None and Decimal.

    Returns:
        The JSON text.
    """
    return _ENCODER.encode(value)


def loads(data: bytes | str) -> Any:  # noqa: ANN401 - JSON is whatever the caller sent
    """Decode JSON, keeping decimals exact.

    Returns:
        The decoded value.

    Raises:
        ValueError: The text is not JSON.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
