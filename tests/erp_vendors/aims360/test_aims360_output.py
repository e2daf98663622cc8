"""What exports hold (aims360.md 10.5, 11.2)."""

from __future__ import annotations

import decimal
import typing as t

import pytest

from erp_vendors.aims360.output import Output, safe_names
from erp_vendors.errors import DataError


def read(body: str | bytes, form: str = "json") -> list[dict[str, t.Any]]:
    raw = body if isinstance(body, bytes) else body.encode()
    output = Output(raw, form, "here")
    rows = list(output.rows(pytest.fail))
    assert list(output.rows(pytest.fail)) == rows, "it can be read twice"
    return rows


def test_json_keeps_captions_values_and_decimals() -> None:
    body = '{"totalRecordCount": 1, "data": [{"PO Cancel": "1/2/2026", "Price": 10.50, "Qty": 3}]}'
    (row,) = read(body)
    assert row == {"PO Cancel": "1/2/2026", "Price": decimal.Decimal("10.50"), "Qty": 3}
    assert str(row["Price"]) == "10.50"
    assert read('{"data": [{"n": 12345678901234567890.123456789}]}')[0]["n"] == decimal.Decimal(
        "12345678901234567890.123456789"
    )


@pytest.mark.parametrize(
    "body",
    [
        '[{"a": 1}]',
        '{"Data": [{"a": 1}], "TotalRecordCount": "1"}',
        '{"value": [{"a": 1}]}',
        '\ufeff{"data": [{"a": 1}]}',
        '{"totalRecordCount": null, "data": [{"a": 1}]}',
        '{"totalRecordCount": 0, "data": [{"a": 1}]}',
    ],
)
def test_json_comes_in_several_shells(body: str) -> None:
    assert read(body) == [{"a": 1}]


@pytest.mark.parametrize("body", ["[]", '{"totalRecordCount": 0, "data": []}', '{"data": null}'])
def test_an_empty_export_has_no_rows(body: str) -> None:
    assert read(body) == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"totalRecordCount": 3, "data": [{}, {}]}', "2 of 3 rows"),
        ('{"data": [{"a": 1}', "not the JSON"),
        ('{"message": "sorry", "code": 5}', "no 'data', but message, code"),
        ("", "not the JSON"),
        ("<html>", "not the JSON"),
        ('{"data": {"a": 1}}', "not the JSON"),
        ('"text"', "not the JSON"),
    ],
)
def test_an_answer_that_is_no_export_is_an_error(body: str, why: str) -> None:
    with pytest.raises(DataError, match=why) as error:
        Output(body.encode(), "json", "aims360.aqua_exports[0]")
    assert str(error.value).startswith("aims360.aqua_exports[0]")


def test_a_row_that_is_no_object_is_told() -> None:
    told: list[str] = []
    rows = Output(b'[{"a": 1}, 2, "\xff", {"a": 3}]', "json", "here").rows(told.append)
    assert list(rows) == [{"a": 1}, {"a": 3}]
    assert [what[:5] for what in told] == ["row 2", "row 3"]


def test_half_characters_are_mended() -> None:
    (row,) = read('[{"a": "x\\ud800y"}]')
    assert row["a"] == "x\ufffdy"


def test_a_caption_that_comes_twice_in_json_is_kept_twice() -> None:
    body = '{"data": [{"Start Date": "a", "Price": 1.10, "Start Date": "b"}, {"Start Date": "c"}]}'
    first, second = read(body)
    assert first == {
        "Start Date": "a",
        "Price": decimal.Decimal("1.10"),
        "Start Date_2": "b",
    }
    assert second == {"Start Date": "c"}


@pytest.mark.parametrize(
    ("captions", "names"),
    [
        (["Start Date", "Start Date"], ["Start Date", "Start Date_2"]),
        ([" A ", "A"], ["A", "A_2"]),
        (["Color", "COLOR"], ["Color", "COLOR_2"]),
        (["A", "A", "A_2"], ["A", "A_2", "A_2_2"]),
        (["", " ", "x"], ["column_1", "column_2", "x"]),
        (["column_2", ""], ["column_2", "column_2_2"]),
    ],
)
def test_names_are_safe(captions: list[str], names: list[str]) -> None:
    assert list(safe_names(captions)) == names


def test_csv_is_quoted_padded_and_may_repeat_a_caption() -> None:
    body = (
        "Order No,Name,Complete,Price,Complete\r\n"
        '1,"Smith, ""J""\r\n and Co",1/1/2026,  10.50,\r\n'
        "2,  padded   ,,0.10,1/2/2026\r\n"
        "\r\n"
    )
    assert read(body, "csv") == [
        {
            "Order No": "1",
            "Name": 'Smith, "J"\r\n and Co',
            "Complete": "1/1/2026",
            "Price": "10.50",
            "Complete_2": None,
        },
        {
            "Order No": "2",
            "Name": "padded",
            "Complete": None,
            "Price": "0.10",
            "Complete_2": "1/2/2026",
        },
    ]


@pytest.mark.parametrize("body", [b"", b"\r\n"])
def test_csv_without_anything(body: bytes) -> None:
    assert read(body, "csv") == []


def test_csv_with_captions_only_has_columns() -> None:
    output = Output(b"A,B\r\n", "csv", "here")
    assert output.columns == ("A", "B")
    assert list(output.rows(pytest.fail)) == []


def test_csv_rows_of_another_width_are_told() -> None:
    told: list[str] = []
    rows = Output(b"A,B\n1,2\n3\n4,5,6\n7,8\n", "csv", "here").rows(told.append)
    assert [row["A"] for row in rows] == ["1", "7"]
    assert told == ["row 2 has 1 values for 2 columns", "row 3 has 3 values for 2 columns"]


def test_csv_that_breaks_off_is_an_error() -> None:
    output = Output(b'A\n1\n"2', "csv", "here")
    rows = output.rows(pytest.fail)
    assert next(rows) == {"A": "1"}
    with pytest.raises(DataError, match="line 3"):
        next(rows)


def test_csv_in_another_encoding_is_an_error() -> None:
    with pytest.raises(DataError, match="format to json"):
        Output(b"A\n\xff\n", "csv", "here")


def test_a_long_value_is_a_value() -> None:
    long = "x" * 300_000
    assert read(f"A\n{long}\n", "csv") == [{"A": long}]
