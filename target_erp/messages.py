"""The shape of Singer messages: what a message must have to be understood."""

from __future__ import annotations

import decimal
import typing as t

from target_erp.reader import InputError

Message = t.Mapping[str, t.Any]
Record = dict[str, t.Any]

_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (dict, "an object"),
    (list, "a list"),
    (str, "text"),
    (type(None), "null"),
)


def stream_of(message: Message) -> str:
    """The stream that a message is about.

    Args:
        message: Any message but STATE.

    Raises:
        InputError: If it names none.
    """
    stream = message.get("stream")
    if not isinstance(stream, str) or not stream:
        msg = f"has a {message['type']} message without the name of a stream"
        raise InputError(msg)
    return stream


def schema_of(message: Message) -> tuple[str, Record, tuple[str, ...]]:
    """Stream, schema and key properties of a SCHEMA message.

    Raises:
        InputError: If the schema has no usable shape, or the key properties are no names.
    """
    stream, schema = stream_of(message), message.get("schema")
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        what = _wrong(message, "schema", "an object")
        if isinstance(schema, dict):
            what = f"schema.{_wrong(schema, 'properties', 'an object')}"
        msg = f"has a SCHEMA of stream '{stream}' that cannot be used: {what}"
        raise InputError(msg)
    keys = message.get("key_properties")
    if keys is None:
        keys = []
    if not isinstance(keys, list) or not all(isinstance(key, str) and key for key in keys):
        msg = (
            f"has a SCHEMA of stream '{stream}' that cannot be used: its key_properties are no "
            "list of names"
        )
        raise InputError(msg)
    return stream, schema, tuple(dict.fromkeys(keys))


def record_of(message: Message) -> tuple[str, Record]:
    """Stream and record of a RECORD message.

    Raises:
        InputError: If the record is no object.
    """
    stream, record = message.get("stream"), message.get("record")
    if isinstance(stream, str) and stream and isinstance(record, dict):
        return stream, record
    msg = (
        f"has a RECORD of stream '{stream_of(message)}' that cannot be used: "
        f"{_wrong(message, 'record', 'an object')}"
    )
    raise InputError(msg)


def version_of(message: Message) -> str:
    """The stream of an ACTIVATE_VERSION message.

    Args:
        message: The message; what its version is decides nothing here, but it must be one.

    Raises:
        InputError: If it has no version.
    """
    stream, version = stream_of(message), message.get("version")
    if isinstance(version, bool) or not isinstance(version, (int, decimal.Decimal)):
        msg = (
            f"has an ACTIVATE_VERSION of stream '{stream}' that cannot be used: "
            f"{_wrong(message, 'version', 'a number')}"
        )
        raise InputError(msg)
    return stream


def value_of(message: Message) -> t.Any:  # noqa: ANN401 - any JSON
    """The value of a STATE message.

    Raises:
        InputError: If it has none.
    """
    if "value" not in message:
        msg = "has a STATE message without a value"
        raise InputError(msg)
    return message["value"]


def _wrong(message: Message, name: str, wanted: str) -> str:
    """What is wrong with a member, in a few words."""
    if name not in message:
        return f"{name} is missing"
    found = next((word for kind, word in _KINDS if isinstance(message[name], kind)), "a number")
    return f"{name} is {found}, not {wanted}"
