"""Stamps in the forms that vendors use, made comparable without inventing a zone."""

from __future__ import annotations

import datetime as dt
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erp_vendors.stamps import earlier, from_iso, to_epoch_ms, to_iso


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-01-31", "2026-01-31T00:00:00.000000"),
        ("2026-1-5", "2026-01-05T00:00:00.000000"),
        ("2026-01-31T13:45:10", "2026-01-31T13:45:10.000000"),
        ("2026-01-31 13:45:10.5", "2026-01-31T13:45:10.500000"),
        ("2026-01-31 13:45", "2026-01-31T13:45:00.000000"),
        ("2026-01-31T13:45:10.1234567", "2026-01-31T13:45:10.123456"),
        ("2026-01-31T13:45:10,25", "2026-01-31T13:45:10.250000"),
        ("2026-01-31T13:45:10Z", "2026-01-31T13:45:10.000000Z"),
        ("2026-01-31T13:45:10.5z", "2026-01-31T13:45:10.500000Z"),
        ("2026-01-31T23:30:00-08:00", "2026-02-01T07:30:00.000000Z"),
        ("2026-01-31T01:00:00+0530", "2026-01-30T19:30:00.000000Z"),
        (" 2026-01-31T13:45:10Z ", "2026-01-31T13:45:10.000000Z"),
        ("1/31/2026", "2026-01-31T00:00:00.000000"),
        ("1/31/2026 1:45 PM", "2026-01-31T13:45:00.000000"),
        ("1/31/2026 12:05:09 AM", "2026-01-31T00:05:09.000000"),
        ("12/31/2026 12:00:00 pm", "2026-12-31T12:00:00.000000"),
        ("01/31/2026 23:59:59", "2026-01-31T23:59:59.000000"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000000"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00.000000Z"),
        ("9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.999999Z"),
        ("1969-12-31T23:59:59", "1969-12-31T23:59:59.000000"),
    ],
)
def test_forms_that_are_read(text: str, iso: str) -> None:
    assert to_iso(text) == iso
    assert from_iso(iso).isoformat(timespec="microseconds") == iso.removesuffix("Z")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "yesterday",
        "2026-13-01",
        "31/12/2026",
        "2026-02-30",
        "2026-01-31T25:00",
        5,
        True,
        {},
    ],
)
def test_a_text_that_is_no_stamp_gives_none(value: object) -> None:
    assert to_iso(value) is None


PARTS = st.tuples(
    st.one_of(st.dates().map(str), st.sampled_from(["2026-02-30", "2026-W05-6", "26-1-1", ""])),
    st.sampled_from(["T", " ", "t", ""]),
    st.sampled_from(["13:45:06", "1:45:06", "24:00:00", "13:45", "134506", "13:60:00", ""]),
    st.sampled_from(["", ".5", ".123456789", ".", ",25", ".1x", "\u0663", ".\u0663"]),
    st.sampled_from(["", "Z", "z", " Z", "+02:00", "-0800", "ZZ"]),
)


@given(PARTS)
def test_the_short_way_gives_what_the_long_way_gives(parts: tuple[str, ...]) -> None:
    text = "".join(parts)
    with mock.patch("erp_vendors.stamps._usual", return_value=None):
        long_way = to_iso(text)
    assert to_iso(text) == long_way


def test_text_order_is_time_order() -> None:
    texts = ["9/9/2025", "2025-10-01", "10/1/2025 1:00 AM", "2025-10-01T01:00:00.5", "12/31/2025"]
    read = [to_iso(text) for text in texts]
    assert None not in read
    assert read == sorted(read, key=str)


@given(st.datetimes(), st.datetimes())
def test_order_survives_for_any_pair(one: dt.datetime, other: dt.datetime) -> None:
    first, second = to_iso(one.isoformat()), to_iso(other.isoformat(sep=" "))
    assert first is not None
    assert second is not None
    assert (first < second) == (one < other)


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (1_769_864_710_123, 1_769_864_710_123),
        ("1769864710124", 1_769_864_710_124),
        ("-5", -5),
        (0, 0),
        ("1970-01-01", 0),
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2026-01-31", 1_769_817_600_000),
        (None, None),
        (True, None),
        ("soon", None),
        ([], None),
    ],
)
def test_epoch_milliseconds(value: object, milliseconds: int | None) -> None:
    assert to_epoch_ms(value) == milliseconds


def test_earlier_stays_within_what_a_datetime_can_hold() -> None:
    day = dt.timedelta(days=1)
    assert earlier(dt.datetime(2026, 1, 2), day) == dt.datetime(2026, 1, 1)  # noqa: DTZ001
    assert earlier(dt.datetime.min, day) == dt.datetime.min  # noqa: DTZ901
    assert earlier(dt.datetime.max, -day) == dt.datetime.max  # noqa: DTZ901
