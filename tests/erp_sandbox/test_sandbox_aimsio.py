from __future__ import annotations

import json
import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Aimsio

pytestmark = pytest.mark.slow

ENTITIES = {
    "JobOrder": "jobGuid",
    "Employee": "employeeGuid",
    "BillableItem": "billableItemGuid",
    "PriceBook": "priceBookGuid",
    "Company": "companyGuid",
    "Equipment": "equipmentGuid",
    "NonRecurringBillableItem": "nrbGuid",
    "PayrollPeriod": "payrollPeriodGuid",
    "Timecard": "timecardGuid",
    "Invoice": "invoiceGuid",
    "User": "userGuid",
}


def employee(code: str, **more: object) -> dict[str, object]:
    return {
        "employeeCode": code,
        "employmentType": " SUBCONTRACTOR",
        "employeeStatusUname": "active_employee_status",
        "employeeFirstName": "Zoë",
        "employeeLastName": "O'Neill",
        "employeeTradeCode": "BI-0001",
        **more,
    }


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        (None, 401),
        (("sandbox-user", "wrong"), 401),
        (("other", "sandbox-password"), 401),
        (("no-permission", "sandbox-password"), 403),
    ],
)
def test_only_the_known_user_gets_in(
    aimsio: Aimsio, credentials: tuple[str, str] | None, status: int
) -> None:
    assert requests.get(aimsio.url + "Employee", auth=credentials, timeout=5).status_code == status


@pytest.mark.parametrize("entity", ENTITIES)
def test_index_holds_stubs_that_agree_with_the_details(aimsio: Aimsio, entity: str) -> None:
    stubs = aimsio.get(entity).json()
    key, name = ENTITIES[entity], "guid"
    assert len(stubs) == 60
    assert all(set(stub) == {"dtype", name, "updatedAt"} for stub in stubs)
    stamps = [stub["updatedAt"] for stub in stubs]
    assert stamps != sorted(stamps)
    assert len(set(stamps)) < len(stamps)
    detail = aimsio.get(f"{entity}/{stubs[0][name]}").json()
    assert detail[key] == stubs[0][name]
    assert stubs[0]["updatedAt"] in detail.values()


def test_the_data_is_awkward_and_the_same_each_time(aimsio: Aimsio) -> None:
    first = aimsio.details("Employee")
    aimsio.sandbox.reset(data=True)
    assert aimsio.details("Employee") == first
    assert {row["employmentType"] for row in first} == {"DIRECT_HIRE", " SUBCONTRACTOR"}
    assert any(row["employmentHireDate"] < 0 for row in first)
    assert any(row["employeeCode"] == "00005" for row in first)
    assert any(len(row["employeeNotes"] or "") > 4000 for row in first)
    assert any("'" in row["employeeLastName"] for row in first)


def test_numbers_keep_their_digits_over_a_write(aimsio: Aimsio) -> None:
    body = json.dumps({"employeeList": [employee("E-9")]})
    body = body.replace('"E-9"', '"E-9", "employeeAverageDayPay": 1234567.8900')
    answer = aimsio.http.post(aimsio.url + "Employee", data=body, timeout=5)
    guid = answer.json()["employeeList"][0]["employeeGuid"]
    assert '"employeeAverageDayPay":1234567.8900' in aimsio.get(f"Employee/{guid}").text
    row = aimsio.sandbox.row("aimsio", "employees", guid)
    assert row["employeeAverageDayPay"] == Decimal("1234567.8900")


def test_unknown_paths_records_and_verbs(aimsio: Aimsio) -> None:
    assert aimsio.get("Nothing").status_code == 404
    assert aimsio.get("Employee/none").status_code == 404
    assert aimsio.get("employee").status_code == 404  # this casing is documented
    assert aimsio.get("pricebook").status_code == 200  # this one is not
    assert aimsio.get("NRB").status_code == 405
    assert aimsio.post("NonRecurringBillableItem", {}).status_code == 405
    assert aimsio.post("PayrollPeriod", {}).status_code == 405
    assert aimsio.http.put(aimsio.url + "Employee", timeout=5).status_code == 405


def test_post_creates_then_updates_by_code(aimsio: Aimsio) -> None:
    before = int(time.time() * 1000)
    first = aimsio.post("Employee", {"employeeList": [employee("E-9")]})
    assert first.status_code == 200
    guid = first.json()["employeeList"][0]["employeeGuid"]
    created = aimsio.get(f"Employee/{guid}").json()
    assert created["employeeUpdatedAt"] >= before
    assert created["employmentType"] == " SUBCONTRACTOR"
    time.sleep(0.005)
    change = employee("E-9", employeeFirstName="Ann", employeeNotes="new")
    assert aimsio.post("Employee", {"employeeList": [change]}).status_code == 200
    after = aimsio.get(f"Employee/{guid}").json()
    assert (after["employeeFirstName"], after["employeeNotes"]) == ("Ann", "new")
    assert after["employeeUpdatedAt"] > created["employeeUpdatedAt"]
    assert after["employeeCreatedAt"] == created["employeeCreatedAt"]
    assert len(aimsio.get("Employee").json()) == 61
    writes = aimsio.sandbox.report("aimsio")["writes"]
    assert writes == {"employees": {"calls": 2, "created": 1, "updated": 1}}


