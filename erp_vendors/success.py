"""The entry `success` of `resources`: what an answer to a write looks like when it has worked."""

from __future__ import annotations

import typing as t

TYPES = ("array", "boolean", "empty", "null", "number", "object", "text")
"""What the body of a success can be; never a page of HTML, or JSON that breaks off."""
METHODS = ("POST", "PUT", "DELETE")

Given = t.Mapping[str, t.Any]

_SHAPE: dict[str, t.Any] = {
    "additionalProperties": False,
    "minProperties": 1,
    "properties": {
        "method": {"type": "string", "enum": list(METHODS)},
        "status": {"type": "integer", "minimum": 200, "maximum": 299},
        "type": {"type": "string", "enum": list(TYPES)},
        "members": {"type": "array", "items": {"type": "string"}},
    },
}


def success_schema() -> dict[str, t.Any]:
    """JSON schema of the entry: a shape, or a list of shapes."""
    # JSON schema applies keywords of objects to objects only, and those of lists to lists only.
    return {
        "type": ["object", "array"],
        **_SHAPE,
        "minItems": 1,
        "items": {"type": "object", **_SHAPE},
    }


def shapes_of(setting: Given | t.Sequence[Given] | None) -> tuple[Given, ...]:
    """The shapes that the entry names.

    Args:
        setting: The entry, as its JSON schema has let it pass; None where there is none.
    """
    if setting is None:
        return ()
    return (setting,) if isinstance(setting, t.Mapping) else tuple(setting)
