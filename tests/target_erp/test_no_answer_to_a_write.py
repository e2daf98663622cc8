"""An answer that is none, to a write: the record counts neither as done nor as refused."""

from __future__ import annotations

import typing as t

import pytest

from tests.support.plugins import run_target, schema
from tests.support.stub import Reply, Request, running_stub

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.usefixtures("short_pauses")

EMPLOYEE = {
    "employeeCode": "E0",
    "employeeFirstName": "A",
    "employeeLastName": "B",
    "employmentType": "DIRECT_HIRE",
    "employeeStatusUname": "active_employee_status",
    "employeeTradeCode": "T",
}


@pytest.mark.parametrize("status", [101, 206, 600, 999])
def test_a_write_that_was_not_really_answered_is_unclear(
    status: int, tmp_path: pathlib.Path
) -> None:
    def script(request: Request) -> Reply:
        if request.method == "POST":
            made = {**EMPLOYEE, "employeeGuid": "g-1"}
            return Reply(status, {"employeeList": [made]})
        return Reply(body=[])

    with running_stub(script) as stub:
        login = {"username": "u", "password": "hunter2-hunter2", "api_url": stub.url}
        letters = tmp_path / "letters"
        run = run_target(
            {"aimsio": login, "validate_records": False, "dead_letters": str(letters)},
            [
                schema("aimsio_employees", ["employeeCode"], employeeCode={"type": "string"}),
                {"type": "RECORD", "stream": "aimsio_employees", "record": EMPLOYEE},
                {"type": "STATE", "value": {"at": 1}},
            ],
        )
    assert run.code == 1
    assert "POST" in run.error
    assert len(run.error.splitlines()) == 1
    assert run.states == [], "the next run sends it again"
    assert not [path for path in letters.rglob("*.jsonl") if path.read_text()]
