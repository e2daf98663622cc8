"""Aimsio: an index per entity, then the details that are new; nothing lost, nothing read twice."""

from __future__ import annotations

import time
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tap_erp.stream import FAULTS_IN_A_ROW
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.tap_erp.conftest import SIZE
from tests.tap_erp.running import Message, Run, aimsio, run_tap

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

PREFIX = "/rest/api/standard/v1"
JOBS, USERS, OBJECTS = "aimsio_job_orders", "aimsio_users", "aimsio_object_index"
ENTITIES = 11


def config(sandbox: RunningSandbox, **settings: t.Any) -> Message:
    return aimsio(sandbox.vendor_url("aimsio"), **settings)


def calls(sandbox: RunningSandbox) -> tuple[int, int]:
    """How many indexes and how many details were read."""
    paths = sandbox.report("aimsio")["by_path"]
    details = sum(count for path, count in paths.items() if path.endswith("}"))
    return sum(paths.values()) - details, details


class Played:
    """A small Aimsio: job orders and users, with whatever a test does to them."""

    def __init__(self) -> None:
        self.jobs: dict[t.Any, int | None] = {"a": 1000, "b": 2000, "c": 3000}
        self.index: list[t.Any] | None = None
        self.special: t.Callable[[str], Reply | None] = lambda _: None
        self.stub: Stub

    def __call__(self, request: Request) -> Reply:
        path = request.path.removeprefix(PREFIX)
        special = self.special(path)
        if special is not None:
            return special
        entity, _, key = path.strip("/").partition("/")
        if entity != "JobOrder":
            return Reply(body=[]) if not key else Reply(404)
        if key:
            found = key in self.jobs
            return (
                Reply(body={"jobGuid": key, "jobUpdatedAt": self.jobs[key]})
                if found
                else Reply(404)
            )
        listed = [{"guid": key, "updatedAt": stamp} for key, stamp in self.jobs.items()]
        return Reply(body=listed if self.index is None else self.index)

    def run(self, *streams: str, state: Message | None = None, **settings: t.Any) -> Run:
        self.stub.requests.clear()
        known = ("start_date", "lookback_seconds")
        top = {name: settings.pop(name) for name in known if name in settings}
        return run_tap({**aimsio(self.stub.url, **settings), **top}, *streams, state=state)

    @property
    def paths(self) -> list[str]:
        return [path.removeprefix(f"GET {PREFIX}") for path in self.stub.paths]


@pytest.fixture
def played() -> t.Iterator[Played]:
    played = Played()
    with running_stub(played) as played.stub:
        yield played


def keys(run: Run, stream: str = JOBS) -> list[t.Any]:
    return [record["jobGuid"] for record in run.records(stream)]


def test_a_first_run_reads_all_there_is_with_one_index_call_per_entity(
    sandbox: RunningSandbox,
) -> None:
    run = run_tap(config(sandbox))
    assert (run.code, run.error) == (0, "")
    assert calls(sandbox) == (ENTITIES, ENTITIES * SIZE)
    for name, key in (("employees", "employeeGuid"), ("invoices", "invoiceGuid")):
        rows = {row[key]: row for row in sandbox.rows("aimsio", name)}
        records = {record[key]: record for record in run.records(f"aimsio_{name}")}
        assert records == rows, "records go out as the vendor sent them"
    for stream in {message["stream"] for message in run.messages if "stream" in message}:
        assert len(run.records(stream)) == (SIZE if stream != OBJECTS else ENTITIES * SIZE)


def test_a_second_run_reads_only_what_changed(sandbox: RunningSandbox) -> None:
    first = run_tap(config(sandbox))
    sandbox.reset()
    second = run_tap(config(sandbox), state=first.state)
    assert second.code == 0
    assert calls(sandbox) == (ENTITIES, 0)
    assert {m["stream"] for m in second.messages if m["type"] == "RECORD"} == {OBJECTS}

    guids = [row["jobGuid"] for row in sandbox.rows("aimsio", "job_orders")[:2]]
    for guid in guids:
        sandbox.change("aimsio", "job_orders", guid, {"jobName": "changed"})
    new = sandbox.insert("aimsio", "employees", {"employeeCode": "E-new"})
    sandbox.reset()
    third = run_tap(config(sandbox), state=second.state)
    assert calls(sandbox) == (ENTITIES, 3)
    assert sorted(keys(third)) == sorted(guids)
    assert {record["jobName"] for record in third.records(JOBS)} == {"changed"}
    assert [each["employeeCode"] for each in third.records("aimsio_employees")] == ["E-new"]
    assert third.bookmark("aimsio_employees") == new["employeeUpdatedAt"]


