"""The last line of a run that did not get everything through says what to do next."""

from __future__ import annotations

import json
import re
import shlex
import typing as t

import pytest

from erp_cli.erp import main
from target_erp.next_step import next_step
from target_erp.run import REJECTED
from target_erp.settings import SETTINGS
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

EMPLOYEES = "aimsio_employees"
MESSAGES = [schema(EMPLOYEES), record(EMPLOYEES, employeeCode="E-1")]


@pytest.fixture
def refusing(vendor: Vendor, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    monkeypatch.chdir(tmp_path)
    vendor.judge = lambda _: "no such job"
    return vendor


@pytest.mark.parametrize("on_reject", ["fail", "stop"])
def test_the_command_that_is_named_lists_what_was_rejected(
    refusing: Vendor, capsys: pytest.CaptureFixture[str], on_reject: str
) -> None:
    config = refusing.config(ledger="my ledger.sqlite", on_reject=on_reject)
    run = run_target(config, MESSAGES)
    assert run.code == REJECTED
    found = re.search(r"next: erp (ledger rejects .*); report: erp_run\.json$", run.error)
    assert found, run.error
    assert main(shlex.split(found[1])) == 0
    assert "no such job" in capsys.readouterr().out


def test_the_report_of_a_run_holds_what_happened_and_not_what_to_do(
    refusing: Vendor, tmp_path: pathlib.Path
) -> None:
    run = run_target(refusing.config(), MESSAGES)
    noted = json.loads((tmp_path / "erp_run.json").read_text())["error"]
    assert noted
    assert run.error.startswith(f"{noted}; next: ")


@pytest.mark.parametrize(("plan_file", "told"), [("p.jsonl", "p.jsonl"), ("none", "above")])
def test_a_dry_run_points_at_its_plan_and_not_at_dead_letters(
    refusing: Vendor, plan_file: str, told: str
) -> None:
    config = refusing.config(dry_run=True, plan_file=plan_file)
    messages = [schema(EMPLOYEES), record(EMPLOYEES, employeeCode=[1])]
    run = run_target(config, messages)
    assert run.code == REJECTED
    assert re.search(rf"1 records were rejected in this dry run; the plan.* {told} says", run.error)
    assert "dead" not in run.error
    assert "erp ledger" not in run.error
    assert not refusing.dead_letters.exists()


def test_a_url_is_not_repeated_and_meltano_has_a_command_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {setting.name: setting.default for setting in SETTINGS}
    settings |= {"ledger": "postgresql://ann:pass-w0rd@db/erp", "report_file": ""}
    assert next_step(["unknown"], settings.__getitem__) == "next: erp ledger unknown"
    monkeypatch.setenv("MELTANO_LOADER_NAME", "target-erp--aimsio")
    said = next_step(["rejects", "unknown"], settings.__getitem__)
    invoke = "in the Meltano project: meltano invoke target-erp--aimsio"
    assert said == (
        f"next: erp ledger rejects ({invoke}:rejects), erp ledger unknown ({invoke}:unknown)"
    )
