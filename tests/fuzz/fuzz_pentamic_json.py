"""What a fuzzer calls: Pentamic's answers, JSON or nearly so, or XML, with any bytes.

A text that is strict JSON means what it says. One whose only fault is unquoted leading zeros means
what it would with quotes. Any other is refused. XML is read whole or refused.
"""

from __future__ import annotations

import re
import typing as t
import xml.etree.ElementTree as ET

from erp_vendors import schemas
from erp_vendors.errors import DataError
from erp_vendors.http import codec
from erp_vendors.http.xmldoc import is_xml
from erp_vendors.pentamic.answers import properties_of, repair, rows
from tests.fuzz.oracle import counted, leaves, strict, texts, within_limits

_PROPERTIES: dict[str, t.Any] = {
    **schemas.load("pentamic", "customers")["properties"],
    "n": {"type": ["number", "null"]},
    "i": {"type": "integer"},
    "b": {"type": "boolean"},
    "l": {"type": "array", "items": {"type": "integer"}},
}
_SPACE = b" \t\r\n"
_LEADING_ZERO = re.compile(rb"-?0[0-9][0-9.eE+-]*")
SEEDS: tuple[bytes, ...] = (
    b"",
    b"null",
    b'[{"id": 1, "taxCode": 0106459932, "name": "Ann \\"01\\"", "n": 001.50, "b": true}]',
    b'\xef\xbb\xbf[{"taxCode": "0123", "i": 007, "l": [01, -02], "n": 1.5e3}, {"i": -0}, 1, null]',
    b'{"error": "ID_NOTFOUND", "code": 01}',
    b'["\\ud800 \\u0031", "a\\\\", 0123-001]',
    b"""<?xml version="1.0"?><ArrayOfC xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><C>
<Id>1</Id><TaxCode>01</TaxCode><N> 1.50 </N><I>5</I><B>True</B><L><int>1</int></L></C><C>
<name i:nil="true"/><a>1</a><b/><A>2</A></C></ArrayOfC>""",
    b"[" * 3_000,
    b'["\\01]',
    b'["a 01',
    b'["' + b'\\"' * 2_000,
    b'[{"n": 01e999999999}]',
    b'[{"i": 0' + b"1" * 5_000 + b"}]",
    b"<string>Try again later</string>",
    b"<l><r><l>text</l></r></l>",
    b"<l>lost<r><a>1</a></r></l>",
    b"<l><r>lost<a>1</a></r></l>",
    "<l><r><i>1_0</i><i>٣</i><n>٣</n><n>Infinity</n></r></l>".encode(),
    b'<l xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><r i:nil="true"><a>1</a></r></l>',
)
WORDS: tuple[bytes, ...] = (
    *(b'"', b"\\", b'\\"', b"\\u", b"\\ud800", b"0", b"01", b"-01", b"00", b"0.1", b"1e5", b"1E-9"),
    *(
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b":",
        b'"n":',
        b'"i":',
        b'"taxCode":',
        b"null",
        b"true",
        b"NaN",
    ),
    *(b"\xef\xbb\xbf", b"\xff", b"<l>", b"</l>", b"<r>", b"</r>", b"<i>", b"</i>", b"<n>", b"</n>"),
)


def parse(data: bytes) -> None:
    """Read bytes as a list of customers, and as an error.

    Args:
        data: Anything.

    Raises:
        AssertionError: If what comes out is not what the bytes say.
    """
    assert isinstance(properties_of(data), dict)
    found, typed = _rows(data, {}), _rows(data, _PROPERTIES)
    assert (found is None) == (typed is None)
    if found is not None and typed is not None:
        assert codec.decode(codec.encode(typed)) == typed
        assert counted(leaves(found)) == counted(leaves(typed))
    if is_xml(data):
        _check_xml(data, typed)
    else:
        _check_json(data, found)


def _rows(data: bytes, properties: dict[str, t.Any]) -> list[t.Any] | None:
    """The records; None if they are refused."""
    try:
        return rows(data, properties)
    except (ValueError, DataError) as error:
        assert str(error)  # noqa: PT017 - it has to say something
        return None


def _check_xml(data: bytes, found: list[t.Any] | None) -> None:
    if found is not None:
        encoding = "utf-8" if data.startswith(b"\xef\xbb\xbf") else None
        root = ET.XML(data, ET.XMLParser(encoding=encoding))  # noqa: S314 - it was let through
        assert len(found) == len(root)
        assert counted(leaves(found)) == counted(texts(root))


def _check_json(data: bytes, found: list[t.Any] | None) -> None:
    try:
        strict(data)
    except ValueError:
        data = _quoted(data)
    else:
        assert repair(data) == data
    try:
        wanted = strict(data)
    except ValueError:
        assert found is None
        return
    if found is not None:
        assert repr(found) == repr(wanted)  # 1, 1.0 and true are equal, but not the same
    else:
        assert not isinstance(wanted, list) or not within_limits(data)


def _quoted(text: bytes) -> bytes:
    """The text with quotes around each word that is a number with leading zeros, byte by byte."""
    out, word, inside, escaped = bytearray(), bytearray(), False, False
    for byte in text + b"\n":
        if inside:
            inside = escaped or byte != ord('"')
            escaped = byte == ord("\\") and not escaped
        elif byte in _SPACE + b',:[]{}"':
            out += b'"%b"' % word if _LEADING_ZERO.fullmatch(word) else word
            word.clear()
            inside = byte == ord('"')
        else:
            word.append(byte)
            continue
        out.append(byte)
    return bytes(out + word)
