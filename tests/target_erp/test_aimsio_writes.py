"""Aimsio's bodies and their rules (aimsio.md 6)."""

from __future__ import annotations

import typing as t

from target_erp.run import REJECTED
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

JOBS = "aimsio_job_orders"
PREFIX = "POST /rest/api/standard/v1"
JOB = {
    "jobNumber": "J-1",
    "jobName": "Well site",
    "jobWBSSchedule": {"jobScheduleConversionRules": []},
    "someNrbs": [{"nrbExternalId": "N-1", "nrbJobOrderNumber": "J-1"}],
    "crewList": [{"employeeCode": "E-1"}],
    "jobEquipmentList": [],
    "machines": [{"equipmentCode": "Q-1"}],
    "tags": [{"name": "x"}],
}


def test_bodies_are_lists_under_the_entitys_name(vendor: Vendor) -> None:
    streams = {
        "aimsio_employees": ("employeeCode", "Employee", "employeeList"),
        "aimsio_billable_items": ("billableItemCode", "BillableItem", "billableItemList"),
        "aimsio_price_books": ("priceBookName", "PriceBook", "priceBookList"),
        "aimsio_companies": ("companyCode", "Company", "companyList"),
        "aimsio_equipment": ("equipmentCode", "Equipment", "equipmentList"),
        JOBS: ("jobNumber", "JobOrder", "jobList"),
        "aimsio_nrbs": ("nrbExternalId", "NRB", "nrbList"),
    }
    for stream, (key, path, wrapper) in streams.items():
        assert run_target(vendor.config(), [schema(stream), record(stream, **{key: "1"})]).code == 0
        request = vendor.stub.requests[-1]
        assert f"{request.method} {request.path}" == f"{PREFIX}/{path}"
        assert request.json == {wrapper: [{key: "1"}]}


def test_properties_that_only_the_get_schema_has_are_left_out(vendor: Vendor) -> None:
    row = record(
        "aimsio_employees",
        employeeCode="E-1",
        employeeUpdatedAt=1,
        employeeCreatedAt=1,
        employeeLinkedUserName="ann",
        employeeFormData={"formDataGuid": "g"},
        customFieldDataList=[{"any": "thing"}],
        employeePhone=None,
    )
    assert run_target(vendor.config(), [schema("aimsio_employees"), row]).code == 0
    assert vendor.taken == [
        {"employeeCode": "E-1", "customFieldDataList": [{"any": "thing"}], "employeePhone": None}
    ]


def test_a_job_order_leaves_its_embedded_records_at_home(vendor: Vendor) -> None:
    assert run_target(vendor.config(), [schema(JOBS), record(JOBS, **JOB)]).code == 0
    (body,) = vendor.taken
    assert set(body) == {"jobNumber", "jobName", "jobWBSSchedule", "tags"}
    assert len(vendor.writes) == 1


def test_a_job_order_sends_its_embedded_records_by_setting(vendor: Vendor) -> None:
    config = vendor.config(aimsio={"job_order_children": "send"})
    assert run_target(config, [schema(JOBS), record(JOBS, **JOB)]).code == 0
    order = [path.rpartition("/")[2] for path in vendor.writes]
    assert sorted(order) == ["Employee", "Equipment", "JobOrder", "NRB"]
    # Crew and equipment before the job, the NRB, which names the job, behind it.
    assert order[-2:] == ["JobOrder", "NRB"]


def test_an_invoice_changes_its_status_and_nothing_else(vendor: Vendor) -> None:
    vendor.index = [{"dtype": "Invoice", "guid": "G-1", "updatedAt": 1}]
    row = record("aimsio_invoices", invoiceGuid="G-1", invoiceStatus="PAID", invoiceTotal=5)
    assert run_target(vendor.config(), [schema("aimsio_invoices"), row]).code == 0
    assert vendor.stub.requests[-1].json == {
        "invoiceList": [{"invoiceGuid": "G-1", "invoiceStatus": "PAID"}]
    }


def test_an_invoice_that_would_be_created_is_refused(vendor: Vendor) -> None:
    vendor.index = [{"dtype": "Timecard", "id": key, "updatedAt": 1} for key in (17, 18)]
    stream = "aimsio_timecards"
    rows = [
        record(stream, timecardStatus="APPROVED"),
        record(stream, timecardGuid="unheard-of", timecardStatus="APPROVED"),
        record(stream, id=18, note="no status"),
        record(stream, id=17, timecardStatus="APPROVED"),
    ]
    run = run_target(vendor.config(), [schema(stream), *rows])
    assert run.code == REJECTED
    letters = vendor.letters(stream)
    assert [letter["class"] for letter in letters] == ["would_create", "would_create", "no_status"]
    assert "cannot be created" in letters[0]["reason"]
    assert vendor.taken == [{"id": 17, "timecardStatus": "APPROVED"}]


def test_a_refusal_inside_a_200_counts(vendor: Vendor) -> None:
    from tests.support.stub import Reply  # noqa: PLC0415

    vendor.script = lambda request: (
        Reply(body={"errors": ["unknown trade code"]}) if request.method == "POST" else None
    )
    row = record("aimsio_employees", employeeCode="E-1")
    assert run_target(vendor.config(), [schema("aimsio_employees"), row]).code == REJECTED
    assert "unknown trade code" in vendor.letters("aimsio_employees")[0]["reason"]
