"""XML answers: what is safe to parse, and the few things that both vendors with XML share."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

_PROLOG = re.compile(rb"\A.*?<(?=[A-Za-z_])", re.DOTALL)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def is_xml(body: bytes) -> bool:
    """Whether the raw body of an answer is XML, and not JSON."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def root_of(body: bytes) -> ET.Element:
    """Parse the raw body of an answer and return its root element.

    Raises:
        ValueError: If it is no XML, has a document type, or is a web page.
    """
    prolog = _PROLOG.match(body)
    # No API needs a document type, and its entities can blow up a small text to any size.
    if prolog is None or b"<!DOCTYPE" in prolog.group().upper():
        msg = "no root element, or a document type before it"
        raise ValueError(msg)
    try:
        root = ET.fromstring(body)  # noqa: S314 - nothing that could expand is left in it
    except ET.ParseError as error:
        raise ValueError(str(error)) from None
    if name_of(root).lower() == "html":
        msg = "a web page"
        raise ValueError(msg)
    return root


def name_of(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def is_nil(element: ET.Element) -> bool:
    """Whether an element stands for null (`xsi:nil`)."""
    return element.get(_NIL, "").strip() in {"true", "1"}
