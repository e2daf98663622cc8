"""What all streams have in common: records as they came, STATE often enough, whole lines."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
import typing as t

import pytest
from singer_sdk.singerlib import RecordMessage

from tap_erp.faults import SHOWN_FAULTS
from tap_erp.stream import FAULTS_IN_A_ROW, StreamError
from tap_erp.writer import StdoutWriter
from tests.tap_erp.running import Message, aimsio, make_tap, run_tap, selected

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from tap_erp.stream import ErpStream

JOBS = "aimsio_job_orders"


def config(sandbox: RunningSandbox, **top: t.Any) -> Message:
    return {**aimsio(sandbox.vendor_url("aimsio")), **top}


def stream_of(name: str = JOBS) -> ErpStream:
    return t.cast("ErpStream", make_tap(aimsio("http://127.0.0.1:1")).streams[name])


def edited(
    config: Message, change: t.Callable[[list[str], Message], None], stream: str = JOBS
) -> Message:
    """A catalog with that stream selected and its metadata changed."""
    catalog = selected(config, stream)
    for entry in catalog["streams"]:
        if entry["stream"] == stream:
            for metadata in entry["metadata"]:
                change(list(metadata["breadcrumb"]), metadata["metadata"])
    return catalog


def sync(config: Message, **more: t.Any) -> list[Message]:
    out = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(out, write_through=True)):
        make_tap(config, **more).sync_all()
        return [json.loads(line) for line in out.getvalue().splitlines()]


def records(messages: list[Message]) -> list[Message]:
    return [message["record"] for message in messages if message["type"] == "RECORD"]


def test_state_goes_out_during_the_stream(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_erp.stream._STATE_RECORDS", 10)
    run = run_tap(config(sandbox), JOBS)
    kinds = run.kinds(JOBS)
    assert kinds.count("RECORD") == 30
    marks = [state["bookmarks"][JOBS].get("replication_key_value", 0) for state in run.states]
    assert len(marks) >= 3
    assert marks == sorted(marks)
    # Each STATE covers what stands before it, and nothing that comes later.
    seen: list[int] = []
    for message in run.messages:
        if message["type"] == "RECORD":
            seen.append(message["record"]["jobUpdatedAt"])
        elif message["type"] == "STATE" and seen:
            assert message["value"]["bookmarks"][JOBS]["replication_key_value"] == max(seen)


def test_state_goes_out_after_some_seconds_too(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_erp.stream._STATE_SECONDS", 0)
    assert len(run_tap(config(sandbox), JOBS).states) >= 30


def test_a_run_with_nothing_new_gives_its_state_back(sandbox: RunningSandbox) -> None:
    first = run_tap(config(sandbox), JOBS)
    again = run_tap(config(sandbox), JOBS, state=first.state)
    assert again.state == first.state
    other = {"bookmarks": {"aimsio_gone": {"replication_key_value": 5}}}
    kept = run_tap(config(sandbox), JOBS, state=other)
    assert kept.state["bookmarks"]["aimsio_gone"] == {"replication_key_value": 5}


@pytest.mark.parametrize("place", ["entry", "metadata"])
def test_the_catalog_can_ask_for_the_full_table(sandbox: RunningSandbox, place: str) -> None:
    first = run_tap(config(sandbox), JOBS)

    def full(breadcrumb: list[str], metadata: Message) -> None:
        if not breadcrumb and place == "metadata":
            metadata["replication-method"] = "FULL_TABLE"

    catalog = edited(config(sandbox), full)
    for entry in catalog["streams"]:
        if entry["stream"] == JOBS and place == "entry":
            entry["replication_method"] = "FULL_TABLE"
    messages = sync(config(sandbox), catalog=catalog, state=first.state)
    assert len(records(messages)) == 30


def test_deselected_properties_stay_out(sandbox: RunningSandbox) -> None:
    def without_name(breadcrumb: list[str], metadata: Message) -> None:
        if breadcrumb == ["properties", "jobName"]:
            metadata["selected"] = False

    messages = sync(config(sandbox), catalog=edited(config(sandbox), without_name))
    assert len(records(messages)) == 30
    assert not any("jobName" in record for record in records(messages))


def test_stream_maps_work(sandbox: RunningSandbox) -> None:
    maps = {JOBS: {"kind": "'job'", "__filter__": "jobStatus == 'Active'"}}
    messages = sync(config(sandbox, stream_maps=maps), catalog=selected(config(sandbox), JOBS))
    active = [row for row in sandbox.rows("aimsio", "job_orders") if row["jobStatus"] == "Active"]
    assert len(records(messages)) == len(active)
    assert {record["kind"] for record in records(messages)} <= {"job"}


def test_unknown_columns_are_kept(sandbox: RunningSandbox) -> None:
    guid = sandbox.rows("aimsio", "job_orders")[0]["jobGuid"]
    sandbox.change("aimsio", "job_orders", guid, {"jobNewColumn": {"deep": [1, None, "ü"]}})
    found = [row for row in run_tap(config(sandbox), JOBS).records(JOBS) if row["jobGuid"] == guid]
    assert found[0]["jobNewColumn"] == {"deep": [1, None, "ü"]}


def test_calls_that_fail_in_a_row_end_the_stream() -> None:
    stream = stream_of()
    for _ in range(FAULTS_IN_A_ROW - 1):
        stream.fault("record x: no")
    with pytest.raises(StreamError, match=rf"{FAULTS_IN_A_ROW} records in a row .*record y: no"):
        stream.fault("record y: no")


def test_records_that_are_merely_missed_do_not_end_the_stream() -> None:
    stream = stream_of()
    for _ in range(3 * FAULTS_IN_A_ROW):
        stream.missed("element 5 is malformed")
    assert stream.faults.count == 3 * FAULTS_IN_A_ROW


def test_faults_are_kept_as_a_few_texts_and_a_number(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = stream_of()
    caplog.clear()
    for place in range(10_000):
        stream.missed(f"element {place} is malformed")
    assert stream.faults.count == 10_000
    assert stream.faults.told == [f"element {place} is malformed" for place in range(SHOWN_FAULTS)]
    assert len(caplog.messages) == SHOWN_FAULTS + 1
    monkeypatch.setattr(stream, "batches", lambda _: [])
    with pytest.raises(StreamError, match=r"10000 of its records.*first: element 0 "):
        stream.sync()
    assert sum("10000 records could not be read" in line for line in caplog.messages) == 1


def test_a_snapshot_is_the_bookmark_as_it_is_now() -> None:
    stream = stream_of()
    stream.snapshot()
    assert stream.stream_state == {}
    marks = iter([{"replication_key_value": 1}, {"replication_key_value": 2}])
    stream.save(lambda: next(marks))
    assert stream.stream_state == {}, "not due yet"
    stream.snapshot()
    assert stream.stream_state == {"replication_key_value": 1}
    stream.snapshot()
    assert stream.stream_state == {"replication_key_value": 2}


def test_lines_of_many_threads_do_not_mix() -> None:
    writer, out = StdoutWriter(), io.BytesIO()

    def write(number: int) -> None:
        for _ in range(50):
            record = {"thread": number, "text": "é" * 500}
            writer.write_message(RecordMessage(stream=f"s{number}", record=record))

    with contextlib.redirect_stdout(io.TextIOWrapper(out, write_through=True)):
        threads = [
            threading.Thread(target=write, args=(number,), daemon=True) for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 400
    assert all(line["record"]["text"] == "é" * 500 for line in lines)


def test_a_message_is_flushed_as_it_is_written() -> None:
    class Slow(io.BytesIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    out = Slow()
    with contextlib.redirect_stdout(io.TextIOWrapper(out)):
        StdoutWriter().write_message(RecordMessage(stream="s", record={"n": time.monotonic_ns()}))
        assert out.flushes == 1
        assert out.getvalue().endswith(b"\n")


def test_maps_that_meet_nothing_are_told(
    sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    maps = {JOBS: {"jobStatu": None, "jobStatus": None}, "aimsio_jobs": {"x": None}}
    sync(config(sandbox, stream_maps=maps), catalog=selected(config(sandbox), JOBS))
    said = [line for line in caplog.messages if "'stream_maps'" in line]
    assert len(said) == 2
    assert "aimsio_jobs, and the tap had no stream of this name" in said[0]
    assert f"of {JOBS} names the column 'jobStatu'" in said[1]
