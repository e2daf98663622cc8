"""Catalog and state as they come in: one that cannot be used ends the run with one line."""

from __future__ import annotations

import decimal
import typing as t

from singer_sdk.singerlib import Catalog

from erp_vendors.errors import ConfigError
from erp_vendors.http import codec

Json = t.Any
Object = dict[str, t.Any]

_LEVELS = 50
"""Levels of objects inside of objects that a schema may have."""
_METHODS = ("FULL_TABLE", "INCREMENTAL", "LOG_BASED")
_NAMES = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    decimal.Decimal: "a number",
    type(None): "null",
}
_TEXT = (str, type(None))
_FLAG = (bool, type(None))
_METADATA: dict[str, tuple[type, ...]] = {
    "inclusion": _TEXT,
    "selected": _FLAG,
    "selected-by-default": _FLAG,
    "replication-key": _TEXT,
    "schema-name": _TEXT,
}
_ENTRY: dict[str, tuple[type, ...]] = {
    "stream": _TEXT,
    "replication_key": _TEXT,
    "database_name": _TEXT,
    "table_name": _TEXT,
    "stream_alias": _TEXT,
    "is_view": _FLAG,
    "row_count": (int, type(None)),
}
_HARMLESS = {"currently_syncing"}
"""Members of a state that other runners write beside the bookmarks."""


def read_catalog(file: t.IO[str]) -> Catalog:
    """Read the file of `--catalog`.

    Raises:
        ConfigError: If it holds no catalog that the SDK can work with.
    """
    return check_catalog(_read(file, "catalog"), f"catalog {file.name}")


def read_state(file: t.IO[str]) -> Object:
    """Read the file of `--state`.

    Raises:
        ConfigError: If it holds no state that the streams can work with.
    """
    return check_state(_read(file, "state"), f"state {file.name}")


def _read(file: t.IO[str], what: str) -> Json:
    """Read a file that holds one JSON value; `what` names its option."""
    where = f"{what} {file.name}"
    try:
        raw = getattr(file, "buffer", file).read()
        text = raw if isinstance(raw, bytes) else raw.encode()
        if not text.strip():
            msg = f"{where}: the file is empty; leave --{what} out if there is none"
            raise ConfigError(msg)
        return codec.decode(text)
    except (ValueError, RecursionError) as error:
        several = len(text.strip().splitlines()) > 1 and _is_json(text.strip().splitlines()[-1])
        hint = "; of several lines only the last one may stay" if several else ""
        msg = f"{where}: the file is not one JSON value ({error}){hint}"
        raise ConfigError(msg) from None
    except OSError as error:
        msg = f"{where}: the file cannot be read ({error})"
        raise ConfigError(msg) from None


def check_catalog(value: Json, where: str = "catalog") -> Catalog:
    """The value as a catalog that the SDK can work with.

    Args:
        value: Any JSON.
        where: What the value is, for the error.

    Raises:
        ConfigError: If the value has no usable shape; the message names the stream.
    """
    streams = _member(_is(value, where, dict), where, "streams", list)
    for place, entry in enumerate(streams):
        here = f"{where}: streams[{place}]"
        _is(entry, here, dict)
        name = _member(entry, here, "tap_stream_id", str)
        _check_entry(entry, f"{where}: stream '{name}'")
    return Catalog.from_dict({**value, "streams": [_as_chosen(entry) for entry in streams]})


def check_state(value: Json, where: str = "state") -> Object:
    """The value as a state that the streams can work with.

    Args:
        value: Any JSON.
        where: What the value is, for the error.

    Raises:
        ConfigError: If the value has no usable shape; the message names the stream.
    """
    if not _is(value, where, dict).keys() - _HARMLESS:
        return {}
    bookmarks = _member(value, where, "bookmarks", dict)
    for name, bookmark in bookmarks.items():
        here = f"{where}: bookmark of stream '{name}'"
        _is(bookmark, here, dict)
        _may_be(bookmark, here, "replication_key", *_TEXT)
        _may_be(bookmark, here, "replication_key_value", *_TEXT, int, decimal.Decimal)
        _may_be(bookmark, here, "version", int, type(None))
        for member in ("copied_at", "source"):
            _may_be(bookmark, here, member, *_TEXT)
        overlap = _may_be(bookmark, here, "overlap", dict, type(None)) or {}
        for stamp in overlap:
            _texts(overlap, f"{here}: overlap", stamp)
        for member in ("filled", "entities"):
            _texts(bookmark, here, member, type(None))
    return t.cast("Object", value)


