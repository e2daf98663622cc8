"""The played AIMS360, over real sockets: background jobs, Aqua exports, documents."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from erp_sandbox.testing import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_sandbox.testing import RunningSandbox

HEADERS = {"Authorization": "Bearer sandbox.access.token"}
JOB = "jobsmanagement/v1.0/backgroundjob"
SECONDS = {"queue_seconds": 100.0, "run_seconds": 100.0, "stale_seconds": 50.0}


class Exports:
    """Export jobs that move with the clock of the sandbox only."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox
        self.root = f"{sandbox.url}/aims360/west"
        self.now = 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.sandbox.shift_clock(self.now)

    def submit(self, source: str, view: str, form: str = "JSON", **more: str) -> requests.Response:
        body = {
            "exportType": "View",
            "exportDataSettings": {"Source": source, "viewName": view},
            "exportCriteriaVersion": "v1.0",
            "outputFormat": form,
            "publishLinkAccessScope": "Private",
            **more,
        }
        url = f"{self.root}/reports/v1.0/reports/exportdata"
        return requests.post(url, json=body, headers=HEADERS, timeout=5)

    def job(self, key: str) -> dict[str, Any]:
        answer = requests.get(f"{self.root}/{JOB}/{key}", headers=HEADERS, timeout=5)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def rerun(self, key: str) -> requests.Response:
        return requests.post(f"{self.root}/{JOB}/{key}/rerun", headers=HEADERS, timeout=5)

    def fetch(self, link: str, headers: dict[str, str] | None = None) -> requests.Response:
        return requests.get(link, headers=HEADERS if headers is None else headers, timeout=5)

    def output(self, source: str, view: str, form: str = "JSON", **more: str) -> requests.Response:
        key = self.submit(source, view, form, **more).json()["jobId"]
        self.wait(201)
        return self.fetch(self.job(key)["publishLink"])


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSandbox]:
    options = {**SECONDS, "failing_views": ("Hold Orders",)}
    with running_sandbox(size=15, limits=False, options={"aims360": options}) as sandbox:
        yield sandbox


@pytest.fixture
def exports(shared: RunningSandbox) -> Iterator[Exports]:
    shared.reset(data=True)
    shared.shift_clock(0)
    yield Exports(shared)
    shared.shift_clock(0)


def test_a_job_goes_its_way(exports: Exports) -> None:
    reply = exports.submit("Customers", "All Customers")
    assert reply.status_code == 200
    got = reply.json()
    assert (got["jobStatus"], got["publishLinkAccessScope"]) == ("Queued", "PRIVATE")
    key = got["jobId"]
    assert exports.job(key)["jobStatus"] == "Queued"
    exports.wait(150)
    job = exports.job(key)
    assert job["jobStatus"] == "Inprogress"
    assert 40 < job["percentCompleted"] < 60
    assert job["completedDate"] is None
    assert exports.fetch(job["publishLink"]).status_code == 404
    exports.wait(60)
    job = exports.job(key)
    assert (job["jobStatus"], job["percentCompleted"]) == ("Completed", 100)
    assert job["completedDate"] == job["modifiedDate"]
    assert json.loads(job["response"])[0]["DownloadLink"] == job["publishLink"]
    body = exports.fetch(job["publishLink"]).json()
    assert body["totalRecordCount"] == len(body["data"]) == 15
    accounts = [row["customerAccount"] for row in exports.sandbox.rows("aims360", "customers")]
    assert [row["Account"] for row in body["data"]] == accounts
    url = f"{exports.root}/jobsmanagement/odata/v1.0/backgroundjob"
    query = {"$filter": f"jobId eq '{key}'"}
    listed = requests.get(url, params=query, headers=HEADERS, timeout=5).json()["value"]
    assert [row["jobID"] for row in listed] == [key]
    assert not any(name.startswith("_") for name in listed[0])


def test_a_job_can_fail(exports: Exports) -> None:
    key = exports.submit("Orders", "Hold Orders").json()["jobId"]
    exports.wait(201)
    job = exports.job(key)
    assert (job["jobStatus"], job["completedDate"]) == ("Failed", None)
    assert exports.fetch(job["publishLink"]).status_code == 404


def test_a_rerun_first_shows_the_run_before(exports: Exports) -> None:
    key = exports.submit("Customers", "All Customers").json()["jobId"]
    exports.wait(201)
    before = exports.job(key)
    exports.sandbox.insert("aims360", "customers", {"customerAccount": "NEW"})
    reply = exports.rerun(key).json()
    assert reply["jobId"] == key
    assert reply["publishLink"] == before["publishLink"]
    assert "jobRunId" in reply
    stale = exports.job(key)
    assert (stale["jobStatus"], stale["modifiedDate"]) == ("Completed", before["modifiedDate"])
    assert exports.fetch(stale["publishLink"]).json()["totalRecordCount"] == 15
    exports.wait(51)
    assert exports.job(key)["jobStatus"] == "Queued"
    exports.wait(100)
    assert exports.job(key)["jobStatus"] == "Inprogress"
    exports.wait(100)
    after = exports.job(key)
    assert after["jobStatus"] == "Completed"
    assert after["modifiedDate"] > before["modifiedDate"]
    assert exports.fetch(after["publishLink"]).json()["totalRecordCount"] == 16


def test_jobs_are_purged_and_seeded_ones_cannot_rerun(exports: Exports) -> None:
    old = exports.sandbox.rows("aims360", "background_jobs")[0]["jobID"]
    assert exports.rerun(old).status_code == 400
    key = exports.submit("Customers", "All Customers").json()["jobId"]
    exports.wait(201)
    link = exports.job(key)["publishLink"]
    exports.wait(31 * 86_400)
    assert exports.fetch(link).status_code == 404
    assert exports.rerun(key).status_code == 404


