"""Counts the calls of each stream, and tells them once a minute."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
import typing as t

from singer_sdk.metrics import Metric, Tag

from erp_plugin.points import INTERVAL, tell

if t.TYPE_CHECKING:
    import requests

    from erp_vendors.http.call import Call

_stream: contextvars.ContextVar[str] = contextvars.ContextVar("stream", default="")
"""For which stream calls are made; threads that make calls for a stream inherit it."""
_BAD_REQUEST = 400


class CallMeter:
    """Observes the transports of a run."""

    def __init__(self, clock: t.Callable[[], float] = time.monotonic) -> None:
        """Make a meter.

        Args:
            clock: Monotonic time in seconds.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, dict[int | None, tuple[int, float]]] = {}
        self._since: dict[str, float] = {}

    @contextlib.contextmanager
    def stream(self, name: str) -> t.Iterator[None]:
        """Count the calls that are made meanwhile for a stream; at the end they are told.

        Args:
            name: Stream name.
        """
        before = _stream.set(name)
        try:
            yield
        finally:
            _stream.reset(before)
            self.tell(name)

    def sending(self, call: Call) -> None:
        """Do nothing: a call counts when it has ended."""

    def answered(self, call: Call, response: requests.Response, seconds: float) -> None:  # noqa: ARG002
        """Count an answer."""
        self._count(response.status_code, seconds)

    def broken(self, call: Call, seconds: float) -> None:  # noqa: ARG002
        """Count an attempt without an answer, which has no status."""
        self._count(None, seconds)

    def _count(self, status: int | None, seconds: float) -> None:
        name = _stream.get()
        if not name:
            return
        now = self._clock()
        with self._lock:
            counts = self._counts.setdefault(name, {})
            calls, spent = counts.get(status, (0, 0.0))
            counts[status] = calls + 1, spent + seconds
            due = now - self._since.setdefault(name, now) >= INTERVAL
        if due:
            self.tell(name)

    def tell(self, name: str) -> None:
        """Log what was counted for a stream since the last time.

        Args:
            name: Stream name.
        """
        with self._lock:
            counts = self._counts.pop(name, {})
            self._since[name] = self._clock()
        for status, (calls, seconds) in counts.items():
            code = {} if status is None else {Tag.HTTP_STATUS_CODE.value: status}
            succeeded = status is not None and status < _BAD_REQUEST
            tell("counter", Metric.HTTP_REQUEST_COUNT, calls, name, succeeded=succeeded, **code)
            tell(
                "timer",
                Metric.HTTP_REQUEST_DURATION,
                round(seconds, 6),
                name,
                succeeded=succeeded,
                **code,
            )

    def tell_all(self) -> None:
        """Log what was counted for all streams since the last time."""
        for name in list(self._counts):
            self.tell(name)
