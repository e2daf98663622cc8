"""Pentamic's JSON and XML (3), with the tax code that is printed as an illegal number."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from erp_sandbox import jsontext, xmltext
from erp_sandbox.exchange import SandboxAnswer, json_answer

if TYPE_CHECKING:
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Row

_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.+-])0\d+(?![\w.])')
TAX_CODE = "taxCode"


def lenient(body: bytes) -> Any:  # noqa: ANN401 - JSON is whatever the caller sent
    """Decode JSON in which a number may have leading zeros; such a number becomes text (DOC, 3).

    Raises:
        ValueError: Even so it is not JSON.
    """

    def quoted(found: re.Match[str]) -> str:
        text = found.group()
        return text if text.startswith('"') else f'"{UNQUOTED}{text}"'

    return jsontext.loads(_STRING_OR_NUMBER.sub(quoted, body.decode()))


UNQUOTED = "\ue000"
"""Marks text that :func:`lenient` found as a bare number."""


def wants_xml(call: SandboxCall) -> bool:
    """Return whether the Accept header names XML and not JSON (UNK how; INF)."""
    accept = call.headers.get("accept", "").lower()
    return "xml" in accept and "json" not in accept


def answer(value: Row | list[Row], name: str, tax_code: str, *, xml: bool) -> SandboxAnswer:
    """Return records.

    Args:
        value: One record or a list of them.
        name: Element name of one record in XML; the shapes are UNK.
        tax_code: The option of that name.
        xml: True for XML, False for JSON.
    """
    if xml:
        if isinstance(value, list):
            inside = "".join(_element(name, row) for row in value)
            text = xmltext.element(f"ArrayOf{name}", inside)
        else:
            text = _element(name, value)
        return SandboxAnswer(200, (xmltext.HEAD + text).encode(), "application/xml; charset=utf-8")
    if isinstance(value, list):
        return json_answer([_shown(row, tax_code) for row in value])
    return json_answer(_shown(value, tax_code))


def _visible(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _shown(row: Row, tax_code: str) -> Row:
    shown = _visible(row)
    code = shown.get(TAX_CODE)
    if isinstance(code, str) and tax_code != "string" and code.isdigit():
        shown[TAX_CODE] = msgspec.Raw(code.encode()) if tax_code == "unquoted" else int(code)
    return shown


def _element(name: str, row: Row) -> str:
    inside = "".join(
        xmltext.element(column, xmltext.escape(_text(value)))
        for column, value in _visible(row).items()
        if value is not None
    )
    return xmltext.element(name, inside)


def _text(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
