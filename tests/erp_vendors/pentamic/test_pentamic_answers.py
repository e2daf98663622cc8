"""JSON that is none, and XML that says the same (pentamic.md 3)."""

from __future__ import annotations

import decimal
import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors import schemas
from erp_vendors.errors import DataError
from erp_vendors.http import codec
from erp_vendors.pentamic.answers import properties_of, repair, rows

CUSTOMER = schemas.load("pentamic", "customers")["properties"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    # Texts that look like what is repaired.
    | st.sampled_from(['"taxCode": 0123', ": 0123,", '\\": 0123', "0123", "{0123}", "\\", '\\\\"'])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_json_customers_stay_as_they_are(
    value: t.Any,
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    try:
        body = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which UTF-8 cannot carry
        body = json.dumps(value, indent=indent).encode()
    assert repair(body) == body
    assert codec.decode(repair(body)) == codec.decode(body)


@settings(deadline=None)
@given(VALUES, st.from_regex(r"0[0-9]{1,12}", fullmatch=True))
def test_a_leading_zero_survives_next_to_anything(value: t.Any, code: str) -> None:
    rest = json.dumps(value)
    body = f'[{{"before": {rest}, "taxCode": {code}, "after": {rest}}}]'.encode()
    (row,) = rows(body, CUSTOMER)
    assert row["taxCode"] == code
    assert row["before"] == row["after"] == codec.decode(rest.encode())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"0106459932"', "0106459932"),
        ("0106459932", "0106459932"),
        ("106459932", "106459932"),
        ("0", "0"),
        ("00", "00"),
        ("null", None),
        ('""', ""),
        ("0106459932-001", "0106459932-001"),
        ("1.50", "1.50"),
    ],
)
def test_a_tax_code_is_text_however_it_comes(written: str, read: str | None) -> None:
    body = f'[{{"id":1,"taxCode":{written} ,"name":": 0123,"}}]'.encode()
    assert rows(body, CUSTOMER) == [{"id": 1, "taxCode": read, "name": ": 0123,"}]


def test_a_repaired_number_is_a_number_where_one_is_wanted() -> None:
    properties = {**CUSTOMER, "total": {"type": ["number", "null"]}}
    body = b'[{"id": 007, "total": 001.50, "other": 05, "phone": 0912, "taxCode": true}]'
    assert rows(body, properties) == [
        {
            "id": 7,
            "total": decimal.Decimal("1.50"),
            "other": "05",
            "phone": "0912",
            "taxCode": True,
        }
    ]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[{]", b'[{"taxCode": 01', b'[{"a": "01]', b"[NaN]", b"\xff\xfe[", b"[01 02]"),
        *(b"[,01]", b'["\\01]', b'["a\\"01'),
    ],
)
def test_an_answer_that_cannot_be_repaired_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rows(body, CUSTOMER)


@pytest.mark.parametrize("body", [b"{}", b'"01"', b"3", b"null", b"true", b'{"taxCode": 01}'])
def test_something_else_than_a_list_is_malformed(body: bytes) -> None:
    with pytest.raises(DataError, match="no list of records"):
        rows(body, CUSTOMER)


JSON = b"""[
 {"id": 1, "name": "Ann & Bob", "taxCode": 0106459932, "address": null, "phone": "",
  "active": true, "rate": 1.50, "tags": ["a", "b"], "contact": {"mail": "x", "level": 3},
  "unknownThing": "5"},
 {"id": 2, "name": "Hu\xe1\xba\xbf", "taxCode": "7"}
]"""
XML = b"""\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>
<!-- a comment -->
<ArrayOfCustomer xmlns:i="http://www.w3.org/2001/XMLSchema-instance"
                 xmlns="http://schemas.example/Customer">
  <Customer>
    <Id>1</Id><Name>Ann &amp; Bob</Name><TaxCode>0106459932</TaxCode>
    <Address i:nil="true"/><Phone/>
    <Active>true</Active><Rate>1.50</Rate><Tags><string>a</string><string>b</string></Tags>
    <Contact><Mail>x</Mail><Level> 3 </Level></Contact><UnknownThing>5</UnknownThing>
  </Customer>
  <Customer><id>2</id><name>Hu\xe1\xba\xbf</name><taxCode>7</taxCode></Customer>
</ArrayOfCustomer>"""
PROPERTIES: dict[str, t.Any] = {
    **CUSTOMER,
    "active": {"type": ["boolean", "null"]},
    "rate": {"type": ["number", "null"]},
    "tags": {"type": ["array", "null"], "items": {"type": "string"}},
    "contact": {
        "type": ["object", "null"],
        "properties": {"mail": {"type": "string"}, "level": {"type": "integer"}},
    },
}


def test_xml_says_the_same_as_json() -> None:
    assert rows(XML, PROPERTIES) == rows(JSON, PROPERTIES)


@settings(deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(0, 10**12),
                "name": st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc"))),
                "taxCode": st.from_regex(r"\A[0-9]{1,12}\Z"),
            }
        ),
        max_size=5,
    )
)
def test_any_customers_in_xml_are_those_in_json(customers: list[dict[str, t.Any]]) -> None:
    def escape(value: object) -> str:
        return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    xml = "".join(
        "<c>" + "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items()) + "</c>"
        for row in customers
    )
    assert rows(f"<customers>{xml}</customers>".encode(), CUSTOMER) == customers


def test_text_where_a_list_is_wanted_stays_text() -> None:
    properties = {"l": {"type": ["array", "null"], "items": {"type": "integer"}}}
    (row,) = rows(b"<l><r><l> a </l></r></l>", properties)
    assert row == {"l": "a"}
    assert rows(b"<l><r><l> </l></r></l>", properties) == [{"l": []}]


def test_repeated_elements_become_a_list() -> None:
    (row,) = rows(b"<l><r><a>1</a><a>2</a><a>3</a><ID>x</ID></r></l>", {})
    assert row == {"a": ["1", "2", "3"], "id": "x"}


@pytest.mark.parametrize("body", [b"<customers/>", b"<ArrayOfCustomer></ArrayOfCustomer>"])
def test_an_empty_list_in_xml(body: bytes) -> None:
    assert rows(body, CUSTOMER) == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body><p>Maintenance</p></body></html>",
        b"<!DOCTYPE html><p></p>",
        b'<!doctype x [<!ENTITY a "b">]><x>&a;</x>',
        b"<customers><customer>",
        b"<",
    ],
)
def test_a_page_or_a_document_type_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rows(body, CUSTOMER)


def test_an_xml_record_is_no_list() -> None:
    for text in (b"<Error><Message>no</Message></Error>", b"<Error>Try again later</Error>"):
        with pytest.raises(DataError, match="element Error is no list of records"):
            rows(text, CUSTOMER)


@pytest.mark.parametrize("text", ["1_0", "٣", "01e999999999", "Infinity", "0x1", "9" * 5_000])
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_what_is_no_number_stays_text(text: str, kind: str) -> None:
    body = f"<l><r><total>{text}</total></r></l>".encode()
    assert rows(body, {"total": {"type": [kind, "null"]}}) == [{"total": text}]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"error": "X"}', {"error": "X"}),
        (b"<a><error>X</error></a>", {"error": "X"}),
        (b'{"taxCode": 01}', {"taxCode": "01"}),
        (b"[1]", {}),
        (b"", {}),
        (b"no", {}),
        (b"<html><a/></html>", {}),
    ],
)
def test_the_properties_of_an_error(body: bytes, found: dict[str, t.Any]) -> None:
    assert properties_of(body) == found