@pytest.mark.parametrize("entity", list(ENTITIES)[:6])
def test_a_record_read_can_be_written_back(aimsio: Aimsio, entity: str) -> None:
    wrapper = {"JobOrder": "jobList"}.get(entity, entity[0].lower() + entity[1:] + "List")
    for row in aimsio.details(entity)[:20]:
        answer = aimsio.post(entity, {wrapper: [row]})
        assert answer.status_code == 200, answer.text
    assert len(aimsio.get(entity).json()) == 60


def test_nrbs_are_written_elsewhere_than_read(aimsio: Aimsio) -> None:
    rows = aimsio.details("NonRecurringBillableItem")
    answer = aimsio.post("NRB", {"nrbList": rows})
    assert answer.status_code == 200, answer.text
    assert len(aimsio.get("NonRecurringBillableItem").json()) == 60


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"employeeLastName": None}, "employeeLastName is required"),
        ({"employeeFirstName": ""}, "employeeFirstName is required"),
        ({"employeeTradeCode": None}, "one of employeeTradeCode, employeeTradeGuid"),
        ({"employeeTradeCode": "nope"}, "no such labour billable item"),
        ({"employeeTradeCode": "BI-0002"}, "no such labour billable item"),
        ({"employmentType": "CONTRACTOR"}, "employmentType must be one of"),
        ({"employmentHireDate": "2026-01-01"}, "employmentHireDate must be of type int"),
        ({"employmentHireDate": True}, "employmentHireDate must be of type int"),
        ({"employeeGuid": "mine"}, "made by the system"),
    ],
)
def test_bad_employees_are_refused(aimsio: Aimsio, change: dict[str, object], reason: str) -> None:
    answer = aimsio.post("Employee", {"employeeList": [employee("E-9", **change)]})
    assert answer.status_code == 400
    assert reason in answer.text
    assert len(aimsio.get("Employee").json()) == 60


def test_a_list_with_a_bad_record_is_refused_as_a_whole(aimsio: Aimsio) -> None:
    known = aimsio.details("Employee")[0]
    body = {"employeeList": [employee("E-9"), {**known, "employeeNotes": "x"}, {}]}
    answer = aimsio.post("Employee", body)
    assert answer.status_code == 400
    assert {error["index"] for error in answer.json()["errors"]} == {2}
    assert len(aimsio.get("Employee").json()) == 60
    assert aimsio.get(f"Employee/{known['employeeGuid']}").json() == known


def test_each_good_record_can_be_kept(aimsio_with: Callable[..., Any]) -> None:
    with aimsio_with(batch="each") as aimsio:
        answer = aimsio.post("Employee", {"employeeList": [employee("E-9"), {}]})
        assert answer.status_code == 400
        assert len(aimsio.get("Employee").json()) == 21


@pytest.mark.parametrize("body", [[], {}, {"employees": []}, {"employeeList": {}}, "x"])
def test_the_wrapper_is_needed(aimsio: Aimsio, body: object) -> None:
    assert aimsio.post("Employee", body).status_code == 400


def test_jobs_embed_records_and_derive_their_status(aimsio: Aimsio) -> None:
    rows = aimsio.details("JobOrder")
    assert any(row["jobNRBList"] for row in rows)
    assert all(isinstance(row["jobCrewList"], list) for row in rows)
    job = {
        "jobNumber": "J-9",
        "jobName": "New",
        "jobClientCode": "C-0001",
        "jobPriceBookName": rows[0]["jobPriceBookName"],
        "jobStartDate": -1,
    }
    made = aimsio.post("JobOrder", {"jobList": [job]}).json()["jobList"][0]
    assert aimsio.get(f"JobOrder/{made['jobGuid']}").json()["jobStatus"] == "Unassigned"
    assert aimsio.post("JobOrder", {"jobList": [{**job, "jobStatus": "Active"}]}).status_code == 400
    for change, status in (
        ({"jobAssigneeEmployeeNumber": "E-0001"}, "Assigned"),
        ({"jobStatus": "Finished"}, "Finished"),
    ):
        assert aimsio.post("JobOrder", {"jobList": [{**job, **change}]}).status_code == 200
        assert aimsio.get(f"JobOrder/{made['jobGuid']}").json()["jobStatus"] == status
    for bad in (
        {"jobClientCode": "?"},
        {"jobPriceBookName": "?"},
        {"jobEndDate": -2},
        {"jobLocationCode": "?"},
        {"jobAssigneeEmployeeNumber": "?"},
    ):
        assert aimsio.post("JobOrder", {"jobList": [{**job, **bad}]}).status_code == 400, bad


def test_a_job_may_come_with_a_guid_of_its_own(aimsio: Aimsio) -> None:
    job = {
        "jobGuid": "chosen-by-me",
        "jobName": "New",
        "jobClientCode": "C-0001",
        "jobPriceBookName": "Standard 2020",
        "jobStartDate": 0,
    }
    assert aimsio.post("JobOrder", {"jobList": [job]}).status_code == 200
    assert aimsio.get("JobOrder/chosen-by-me").json()["jobNumber"] == "JOB-61"


