"""Plan, run, replay and deletions see the columns of a record in one and the same way."""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
import typing as t

import pytest

from erp_ledger import open_ledger
from erp_plugin.cli import FAILED
from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.planning.plan_file import lines_of
from target_erp.run import REJECTED
from target_erp.sink_writers import SinkWriters
from target_erp.target import TargetErp
from target_erp.templates import any_account
from tests.support.interface import INTERFACES
from tests.support.plugins import Message, record, run_target, schema, state
from tests.support.writers import Account

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

pytestmark = pytest.mark.slow

EMPLOYEES = "aimsio_employees"
ACCOUNTS = "cimcloud_accounts"
LOOSE: Message = {"match_properties": "loose"}


def rows(stream: str, key: str, *records: Message) -> list[Message]:
    return [schema(stream, [key]), *(record(stream, **one) for one in records), state("end")]


def test_loose_columns_are_the_same_record(vendor: Vendor) -> None:
    config = vendor.config()
    first = run_target(config, rows(EMPLOYEES, "employeeCode", {"employeeCode": "E-1"}))
    assert first.code == 0, first.error
    again = rows(EMPLOYEES, "employee_code", {"employee_code": "E-1"})
    second = run_target({**config, **LOOSE}, again)
    assert (second.code, second.states) == (0, ["end"]), second.error
    assert second.target.run.summary.as_json(0, "")["streams"][EMPLOYEES]["unchanged"] == 1
    changed = rows(EMPLOYEES, "EMPLOYEE CODE", {"EMPLOYEE CODE": "E-1", "employee_nick_name": "N"})
    assert run_target({**config, **LOOSE}, changed).code == 0
    assert vendor.taken == [
        {"employeeCode": "E-1"},
        {"employeeCode": "E-1", "employeeNickName": "N"},
    ]
    account = second.target.block("aimsio").account
    with contextlib.closing(open_ledger(config["ledger"])) as ledger:
        assert [key for key, _, _ in ledger.names_of(account, EMPLOYEES)] == ["employeeCode=E-1"]


def test_the_plan_reads_columns_as_the_run_does(vendor: Vendor, tmp_path: t.Any) -> None:
    plan = tmp_path / "plan.jsonl"
    config = vendor.config(
        dry_run=True, plan_file=str(plan), coerce="lossless", unknown_properties="drop", **LOOSE
    )
    run = run_target(
        config,
        rows(
            EMPLOYEES,
            "employee_code",
            {"employee_code": "E-1", "employee_average_day_pay": "12.50", "other": "x"},
            {"employee_code": "E-2", "employee_average_day_pay": "007"},
        ),
    )
    assert run.code == REJECTED, run.error
    lines = lines_of(str(plan))[1]
    assert {line["step"]: line["key"] for line in lines} == {
        "create": {"employeeCode": "E-1"},
        "refused": {"employeeCode": "E-2"},
    }
    assert "leading zeros" in plan.read_text()
    assert "other" not in plan.read_text()
    assert vendor.taken == []


def test_a_setting_may_hold_for_one_sink_alone(vendor: Vendor) -> None:
    config = vendor.config(sinks={EMPLOYEES: LOOSE | {"unknown_properties": "refuse"}})
    messages = rows(EMPLOYEES, "employee_code", {"employee_code": "E-1"}, {"employee_code": "E-2"})
    messages[2]["record"]["nonsense"] = 1
    messages[1]["record"]["_sdc_sequence"] = 1
    messages += rows("aimsio_equipment", "equipmentCode", {"equipmentCode": "Q", "nonsense": 1})
    run = run_target(config, messages)
    assert run.code == REJECTED
    assert vendor.taken == [{"employeeCode": "E-1"}, {"equipmentCode": "Q", "nonsense": 1}]
    (letter,) = vendor.letters(EMPLOYEES)
    assert letter["key"] == {"employeeCode": "E-2"}
    assert letter["class"] == "columns"
    assert "nonsense: no document knows this property" in letter["reason"]


