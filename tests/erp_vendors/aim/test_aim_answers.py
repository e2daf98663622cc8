from __future__ import annotations

import typing as t
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.aim.answers import (
    Kind,
    OperationError,
    decode,
    envelope_schema,
    kind_of,
    refusal,
    remaining_of,
    rows_of,
)
from erp_vendors.aim.xmltext import from_xml
from erp_vendors.errors import CallError, CredentialsError, DataError, Phase
from erp_vendors.http import codec
from erp_vendors.schemas import load
from tests.erp_vendors.aim.shop import ARRAYS, to_xml

ListedRow = dict[str, t.Any]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"Status": {"StatusCode": "Ok"}}, None),
        ({"Status": {"StatusCode": "OK", "ErrorMessage": "a note"}}, None),
        ({"Status": {"StatusCode": "Success"}}, None),
        ({"Status": {"StatusCode": "Success", "ErrorCode": "0"}}, None),
        ({"Status": None}, None),
        ({}, None),
        ({"Status": {"StatusCode": "Error"}}, ("", "")),
        ({"Status": {"StatusCode": "ERROR", "ErrorCode": "X1"}}, ("X1", "")),
        ({"Status": {"StatusCode": "Failed", "ErrorMessage": "No"}}, ("", "No")),
        ({"Status": {"ErrorDisplayText": "Sorry"}}, ("", "Sorry")),
        ({"Status": "Error", "ErrorMessage": "No"}, ("", "No")),
        ({"ResponseStatus": {"ErrorCode": "E", "Message": "No"}}, ("E", "No")),
        ({"ResponseStatus": {"Errors": []}}, None),
    ],
)
def test_an_error_inside_a_success(answer: ListedRow, expected: tuple[str, str] | None) -> None:
    assert refusal(answer) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The Service Tickets module is not licensed for this shop", Kind.LICENCE),
        ("ModuleNotLicensed", Kind.LICENCE),
        ("Module disabled", Kind.LICENCE),
        ("This needs the Lesson Scheduling module", Kind.OTHER),
        ("You do not have the Contracts module", Kind.LICENCE),
        ("No active-e licence for Vortx, token or not", Kind.LICENCE),
        ("3rd Party E-Commerce is not enabled", Kind.LICENCE),
        ("Driver's license is missing", Kind.OTHER),
        ("LicenseInfo.Number is too long", Kind.OTHER),
        ("Invalid token", Kind.TOKEN),
        ("Please log in first", Kind.TOKEN),
        ("Your session has expired", Kind.TOKEN),
        ("CardToken is required", Kind.OTHER),
        ("Item not found", Kind.UNKNOWN),
        ("The account does not exist", Kind.UNKNOWN),
        ("Could not find customer 7", Kind.UNKNOWN),
        ("Timeout expired", Kind.BUSY),
        ("Transaction was deadlocked", Kind.BUSY),
        ("Sub is out of range", Kind.OTHER),
    ],
)
def test_errors_are_sorted_by_their_words(text: str, kind: Kind) -> None:
    assert kind_of(OperationError("aim: Op", "", text, body="", status=200)) is kind
    for body in (
        codec.encode({"ResponseStatus": {"ErrorCode": "E", "Message": text}}),
        codec.encode({"Status": {"StatusCode": "Error", "ErrorMessage": text}}),
        to_xml("ErrorResponse", {"Status": {"ErrorMessage": text.replace("'", "")}}),
    ):
        failed = CallError("", phase=Phase.ANSWERED, status=400, body=body.decode())
        assert kind_of(failed) is kind


def test_a_missing_path_is_something_unknown() -> None:
    page = CallError("", phase=Phase.ANSWERED, status=404, body="<html>module not here</html>")
    assert kind_of(page) is Kind.UNKNOWN


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("HTTP 403, the login lacks the permission: not licensed", Kind.LICENCE),
        ("HTTP 401", Kind.TOKEN),
    ],
)
def test_refused_credentials(message: str, kind: Kind) -> None:
    assert kind_of(CredentialsError(message)) is kind


OK = {"StatusCode": "Ok"}


