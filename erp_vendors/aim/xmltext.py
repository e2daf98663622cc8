"""XML answers, read into what the JSON answer would have been (aim.md 3.1)."""

from __future__ import annotations

import contextlib
import re
import typing as t

from erp_vendors.http import codec
from erp_vendors.http.xmldoc import is_nil, name_of, root_of

if t.TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from erp_vendors.schemas import Schema

_PRIMITIVES = "{http://schemas.microsoft.com/2003/10/Serialization/Arrays}"
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?", re.ASCII)
_KINDS = {
    "boolean": "boolean",
    **dict.fromkeys(("byte", "short", "int", "long", "unsignedInt", "unsignedLong"), "integer"),
    **dict.fromkeys(("decimal", "double", "float"), "number"),
}


def from_xml(body: bytes, schema: Schema) -> t.Any:  # noqa: ANN401
    """Read an answer.

    XML holds text only, so the schema tells numbers from text. What it does not know stays text;
    an element counts as a list if its children look like the members of one.

    Args:
        body: The raw body.
        schema: JSON schema of the answer.

    Returns:
        What `codec.decode` would have given for the same answer in JSON: decimals exact, dates with
        seven decimals, nulls left out.

    Raises:
        ValueError: If it is no XML, or a web page, or holds what JSON has no place for: text
            beside elements, or two members of one name.
    """
    root = root_of(body)
    if name_of(root).startswith("ArrayOf"):
        rows = schema.get("additionalProperties")
        schema = rows if isinstance(rows, dict) else {"type": "array"}
    return _value(root, schema)


def typed(value: t.Any, schema: Schema) -> t.Any:  # noqa: ANN401
    """What was read from XML without a schema, given the types of one.

    Args:
        value: The text, object or list that `from_xml` made.
        schema: JSON schema of it.
    """
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: typed(item, known.get(name, {})) for name, item in value.items()}
    if isinstance(value, list):
        return [typed(item, schema.get("items", {})) for item in value]
    return _scalar(value, _kinds(schema)) if isinstance(value, str) else value


def _value(element: ET.Element, schema: Schema) -> t.Any:  # noqa: ANN401
    kinds = _kinds(schema)
    if is_nil(element):
        return None
    if len(element):
        if "array" in kinds or (not kinds and _is_list(element)):
            items = schema.get("items", {})
            return [_value(child, items or _primitive(child)) for child in element]
        return _object(element, schema)
    text = element.text or ""
    if not text.strip() and kinds & {"array", "object"}:
        return [] if "array" in kinds else {}
    return _scalar(text, kinds)


def _object(element: ET.Element, schema: Schema) -> dict[str, t.Any]:
    known = schema.get("properties", {})
    other = schema.get("additionalProperties")
    members: dict[str, t.Any] = {}
    names: set[str] = set()
    for child in element:
        name = name_of(child)
        if name in names:
            msg = f"the element {name} comes twice in {name_of(element)}"
            raise ValueError(msg)
        names.add(name)
        given = known.get(name)
        if given is None:
            is_text = not len(child) and (child.text or "").strip()
            usable = isinstance(other, dict) and not (is_text and "array" in _kinds(other))
            given = other if usable else {}
        value = _value(child, given)
        # JSON leaves nulls out (3.1, INF).
        if value is not None:
            members[name] = value
    return members


def _scalar(text: str, kinds: set[str]) -> t.Any:  # noqa: ANN401
    bare = text.strip()
    if kinds and not kinds & {"string", "array", "object"} and not bare:
        return None
    if "boolean" in kinds and bare.lower() in {"true", "false"}:
        return bare.lower() == "true"
    if "number" in kinds or ("integer" in kinds and _INTEGER.fullmatch(bare)):
        with contextlib.suppress(ValueError):  # what is no number, or too long a one, stays text
            return codec.number_of(bare)
    date = _DATE.fullmatch(text)
    # The JSON samples print dates with seven decimals, the XML samples with none (3.1, DOC).
    return f"{date[1]}.{(date[2] or '').ljust(7, '0')}" if date else text


def _is_list(element: ET.Element) -> bool:
    """Whether an element of which nothing is known holds the members of a list.

    Those have one name, which is the type's: `Outer.Inner`, or of the namespace of primitives.
    """
    names = {child.tag for child in element}
    if len(names) > 1:
        return False
    name = next(iter(names))
    if len(element) > 1 or name.startswith(_PRIMITIVES) or "." in name_of(element[0]):
        return True
    return bool(len(element[0])) and name_of(element).endswith(("s", "List", "Listing"))


def _primitive(element: ET.Element) -> Schema:
    if not element.tag.startswith(_PRIMITIVES):
        return {}
    return {"type": _KINDS.get(name_of(element), "string")}


def _kinds(schema: Schema) -> set[str]:
    kinds = schema.get("type", ())
    return ({kinds} if isinstance(kinds, str) else set(kinds)) - {"null"}
