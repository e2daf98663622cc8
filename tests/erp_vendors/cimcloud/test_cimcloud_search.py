"""Searchstrings: grammar, escaping and date literals (cimcloud.md 4.2 and 4.3)."""

from __future__ import annotations

import datetime as dt
import urllib.parse

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.cimcloud.search import changed_since, exact, format_date
from erp_vendors.errors import ConfigError

MOMENT = dt.datetime(2026, 3, 5, 7, 8, 9)  # noqa: DTZ001 - the vendor has no zones


def test_the_vendors_spelling_and_the_samples_parentheses() -> None:
    search = changed_since("last_modify_date", MOMENT, "M/D/YYYY")
    assert search == "(searchgreatherthanequal~last_modify_date~3/5/2026)"


@pytest.mark.parametrize(
    ("pattern", "sent"),
    [
        ("M/D/YYYY", "3/5/2026"),
        ("MM/DD/YYYY", "03/05/2026"),
        ("YYYY-MM-DD", "2026-03-05"),
        ("M%2FD%2FYYYY", "3%2F5%2F2026"),
        ("YYYY-MM-DDTHH:mm:ss", "2026-03-05T07:08:09"),
        ("YYYY-MM-DD HH:mm", "2026-03-05%2007:08"),
        ("YYYYMMDD", "20260305"),
        ("D.M.YYYY", "5.3.2026"),
    ],
)
def test_date_formats(pattern: str, sent: str) -> None:
    assert format_date(MOMENT, pattern) == sent


@pytest.mark.parametrize("pattern", ["", "YYYY-MM", "MM/DD", "day"])
def test_a_date_format_without_year_month_and_day_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"cimcloud\.date_format"):
        format_date(MOMENT, pattern)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("AB-1_x.9", "AB-1_x.9"),
        ("a b", "a%20b"),
        ("1/2", "1%2F2"),
        ("(x)", "%28x%29"),
        ("<<date>>", "%3C%3Cdate%3E%3E"),
        ("ü&?#%", "%C3%BC%26%3F%23%25"),
        (7, "7"),
    ],
)
def test_values_are_escaped(value: object, sent: str) -> None:
    assert exact("sku", value) == f"searchexact~sku~{sent}"


@pytest.mark.parametrize("value", ["a~b", "a|b", "x|or|y"])
def test_a_value_that_cannot_be_escaped_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="no escape"):
        exact("sku", value)


@given(st.text(min_size=1))
def test_no_value_breaks_out_of_its_command(value: str) -> None:
    try:
        search = exact("sku", value)
    except ValueError:
        assert {"~", "|"} & set(value)
        return
    url = requests.Request("GET", f"http://127.0.0.1/site/products/{search}/2").prepare().path_url
    command = url.removeprefix("/site/products/").removesuffix("/2")
    assert "/" not in command
    assert urllib.parse.unquote(command).split("~") == ["searchexact", "sku", value]
