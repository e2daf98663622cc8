"""The life of an export's job (aims360.md 10)."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_vendors.aims360.aqua import AquaJob, Export, JobError, JobFailedError, exports
from erp_vendors.errors import CallError, ConfigError, DataError, Interrupted
from tests.erp_vendors.aims360.fake import (
    EXPORT,
    JOB,
    JOBS,
    ORDERS,
    OVERLOADED,
    ROWS,
    TOKEN,
    Fake,
    Reader,
    make_client,
)
from tests.support.stub import Reply, Request

EARLIER_PATH = "/reports/v1.0/exportdata"


def test_submit_wait_and_fetch(reader: Reader, fake: Fake) -> None:
    assert reader.read() == ROWS
    submitted, *looks, fetched = fake.requests
    assert (submitted.method, submitted.path) == ("POST", EXPORT)
    assert submitted.json == {
        "exportType": "View",
        "exportDataSettings": {"source": "Orders", "viewName": "All Orders"},
        "exportCriteriaVersion": "v1.0",
        "outputFormat": "JSON",
        "publishLinkAccessScope": "Private",
    }
    assert len(looks) == 3
    assert all(request.path.startswith(f"{JOBS}?$filter=jobId%20eq%20'") for request in looks)
    assert reader.waits == [2, 3, 4.5], "patience grows"
    assert fetched.headers["Authorization"] == f"Bearer {TOKEN}", "a private output needs the login"
    assert reader.job_id in fake.jobs


def test_patience_has_a_limit(reader: Reader, fake: Fake) -> None:
    fake.statuses = ["Queued"] * 30 + ["Completed"]
    reader.read()
    assert max(reader.waits) == 20


def test_a_job_that_does_not_end_is_left_to_the_next_run(fake: Fake) -> None:
    reader = Reader(fake, aqua_poll_seconds=2, aqua_timeout_seconds=60)
    fake.statuses = ["InProgress"] * 1000
    with pytest.raises(JobError, match=r"aqua_timeout_seconds") as late:
        reader.read()
    assert not isinstance(late.value, JobFailedError)
    assert 60 <= reader.clock.now() < 61
    assert reader.job == AquaJob(reader.job_id, late=True)
    fake.jobs[reader.job_id]["looks"] = ["Completed"]
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata"], "its output counts, however late it came"
    assert reader.job == AquaJob(reader.job_id)
    reader.fake.statuses = ["Completed"]
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata", "rerun"]


def test_a_run_that_was_stopped_leaves_its_job_to_the_next_one(reader: Reader, fake: Fake) -> None:
    fake.statuses = ["Queued", "Queued", "Inprogress", "Completed"]
    job = AquaJob(reader.client.aqua.submit(ORDERS))
    reader.job = job
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata"]


def test_a_rerun_that_does_not_end_is_left_to_the_next_run(fake: Fake) -> None:
    reader = Reader(fake, aqua_poll_seconds=2, aqua_timeout_seconds=60)
    reader.read()
    fake.statuses = ["InProgress"] * 1000
    with pytest.raises(JobError):
        reader.read()
    assert reader.job == AquaJob(reader.job_id, late=True)


def test_a_job_that_has_had_its_time_twice_is_given_up(fake: Fake) -> None:
    reader = Reader(fake, aqua_poll_seconds=2, aqua_timeout_seconds=60)
    fake.statuses = ["InProgress"] * 1000
    for _ in range(2):
        with pytest.raises(JobError):
            reader.read()
    assert reader.job is None
    fake.statuses = ["Completed"]
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata", "exportdata"]


@pytest.mark.parametrize("status", ["Failed", "FAILED", "Cancelled"])
def test_a_job_that_fails_says_why_and_is_forgotten(
    reader: Reader, fake: Fake, status: str
) -> None:
    fake.statuses = ["Queued", status]
    real = fake.look

    def look(request: Request) -> Reply:
        reply = real(request)
        reply.body["value"][0]["jobStatusText"] = "the view does not exist"
        return reply

    fake.before = lambda request: look(request) if "jobId" in request.path else None
    with pytest.raises(JobFailedError, match="the view does not exist"):
        reader.read()
    assert reader.job is None


def test_an_unknown_status_is_waited_out(
    reader: Reader, fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    fake.statuses = ["Paused", "Paused", "In Progress", "COMPLETED"]
    fake.statuses[-1] = "Completed"
    assert reader.read() == ROWS
    assert caplog.text.count("unknown status 'paused'") == 1


def test_a_job_that_is_not_listed_yet_is_waited_for(reader: Reader, fake: Fake) -> None:
    blind = iter([Reply(body={"value": []})] * 2)
    fake.before = lambda request: next(blind, None) if JOBS in request.path else None
    assert reader.read() == ROWS


def test_a_wish_to_stop_ends_the_wait(reader: Reader, fake: Fake) -> None:
    fake.statuses = ["Queued"] * 1000
    fake.before = lambda request: reader.clock.stop() if JOBS in request.path else None
    with pytest.raises(Interrupted):
        reader.read()
    assert reader.job_id in fake.jobs, "the next run can wait for it"


def test_the_earlier_path_is_tried_too(reader: Reader, fake: Fake) -> None:
    fake.before = lambda request: (
        Reply(404)
        if request.path == EXPORT
        else fake.post(EXPORT, request)
        if request.path == EARLIER_PATH
        else None
    )
    assert reader.read() == ROWS


def test_a_refused_view_comes_with_a_hint(reader: Reader, fake: Fake) -> None:
    reader.export = Export(name="x", source="Orders", view="All Order", where="here")
    fake.before = lambda _: Reply(400, {"error": {"code": "BadView", "message": "no such view"}})
    with pytest.raises(
        DataError, match=r"no such view.*here.*did you mean 'All Orders'"
    ) as refused:
        reader.read()
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("short_pauses")
def test_overload_is_waited_for_at_every_step(reader: Reader, fake: Fake) -> None:
    seen: set[str] = set()

    def first_time(request: Request) -> Reply | None:
        known = request.path in seen
        seen.add(request.path)
        return None if known else OVERLOADED

    fake.before = first_time
    assert reader.read() == ROWS
    assert len(seen) == 3


def test_a_submission_without_a_job_id_is_an_error(reader: Reader, fake: Fake) -> None:
    fake.before = lambda _: Reply(body={"jobStatus": "Queued"})
    with pytest.raises(DataError, match="no job id"):
        reader.read()


# Running a job again


def test_the_next_run_runs_the_same_job_again(reader: Reader, fake: Fake) -> None:
    reader.read()
    job = reader.job
    ROWS_LATER = [*ROWS, {"Order": "3"}]  # noqa: N806
    fake.output = lambda _: Reply(body={"data": ROWS_LATER})
    assert reader.read() == ROWS_LATER
    assert reader.posts == ["exportdata", "rerun"]
    assert reader.job == job
    rerun = next(request for request in fake.requests if request.path.endswith("/rerun"))
    assert rerun.path == f"{JOB}/{reader.job_id}/rerun"
    assert rerun.body == b""


def test_a_stale_completion_is_not_believed(reader: Reader, fake: Fake) -> None:
    reader.read()
    fake.statuses = ["stale", "stale", "Inprogress", "Completed"]
    real, fresh = fake.look, [{"Order": "new"}]
    fake.output = lambda _: Reply(body={"data": fresh})
    old = dict(fake.jobs[reader.job_id])

    def look(request: Request) -> Reply:
        reply = real(request)
        (record,) = reply.body["value"]
        if record["jobStatus"] == "stale":
            # The order to run again has been noted, but the record still shows the last end.
            shown = {**record, "jobStatus": "Completed", "completedDate": old["completedDate"]}
            shown["modifiedDate"] = "2026-02-02T00:00:00Z"
            return Reply(body={"value": [shown]})
        return reply

    fake.before = lambda request: look(request) if JOBS in request.path else None
    assert reader.read() == fresh


@pytest.mark.parametrize("mark", ["completedDate", "modifiedDate", "jobRunId"])
def test_a_new_end_is_believed_at_once(reader: Reader, fake: Fake, mark: str) -> None:
    state = {"run": 0}

    def before(request: Request) -> Reply | None:
        if request.path.endswith("/rerun"):
            state["run"] += 1
            return Reply(body={"jobId": reader.job_id, "jobRunId": str(state["run"])})
        if JOBS in request.path:
            job = {"jobID": reader.job_id, "jobStatus": "Completed", "canReRun": "Yes"}
            job.update(responseType="In-line JSON", response=json.dumps([state]))
            job[mark] = str(state["run"])
            return Reply(body={"value": [job]})
        return None

    fake.before = before
    reader.job = AquaJob("a-job")
    assert reader.read() == [{"run": 1}]
    assert reader.read() == [{"run": 2}]
    assert reader.posts == ["rerun", "rerun"]
    assert len(reader.waits) == 2


def test_a_job_that_shows_no_new_run_is_replaced(reader: Reader, fake: Fake) -> None:
    reader.read()
    fake.before = lambda request: (
        Reply(body={"jobId": "same"}) if request.path.endswith("/rerun") else None
    )
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata", "rerun", "exportdata"]
    assert 60 < reader.clock.now() < 120


@pytest.mark.parametrize(
    ("change", "block"),
    [
        ({"canReRun": "No"}, {}),
        ({"canReRun": None}, {}),
        ({"jobStatus": "Failed"}, {}),
        ({}, {"aqua_rerun": False}),
    ],
)
def test_a_new_job_where_the_old_one_may_not_run_again(
    fake: Fake, change: dict[str, t.Any], block: dict[str, t.Any]
) -> None:
    reader = Reader(fake, **block)
    reader.read()
    old = reader.job_id
    fake.jobs[old].update(change)
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata", "exportdata"]
    assert reader.job_id != old


@pytest.mark.parametrize("status", [400, 404, 409, 410])
def test_a_new_job_where_the_old_one_is_gone(reader: Reader, fake: Fake, status: int) -> None:
    reader.read()
    fake.before = lambda request: Reply(status) if request.path.endswith("/rerun") else None
    assert reader.read() == ROWS
    fake.jobs.clear()
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata", "rerun", "exportdata", "exportdata"]


def test_a_rerun_that_fails_is_followed_by_a_new_job(reader: Reader, fake: Fake) -> None:
    reader.read()
    fake.statuses = ["Inprogress", "Failed"]

    def heal(request: Request) -> None:
        if request.path == EXPORT:
            fake.statuses = ["Completed"]

    fake.before = heal
    assert reader.read() == ROWS
    assert reader.posts == ["exportdata", "rerun", "exportdata"]


@pytest.mark.usefixtures("short_pauses")
def test_an_unreachable_vendor_is_no_reason_for_a_new_job(reader: Reader, fake: Fake) -> None:
    reader.read()
    fake.before = lambda request: Reply(cut="before") if request.path.endswith("/rerun") else None
    with pytest.raises(CallError):
        reader.read()
    assert reader.posts.count("exportdata") == 1


# The setting


def test_entries_are_trimmed_and_must_differ(fake: Fake) -> None:
    entry = {"name": "aims360_aqua_a", "source": " Orders ", "view": "All Orders   "}
    block = make_client(fake.url, aqua_exports=[entry]).block
    (export,) = exports(block)
    assert (export.name, export.source, export.view) == ("a", "Orders", "All Orders")
    block = make_client(fake.url, aqua_exports=[entry, {**entry, "name": "a"}]).block
    with pytest.raises(ConfigError, match=r"aqua_exports\[1\].*aqua_exports\[0\]"):
        exports(block)