@pytest.mark.parametrize(
    ("answer", "name", "keys", "expected"),
    [
        ({"Rows": [{"Id": 1}], "Status": OK}, "Rows", ["Id"], [{"Id": 1}]),
        ({"Status": OK}, "Rows", ["Id"], []),
        ({"Rows": None, "Status": OK}, "Rows", ["Id"], []),
        ({"RemainingRecords": 0}, "Rows", ["Id"], []),
        # Another name than expected counts if what it holds has the key.
        ({"Others": [{"Id": 1}], "Status": OK}, "Rows", ["Id"], [{"Id": 1}]),
        ({"Others": [{"No": 1}], "Status": OK}, "Rows", ["Id"], []),
        # The form for a single record.
        (
            {"Id": 5, "Items": [{"A": 1}], "Status": OK},
            "Rows",
            ["Id"],
            [{"Id": 5, "Items": [{"A": 1}]}],
        ),
        ({"Whatever": [{"A": 1}], "Status": OK}, "", [], [{"A": 1}]),
        ({"Whatever": [], "Status": OK}, "", ["Acct"], []),
        ({"Po": "7", "Status": OK}, "", [], [{"Po": "7"}]),
        ({"TotalRecords": 0, "Status": OK}, "", [], []),
        ({"": [{"A": 1}]}, "Rows", ["A"], [{"A": 1}]),
    ],
)
def test_the_records_of_an_answer(
    answer: ListedRow, name: str, keys: list[str], expected: list[ListedRow]
) -> None:
    assert rows_of(answer, name, keys, "aim: Op") == expected


@pytest.mark.parametrize(
    "answer", [{"message": "maintenance"}, {"Rows": "x", "Status": OK}, {"Rows": [1]}, {"Rows": {}}]
)
def test_answers_that_are_no_list_of_records(answer: ListedRow) -> None:
    with pytest.raises(DataError, match="aim: Op"):
        rows_of(answer, "Rows", ["Id"], "aim: Op")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (" 4", 4), (0, 0), (-1, -1), (None, None), ("x", None), (True, None)]
    + [(odd, None) for odd in ("--5", "²", "1_0", "1٣", "1.5", "9" * 5_000)],
)
def test_how_many_records_remain(value: object, expected: int | None) -> None:
    assert remaining_of({"RemainingRecords": value}) == expected


@pytest.mark.parametrize("body", [b"", b"  ", b"<html><body/></html>", b"<a><b></a>", b"7", b'"x"'])
def test_bodies_that_are_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        decode(body)


def test_a_document_type_is_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
    with pytest.raises(ValueError, match="document type"):
        decode(bomb)


SCHEMA = envelope_schema(
    {
        "type": "object",
        "properties": {
            "Id": {"type": "integer"},
            "Text": {"type": ["string", "null"]},
            "Amount": {"type": ["number", "null"]},
            "Flag": {"type": ["boolean", "null"]},
            "Key": {"type": ["string", "integer"]},
            "When": {"type": ["string", "null"]},
            "Lines": {
                "type": ["array", "null"],
                "items": {
                    "type": ["object", "null"],
                    "properties": {"Sku": {"type": "string"}, "Qty": {"type": "number"}},
                },
            },
            "Info": {"type": ["object", "null"], "properties": {"Code": {"type": "string"}}},
            "Numbers": {"type": ["array", "null"], "items": {"type": "integer"}},
        },
        "additionalProperties": True,
    },
    list_name="Rows",
)

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="￾￿"),
    max_size=12,
)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9
)
dates = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + ".0000000")


