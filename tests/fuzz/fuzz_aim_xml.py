"""What a fuzzer calls: AIM's answers in XML, with any bytes.

An answer is read whole or refused with one `ValueError` or `DataError`: each text in it comes out
once, under a name that it has, and nothing else does.
"""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET

from erp_vendors.aim.answers import (
    decode,
    envelope_schema,
    is_cut,
    is_success,
    is_word_about_record,
    item_errors,
    kind_of,
    refusal,
    remaining_of,
    rows_of,
)
from erp_vendors.aim.members import without_empty_dates
from erp_vendors.aim.resources import RESOURCES
from erp_vendors.elements import NoRecord
from erp_vendors.errors import CallError, DataError, Phase
from erp_vendors.http import codec
from erp_vendors.http.xmldoc import is_xml
from erp_vendors.schemas import load
from tests.fuzz.oracle import counted, keys, leaves, names, texts

_RESOURCE = next(resource for resource in RESOURCES if resource.name == "invoices")
_RECORD = load("aim", "invoices")
_SCHEMAS = (
    None,
    envelope_schema(_RECORD, list_name=_RESOURCE.list_name),
    envelope_schema(_RECORD),
    envelope_schema(_RECORD, single=True),
)
_HEAD = b"""<?xml version="1.0" encoding="utf-8"?>
<R xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://a/b">"""
SEEDS: tuple[bytes, ...] = (
    b"<",
    b"\xef\xbb\xbf<a/>",
    _HEAD
    + b"""<Status><StatusCode>Ok</StatusCode><ErrorCode i:nil="true"/></Status><Invoices><Invoice>
<InvoiceNumber>1</InvoiceNumber><Balance>1.50</Balance><Date>2026-01-02T03:04:05.12</Date><LineItems>
<Line><Sku>5</Sku></Line></LineItems></Invoice></Invoices><RemainingRecords>3</RemainingRecords>
<TotalRecords>4</TotalRecords></R>""",
    _HEAD
    + b"""<a xmlns:d="http://schemas.microsoft.com/2003/10/Serialization/Arrays"><d:long>7</d:long>
<d:boolean>true</d:boolean><d:decimal>1e5</d:decimal></a><!-- x --><b>&lt;&#xE9;</b></R>""",
    b"<ArrayOfThing><Thing><Id>1</Id></Thing><Thing/></ArrayOfThing>",
    b"""<R><ResponseStatus><ErrorCode>E</ErrorCode><Message>Item not found</Message><Errors/>
</ResponseStatus></R>""",
    b"<?xml version='1.0' encoding='windows-1252'?><R><Rows>\xfc</Rows></R>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
    b"<html><body>Maintenance</body></html>",
    b"<a>" * 500,
    b"<R><RemainingRecords>--5</RemainingRecords></R>",
    "<R><RemainingRecords>²</RemainingRecords></R>".encode(),
    "<R><TotalRecords>1٣</TotalRecords></R>".encode(),
    b"<R><Invoices><I><Balance>1e999999999</Balance></I></Invoices></R>",
    b"<R><StartOffset>" + b"9" * 5_000 + b"</StartOffset></R>",
    b"<R><Status/><Invoices><I><Id>1</Id></I></Invoices><Invoices/></R>",
    b"<R><Status/><Note>one<br/>two</Note></R>",
    b'<R xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a i:nil="true">1</a></R>',
)
WORDS: tuple[bytes, ...] = (
    *(b"<Status>", b"</Status>", b"<StatusCode>", b"</StatusCode>", b"<ErrorCode>", b"<Message>"),
    *(b"<Invoices>", b"</Invoices>", b"<I>", b"</I>", b"<a/>", b"<a>", b"</a>", b"<R>", b"</R>"),
    *(b"<TotalRecords>", b"</TotalRecords>", b"<InvoiceNumber>", b"<LineItems>", b"ArrayOf"),
    *(b' i:nil="true"', b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&#x0;", b"&amp;", b"utf-16"),
    *(b"1e9", b"-0", b"01", b"true", b"2026-01-02T03:04:05", "٣".encode(), b"\xc2\xa0", b"<?x ?>"),
)


def parse(data: bytes) -> None:
    """Read bytes as the answer of every kind of operation.

    Args:
        data: Anything.

    Raises:
        AssertionError: If an answer loses something, or holds what was not sent.
    """
    for status in (200, 404, 500):
        failed = CallError(
            "", phase=Phase.ANSWERED, status=status, body=data.decode(errors="replace")
        )
        kind_of(failed)
        is_word_about_record(failed)
    if is_xml(data):
        for schema in _SCHEMAS:
            _check(data, schema)


def _check(data: bytes, schema: dict[str, t.Any] | None) -> None:
    try:
        answer = decode(data, schema)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - it has to say something
        return
    assert codec.decode(codec.encode(answer)) == answer
    encoding = "utf-8" if data.startswith(b"\xef\xbb\xbf") else None
    root = ET.XML(data, ET.XMLParser(encoding=encoding))  # noqa: S314 - `decode` has let it through
    assert keys(answer) - {""} <= names(root)
    assert counted(leaves(answer)) == counted(texts(root))
    for what in (refusal, remaining_of, is_success, item_errors, without_empty_dates):
        what(answer)
    is_cut(answer, 1)
    try:
        rows = rows_of(answer, _RESOURCE.list_name, _RESOURCE.primary_keys, "aim: fuzz")
    except DataError as error:
        assert "aim: fuzz" in str(error)  # noqa: PT017
        return
    assert all(
        isinstance(row, dict) and (not isinstance(row, NoRecord) or row.fault) for row in rows
    )
    assert not counted(leaves(rows)) - counted(texts(root))