def test_embedded_arrays_can_be_refused(aimsio_with: Callable[..., Any]) -> None:
    with aimsio_with(read_only_fields="refuse") as aimsio:
        row = aimsio.details("JobOrder")[0]
        answer = aimsio.post("JobOrder", {"jobList": [row]})
        assert answer.status_code == 400
        assert "jobNRBList is read-only" in answer.text


def test_an_nrb_needs_a_vendor_that_is_no_client(aimsio: Aimsio) -> None:
    row = {**aimsio.details("NonRecurringBillableItem")[0], "nrbExternalId": "ext-new"}
    del row["nrbGuid"], row["nrbOriginReference"]
    client = {**row, "nrbVendorCode": "C-0001"}
    assert "is a client" in aimsio.post("NRB", {"nrbList": [client]}).text
    assert aimsio.post("NRB", {"nrbList": [{**row, "nrbIsBillable": None}]}).status_code == 400
    contradiction = {**row, "nrbIsBillable": not row["nrbIsBillable"]}
    assert "contradict" in aimsio.post("NRB", {"nrbList": [contradiction]}).text
    assert aimsio.post("NRB", {"nrbList": [row]}).status_code == 200
    del row["nrbExternalId"]
    assert aimsio.post("NRB", {"nrbList": [row]}).status_code == 400


@pytest.mark.parametrize(("entity", "prefix"), [("Invoice", "invoice"), ("Timecard", "timecard")])
def test_invoices_and_timecards_take_a_status_only(
    aimsio: Aimsio, entity: str, prefix: str
) -> None:
    row = aimsio.details(entity)[0]
    key = row[f"{prefix}Guid"]
    change = {
        f"{prefix}Guid": key,
        f"{prefix}Status": "Paid",
        f"{prefix}Number": row[f"{prefix}Number"],
    }
    assert aimsio.post(entity, {f"{prefix}List": [change]}).status_code == 200
    after = aimsio.get(f"{entity}/{key}").json()
    assert after[f"{prefix}Status"] == "Paid"
    assert after[f"{prefix}UpdatedAt"] > row[f"{prefix}UpdatedAt"]
    new = {f"{prefix}Number": "new", f"{prefix}Status": "Paid"}
    answer = aimsio.post(entity, {f"{prefix}List": [new]})
    assert answer.status_code == 400
    assert "creation" in answer.text


def test_omitted_fields_are_kept_or_cleared(aimsio_with: Callable[..., Any]) -> None:
    for policy, notes in (("keep", "note"), ("clear", None)):
        with aimsio_with(omitted_fields=policy, size=5) as aimsio:
            aimsio.post("Employee", {"employeeList": [employee("E-9", employeeNotes="note")]})
            answer = aimsio.post("Employee", {"employeeList": [employee("E-9")]})
            guid = answer.json()["employeeList"][0]["employeeGuid"]
            assert aimsio.get(f"Employee/{guid}").json()["employeeNotes"] == notes


def burst(aimsio: Aimsio, calls: int) -> tuple[list[str], float]:
    """Send calls side by side; return how each ended, and the seconds it took."""
    results: list[str] = []

    def one() -> None:
        try:
            answer = requests.get(aimsio.url + "Employee", auth=aimsio.http.auth, timeout=10)
            results.append(str(answer.status_code))
        except requests.ConnectionError:
            results.append("cut")

    threads = [threading.Thread(target=one, daemon=True) for _ in range(calls)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, time.monotonic() - start


@pytest.mark.serial
def test_calls_above_the_rate_wait_in_a_queue(aimsio_with: Callable[..., Any]) -> None:
    with aimsio_with(limits=True) as aimsio:
        results, seconds = burst(aimsio, 15)
        assert results == ["200"] * 15
        assert 1.0 <= seconds < 2.5
        report = aimsio.sandbox.report("aimsio")
        assert report["max_calls_in_one_second"] == 15
        assert report["queued"] >= 5


@pytest.mark.serial
def test_a_long_queue_ends_in_a_hang_up(aimsio_with: Callable[..., Any]) -> None:
    with aimsio_with(limits=True, rate=3, queue_seconds=0.5) as aimsio:
        results, seconds = burst(aimsio, 8)
        assert sorted(results) == ["200"] * 3 + ["cut"] * 5
        assert seconds >= 0.5
        report = aimsio.sandbox.report("aimsio")
        assert report["by_status"] == {"200": 3, "timeout": 5}
        assert report["queue_timeouts"] == 5
        time.sleep(0.6)
        assert aimsio.get("Employee").status_code == 200  # the queue recovers


def test_only_so_many_calls_are_in_work(aimsio_with: Callable[..., Any]) -> None:
    with aimsio_with(limits=True, rate=100, parallel=2) as aimsio:
        aimsio.sandbox.add_fault("delay", seconds=0.2)
        results, seconds = burst(aimsio, 6)
        assert results == ["200"] * 6
        assert seconds >= 0.6
        assert aimsio.sandbox.report("aimsio")["max_in_flight"] == 6