@pytest.mark.parametrize("name", ["acme_staff", "aimsio_employes", "employees"])
def test_a_sink_that_nobody_has_is_told(vendor: Vendor, name: str) -> None:
    given = rows(EMPLOYEES, "employeeCode", {"employeeCode": "E-1"})
    run = run_target(vendor.config(sinks={name: LOOSE}), given)
    assert (run.code, vendor.taken) == (FAILED, [])
    assert f"'sinks' names {name}" in run.error
    unused = run_target(vendor.config(sinks={"aim_customers": LOOSE}), given)
    assert unused.code == 0
    with pytest.raises(ConfigError, match="match_propertie"):
        TargetErp(config=vendor.config(sinks={EMPLOYEES: {"match_propertie": "loose"}}))


def test_what_was_refused_is_replayed_once_the_setting_is_right(vendor: Vendor) -> None:
    text = {"employeeCode": "E-1", "employeeAverageDayPay": "12.50"}
    config = vendor.config()
    assert run_target(config, rows(EMPLOYEES, "employeeCode", text)).code == REJECTED
    (letter,) = vendor.letters(EMPLOYEES)
    assert "the setting coerce: lossless converts it" in letter["reason"]
    TargetErp(config={**config, "coerce": "lossless"}).replay()
    assert vendor.taken == [{"employeeCode": "E-1", "employeeAverageDayPay": 12.5}]
    assert vendor.letters(EMPLOYEES) == []


@pytest.mark.parametrize("null_values", [None, "drop", "send"])
def test_blank_cells_are_left_out_unless_the_user_says_what_nulls_do(
    vendor: Vendor, null_values: str | None
) -> None:
    block = {"null_values": null_values} if null_values else {}
    config = vendor.config(coerce="lossless", aimsio=block)
    row = {"employeeCode": "E-1", "employeeNickName": "", "employeeHiredAt": " "}
    run = run_target(config, rows(EMPLOYEES, "employeeCode", row))
    assert run.code in {0, REJECTED}
    sent = vendor.taken or [letter["payload"] for letter in vendor.letters(EMPLOYEES)]
    given = {"employeeCode": "E-1"}
    nulls = {"employeeNickName": None, "employeeHiredAt": None}
    assert sent == [{**given, **nulls} if null_values == "send" else given]


def _deleting(vendor: Vendor, **more: t.Any) -> Message:
    return vendor.config(
        deletes=[ACCOUNTS],
        guards={"max_deletes": 5},
        cimcloud={"delete_path": "{path}/{column}/{value}"},
        **LOOSE,
        coerce="lossless",
        **more,
    )


def _version(*records: Message) -> list[Message]:
    return [
        schema(ACCOUNTS, ["REF ID"]),
        *(record(ACCOUNTS, **one) for one in records),
        {"type": "ACTIVATE_VERSION", "stream": ACCOUNTS, "version": 1},
        state("end"),
    ]


def test_deletions_know_records_by_their_loose_keys(vendor: Vendor) -> None:
    config = _deleting(vendor)
    run = run_target(config, _version({"REF ID": "1"}, {"REF ID": "2"}))
    assert run.code == 0, run.error
    before = len(vendor.writes)
    again = run_target(config, _version({"REF ID": "1"}, {"REF ID": "2"}))
    assert (again.code, len(vendor.writes)) == (0, before), again.error
    assert not [path for path in vendor.stub.paths if path.startswith("DELETE")]


def test_nothing_is_deleted_while_a_record_hides_its_key(vendor: Vendor) -> None:
    config = _deleting(vendor)
    assert run_target(config, _version({"REF ID": "1"}, {"REF ID": "2"})).code == 0
    ambiguous = {"REF ID": "2", "ref_id": "2"}
    run = run_target(config, _version({"REF ID": "1"}, ambiguous))
    assert run.code == REJECTED
    assert "wait" in run.error
    assert not [path for path in vendor.stub.paths if path.startswith("DELETE")]


