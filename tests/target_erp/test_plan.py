"""Dry runs and guards."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_plugin.cli import FAILED
from erp_vendors.errors import ConfigError
from target_erp.target import REJECTED
from tests.support.plugins import record, run_target, schema, state
from tests.support.stub import Reply, Request

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

ACCOUNTS = "cimcloud_accounts"
ROWS = {
    "1": {"ref_id": "1", "nm": "Ann", "credit": 1.5},
    "2": {"ref_id": "2", "nm": "Bob", "credit": 7},
}


@pytest.fixture
def site(vendor: Vendor) -> Vendor:
    def search(request: Request) -> Reply | None:
        if request.method != "GET" or "searchexact" not in request.path:
            return None
        row = ROWS.get(request.path.rpartition("~")[2])
        return Reply(body=[row] if row else [])

    vendor.script = search
    return vendor


def messages() -> list[dict[str, t.Any]]:
    return [
        schema(ACCOUNTS, ["ref_id"]),
        record(ACCOUNTS, ref_id="1", nm="Anna", credit=1.50),
        record(ACCOUNTS, ref_id="2", nm="Bob"),
        record(ACCOUNTS, ref_id="3", nm="New"),
        record(ACCOUNTS, ref_id="4", lines=[1]),
        state("end"),
    ]


def test_a_dry_run_reads_and_writes_nothing(site: Vendor, tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "plan.jsonl"
    run = run_target(site.config(dry_run=True, plan_file=str(plan)), messages())
    assert (run.code, run.states) == (REJECTED, [])
    assert site.writes == ["POST /site/authenticate"]
    assert not site.dead_letters.exists()
    lines = [json.loads(line) for line in plan.read_text().splitlines()]
    assert [(line["key"]["ref_id"], line["step"]) for line in lines[:3]] == [
        ("1", "update"),
        ("2", "unchanged"),
        ("3", "create"),
    ]
    assert lines[0]["changes"] == {"nm": {"old": "Ann", "new": "Anna"}}
    assert lines[3]["step"] == "refused"
    assert "lines" in lines[3]["reason"]


def test_the_plan_is_shown(
    site: Vendor, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "erp.plan")
    run_target(site.config(dry_run=True, plan_file=str(tmp_path / "plan")), messages())
    assert 'nm: "Ann" -> "Anna"' in caplog.text
    assert f"Plan for {ACCOUNTS}: 1 create, 1 update, 1 unchanged, 1 refused" in caplog.text


def test_a_dry_run_leaves_the_ledger_alone(site: Vendor, tmp_path: pathlib.Path) -> None:
    config = site.config()
    run_target({**config, "dry_run": True, "plan_file": str(tmp_path / "p")}, messages()[:2])
    assert run_target(config, messages()[:2]).code == 0
    assert len(site.taken) == 1


@pytest.mark.parametrize(
    "guards", [{"max_creates": 0}, {"max_updates": "20%"}, {"max_creates": 5, "max_updates": 0}]
)
def test_a_guard_stops_the_run_before_its_first_write(
    site: Vendor, guards: dict[str, t.Any]
) -> None:
    run = run_target(site.config(guards=guards), messages())
    assert (run.code, run.states, site.taken) == (FAILED, [], [])
    assert "nothing was written" in run.error
    assert "guards.max_" in run.error


def test_a_run_within_its_guards_writes(site: Vendor) -> None:
    run = run_target(site.config(guards={"max_creates": 1, "max_updates": "25%"}), messages())
    assert (run.code, run.states) == (REJECTED, ["end"])  # the nested row is refused
    assert [row["ref_id"] for row in site.taken] == ["1", "2", "3"]


def test_a_guard_that_cannot_be_read_ends_the_run_at_once(site: Vendor) -> None:
    with pytest.raises(ConfigError, match=r"guards\.max_creates"):
        run_target(site.config(guards={"max_creates": "few"}), [])


def test_aimsio_is_asked_by_guid_or_through_its_details(
    vendor: Vendor, tmp_path: pathlib.Path
) -> None:
    details = {
        "G1": {"employeeGuid": "G1", "employeeCode": "E-1", "employeePhone": "1"},
        "G2": {"employeeGuid": "G2", "employeeCode": "E-2", "employeePhone": "2"},
    }
    vendor.index = [{"dtype": "Employee", "guid": guid, "updatedAt": 1} for guid in details]

    def detail(request: Request) -> Reply | None:
        guid = request.path.rpartition("/")[2]
        return Reply(body=details[guid]) if guid in details else None

    vendor.script = detail
    plan = tmp_path / "plan.jsonl"
    rows = [
        record("aimsio_employees", employeeGuid="G1", employeePhone="9"),
        record("aimsio_employees", employeeCode="E-2", employeePhone="2"),
        record("aimsio_employees", employeeCode="E-3", employeePhone="3"),
    ]
    config = vendor.config(dry_run=True, plan_file=str(plan))
    assert run_target(config, [schema("aimsio_employees"), *rows]).code == 0
    steps = [json.loads(line)["step"] for line in plan.read_text().splitlines()]
    assert steps == ["update", "unchanged", "create"]
    assert vendor.writes == []
