"""What Pentamic answers: JSON, JSON with unquoted leading zeros, or XML (pentamic.md 3)."""

from __future__ import annotations

import decimal
import re
import typing as t

from erp_vendors.elements import unwrapped
from erp_vendors.errors import DataError
from erp_vendors.http import codec
from erp_vendors.http.xmldoc import is_nil, is_xml, name_of, root_of

if t.TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from erp_vendors.schemas import Schema

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|-?[0-9][0-9.eE+-]*', re.DOTALL)
"""A string, or what begins like a number; so nothing inside a string counts as a number, not even
in one that has no end."""
_LEADING_ZERO = re.compile(rb"-?0[0-9]")


def rows(
    body: bytes,
    properties: t.Mapping[str, Schema],
    rows_in: str = "",
    numbers: set[str] | None = None,
) -> list[t.Any]:
    """Read the records of a list.

    Text for which the schema wants a number becomes one, if the format lost the difference (XML,
    and JSON that had to be repaired). A number for which the schema wants text becomes text.

    Args:
        body: The raw body.
        properties: JSON schemas of a record's properties.
        rows_in: See `Resource.rows_in`; of JSON alone.
        numbers: Takes the names of properties that valid JSON has as whole numbers: zeros that
            they began with are lost.

    Returns:
        What the list holds, objects if all is well; decimals stay exact.

    Raises:
        ValueError: If it is neither JSON nor XML.
        DataError: If it is something else than a list.
    """
    if is_xml(body):
        root = root_of(body)
        if any(not len(child) and (child.text or "").strip() for child in (root, *root)):
            msg = f"the XML element {name_of(root)} is no list of records"
            raise DataError(msg)
        return [_record(child, properties) for child in root]
    value, repaired = _from_json(body)
    value = unwrapped(value, rows_in)
    if not isinstance(value, list):
        msg = f"{codec.kind_of(value)} is no list of records"
        raise DataError(msg)
    for row in value:
        if isinstance(row, dict):
            for name, item in row.items():
                if numbers is not None and not repaired and type(item) is int:
                    numbers.add(name)
                row[name] = _conform(item, properties.get(name, {}), repaired=repaired)
    return value


def properties_of(body: bytes) -> dict[str, t.Any]:
    """The properties of an object, such as an error; none if the body is no object."""
    try:
        value = _record(root_of(body), {}) if is_xml(body) else _from_json(body)[0]
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def repair(body: bytes) -> bytes:
    """Put unquoted numbers with leading zeros into quotes.

    The samples print `"taxCode": 0106459932` (pentamic.md 3, DOC), which is no JSON, and which a
    number could not hold.

    Args:
        body: JSON text, perhaps with such numbers; valid JSON stays as it is.
    """

    def quoted(match: re.Match[bytes]) -> bytes:
        token = match.group()
        return b'"' + token + b'"' if _LEADING_ZERO.match(token) else token

    return _TOKEN.sub(quoted, body)


def _kinds(schema: Schema) -> set[str]:
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _conform(value: t.Any, schema: Schema, *, repaired: bool) -> t.Any:  # noqa: ANN401
    kinds = _kinds(schema)
    if "string" in kinds:
        is_number = isinstance(value, (int, decimal.Decimal)) and not isinstance(value, bool)
        wanted = is_number and not kinds & {"integer", "number"}
        return str(value) if wanted else value
    return _number(value, kinds) if repaired and isinstance(value, str) else value


def _number(text: str, kinds: set[str]) -> t.Any:  # noqa: ANN401
    try:
        number = codec.number_of(text)
    except ValueError:
        return text
    wanted = "number" in kinds or ("integer" in kinds and isinstance(number, int))
    return number if wanted else text


def _from_json(body: bytes) -> tuple[t.Any, bool]:
    """The value, and whether it had to be repaired first."""
    try:
        return codec.decode(body), False
    except ValueError:
        return codec.decode(repair(body)), True


def _record(element: ET.Element, properties: t.Mapping[str, Schema]) -> dict[str, t.Any]:
    # The shapes are not documented (pentamic.md 3, UNK): the root of a list is taken to hold one
    # element per record, and a record one per property.
    known = {name.lower(): name for name in properties}
    record: dict[str, t.Any] = {}
    for child in element:
        name = known.get(name_of(child).lower()) or _camel(name_of(child))
        value = _value(child, properties.get(name, {}))
        if name not in record:
            record[name] = value
        elif isinstance(record[name], list):
            record[name].append(value)
        else:
            record[name] = [record[name], value]
    return record


def _value(element: ET.Element, schema: Schema) -> t.Any:  # noqa: ANN401
    kinds = _kinds(schema)
    if is_nil(element):
        return None
    text = element.text or ""
    if "array" in kinds and (len(element) or not text.strip()):
        return [_value(child, schema.get("items", {})) for child in element]
    if len(element):
        return _record(element, schema.get("properties", {}))
    return text if "string" in kinds or not kinds else _scalar(text.strip(), kinds)


def _scalar(text: str, kinds: set[str]) -> t.Any:  # noqa: ANN401
    if not text:
        return None
    if "boolean" in kinds and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return _number(text, kinds)


def _camel(name: str) -> str:
    """The vendor's JSON is camelCase (pentamic.md 3, DOC); .NET's XML has the class's names."""
    return name.lower() if name.isupper() else name[:1].lower() + name[1:]
