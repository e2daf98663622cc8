"""METRIC lines of the tap: calls by status, seconds, records, and how long each stream took."""

from __future__ import annotations

import json
import logging
import typing as t

import pytest
from singer_sdk.logging import StructuredFormatter
from singer_sdk.metrics import METRICS_LOGGER_NAME, MetricExclusionFilter, Point

from tap_erp.call_meter import CallMeter
from tests.support.stub import Reply, running_stub
from tests.tap_erp.running import aimsio, make_tap, run_tap, selected

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox
    from tests.support.stub import Request

Lines = list[dict[str, t.Any]]
JOB_ORDERS, EMPLOYEES = "aimsio_job_orders", "aimsio_employees"


class Kept(logging.Handler):
    """Keeps records of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.emit = self.records.append  # type: ignore[method-assign]

    @property
    def points(self) -> Lines:
        return [
            record.args[0].to_dict()
            for record in self.records
            if isinstance(record.args, tuple) and isinstance(record.args[0], Point)
        ]

    def of(self, metric: str, stream: str) -> Lines:
        return [p for p in self.points if (p["metric"], p["tags"]["stream"]) == (metric, stream)]


@pytest.fixture
def kept() -> t.Iterator[Kept]:
    logger, handler = logging.getLogger(METRICS_LOGGER_NAME), Kept()
    level, logger.level = logger.level, logging.INFO
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_run_tells_calls_by_status_records_and_seconds(
    kept: Kept, sandbox: RunningSandbox
) -> None:
    sandbox.add_fault("status", vendor="aimsio", status=503, after=5, times=2)
    config = aimsio(sandbox.vendor_url("aimsio"))
    tap = make_tap(config, catalog=selected(config, JOB_ORDERS, EMPLOYEES))
    tap.sync_all()
    counts = [p for p in kept.points if p["metric"] == "http_request_count"]
    assert sum(p["value"] for p in counts) == tap.client("aimsio").transport.budget.calls
    failed = [p for p in counts if p["tags"]["http_status_code"] == 503]
    assert sum(p["value"] for p in failed) == 2
    assert {p["tags"]["status"] for p in failed} == {"failed"}
    for stream in (JOB_ORDERS, EMPLOYEES):
        assert len(kept.of("http_request_count", stream)) <= 2  # one line a status
        [took] = kept.of("sync_duration", stream)
        assert took["tags"]["status"] == "succeeded"
        spent = kept.of("http_request_duration", stream)
        assert {p["type"] for p in spent} == {"timer"}
        assert all(p["value"] > 0 for p in spent)
        records = sum(p["value"] for p in kept.of("record_count", stream))
        assert records == tap.streams[stream].records_read > 0  # type: ignore[attr-defined]


def test_the_duration_of_a_stream_includes_its_calls(kept: Kept) -> None:
    delay = 0.3

    def slow(_: Request) -> Reply:
        return Reply(body=[], delay=delay)

    with running_stub(slow) as stub:
        run_tap(aimsio(stub.url), EMPLOYEES)
        calls = len(stub.requests)
    [took] = kept.of("sync_duration", EMPLOYEES)
    [count] = kept.of("http_request_count", EMPLOYEES)
    [spent] = kept.of("http_request_duration", EMPLOYEES)
    assert count["value"] == calls > 0
    assert spent["value"] >= delay * calls
    assert took["value"] >= delay


def test_a_call_without_an_answer_has_no_status(kept: Kept) -> None:
    with running_stub(lambda _: Reply(cut="before")) as stub:
        assert run_tap(aimsio(stub.url, timeout_seconds=5), EMPLOYEES).code == 1
        calls = len(stub.requests)
    [count] = kept.of("http_request_count", EMPLOYEES)
    assert count["value"] == calls
    assert "http_status_code" not in count["tags"]
    assert count["tags"]["status"] == "failed"
    [took] = kept.of("sync_duration", EMPLOYEES)
    assert took["tags"]["status"] == "failed"


def test_lines_are_those_of_the_sdk(kept: Kept, sandbox: RunningSandbox) -> None:
    """They become `metric_info` in JSON logs, and the SDK's filter takes them out."""
    run_tap(aimsio(sandbox.vendor_url("aimsio")), EMPLOYEES)
    lines = [json.loads(StructuredFormatter().format(record)) for record in kept.records]
    told = {line["metric_info"]["metric"] for line in lines}
    wanted = {"http_request_count", "http_request_duration", "record_count", "sync_duration"}
    assert told == wanted
    for one in wanted:
        passes = MetricExclusionFilter(metrics=[one]).filter
        left = [record for record in kept.records if passes(record)]
        assert {record.args[0].metric.value for record in left} == wanted - {one}  # type: ignore[index,union-attr]
    calm = MetricExclusionFilter(tags={"http_status_code": 200}).filter
    assert len([r for r in kept.records if calm(r)]) == len(kept.records) - 2


def test_there_is_one_line_a_minute_and_none_a_call(kept: Kept) -> None:
    now = 0.0
    meter = CallMeter(lambda: now)
    answer = t.cast("t.Any", type("Answer", (), {"status_code": 200}))
    with meter.stream("a"):
        for _ in range(10_000):
            now += 0.025
            meter.answered(t.cast("t.Any", None), answer, 0.5)
    counts = kept.of("http_request_count", "a")
    assert len(counts) == 5  # 250 seconds
    assert sum(p["value"] for p in counts) == 10_000
    assert sum(p["value"] for p in kept.of("http_request_duration", "a")) == 5_000
    kept.records.clear()
    meter.answered(t.cast("t.Any", None), answer, 0.5)  # for no stream, such as a test of a login
    meter.tell_all()
    assert kept.records == []
