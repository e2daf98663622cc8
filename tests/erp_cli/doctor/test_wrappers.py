"""Where the records of an answer are, and that nothing but records is taken for them."""

from __future__ import annotations

import typing as t

import pytest

from erp_cli.doctor.wrappers import rows_in
from erp_vendors.errors import DataError

ROW = {"id": 1}


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ([ROW], ""),
        ([], ""),
        ({"data": [ROW]}, "data"),
        ({"data": []}, "data"),
        ({"accounts": []}, "accounts"),
        ({"Rows": [ROW], "count": 1}, "Rows"),
        ({"data": {"rows": [ROW]}, "success": True}, "data.rows"),
        ({"data": [ROW], "errors": [{"message": "one"}]}, "data"),
        ({"data": [ROW], "links": [ROW]}, "data"),
        ({"special": [], "data": []}, "special"),
    ],
)
def test_the_list_of_records_is_found(answer: t.Any, place: str) -> None:
    known = ("special",) if place == "special" else ()
    assert rows_in(answer, known, "accounts") == place


@pytest.mark.parametrize(
    "answer",
    [
        {"errors": [{"message": "no"}]},
        {"message": "no", "details": [ROW]},
        {"success": False, "data": [ROW]},
        {"one": [ROW], "two": [ROW]},
        {"data": [1, 2]},
        {"message": "no"},
        {},
        "text",
        None,
    ],
)
def test_an_error_with_a_list_has_no_records(answer: t.Any) -> None:
    with pytest.raises(DataError):
        rows_in(answer, (), "accounts")
