"""The JSON schemas of `schemas/`, which lie at the top of a checkout and inside the wheel."""

from __future__ import annotations

import copy
import functools
import json
import pathlib
import typing as t

Schema = dict[str, t.Any]

_PACKAGED = pathlib.Path(__file__).parent / "schemas"
_CHECKOUT = pathlib.Path(__file__).parents[1] / "schemas"
_OPEN: Schema = {"type": "object", "properties": {}, "additionalProperties": True}
_ANY_KEY = {"type": ["string", "integer"]}
ANYTHING: Schema = {
    "oneOf": [{"type": "string"}, {"type": ["number", "boolean", "object", "array", "null"]}]
}
"""A column that may hold anything, so that no loader ever has to change it.

The order and `oneOf` matter: loaders that look at the first alternative make a text column of it,
and those that look for `type` or `anyOf` find none, and make a text column that takes objects, too
(docs/warehouses.md names what was run).
"""


def load(vendor: str, resource: str) -> Schema:
    """Read a resource's schema.

    Args:
        vendor: Vendor block name.
        resource: Resource name; `write/<resource>` for what the vendor takes.

    Returns:
        The schema, or an open one where there is no file.
    """
    schema: Schema = json.loads(_read(vendor, resource))  # quicker than copying a parsed one
    return schema


def for_stream(
    vendor: str,
    resource: str,
    primary_keys: t.Iterable[str],
    replication_key: str | None,
    given: t.Mapping[str, t.Any] | None = None,
) -> Schema:
    """A stream's schema, with its keys in it even if they come from the user's settings.

    Args:
        vendor: Vendor block name.
        resource: Resource name.
        primary_keys: The stream's key properties.
        replication_key: The bookmark field, or None.
        given: A schema from the settings, which replaces the file.

    Returns:
        The schema, open for further properties.
    """
    schema = load(vendor, resource) if given is None else {**_OPEN, **copy.deepcopy(dict(given))}
    properties = schema["properties"]
    for key in primary_keys:
        properties.setdefault(key, dict(_ANY_KEY))
    if replication_key:
        properties.setdefault(replication_key, copy.deepcopy(ANYTHING))
    return schema


@functools.cache
def _read(vendor: str, resource: str) -> str:
    for root in (_PACKAGED, _CHECKOUT):
        file = root / vendor / f"{resource}.json"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    return json.dumps(_OPEN)
