"""Runs the selected streams: vendors side by side, and one failing stream harms no other."""

from __future__ import annotations

import collections
import dataclasses
import threading
import time
import typing as t

from singer_sdk.exceptions import AbortedSyncFailedException, AbortedSyncPausedException

from erp_plugin.cli import FAILED, ExitCode
from erp_vendors.errors import ErpError, Interrupted, MissingResourceError

if t.TYPE_CHECKING:
    from tap_erp.stream import ErpStream
    from tap_erp.tap import TapErp

_POLL = 0.2


@dataclasses.dataclass
class Report:
    """What became of the streams of a run.

    Attributes:
        failed: Reason by stream.
        skipped: Reason by stream.
    """

    failed: dict[str, str] = dataclasses.field(default_factory=dict)
    skipped: dict[str, str] = dataclasses.field(default_factory=dict)


def run_streams(tap: TapErp, streams: t.Sequence[ErpStream]) -> None:
    """Read streams; those of one vendor in their order, vendors side by side.

    Args:
        tap: The tap.
        streams: The selected streams.

    Raises:
        ExitCode: With 1, if a stream failed or the run was stopped; the others have finished.
    """
    lanes: dict[str, list[ErpStream]] = collections.defaultdict(list)
    for stream in streams:
        lanes[stream.vendor].append(stream)
    report = Report()
    broken: list[BaseException] = []
    started = time.monotonic()

    def run_lane(lane: list[ErpStream]) -> None:
        try:
            for stream in lane:
                _run_stream(stream, report)
        except Interrupted:
            return
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            broken.append(error)

    # Daemon threads: after a signal the process must not wait for a slow vendor.
    threads = [
        threading.Thread(target=run_lane, args=(lane,), daemon=True) for lane in lanes.values()
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not broken:
        for thread in threads:
            thread.join(_POLL)
    if broken:
        raise broken[0]
    _summarise(tap, streams, report, time.monotonic() - started)


def _run_stream(stream: ErpStream, report: Report) -> None:
    try:
        stream.sync()
    except Interrupted:
        report.failed[stream.name] = "stopped"
        raise
    except MissingResourceError as error:
        report.skipped[stream.name] = (
            f"{error}; its path is only assumed, set it in {stream.vendor}.resources"
        )
        stream.logger.warning("Skipping %s: %s", stream.name, report.skipped[stream.name])
    except ErpError as error:
        report.failed[stream.name] = str(error)
        stream.logger.warning("%s failed: %s", stream.name, error)
    except (AbortedSyncFailedException, AbortedSyncPausedException):
        raise
    except OSError:
        raise  # stdout is gone: nothing more can be said to anyone
    except Exception as error:
        report.failed[stream.name] = f"{type(error).__name__}: {error}"
        stream.logger.exception("%s failed", stream.name)


def _summarise(tap: TapErp, streams: t.Sequence[ErpStream], report: Report, seconds: float) -> None:
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
