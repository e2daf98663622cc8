"""Columns come to the properties they mean, never two to one, and are taken once only."""

from __future__ import annotations

import collections
import decimal
import logging
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_erp.column_settings import ColumnSettings
from target_erp.columns import Columns
from target_erp.delivery.documented import Documented

PROPERTIES: dict[str, t.Any] = {
    "employeeCode": {"type": "string"},
    "Phone2": {"type": ["string", "null"]},
    "phone_2": {"type": ["string", "null"]},
    "rate": {"type": ["number", "null"]},
    "count": {"type": "integer"},
    "active": {"type": "boolean"},
    "hired": {"type": ["integer", "null"], "description": "Hired, epoch milliseconds (DOC)"},
    "guess": {"type": "number", "description": "A guess (INF, somewhere)"},
    "either": {"type": ["string", "number"]},
    "lines": {
        "type": "array",
        "items": {"type": "object", "properties": {"unitPrice": {"type": "number"}}},
    },
}
SCHEMA = {"type": "object", "properties": PROPERTIES}
READ = {"type": "object", "properties": {"updatedAt": {"type": "string"}}}


def columns(**settings: t.Any) -> Columns:
    documented = Documented(
        SCHEMA, {"properties": {"mine": {}}}, (READ,), frozenset({"ref"}), {"Addr1": "Address1"}
    )
    return Columns("some_sink", documented, ColumnSettings(**settings), said=set())


NAMES = st.one_of(
    st.sampled_from(
        [
            *PROPERTIES,
            *("employee_code", "EMPLOYEE CODE", "employeecode", "PHONE-2", "Rate", " rate "),
            *("addr1", "Addr1", "updated_at", "mine", "Mine", "_sdc_batched_at", "other", ""),
        ]
    ),
    st.text(max_size=8),
)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["1", "", " "])
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=8)
SETTINGS = st.builds(
    ColumnSettings,
    st.sampled_from(["exact", "loose"]),
    st.sampled_from(["send", "drop", "refuse"]),
    st.sampled_from(["none", "lossless"]),
    st.booleans(),
)


def plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())


@given(st.dictionaries(NAMES, st.integers(), max_size=8), SETTINGS)
def test_no_two_columns_reach_one_property_in_silence(
    record: dict[str, int], settings: ColumnSettings
) -> None:
    record = {name: number for number, name in enumerate(record)}
    taken = columns(**settings._asdict()).take(record)
    # Each value is there once, or its column was left out, as the setting asks for.
    assert len(set(taken.record.values())) == len(taken.record)
    assert set(taken.record.values()) == set(record.values()) or settings.unknown == "drop"
    alike = collections.Counter(map(plain, record))
    if settings.match == "loose" and any(alike[name] > 1 for name in ("employeecode", "rate")):
        assert taken.misnamed
        assert taken.refusal is not None


@given(RECORDS, SETTINGS)
def test_a_record_that_was_taken_is_taken_again_unchanged(
    record: dict[str, t.Any], settings: ColumnSettings
) -> None:
    mine = columns(**settings._asdict())
    once = mine.take(record)
    again = mine.take(once.record)
    assert again.record == once.record
    assert bool(again.refusal) is bool(once.refusal)


@given(RECORDS)
def test_nothing_is_changed_unless_it_is_asked_for(record: dict[str, t.Any]) -> None:
    assert columns().take(record).record == record
    assert columns().take(record).refusal is None


@given(RECORDS)
def test_conversion_touches_text_alone(record: dict[str, t.Any]) -> None:
    taken = columns(coerce="lossless").take(record).record
    for name, value in record.items():
        if not isinstance(value, str):
            assert taken[name] is value
        elif value.strip() and name in taken and taken[name] != value:
            assert not isinstance(taken[name], str)
            assert str(taken[name]).lower() == value.lower()


@pytest.mark.parametrize(
    "column", ["employeecode", "employee_code", "EMPLOYEE CODE", "Employee-Code"]
)
def test_loose_names(column: str) -> None:
    mine = columns(match="loose")
    assert mine.named([column]) == ("employeeCode",)
    assert mine.take({column: "E-1"}).record == {"employeeCode": "E-1"}
    assert columns().take({column: "E-1"}).record == {column: "E-1"}


