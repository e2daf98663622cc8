"""Text is converted where nothing is lost, and stays what it is everywhere else."""

from __future__ import annotations

import datetime as dt
import decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from target_erp.coercion import converted, why_not

KINDS = st.sets(st.sampled_from(["number", "integer", "boolean", "object", "array"]))
TEXTS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[-+]?[0-9]{0,25}(\.[0-9]{0,25})?(e[0-9])?", fullmatch=True),
    st.integers().map(str),
    st.decimals(allow_nan=False).map(str),
    st.sampled_from(["true", "FALSE", "yes", "None", "٣", "1_000", "1,5", "0x10", "NaN", "inf"]),
)


def value_of(text: str, *kinds: str, epoch: bool = False) -> object:
    found = converted(text, kinds, epoch=epoch)
    return None if found is None else found.value


@given(TEXTS, KINDS)
@example("007", {"number"})
@example("-0", {"integer"})
@example("0.0000001", {"number"})
@example("9" * 5_000, {"integer"})
def test_what_is_converted_prints_back_to_the_same_text(text: str, kinds: set[str]) -> None:
    found = converted(text, kinds)
    if found is None:
        return
    value = found.value
    if isinstance(value, bool):
        assert "boolean" in kinds
        assert str(value).lower() == text.lower()
    elif isinstance(value, int):
        assert kinds & {"number", "integer"}
        assert str(value) == text
    else:
        assert "number" in kinds
        assert format(value, "f") == text


@given(st.integers(), st.decimals(allow_nan=False, allow_infinity=False, places=5))
def test_every_number_that_is_printed_is_read(whole: int, fraction: decimal.Decimal) -> None:
    assert value_of(str(whole), "integer") == whole
    assert str(value_of(format(fraction, "f"), "number")) in {str(fraction), format(fraction, "f")}


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_with_an_offset_is_its_milliseconds(moment: dt.datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    if (moment.utcoffset() or dt.timedelta()) % dt.timedelta(minutes=1):
        return  # ISO 8601 has no offset with seconds
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
    wanted = (moment - epoch) // dt.timedelta(milliseconds=1)
    assert value_of(moment.isoformat(), "integer", epoch=True) == wanted
    assert value_of(moment.isoformat(" "), "integer", epoch=True) == wanted
    assert value_of(moment.isoformat(), "integer") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", decimal.Decimal("12.50")),
        ("98765432109876.54321", decimal.Decimal("98765432109876.54321")),
        ("0", 0),
        ("-17", -17),
        ("007", None),
        ("-0", None),
        ("+5", None),
        (" 5", None),
        ("5.", None),
        (".5", None),
        ("1e5", None),
        ("1,234.50", None),
        ("٣", None),
        ("", None),
    ],
)
def test_numbers(text: str, value: object) -> None:
    assert str(value_of(text, "number")) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T00:00:00",
        "2026-01-31 00:00",
        "2026-02-30T00:00:00Z",
        "2026-01-31T00:00:00.0001Z",
        "31.01.2026",
    ],
)
def test_no_moment_is_guessed(text: str) -> None:
    assert value_of(text, "integer", epoch=True) is None


def test_milliseconds_that_are_text_are_a_number() -> None:
    assert value_of("1769817600000", "integer", epoch=True) == 1769817600000
    assert value_of("2026-01-31T00:00:00Z", "integer", epoch=True) == 1769817600000
    assert value_of("2026-01-31T02:00:00.250+02", "integer", epoch=True) == 1769817600250


def test_why_something_is_not_converted() -> None:
    assert "leading zeros" in why_not("007")
    assert "offset" in why_not("2026-01-31", epoch=True)
    assert "milliseconds" in why_not("2026-01-31T00:00:00.0001Z", epoch=True)
    assert why_not("n/a") == ""