def optional(values: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    return st.none() | values


rows = st.fixed_dictionaries(
    {"Id": st.integers(-(2**63), 2**63 - 1)},
    optional={
        "Text": optional(texts.filter(lambda text: text == text.strip() or not text.strip())),
        "Amount": optional(decimals | st.integers(-(10**9), 10**9)),
        "Flag": optional(st.booleans()),
        "Key": st.integers(0, 10**6),
        "When": optional(dates),
        "Lines": optional(
            st.lists(st.fixed_dictionaries({"Sku": texts, "Qty": decimals}), max_size=3)
        ),
        "Info": optional(st.fixed_dictionaries({"Code": texts})),
        "Numbers": optional(st.lists(st.integers(), max_size=3)),
        "Unknown": texts,
    },
)


def without_nulls(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@given(st.lists(rows, max_size=4), st.integers(0, 10**6))
def test_xml_gives_the_records_that_json_gives(records: list[ListedRow], remaining: int) -> None:
    answer = {"Rows": records, "RemainingRecords": remaining, "Status": {"StatusCode": "Ok"}}
    in_json = decode(codec.encode(without_nulls(answer)))
    in_xml = decode(to_xml("OpResponse", answer), SCHEMA)
    assert in_xml == in_json
    assert codec.encode_sorted(in_xml) == codec.encode_sorted(in_json)


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<A>1.50</A>", {"A": "1.50"}),
        ("<A/>", {"A": ""}),
        ("<A> x </A>", {"A": " x "}),
        ("<A><B>1</B></A>", {"A": {"B": "1"}}),
        ("<A><B>1</B><B>2</B></A>", {"A": ["1", "2"]}),
        ("<A><Outer.Inner><B>1</B></Outer.Inner></A>", {"A": [{"B": "1"}]}),
        ("<Items><Thing><B>1</B></Thing></Items>", {"Items": [{"B": "1"}]}),
        (f'<A xmlns:d="{ARRAYS}"><d:long>7</d:long></A>', {"A": [7]}),
        (f'<A xmlns:d="{ARRAYS}"><d:string>7</d:string></A>', {"A": ["7"]}),
        (f'<A xmlns:d="{ARRAYS}"><d:boolean>true</d:boolean></A>', {"A": [True]}),
        ("<A>2026-01-02T03:04:05</A>", {"A": "2026-01-02T03:04:05.0000000"}),
        ("<A>2026-01-02T03:04:05.123</A>", {"A": "2026-01-02T03:04:05.1230000"}),
        ("<A>2026-01-02T03:04:05Z</A>", {"A": "2026-01-02T03:04:05Z"}),
        ("<A>2026-01-02</A>", {"A": "2026-01-02"}),
    ],
)
def test_xml_of_which_nothing_is_known(xml: str, expected: ListedRow) -> None:
    assert from_xml(f"<Root>{xml}</Root>".encode(), {}) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("12", "integer", 12),
        ("012", "integer", "012"),
        ("", "integer", None),
        ("1.10", "number", Decimal("1.10")),
        ("-3", "number", -3),
        ("NaN", "number", "NaN"),
        ("1٣", "integer", "1٣"),
        ("1e999999999", "number", "1e999999999"),
        ("9" * 5_000, "integer", "9" * 5_000),
        ("+01", "number", 1),
        ("", "number", None),
        ("True", "boolean", True),
        ("yes", "boolean", "yes"),
        ("", "string", ""),
    ],
)
def test_the_schema_gives_text_its_type(text: str, kind: str, expected: object) -> None:
    schema = {"properties": {"A": {"type": [kind, "null"]}}}
    answer = from_xml(f"<Root><A>{text}</A></Root>".encode(), schema)
    assert answer.get("A") == expected
    assert type(answer.get("A")) is type(expected)


@pytest.mark.parametrize("inner", ["<A>1</A><B/><A>2</A>", "<A/><B/><x:A xmlns:x='y'/>"])
@pytest.mark.parametrize("schema", [{}, {"properties": {"A": {"type": "string"}}}])
def test_a_member_that_comes_twice_is_no_member(inner: str, schema: ListedRow) -> None:
    for text in (f"<R>{inner}</R>", f"<R><C>{inner}</C></R>"):
        with pytest.raises(ValueError, match=r"the element A comes twice in [RC]"):
            from_xml(text.encode(), schema)


def test_a_list_of_one_stays_a_list() -> None:
    record = load("aim", "invoices")
    line = "<LineItems><Line><Sku>5</Sku></Line></LineItems>"
    row = f"<Any><InvoiceNumber>1</InvoiceNumber>{line}</Any>"
    body = f"<R><Invoices>{row}</Invoices></R>".encode()
    answer = decode(body, envelope_schema(record, list_name="Invoices"))
    assert answer["Invoices"] == [{"InvoiceNumber": "1", "LineItems": [{"Sku": "5"}]}]


def test_an_array_as_root() -> None:
    body = b"<ArrayOfThing><Thing><Id>1</Id></Thing></ArrayOfThing>"
    schema = envelope_schema({"type": "object", "properties": {"Id": {"type": "integer"}}})
    assert rows_of(decode(body, schema), "Rows", ["Id"], "aim: Op") == [{"Id": 1}]


def test_a_list_under_another_name_has_the_same_types() -> None:
    schema = envelope_schema({"type": "object", "properties": {"Id": {"type": "integer"}}})
    for inner in (
        "<Thing><Id>1</Id></Thing>",
        "<Thing><Id>1</Id></Thing><Thing><Id>2</Id></Thing>",
    ):
        answer = decode(f"<R><Customers>{inner}</Customers></R>".encode(), schema)
        assert answer["Customers"][0] == {"Id": 1}
    assert rows_of(decode(b"<R><Customers/><Status/></R>", schema), "", ["Id"], "aim: Op") == []


def test_an_answer_in_a_list_is_no_list_of_records() -> None:
    with pytest.raises(ValueError, match="list of answers"):
        decode(b'[{"Status":{"StatusCode":"Ok"},"Contracts":[{"PKContract":1}]}]')
    assert decode(b'[{"Status":"Open"}]') == {"": [{"Status": "Open"}]}
