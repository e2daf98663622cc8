"""Runs the selected streams: vendors side by side; a stream that fails does not stop the others."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import threading
import time
import typing as t

from singer_sdk.exceptions import AbortedSyncFailedException, AbortedSyncPausedException

from erp_plugin.cli import FAILED, ExitCode
from erp_plugin.output import OutputError
from erp_vendors.errors import ErpError, Interrupted, MissingResourceError, NotPermittedError

if t.TYPE_CHECKING:
    from tap_erp.base import BaseTap, TapStream

_POLL = 0.2
_STREAMS_AT_ONCE = 4
"""Streams of one vendor that are read at once; they share its limits, so more would gain little."""


@dataclasses.dataclass
class StreamReport:
    """The streams of a run that were not read completely.

    Attributes:
        failed: Reason by stream.
        skipped: Reason by stream.
        forbidden: Reason by stream that the login may not read; `judge` decides what it means.
        missing: Reason by stream that is not there; so, too.
        readable: Vendors of which the login could read something.
    """

    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)
    forbidden: dict[str, str] = dataclasses.field(default_factory=dict)
    missing: dict[str, str] = dataclasses.field(default_factory=dict)
    readable: set[str] = dataclasses.field(default_factory=set)

    def judge(self, streams: t.Iterable[TapStream]) -> None:
        """Skip what is not there, and what the login may not read if it may read anything else.

        What an earlier run could read has failed in any case: a permission was lost, which some
        vendors may tell as 404, too, or the stream has moved.
        """
        for stream in streams:
            hint = ""
            reason = self.missing.get(stream.name)
            if reason is None:
                reason = self.forbidden.get(stream.name)
                hint = (
                    f"; grant the permission, or deselect it: '!{stream.name}.*' in the tap's "
                    "`select`"
                )
            if reason is None:
                continue
            if stream.was_read:
                self.failed[stream.name] = f"an earlier run could read it: {reason}"
            elif stream.name in self.missing or stream.vendor in self.readable:
                self.skipped[stream.name] = f"{reason}{hint}"
            else:
                self.failed[stream.name] = reason


def run_streams(tap: BaseTap, streams: t.Sequence[TapStream]) -> None:
    """Read streams: vendors side by side, and independent streams of one vendor, too.

    Raises:
        ExitCode: With 1, if a stream failed or the run was stopped; the others have finished.
    """
    report = StreamReport()
    started = time.monotonic()
    vendors = dict.fromkeys(stream.vendor for stream in streams)
    jobs = [
        functools.partial(_run_vendor, tap, [s for s in streams if s.vendor == vendor], report)
        for vendor in vendors
    ]
    # A run that was asked to stop is summed up like any other; its report names stopped streams.
    with contextlib.suppress(Interrupted), tap.progress:
        _side_by_side(jobs, len(jobs))
    _summarise(tap, streams, report, time.monotonic() - started)


def _run_vendor(tap: BaseTap, streams: list[TapStream], report: StreamReport) -> None:
    """Read the streams of one vendor: turn by turn, within a turn several at once."""
    at_once = min(_STREAMS_AT_ONCE, tap.streams_at_once(streams[0].vendor))
    for turn in sorted({stream.turn for stream in streams}):
        _side_by_side(
            [
                functools.partial(_run_stream, stream, report)
                for stream in streams
                if stream.turn == turn
            ],
            at_once,
        )


def _side_by_side(jobs: t.Iterable[t.Callable[[], None]], workers: int) -> None:
    """Run jobs in daemon threads: after a signal the process must not wait for a slow vendor.

    Raises:
        BaseException: What the first job that fails raises; no further job is begun.
    """
    waiting = collections.deque(jobs)
    broken: list[BaseException] = []

    def work() -> None:
        while not broken:
            try:
                job = waiting.popleft()
            except IndexError:
                return
            try:
                job()
            except BaseException as error:  # noqa: BLE001 - raised again below
                broken.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    # Short waits, so that the main thread hears signals.
    while any(thread.is_alive() for thread in threads) and not broken:
        for thread in threads:
            thread.join(_POLL)
    if broken:
        raise broken[0]


def _run_stream(stream: TapStream, report: StreamReport) -> None:
    try:
        stream.sync()
        report.readable.add(stream.vendor)
    except Interrupted:
        report.failed[stream.name] = "stopped"
        raise
    except NotPermittedError as error:
        report.forbidden[stream.name] = str(error)
    except MissingResourceError as error:
        report.missing[stream.name] = (
            f"{error}; set its path in {stream.vendor}.resources if it has one"
        )
    except OutputError:
        raise  # no other stream could write either
    except ErpError as error:
        report.failed[stream.name] = str(error)
        stream.logger.warning("%s failed: %s", stream.name, error)
    except (AbortedSyncFailedException, AbortedSyncPausedException):
        raise
    except OSError:
        raise  # no room for temporary files: it would be the same for every stream
    except Exception as error:
        report.failed[stream.name] = f"{type(error).__name__}: {error}"
        stream.logger.exception("%s failed", stream.name)
    finally:
        if stream.records_read:
            report.readable.add(stream.vendor)


def _summarise(
    tap: BaseTap, streams: t.Sequence[TapStream], report: StreamReport, seconds: float
) -> None:
    report.judge(streams)
    for stream in streams:
        if stream.name not in report.failed and stream.name not in report.skipped:
            tap.logger.info("%s: %d records", stream.name, stream.records_read)
    calls = ", ".join(
        f"{vendor} {tap.client(vendor).transport.budget.calls}" for vendor in tap.connected
    )
    tap.logger.info(
        "Read %d records of %d streams in %.1f s; calls: %s",
        sum(stream.records_read for stream in streams),
        len(streams),
        seconds,
        calls or "none",
    )
    for name, reason in report.skipped.items():
        tap.logger.warning("Skipped: %s (%s)", name, reason)
    if report.failed:
        by_reason: dict[str, list[str]] = collections.defaultdict(list)
        for name, reason in report.failed.items():
            by_reason[reason].append(name)
        reasons = "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items())
        msg = f"{len(report.failed)} of {len(streams)} streams failed: {reasons}"
        raise ExitCode(msg, FAILED)
