"""XML answers: what is safe to parse, and the few things that both vendors with XML share."""

from __future__ import annotations

import codecs
import typing as t
import xml.etree.ElementTree as ET

from erp_vendors.http.codec import MOST_LEVELS, check_parts

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class _Builder(ET.TreeBuilder):
    """Makes the tree, and ends it where it goes too far, before any more of it is in memory.

    The parser tells of a document type before it reads what is in that.
    """

    _levels = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        self._levels += 1
        if self._levels > MOST_LEVELS:
            msg = f"it is nested deeper than {MOST_LEVELS} levels"
            raise ValueError(msg)
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        self._levels -= 1
        return super().end(tag)

    def doctype(self, *_: object) -> t.NoReturn:
        # No API needs one, and its entities can blow up a small text to any size.
        msg = "it has a document type"
        raise ValueError(msg)


def is_xml(body: bytes) -> bool:
    """Whether the raw body of an answer is XML, and not JSON."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def root_of(body: bytes) -> ET.Element:
    """Parse the raw body of an answer and return its root element.

    Text stands in elements that hold nothing else, and none in those that are null: what stands
    elsewhere has no place in JSON, and would be lost.

    Args:
        body: With UTF-8's byte-order mark it is UTF-8, whatever its declaration says.

    Raises:
        ValueError: If it is no XML, has a document type, is nested too deep, has too many parts, is
            a web page, or has text elsewhere.
    """
    check_parts(body, b"<")
    encoding = "utf-8" if body.startswith(codecs.BOM_UTF8) else None
    parser = ET.XMLParser(target=_Builder(), encoding=encoding)  # noqa: S314 - see `_Builder`
    try:
        root: ET.Element = ET.XML(body, parser)
    except (ET.ParseError, LookupError) as error:  # LookupError: of its encoding
        raise ValueError(str(error)) from None
    if name_of(root).lower() == "html":
        msg = "a web page"
        raise ValueError(msg)
    for element in root.iter():
        if _is_mixed(element):
            msg = f"the element {name_of(element)} has content that belongs to nothing"
            raise ValueError(msg)
    return root


def name_of(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def is_nil(element: ET.Element) -> bool:
    """Whether an element stands for null (`xsi:nil`)."""
    return element.get(_NIL, "").strip() in {"true", "1"}


def _is_mixed(element: ET.Element) -> bool:
    """Whether an element holds text beside elements, or anything although it is null."""
    own = [element.text, *(child.tail for child in element)]
    has_text = any(text and not text.isspace() for text in own)
    return (has_text and len(element) > 0) or (is_nil(element) and (has_text or len(element) > 0))