def test_ten_details_in_flight_and_the_order_of_the_stamps_kept() -> None:
    with running_sandbox(limits=False, size=40, latency_ms=200) as sandbox:
        run = run_tap(config(sandbox), JOBS)
        assert sandbox.report("aimsio")["max_in_flight"] == 10
        stamps = [record["jobUpdatedAt"] for record in run.records(JOBS)]
        assert len(stamps) == 40
        assert stamps == sorted(stamps)


def test_calls_in_flight_can_be_set_lower() -> None:
    with running_sandbox(limits=False, size=12, latency_ms=10) as sandbox:
        assert run_tap(config(sandbox, max_concurrency=2), JOBS).code == 0
        assert sandbox.report("aimsio")["max_in_flight"] == 2


@pytest.mark.parametrize("poisoned", [1, 4])
def test_a_detail_that_always_fails_costs_only_itself(
    sandbox: RunningSandbox, poisoned: int
) -> None:
    rows = sorted(sandbox.rows("aimsio", "job_orders"), key=lambda row: row["jobUpdatedAt"])
    bad = rows[5 : 5 + poisoned]
    for row in bad:
        sandbox.add_fault("status", status=500, path=f"JobOrder/{row['jobGuid']}")
    first = run_tap(config(sandbox), JOBS, USERS)
    assert first.code == 1
    assert f"{poisoned} of its records or lists could not be read" in first.error
    assert f"JobOrder/{bad[0]['jobGuid']}" in first.error
    assert set(keys(first)) == {row["jobGuid"] for row in rows} - {row["jobGuid"] for row in bad}
    assert first.bookmark(JOBS) <= bad[0]["jobUpdatedAt"]
    assert len(first.records(USERS)) == SIZE, "the other streams finish"

    sandbox.clear_faults()
    sandbox.reset()
    second = run_tap(config(sandbox), JOBS, USERS, state=first.state)
    assert second.code == 0
    assert sorted(keys(second)) == sorted(row["jobGuid"] for row in bad)
    assert calls(sandbox) == (2, poisoned), "nothing else is read again"
    assert second.bookmark(JOBS) == rows[-1]["jobUpdatedAt"]


def test_when_every_detail_fails_the_stream_gives_up_soon(sandbox: RunningSandbox) -> None:
    sandbox.add_fault("status", status=500, path="JobOrder/.")
    run = run_tap(config(sandbox), JOBS, USERS)
    assert run.code == 1
    assert f"{FAULTS_IN_A_ROW} records in a row could not be read" in run.error
    assert run.records(JOBS) == []
    assert "replication_key_value" not in run.state["bookmarks"].get(JOBS, {})
    assert len(run.records(USERS)) == SIZE


def test_records_read_before_giving_up_are_not_read_again(played: Played) -> None:
    played.jobs = {f"k{number:03}": 1000 + number for number in range(60)}
    played.special = lambda path: Reply(500) if path >= "/JobOrder/k02" else None
    first = played.run(JOBS)
    assert first.code == 1
    assert len(first.records(JOBS)) == 20
    played.special = lambda _: None
    second = played.run(JOBS, state=first.state)
    assert second.code == 0
    assert len(second.records(JOBS)) == 40


@pytest.mark.parametrize(
    "reply",
    [Reply(200, b"<html>"), Reply(200, b'{"jobGuid"'), Reply(200, b"[]"), Reply(cut="before")],
    ids=["page", "half", "empty list", "cut"],
)
def test_a_detail_that_cannot_be_understood_holds_the_bookmark(
    played: Played, reply: Reply
) -> None:
    played.special = lambda path: reply if path == "/JobOrder/b" else None
    run = played.run(JOBS)
    assert run.code == 1
    assert keys(run) == ["a", "c"]
    assert run.bookmark(JOBS) <= 2000
    played.special = lambda _: None
    assert keys(played.run(JOBS, state=run.state)) == ["b"]


@pytest.mark.parametrize("status", [404, 405])
def test_a_record_that_is_deleted_meanwhile_is_no_failure(played: Played, status: int) -> None:
    def special(path: str) -> Reply | None:
        if path == "/JobOrder/b":
            played.jobs.pop("b", None)
            return Reply(status)
        return None

    played.special = special
    run = played.run(JOBS)
    assert run.code == 0
    assert keys(run) == ["a", "c"]
    assert run.bookmark(JOBS) == 3000
    assert played.paths.count("/JobOrder") == 2, "the index says whether it is gone"