def _check_entry(entry: Object, here: str) -> None:
    for member, kinds in _ENTRY.items():
        _may_be(entry, here, member, *kinds)
    _texts(entry, here, "key_properties", type(None))
    _method(entry, here, "replication_method")
    schema = _member(entry, here, "schema", dict)
    _member(schema, f"{here}: schema", "properties", dict)
    _check_schema(schema, f"{here}: schema", 0)
    for place, part in enumerate(_may_be(entry, here, "metadata", list) or ()):
        inside = f"{here}: metadata[{place}]"
        _is(part, inside, dict)
        if len(_member(part, inside, "breadcrumb", list)) > 2 * _LEVELS:
            _too_deep(inside)
        _texts(part, inside, "breadcrumb")
        metadata = _member(part, inside, "metadata", dict)
        for member, kinds in _METADATA.items():
            _may_be(metadata, inside, member, *kinds)
        for member in ("table-key-properties", "valid-replication-keys"):
            _texts(metadata, inside, member, type(None))
        _method(metadata, inside, "forced-replication-method")
        _method(metadata, inside, "replication-method")


def _as_chosen(entry: Object) -> Object:
    """The entry with the method that its user has chosen where Singer and Meltano put it.

    The SDK does not read `replication-method`, and prefers the entry's method to any metadata.
    """
    for part in entry.get("metadata") or ():
        chosen = part["metadata"].get("replication-method")
        if not part["breadcrumb"] and chosen is not None:
            return {**entry, "replication_method": chosen}
    return entry


def _check_schema(schema: Json, here: str, level: int) -> None:
    """Check what the SDK takes for granted in a schema."""
    if level > _LEVELS:
        _too_deep(here)
    _is(schema, here, dict)
    if isinstance(schema.get("type"), list):
        _texts(schema, here, "type")
    else:
        _may_be(schema, here, "type", *_TEXT)
    _texts(schema, here, "required")
    for name, part in (_may_be(schema, here, "properties", dict, type(None)) or {}).items():
        _check_schema(part, f"{here}.{name}", level + 1)
    if schema.get("items") is not None:
        _check_schema(schema["items"], f"{here}: items", level + 1)
    for member in ("anyOf", "allOf", "oneOf"):
        for part in _may_be(schema, here, member, list) or ():
            _check_schema(part, f"{here}: {member}", level + 1)


def _member(value: Object, where: str, name: str, kind: type) -> Json:
    if name not in value:
        msg = f"{where} has no '{name}'"
        raise ConfigError(msg)
    return _is(value[name], f"{where}: '{name}'", kind)


def _may_be(value: Object, where: str, name: str, *kinds: type) -> Json:
    return _is(value[name], f"{where}: '{name}'", *kinds) if name in value else None


def _texts(value: Object, where: str, name: str, *more: type) -> None:
    for item in _may_be(value, where, name, list, *more) or ():
        _is(item, f"{where}: '{name}'", str)


def _method(value: Object, where: str, name: str) -> None:
    if (method := _may_be(value, where, name, *_TEXT)) not in (None, *_METHODS):
        msg = f"{where}: '{name}' must be one of {', '.join(_METHODS)}, not {method!r}"
        raise ConfigError(msg)


def _is(value: Json, where: str, *kinds: type) -> Json:
    """Return the value if it has one of some types; `true` counts as no number."""
    if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)):
        return value
    if list in kinds and isinstance(value, tuple):
        return value  # the SDK's own catalog has some
    wanted = " or ".join(dict.fromkeys(_NAMES[kind] for kind in kinds if kind is not type(None)))
    msg = f"{where} must be {wanted}, not {_NAMES.get(type(value), 'that')}"
    raise ConfigError(msg)


def _too_deep(where: str) -> t.NoReturn:
    msg = f"{where} is nested more than {_LEVELS} levels deep"
    raise ConfigError(msg)


def _is_json(line: bytes) -> bool:
    try:
        codec.decode(line)
    except (ValueError, RecursionError):
        return False
    return True