def test_a_tombstone_whose_key_is_not_clear_deletes_nothing(vendor: Vendor) -> None:
    config = _deleting(vendor)
    gone = {"REF ID": "1", "ref_id": "1", "_sdc_deleted_at": "2026-01-31T00:00:00Z"}
    run = run_target(config, [schema(ACCOUNTS, ["REF ID"]), record(ACCOUNTS, **gone)])
    assert run.code == REJECTED
    assert not [path for path in vendor.stub.paths if path.startswith("DELETE")]


def test_keys_that_change_their_spelling_are_one_key(vendor: Vendor) -> None:
    messages = rows(EMPLOYEES, "employee_code", {"employee_code": "E-1"})
    messages += rows(EMPLOYEES, "EmployeeCode", {"EmployeeCode": "E-1"})
    run = run_target(vendor.config(**LOOSE), messages)
    assert run.code == 0, run.error
    assert vendor.taken == [{"employeeCode": "E-1"}]


def test_what_resources_say_is_known_and_typed(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    config = vendor.config(coerce="lossless")
    entry = {"properties": {"companyCode": {"type": "string"}, "limit": {"type": "number"}}}
    for one in config["aimsio"]["resources"]:
        if one["name"] == "companies":
            one["schema"] = entry
    stream = "aimsio_companies"
    with caplog.at_level(logging.WARNING, "target-erp"):
        run = run_target(config, rows(stream, "companyCode", {"companyCode": "C", "limit": "1.5"}))
    assert run.code == 0, run.error
    assert vendor.taken == [{"companyCode": "C", "limit": 1.5}]
    assert "no document knows" not in caplog.text


@pytest.mark.parametrize(
    ("stream", "column"), [(EMPLOYEES, "employeeaveragedaypay"), (ACCOUNTS, "Nm")]
)
def test_an_unknown_property_is_one_warning(
    vendor: Vendor, caplog: pytest.LogCaptureFixture, stream: str, column: str
) -> None:
    key = "employeeCode" if stream == EMPLOYEES else "ref_id"
    records = ({key: str(n), column: "x"} for n in range(3))
    guarded = vendor.config(guards={"max_creates": 10})
    with caplog.at_level(logging.WARNING, "target-erp"):
        run = run_target(guarded, rows(stream, key, *records))
    assert run.code == 0, run.error
    (said,) = [r.getMessage() for r in caplog.records if "no document" in r.getMessage()]
    assert f"{stream}: no document knows the property '{column}'" in said
    assert "did you mean" in said


BLOCKS: dict[str, Message] = any_account()
SINKS = [(vendor, name) for vendor in VENDORS for name in INTERFACES[vendor].written]


@pytest.mark.parametrize(("vendor_name", "name"), SINKS, ids="_".join)
def test_every_sink_says_what_documents_know(vendor_name: str, name: str) -> None:
    writer = Account(vendor_name, BLOCKS[vendor_name]).writer(name)
    assert writer.documented is not None
    known = {*writer.documented.names, *writer.documented.schema.get("properties", {})}
    assert known
    keys = {part for key in writer.keys for part in key.split(",")}
    read = itertools.chain(*(one.get("properties", {}) for one in writer.documented.read))
    assert keys <= known | set(read) | {"guid", "id"}


@pytest.mark.parametrize(("vendor_name", "name"), SINKS, ids="_".join)
def test_key_properties_of_any_sink_are_matched_alike(vendor_name: str, name: str) -> None:
    target = TargetErp(config={vendor_name: BLOCKS[vendor_name], **LOOSE})
    writers, stream = SinkWriters(target), f"{vendor_name}_{name}"
    documented = Account(vendor_name, BLOCKS[vendor_name]).writer(name).documented
    assert documented is not None
    for keys in documented.keys:
        spelled = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).upper() for key in keys]
        plain, _ = writers.get(stream, keys)
        loose, _ = writers.get(stream, spelled)
        assert loose is plain
        record = dict.fromkeys(spelled, "1")
        named = writers.columns(loose).take(record).record
        assert list(named) == list(keys)
        assert loose.identify(named) == plain.identify(dict.fromkeys(keys, "1"))
