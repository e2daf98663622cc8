"""Dry runs and guards."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_ledger import open_ledger
from erp_plugin.cli import FAILED
from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.planning.plan_file import Binding, PlanFile, lines_of
from target_erp.planning.planner import Guards, Planner
from target_erp.run import REJECTED
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
    lines = lines_of(str(plan))[1]
    assert [(line["key"]["ref_id"], line["step"]) for line in lines[:3]] == [
        ("1", "update"),
        ("2", "update"),  # the vendor has it so, and it is sent: the ledger does not know
        ("3", "create"),
    ]
    assert lines[0]["changes"] == {"nm": {"old": "Ann", "new": "Anna"}}
    assert lines[2]["changes"] == {
        "ref_id": {"old": None, "new": "3"},
        "nm": {"old": None, "new": "New"},
    }
    assert lines[3]["step"] == "refused"
    assert "lines" in lines[3]["reason"]


def shown(caplog: pytest.LogCaptureFixture) -> list[list[str]]:
    """Lines of the logged tables, without their alignment."""
    return [line.split() for line in caplog.text.splitlines()]


def test_the_plan_is_shown_as_tables(
    site: Vendor, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "erp.plan")
    plan = tmp_path / "plan"
    run_target(site.config(dry_run=True, plan_file=str(plan)), messages())
    lines = shown(caplog)
    start = lines.index(["step", "record", "key", "what"])
    steps = [" ".join(line) for line in lines[start + 1 : start + 5]]
    assert steps[0].startswith("refused 4 ref_id=4 lines:")
    assert steps[1] == 'update 1 ref_id=1 nm: "Ann" -> "Anna"'
    assert steps[2].startswith("update 2 ref_id=2 the vendor has these values; it is sent")
    assert steps[3] == 'create 3 ref_id=3 ref_id: "3"; nm: "New"'
    assert ["stream", "create", "update", "delete", "unchanged", "skipped", "refused"] in lines
    assert [ACCOUNTS, "1", "2", "0", "0", "0", "1"] in lines
    assert f"Nothing was written; the plan is in {plan}" in caplog.text


def plan_file(path: pathlib.Path) -> PlanFile:
    return PlanFile(str(path), Binding("1", {}, {}), None)


def steps_of(plan: pathlib.Path) -> list[str]:
    """What is planned for each record."""
    return [line["step"] for line in lines_of(str(plan))[1]]


def planned(planner: Planner, **fields: t.Any) -> None:
    write = Write(planner.counts.total() + 1, ACCOUNTS, {}, **fields)
    planner.submit(Known({"ref_id": "0", "nm": "Ann"}), write)


class Known(Writer):
    """A writer whose vendor has one record."""

    stream = ACCOUNTS
    secrets = frozenset({"pw"})

    def __init__(self, row: dict[str, t.Any]) -> None:
        self.row = row

    def prepare(self, record: dict[str, t.Any]) -> Prepared:
        raise NotImplementedError

    def send(self, writes: list[Write]) -> None:
        raise NotImplementedError

    def current(self, write: Write) -> dict[str, t.Any] | None:
        return self.row if dict(write.key) == {"ref_id": "0"} else None


def test_a_large_plan_shows_first_what_matters_and_says_how_much_is_left(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "erp.plan")
    plan = tmp_path / "plan"
    planner = Planner(plan_file(plan))
    for _ in range(1200):
        planned(planner, key=(("ref_id", "0"),), body={"nm": "Ann"})
    for number in range(60):
        planned(planner, key=(("ref_id", f"N{number}"),), body={"nm": "New"})
    planned(planner, key=(("ref_id", "0"),), body={"nm": "Anna"})
    planner.summary()
    lines = shown(caplog)
    start = lines.index(["step", "record", "key", "what"])
    steps = [line[0] for line in lines[start + 1 :]]
    # The first of those that are alike is sent; after it the ledger knows them.
    assert steps[:50] == ["update", "update", *["create"] * 48]
    assert lines[start + 51] == ["…", "and", "1,211", "more,", "see", str(plan)]
    assert [ACCOUNTS, "60", "2", "0", "1,199", "0", "0"] in lines
    assert len(steps_of(plan)) == 1261


def test_a_plan_shows_no_secret(tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "erp.plan")
    plan = tmp_path / "plan"
    planner = Planner(plan_file(plan))
    redact.add("tok-abcdefghijklmnop" + 30 * "x")
    note = "tok-abcdefghijklmnop" + 30 * "x"  # is cut in the table, and is no secret by halves
    planned(planner, key=(("ref_id", "0"),), body={"pw": "hunter2-hunter2", "note": note})
    planned(planner, key=(("ref_id", "1"),), body={"pw": "hunter2-hunter2", "note": note})
    deep = {"list": [{"pw": "hunter2-hunter2", "note": f"see {note}"}]}
    planned(planner, key=(("ref_id", "2"),), body=deep)
    write = Write(3, ACCOUNTS, {"pw": "hunter2-hunter2"}, key=(("ref_id", "3"),))
    planner.refuse(Known({}), write, RefusedError("pw hunter2-hunter2 is too short"))
    planner.summary()
    for text in (caplog.text, plan.read_text()):
        assert "hunter2" not in text
        assert "tok-" not in text
        assert "*****" in text


def test_an_empty_plan_replaces_an_old_one(site: Vendor, tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "plan"
    plan.write_text("yesterday's\n")
    assert run_target(site.config(dry_run=True, plan_file=str(plan)), []).code == 0
    assert lines_of(str(plan))[1] == []


def test_deletions_are_planned_and_guarded(tmp_path: pathlib.Path) -> None:
    plan = tmp_path / "plan"
    planner = Planner(plan_file(plan))
    writer = Known({})
    for number, plan_it in enumerate((planner.note_delete, planner.submit), 1):
        key = (("ref_id", str(number)),)
        plan_it(writer, Write(number, ACCOUNTS, {}, key=key, deletes=True))
    planner.summary()
    assert steps_of(plan) == ["delete"] * 2
    Guards(max_deletes=2).check(planner.counts)
    Guards(max_deletes="100%").check(planner.counts)
    with pytest.raises(ConfigError, match=r"guards\.max_deletes allows 1 of 2 .* 2 to delete"):
        Guards(max_deletes=1).check(planner.counts)


def test_a_dry_run_leaves_the_ledger_alone(site: Vendor, tmp_path: pathlib.Path) -> None:
    config = site.config()
    run_target({**config, "dry_run": True, "plan_file": str(tmp_path / "p")}, messages()[:2])
    assert run_target(config, messages()[:2]).code == 0
    assert len(site.taken) == 1


@pytest.mark.parametrize(
    "guards", [{"max_creates": 0}, {"max_updates": "20%"}, {"max_creates": 5, "max_updates": 0}]
)
def test_a_guard_stops_the_run_before_its_first_write(
    site: Vendor, guards: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "run.json"
    config = site.config(guards=guards, report_file=str(file))
    run = run_target(config, messages())
    assert (run.code, run.states, site.taken) == (FAILED, [], [])
    assert "nothing was written" in run.error
    assert "guards.max_" in run.error
    report = json.loads(file.read_text())
    assert (report["exit_code"], report["error"]) == (FAILED, run.error)
    ledger = open_ledger(config["ledger"])
    (noted,) = ledger.runs(5)
    ledger.close()
    assert noted.report is not None
    assert json.loads(noted.report)["error"] == run.error


def test_a_run_within_its_guards_writes(site: Vendor) -> None:
    run = run_target(site.config(guards={"max_creates": 1, "max_updates": "50%"}), messages())
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
    steps = [line["step"] for line in lines_of(str(plan))[1]]
    assert steps == ["update", "update", "create"]  # what the ledger does not know is sent
    assert vendor.writes == []