def test_a_record_that_is_listed_but_cannot_be_found_is_a_failure(played: Played) -> None:
    played.special = lambda path: Reply(404) if path == "/JobOrder/b" else None
    run = played.run(JOBS)
    assert run.code == 1
    assert "/JobOrder/b" in run.error
    assert run.bookmark(JOBS) <= 2000
    played.special = lambda _: None
    assert keys(played.run(JOBS, state=run.state)) == ["b"]


def test_malformed_elements_of_an_index_cost_only_themselves(played: Played) -> None:
    good = [{"guid": key, "updatedAt": stamp} for key, stamp in played.jobs.items()]
    played.index = [None, good[0], {"updatedAt": 5}, "x", good[1], {"guid": "d", "updatedAt": "?"}]
    run = played.run(JOBS)
    assert run.code == 1
    assert "4 of its records or lists could not be read" in run.error
    assert keys(run) == ["a", "b"]


def test_an_element_without_a_stamp_is_read_by_every_run(played: Played) -> None:
    played.jobs["d"] = None
    first = played.run(JOBS)
    assert keys(first) == ["d", "a", "b", "c"]
    assert keys(played.run(JOBS, state=first.state)) == ["d"]


def test_an_element_that_is_listed_twice_is_read_once(played: Played) -> None:
    one = {"guid": "a", "updatedAt": 1000}
    played.index = [one, one, {"guid": "b", "updatedAt": 2000}, one]
    assert keys(played.run(JOBS)) == ["a", "b"]


def test_equal_and_late_stamps_are_found_and_older_ones_are_not(played: Played) -> None:
    hour = 3_600_000
    played.jobs = {"a": 5 * hour, "b": 5 * hour}
    first = played.run(JOBS)
    played.jobs |= {"tie": 5 * hour, "late": 4 * hour + 1, "too late": 4 * hour - 1}
    second = played.run(JOBS, state=first.state)
    assert keys(second) == ["late", "tie"]
    assert second.bookmark(JOBS) == 5 * hour
    assert keys(played.run(JOBS, state=second.state)) == []


def test_a_stamp_in_the_future_hides_nothing(played: Played) -> None:
    future = int(time.time() * 1000) + 10**9
    played.jobs["future"] = future
    first = played.run(JOBS)
    assert keys(first)[-1] == "future"
    assert first.bookmark(JOBS) < future
    played.jobs["now"] = int(time.time() * 1000)
    assert keys(played.run(JOBS, state=first.state)) == ["now"]


def test_a_detail_newer_than_its_index_is_not_read_again(played: Played) -> None:
    """It changed between the two calls, so the next index has the stamp that was read."""
    newer = Reply(body={"jobGuid": "b", "jobUpdatedAt": 2500})
    played.special = lambda path: newer if path == "/JobOrder/b" else None
    first = played.run(JOBS)
    played.jobs["b"] = 2500
    assert keys(played.run(JOBS, state=first.state)) == []


def test_a_detail_newer_than_its_index_hides_nothing_written_in_between(played: Played) -> None:
    """The run saw a stamp of 5000, but no list of what changed between 3000 and there."""
    newer = Reply(body={"jobGuid": "c", "jobUpdatedAt": 5000})
    played.special = lambda path: newer if path == "/JobOrder/c" else None
    first = played.run(JOBS, lookback_seconds=0)
    assert first.bookmark(JOBS) == 3000
    played.jobs |= {"c": 5000, "d": 4000}
    second = played.run(JOBS, lookback_seconds=0, state=first.state)
    assert keys(second) == ["d"]
    assert second.bookmark(JOBS) == 5000


def test_start_date_leaves_out_what_is_older(played: Played) -> None:
    run = played.run(JOBS, start_date="1970-01-01T00:00:02Z")
    assert keys(run) == ["b", "c"]
    assert played.paths.count("/JobOrder/a") == 0


