"""METRIC lines of the target: what became of the records of each sink, calls and waits."""

from __future__ import annotations

import collections
import logging
import typing as t

import pytest
from singer_sdk.metrics import METRICS_LOGGER_NAME, Point

from target_erp.delivery import Outcome
from target_erp.delivery.tally import Tally
from target_erp.measurements import SinkMeter


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> list[Point[float]]:
    """The points that are logged from here on, in their order."""
    logger, found = logging.getLogger(METRICS_LOGGER_NAME), list[t.Any]()
    monkeypatch.setattr(logger, "level", logging.INFO)
    monkeypatch.setattr(logger, "handle", lambda record: found.append(record.args[0]))
    return found


def told(points: list[Point[float]]) -> dict[tuple[str, str], float]:
    """Values by metric and outcome."""
    pairs = [(p.metric.value, p.tags.get("outcome", "")) for p in points]
    assert len(set(pairs)) == len(pairs)
    return {pair: p.value for pair, p in zip(pairs, points, strict=True)}


def test_what_has_come_since_the_line_before_is_told(points: list[Point[float]]) -> None:
    tallies: dict[str, Tally] = collections.defaultdict(Tally)
    meter = SinkMeter(tallies)
    tally = tallies["sink"]
    tally.update({Outcome.CREATED: 3, Outcome.REFUSED: 1, Outcome.WAITING: 1})
    tally.calls, tally.seconds, tally.waited = 4, 1.5, 0.25
    meter.tell()
    assert told(points) == {
        ("record_count", "created"): 3,
        ("record_count", "refused"): 1,
        ("http_request_count", ""): 4,
        ("batch_processing_time", ""): 1.5,
        ("rate_limit_wait", ""): 0.25,
    }
    status = {p.tags["outcome"]: p.tags["status"] for p in points if "outcome" in p.tags}
    assert status == {"created": "succeeded", "refused": "failed"}
    points.clear()
    meter.tell()
    assert points == []
    tally.update({Outcome.CREATED: 1, Outcome.UPDATED: 1})
    tally.calls += 1
    meter.tell(last=True)
    assert told(points) == {
        ("record_count", "created"): 1,
        ("record_count", "updated"): 1,
        ("record_count", "waiting"): 1,
        ("http_request_count", ""): 1,
    }


def test_no_count_is_negative(points: list[Point[float]]) -> None:
    """A child is taken back when its parent comes, and then counted as what became of it."""
    tallies: dict[str, Tally] = collections.defaultdict(Tally)
    meter = SinkMeter(tallies)
    tallies["sink"][Outcome.UNKNOWN] = 2
    meter.tell()
    tallies["sink"][Outcome.UNKNOWN] = 1
    meter.tell()
    tallies["sink"][Outcome.UNKNOWN] = 3
    meter.tell()
    assert [p.value for p in points] == [2, 1]


def test_lines_come_once_a_minute(
    points: list[Point[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("target_erp.measurements.time.monotonic", lambda: now)
    tallies: dict[str, Tally] = collections.defaultdict(Tally)
    meter = SinkMeter(tallies)
    for _ in range(1_800):
        now += 0.1
        tallies["sink"].calls += 1
        meter.tell_if_due()
    assert 2 <= len(points) <= 3
    assert all(600 <= p.value <= 601 for p in points)