def test_scopes(exports: Exports) -> None:
    links = {}
    for scope in ("Public", "Private", "PeopleInOrganization"):
        reply = exports.submit("Seasons", "All Seasons", publishLinkAccessScope=scope)
        links[scope] = reply.json()["publishLink"]
    exports.wait(201)
    for scope, link in links.items():
        assert exports.fetch(link).status_code == 200
        assert exports.fetch(link, {}).status_code == (200 if scope == "Public" else 401)
        assert exports.fetch(link + "x").status_code == 403


def test_csv_is_awkward(exports: Exports) -> None:
    answer = exports.output("Allocation Batches", "All Batches", "csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    head, *rows = csv.reader(io.StringIO(answer.content.decode(), newline=""))
    assert head.count("Start Date") == 2
    assert "" in {row[-1] for row in rows}
    assert any(row[4] != row[4].strip() for row in rows)
    assert len(rows) == 15
    styles = exports.output("Styles UPC", "All Styles", "csv").content.decode()
    assert '"Off-White, washed' in styles
    assert "&quot;</p>" in styles
    text = exports.output("Customers", "All Customers", "csv").content.decode()
    assert text.splitlines()[0].split(",")[1] == "Customer Name"
    assert "6/29/2026 " in text
    notes = exports.output("Orders", "All Orders", "csv").content.decode()
    assert notes.count("\n") > 16


def test_views_differ_and_amounts_are_texts(exports: Exports) -> None:
    invoices = exports.output("Invoices", "All Invoices").json()["data"]
    closed = exports.output("Invoices", "Zero Balance").json()["data"]
    assert len(invoices) == 15
    assert {row["Balance"] for row in closed} == {"0"}
    assert "Invoice Date" in invoices[0]
    assert exports.output("Vendors", "Active").json() == {"totalRecordCount": 0, "data": []}
    lines = exports.output("Purchase Orders", "Style PO's-Line Details").json()["data"]
    assert {row["POType"] for row in lines} == {"S"}
    assert exports.output("Styles UPC", "All Styles").json()["totalRecordCount"] > 15


@pytest.mark.parametrize(
    "more",
    [
        {"exportType": "Report"},
        {"exportCriteriaVersion": "v2"},
        {"outputFormat": "pdf"},
        {"publishLinkAccessScope": "Nobody"},
    ],
)
def test_refused_jobs(exports: Exports, more: dict[str, str]) -> None:
    assert exports.submit("Customers", "All Customers", **more).status_code == 400
    assert exports.submit("Customers", "all customers").status_code == 400


def test_documents_are_a_bare_array(exports: Exports) -> None:
    url = f"{exports.root}/documentmanagement/odata/v1.0/aimsdocument"
    rows = requests.get(url, headers=HEADERS, timeout=5).json()
    assert len(rows) == 15
    query = {"$filter": f"GUID eq {rows[0]['documentGUID']}"}
    assert requests.get(url, params=query, headers=HEADERS, timeout=5).json() == rows[0]
    query = {"$filter": "category eq 'Style'"}
    found = requests.get(url, params=query, headers=HEADERS, timeout=5).json()
    assert {row["category"] for row in found} == {"Style"}
    assert exports.fetch(rows[0]["downloadUri"]).status_code == 200
    assert exports.fetch(rows[0]["downloadUri"], {}).status_code == 401


def test_other_shapes() -> None:
    options: dict[str, Any] = {
        "document_list": "odata",
        "publish_link": "storage",
        "csv_bom": True,
        "csv_dates": "iso",
        "inline_rows": 3,
        "unknown_view": "fail",
        "in_progress": "InProgress",
        "queue_seconds": 0.0,
        "run_seconds": 0.02,
    }
    with running_sandbox(size=6, options={"aims360": options}) as sandbox:
        exports = Exports(sandbox)
        url = f"{exports.root}/documentmanagement/odata/v1.0/aimsdocument"
        assert len(requests.get(url, headers=HEADERS, timeout=5).json()["value"]) == 6
        key = exports.submit("Customers", "All Customers", "CSV").json()["jobId"]
        small = exports.submit("Customers", "Inactive Customers").json()["jobId"]
        lost = exports.submit("Customers", "Nothing").json()["jobId"]
        assert exports.job(key)["jobStatus"] in {"InProgress", "Completed"}
        time.sleep(0.05)
        link = exports.job(key)["publishLink"]
        assert "/storage/" in link
        assert exports.fetch(link).status_code == 400
        text = exports.fetch(link, {}).content
        assert text.startswith(b"\xef\xbb\xbfAccount,")
        assert b"2026-06-30T" in text
        job = exports.job(small)
        assert (job["responseType"], job["publishLink"]) == ("In-line JSON", None)
        assert json.loads(job["response"])["totalRecordCount"] == 1
        assert exports.job(lost)["jobStatus"] == "Failed"


@pytest.mark.slow
def test_jobs_survive_a_restart(tmp_path: Any) -> None:
    path = str(tmp_path / "rows.db")
    with running_sandbox(size=3, database=path, options={"aims360": SECONDS}) as sandbox:
        key = Exports(sandbox).submit("Customers", "All Customers").json()["jobId"]
    with running_sandbox(size=3, database=path, options={"aims360": SECONDS}) as sandbox:
        exports = Exports(sandbox)
        assert exports.job(key)["jobStatus"] == "Queued"
        exports.wait(201)
        assert exports.fetch(exports.job(key)["publishLink"]).json()["totalRecordCount"] == 3
