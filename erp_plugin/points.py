"""The measurements of a run, as log lines that the SDK's users know: `METRIC: {...}`."""

from __future__ import annotations

import enum
import os
import typing as t

from singer_sdk import metrics
from singer_sdk.metrics import Metric, Point, Status, Tag

INTERVAL = metrics.DEFAULT_LOG_INTERVAL
"""Seconds between two lines about the same, as with the SDK's own counters."""


class ErpMetric(str, enum.Enum):
    """Metrics that the SDK has no names for."""

    RATE_LIMIT_WAIT = "rate_limit_wait"


def tell(
    kind: t.Literal["counter", "timer"],
    metric: Metric | ErpMetric,
    value: float,
    stream: str,
    *,
    succeeded: bool | None = None,
    **tags: object,
) -> None:
    """Log a measurement.

    Args:
        kind: Whether `value` is a number of something or seconds.
        metric: What was measured.
        value: How many, or how long, since the line before about the same.
        stream: Stream or sink.
        succeeded: Whether it is what should happen; None where that is no question.
        **tags: What else tells lines about this metric apart.
    """
    every: dict[str, t.Any] = {Tag.STREAM: stream, Tag.PID: os.getpid(), **tags}
    if succeeded is not None:
        every[Tag.STATUS] = Status.SUCCEEDED if succeeded else Status.FAILED
    point = Point(kind, t.cast("Metric", metric), value, every)
    metrics.log(metrics.get_metrics_logger(), point)
