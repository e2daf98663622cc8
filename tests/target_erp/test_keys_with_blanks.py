"""A key with blanks at its ends is refused by every sink: it would make a second record."""

from __future__ import annotations

import typing as t

import pytest

from target_erp.run import REJECTED
from target_erp.sink_writers import SinkWriters
from target_erp.target import TargetErp
from target_erp.templates import any_account, sinks
from tests.support.plugins import Message, record, run_target, schema, state

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

EMPLOYEES = "aimsio_employees"
TARGET = TargetErp(config=any_account())
WRITERS = SinkWriters(TARGET)


@pytest.mark.parametrize("sink", [one.name for one in sinks(TARGET)])
def test_no_key_of_any_sink_has_blanks_at_its_ends(sink: str) -> None:
    writer, _ = WRITERS.get(sink, ["ownKey"])
    columns = WRITERS.columns(writer)
    alternatives = (*(writer.documented.keys if writer.documented else ()), ("ownKey",))
    for names in alternatives:
        for name in names:
            good: Message = dict.fromkeys(names, "K 1")
            assert not columns.take(good).problems, name
            for blank in (" K", "K ", "K\t", "\u00a0K", "K\n", " "):
                taken = columns.take({**good, name: blank})
                assert "blanks at its ends" in str(taken.refusal), (name, blank)
                assert "self.strip()" in str(taken.refusal)


def test_the_record_is_refused_and_the_remedy_works(vendor: Vendor) -> None:
    said = schema(EMPLOYEES, ["employeeCode"], employeeCode={"type": "string"})
    messages = [said, record(EMPLOYEES, employeeCode="E-1 "), state(1)]
    config = vendor.config()
    run = run_target(config, messages)
    assert (run.code, vendor.taken) == (REJECTED, [])
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["reason"].startswith("employeeCode: the key has blanks at its ends")
    mended = {**config, "stream_maps": {EMPLOYEES: {"employeeCode": "self.strip()"}}}
    assert run_target(mended, messages).code == 0
    assert vendor.taken == [{"employeeCode": "E-1"}]


@pytest.mark.parametrize("keys", [["EMPLOYEE CODE"], ["employee_code"], []])
def test_two_columns_for_the_key_are_told_as_such_once(vendor: Vendor, keys: list[str]) -> None:
    row = {"EMPLOYEE CODE": "E-1", "employee_code": "E-1"}
    run = run_target(
        vendor.config(match_properties="loose"), [schema(EMPLOYEES, keys), record(EMPLOYEES, **row)]
    )
    assert (run.code, vendor.taken) == (REJECTED, [])
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["reason"] == (
        "EMPLOYEE CODE and employee_code are one property (employeeCode); leave out all but one"
    )
