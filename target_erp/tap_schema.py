"""The schema of a SCHEMA message: what of it is checked, and what cannot be understood.

It is the tap's word and follows no single draft of JSON Schema, so it is read as widely as it is
meant; what nobody can read is left unchecked instead of refusing records.
"""

from __future__ import annotations

import typing as t
import urllib.parse

import jsonschema_rs

Schema = dict[str, t.Any]
Path = tuple["str | int", ...]


class SchemaFault(t.NamedTuple):
    """A keyword that cannot be compiled.

    Attributes:
        path: Where it stands.
        named: The last part is no keyword, but the name of a schema.
    """

    path: Path
    named: bool = False


_DRAFT = "http://json-schema.org/draft-07/schema#"
_ANNOTATIONS = frozenset(
    {
        *("$schema", "$comment", "title", "description", "default", "examples"),
        *("readOnly", "writeOnly", "format"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
    }
)
"""Keywords that say nothing about whether a record fits."""
_VALUES = frozenset({"const", "enum"})
"""Keywords that hold values, in which nothing is a keyword."""
_BY_NAME = frozenset({"$defs", "definitions", "dependencies", "patternProperties", "properties"})
"""Keywords that hold schemas by name."""
_TURNED = frozenset({"if", "not", "oneOf"})
"""Keywords in which a schema that lets more pass may make fewer records fit."""
_OPEN_BESIDE = frozenset({"patternProperties", "properties"})
"""Keywords that say what `additionalProperties` is about."""


def compiled(schema: Schema) -> jsonschema_rs.Validator:
    """A validator that takes formats for annotations and fetches nothing.

    Raises:
        ValueError: If it cannot be compiled.
    """
    return jsonschema_rs.validator_for(
        {**schema, "$schema": _DRAFT}, validate_formats=False, offline=True
    )


def understood(schema: Schema) -> tuple[Schema, list[str]]:
    """What of a schema can be checked.

    Annotations are left out, and the forms of draft 4 become those of draft 7.

    Args:
        schema: The schema as it came; it is not changed.

    Returns:
        A schema that can be compiled, and the keywords that are left unchecked, with dots between
        the names.
    """
    clean = _plain(schema)
    if _compiles(clean):
        return clean, []
    faults = list(dict.fromkeys(_faults(clean, clean)))
    for fault in faults:
        _remove(clean, fault)
    if _compiles(clean):
        return clean, [".".join(map(str, fault.path)) for fault in faults]
    return {}, ["the whole schema"]


def references_in(schema: t.Any) -> t.Iterator[str]:  # noqa: ANN401 - any part of a schema
    """The values of all `$ref` in a schema.

    Args:
        schema: A schema that was understood, or a part of it.
    """
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference
        for word, value in schema.items():
            if word not in _VALUES:
                yield from references_in(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references_in(value)


def _compiles(schema: Schema) -> bool:
    try:
        compiled(schema)
    except ValueError:
        return False
    return True


def _plain(schema: t.Any) -> t.Any:  # noqa: ANN401 - any part of a schema
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain: Schema = {}
    for word, value in schema.items():
        if word in _ANNOTATIONS:
            continue
        if word in _BY_NAME and isinstance(value, dict):
            plain[word] = {name: _plain(part) for name, part in value.items()}
        else:
            plain[word] = value if word in _VALUES else _plain(value)
    for bound in ("maximum", "minimum"):
        exclusive = f"exclusive{bound.capitalize()}"
        if isinstance(plain.get(exclusive), bool) and plain.pop(exclusive) and bound in plain:
            plain[exclusive] = plain.pop(bound)
    _gather_required(schema, plain)
    return plain


def _gather_required(schema: Schema, plain: Schema) -> None:
    """Let the object say what is required where its properties say it of themselves."""
    if isinstance(plain.get("required"), bool):
        del plain["required"]
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    asked = [
        name
        for name, part in properties.items()
        if isinstance(part, dict) and part.get("required") is True
    ]
    if asked:
        known = plain.get("required")
        plain["required"] = list(
            dict.fromkeys([*(known if isinstance(known, list) else []), *asked])
        )


def _faults(
    schema: Schema, root: Schema, path: Path = (), around: SchemaFault | None = None
) -> t.Iterator[SchemaFault]:
    """What cannot be compiled.

    Args:
        schema: A schema inside the root.
        root: The whole schema, for its references.
        path: Where it stands.
        around: What has to go if anything is wrong in here.
    """
    for word, value in schema.items():
        whole = SchemaFault((*path, word))
        outer = around or (whole if word in _TURNED else None)
        by_name = word in _BY_NAME and isinstance(value, dict)
        if word == "$ref":
            fits = _leads_somewhere(value, root)
        else:
            fits = by_name or _compiles({word: _hollow(value)})
        if not fits:
            yield outer or whole
        elif word not in _VALUES:
            for name, part in _parts(value, by_name=by_name):
                place = whole.path if name is None else (*whole.path, name)
                if by_name and not _compiles({word: {name: _hollow(part)}}):
                    named = word != "patternProperties"
                    yield outer or (SchemaFault(place, named=True) if named else whole)
                elif isinstance(part, dict):
                    yield from _faults(part, root, place, outer)


def _parts(value: t.Any, *, by_name: bool) -> t.Iterable[tuple[str | int | None, t.Any]]:  # noqa: ANN401
    """The schemas that a keyword holds, and what they are called there."""
    if isinstance(value, list):
        return enumerate(value)
    return value.items() if by_name else [(None, value)]


def _hollow(value: t.Any) -> t.Any:  # noqa: ANN401 - the value of a keyword
    """A keyword's value without what is inside the schemas that it holds."""
    if isinstance(value, list):
        return [{} if isinstance(part, dict) else part for part in value]
    return {} if isinstance(value, dict) else value


def _leads_somewhere(reference: object, root: Schema) -> bool:
    if not isinstance(reference, str) or reference[:2] not in {"#", "#/"}:
        return False
    place = _at(root, [_unescaped(part) for part in reference.split("/")[1:]])
    return isinstance(place, (dict, bool))


def _unescaped(part: str) -> str:
    return urllib.parse.unquote(part).replace("~1", "/").replace("~0", "~")


def _at(root: t.Any, path: t.Iterable[str | int]) -> t.Any:  # noqa: ANN401
    """What stands at a place of a schema; None if there is nothing."""
    place = root
    for part in path:
        if isinstance(place, dict):
            place = place.get(str(part))
        elif isinstance(place, list) and str(part).isdecimal() and int(part) < len(place):
            place = place[int(part)]
        else:
            return None
    return place


def _remove(schema: Schema, fault: SchemaFault) -> None:
    """Take something out so that no record fits less for it."""
    *way, last = fault.path
    place = _at(schema, way)
    if not isinstance(place, dict):
        return  # gone with what stood around it
    if fault.named:
        place[str(last)] = True
    elif last == "$ref":
        # What stands beside a reference counts for nothing in draft 7.
        for word in place.keys() - {"$defs", "definitions"}:
            del place[word]
    else:
        place.pop(str(last), None)
        if last in _OPEN_BESIDE:
            place.pop("additionalProperties", None)