def test_a_missing_guess_is_skipped_with_a_warning(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.special = lambda path: Reply(404) if path.startswith("/Timecard") else None
    run = played.run()
    assert (run.code, run.error) == (0, "")
    assert len(run.records(JOBS)) == 3
    assert "Skipped: aimsio_timecards" in caplog.text
    assert "aimsio.resources" in caplog.text


def test_a_missing_documented_path_is_a_failure_of_its_stream_alone(played: Played) -> None:
    played.special = lambda path: Reply(404) if path.startswith("/JobOrder") else None
    run = played.run(JOBS, "aimsio_employees")
    assert run.code == 1
    assert "1 of 2 streams failed: aimsio_job_orders" in run.error
    assert "HTTP 404" in run.error
    assert run.kinds("aimsio_employees") == ["SCHEMA"]


def test_key_and_stamp_come_from_the_index_where_the_detail_has_none(played: Played) -> None:
    detail = Reply(body={"name": "Depot", "rate": 1})
    listed = Reply(body=[{"id": 7, "updatedAt": 1234}])
    played.special = {"/Location": listed, "/Location/7": detail}.get
    custom = [{"name": "locations", "path": "Location"}]
    run = played.run("aimsio_locations", resources=custom)
    assert run.records("aimsio_locations") == [
        {"name": "Depot", "rate": 1, "guid": 7, "updatedAt": 1234}
    ]
    (schema,) = [message for message in run.messages if message["type"] == "SCHEMA"]
    assert schema["key_properties"] == ["guid"]
    assert run.bookmark("aimsio_locations") == 1234


class TestObjectIndex:
    """Deletions become visible, and only a complete index deletes."""

    def test_the_new_copy_is_activated_after_its_last_record(self, played: Played) -> None:
        first = played.run(OBJECTS)
        assert first.code == 0
        assert first.kinds(OBJECTS) == ["SCHEMA", *["RECORD"] * 3, "ACTIVATE_VERSION"]
        versions = {
            m["version"] for m in first.messages if m.get("stream") == OBJECTS and "version" in m
        }
        assert len(versions) == 1
        assert {record["id"] for record in first.records(OBJECTS)} == {"a", "b", "c"}

        del played.jobs["b"]
        time.sleep(0.002)  # versions are milliseconds
        second = played.run(OBJECTS, state=first.state)
        assert {record["id"] for record in second.records(OBJECTS)} == {"a", "c"}
        (version,) = {m["version"] for m in second.messages if m["type"] == "ACTIVATE_VERSION"}
        assert version > versions.pop()

    def test_the_object_index_costs_no_call_beside_the_streams(self, played: Played) -> None:
        played.run(JOBS, OBJECTS)
        assert played.paths.count("/JobOrder") == 1

    @pytest.mark.parametrize(
        "reply",
        [Reply(500), Reply(200, b"[{"), Reply(200, b"{}"), Reply(cut="half", body=[{"guid": "x"}])],
        ids=["500", "half", "no list", "cut"],
    )
    def test_an_index_that_failed_deletes_nothing(self, played: Played, reply: Reply) -> None:
        played.special = lambda path: reply if path == "/Employee" else None
        run = played.run(OBJECTS)
        assert run.code == 1
        assert "ACTIVATE_VERSION" not in run.kinds(OBJECTS)
        assert len(run.records(OBJECTS)) == 3, "the others are there"

    def test_an_entity_whose_path_is_not_there_is_no_obstacle(self, played: Played) -> None:
        """The paths of all lists are INF (aimsio.md 7)."""
        played.special = lambda path: Reply(404) if path == "/BillableItem" else None
        run = played.run(OBJECTS)
        assert (run.code, run.error) == (0, "")
        assert "ACTIVATE_VERSION" in run.kinds(OBJECTS)
        played.special = lambda _: Reply(404)
        assert played.run(OBJECTS).code == 1

    def test_an_index_with_a_malformed_element_deletes_nothing(self, played: Played) -> None:
        played.index = [{"guid": "a", "updatedAt": 1}, {"updatedAt": 2}]
        run = played.run(OBJECTS)
        assert run.code == 1
        assert "ACTIVATE_VERSION" not in run.kinds(OBJECTS)

    def test_an_entity_that_this_site_never_had_is_no_obstacle(self, played: Played) -> None:
        played.special = lambda path: Reply(404) if path == "/Timecard" else None
        first = played.run(OBJECTS)
        assert first.code == 0
        assert first.kinds(OBJECTS)[-1] == "ACTIVATE_VERSION"

    def test_an_entity_that_is_gone_of_a_sudden_deletes_nothing(self, played: Played) -> None:
        first = played.run(OBJECTS)
        played.special = lambda path: Reply(404) if path == "/Timecard" else None
        second = played.run(OBJECTS, state=first.state)
        assert second.code == 1
        assert "Timecard" in second.error
        assert "ACTIVATE_VERSION" not in second.kinds(OBJECTS)

    def test_an_index_that_is_empty_of_a_sudden_deletes_nothing(
        self, played: Played, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = played.run(OBJECTS)
        played.special = lambda path: Reply(body=[]) if path == "/JobOrder" else None
        second = played.run(OBJECTS, state=first.state)
        assert second.code == 0
        assert "ACTIVATE_VERSION" not in second.kinds(OBJECTS)
        assert "JobOrder is empty" in caplog.text
        played.special = lambda _: None
        third = played.run(OBJECTS, state=second.state)
        assert third.kinds(OBJECTS)[-1] == "ACTIVATE_VERSION"