def test_what_is_ambiguous_is_refused() -> None:
    mine = columns(match="loose")
    assert mine.take({"Phone2": "1", "phone_2": "2"}).refusal is None
    unclear = mine.take({"PHONE 2": "1"}).refusal
    assert "Phone2 or phone_2" in str(unclear)
    double = mine.take({"employee_code": "1", "employeeCode": "1"})
    assert "employee_code and employeeCode are one property" in str(double.refusal)
    assert double.misnamed
    aliases = mine.take({"addr1": "1", "Addr1": "2"})
    assert aliases.misnamed


def test_what_documents_know_is_known(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "target-erp")
    mine = columns()
    mine.take({"mine": 1, "updatedAt": 2, "ref": 3, "Addr1": 4, "_sdc_x": 5, "employeeCode": "6"})
    assert not caplog.records
    for _ in range(2):
        mine.take({"employeecode": 1, "nonsense": 2})
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "'employeecode'" in said[0]
    assert "did you mean 'employeeCode'?" in said[0]
    assert "'nonsense'" in said[1]


def test_each_renamed_column_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "target-erp")
    mine = columns(match="loose")
    mine.announce(["employee_code", "RATE"])
    for _ in range(3):
        mine.take({"employee_code": 1, "RATE": 2})
    (said,) = [record.getMessage() for record in caplog.records]
    assert "employee_code is employeeCode, RATE is rate" in said


def test_unknown_properties() -> None:
    record = {"employeeCode": "1", "nonsense": 2, "id": 3}
    assert columns().take(record).record == record
    dropping = columns(unknown="drop")
    dropping.keep(["id"])
    assert dropping.take(record).record == {"employeeCode": "1", "id": 3}
    refusing = columns(unknown="refuse")
    refusing.keep(["id"])
    assert str(refusing.take(record).refusal).startswith("nonsense: no document knows")


def test_what_stands_inside_is_treated_alike() -> None:
    mine = columns(match="loose", coerce="lossless")
    taken = mine.take({"LINES": [{"unit_price": "12.50"}, {"unit price": "x"}]})
    assert taken.record["lines"][0] == {"unitPrice": decimal.Decimal("12.50")}
    assert "lines.unitPrice: 'x' is text" in str(taken.refusal)


def test_blank_cells() -> None:
    record = {"employeeCode": " ", "rate": "", "other": ""}
    assert columns().take(record).record == record
    assert columns(coerce="lossless").take(record).record == {}
    nulls = columns(coerce="lossless", blank_is_null=True).take(record).record
    assert nulls == dict.fromkeys(record)


def test_text_that_says_something_else_is_refused() -> None:
    mine = columns(coerce="lossless")
    for name, value in [
        ("rate", "007"),
        ("count", "1.5"),
        ("active", "yes"),
        ("hired", "2026-01-31"),
    ]:
        refusal = mine.take({name: value}).refusal
        assert refusal is not None
        assert str(refusal).startswith(f"{name}: '{value}' is text and not exactly")
        assert refusal.reason == "columns"
    free = {"guess": "007", "either": "12", "employeeCode": "12"}
    assert mine.take(free) == (free, {}, False)
    assert mine.take({"guess": "12.50"}).record == {"guess": decimal.Decimal("12.50")}


def test_a_secret_is_not_shown() -> None:
    mine = Columns(
        "some_sink",
        Documented(SCHEMA),
        ColumnSettings(coerce="lossless"),
        secrets=frozenset({"rate"}),
    )
    refusal = str(mine.take({"rate": "s3cret"}).refusal)
    assert "s3cret" not in refusal
    assert refusal.startswith("rate: it is text")


def test_where_nothing_is_documented_one_warning_names_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    guess = {"properties": {"stamp": {"type": "string", "description": "A guess (INF, x)"}}}
    mine = Columns("some_sink", Documented(guess), ColumnSettings(), said=set())
    for _ in range(2):
        mine.take({"stamp": "1", "amount": 2, "reason": 3})
    (said,) = [record.getMessage() for record in caplog.records]
    assert "amount, reason" in said
    assert "resources" in said
