"""What a run did: its report as JSON, a summary for people, and the exit code it earns."""

from __future__ import annotations

import logging
import pathlib
import time
import typing as t

from erp_ledger.partitions import iso
from erp_vendors.http import codec
from erp_vendors.private import replace_file
from target_erp.delivery import Outcome
from target_erp.measurements import SinkMeter
from target_erp.planning.planner import allowance

if t.TYPE_CHECKING:
    from erp_vendors.vendor import Client
    from target_erp.delivery.tally import Tally

logger = logging.getLogger("target-erp")


class Done(t.Protocol):
    """What a delivery or a plan has come to.

    Attributes:
        tallies: Counts by stream.
        skipped: Key and reason of some records that a mode forbids, by stream.
        unapproved: The same of records that the plan does not have.
    """

    @property
    def tallies(self) -> t.Mapping[str, Tally]:
        """See the class."""

    @property
    def skipped(self) -> t.Mapping[str, t.Sequence[tuple[str, str]]]:
        """See the class."""

    @property
    def unapproved(self) -> t.Mapping[str, t.Sequence[tuple[str, str]]]:
        """See the class."""


class Summary:
    """Counts of one run.

    Attributes:
        meter: Tells them while the run is under way.
    """

    def __init__(self, run: str, done: Done, clients: t.Mapping[str, Client]) -> None:
        """Make the summary of a run that begins.

        Args:
            run: The run's id.
            done: What becomes of the records, which grows.
            clients: Clients by vendor, which come.
        """
        self._skipped, self._unapproved = done.skipped, done.unapproved
        self.run = run
        self.records_read = 0
        self.records_filtered = 0
        self._tallies = done.tallies
        self.meter = SinkMeter(done.tallies)
        self._clients = clients
        self._started = time.monotonic()
        self._started_at = time.time()

    def as_json(self, exit_code: int, error: str) -> dict[str, t.Any]:
        """The run's report.

        Args:
            exit_code: How it ends.
            error: Why, one line; empty if all is well.

        Returns:
            Records by stream and outcome, some of those that were skipped or not approved, calls,
            seconds in all and seconds of waiting for limits.
        """
        return {
            "run": self.run,
            "started_at": iso(int(self._started_at * 1000)),
            "ended_at": iso(int(time.time() * 1000)),
            "exit_code": exit_code,
            "error": error,
            "seconds": round(time.monotonic() - self._started, 3),
            "records_read": self.records_read,
            "records_filtered": self.records_filtered,
            "streams": {
                stream: {
                    "read": tally.read,
                    **{outcome.value: tally[outcome] for outcome in Outcome},
                    "left_out": tally.left_out,
                    "skipped_records": _listed(self._skipped.get(stream, ())),
                    "not_approved_records": _listed(self._unapproved.get(stream, ())),
                    "calls": tally.calls,
                    "seconds": round(tally.seconds, 3),
                    "seconds_waiting": round(tally.waited, 3),
                }
                for stream, tally in self._tallies.items()
            },
            "vendors": {
                name: {
                    "calls": client.transport.budget.calls,
                    "seconds_waiting": round(client.transport.budget.waited, 3),
                }
                for name, client in self._clients.items()
            },
        }

    def log(self) -> None:
        """Tell people, one line a stream, and whoever measures."""
        self.meter.tell(last=True)
        for stream, tally in self._tallies.items():
            counts = ", ".join(f"{tally[outcome]} {outcome.value}" for outcome in Outcome)
            left = f", {tally.left_out} left out" if tally.left_out else ""
            logger.info(
                "%s: %d read, %s%s; %d calls", stream, tally.read, counts, left, tally.calls
            )
        calls = ", ".join(
            f"{vendor} {client.transport.budget.calls}" for vendor, client in self._clients.items()
        )
        filtered = f" ({self.records_filtered} filtered by stream maps)"
        logger.info(
            "Read %d records%s in %.1f s; calls: %s",
            self.records_read,
            filtered if self.records_filtered else "",
            time.monotonic() - self._started,
            calls or "none",
        )

    def total(self, outcome: Outcome) -> int:
        """Records of all streams that ended so.

        Args:
            outcome: How.
        """
        return sum(tally[outcome] for tally in self._tallies.values())

    def unapproved(self, missing: int) -> str:
        """What the plan that is applied does not cover; empty if it covers all.

        Args:
            missing: Writes of the plan whose record did not come.
        """
        found, parts = self.total(Outcome.NOT_APPROVED), []
        if found:
            parts.append(
                f"{found} records are not approved by the plan, and STATE stays before them"
            )
        if missing:
            parts.append(f"{missing} writes of the plan were not made: their records did not come")
        return "; ".join(parts)

    def rejections(self, max_rejects: int | str | None) -> str:
        """What keeps the run from being a success, or nothing.

        Args:
            max_rejects: Rejections that are allowed: a number or a percentage of the input.

        Returns:
            One line, or an empty text.
        """
        refused = self.total(Outcome.REFUSED) + self.total(Outcome.WAITING)
        unknown = self.total(Outcome.UNKNOWN)
        allowed = allowance("max_rejects", max_rejects, self.records_read)
        parts = []
        if refused > allowed:
            parts.append(f"{refused} records were rejected")
        if unknown:
            if refused and not parts:
                parts.append(f"{refused} records were rejected")
            parts.append(f"the outcome of {unknown} is unknown")
        return " and ".join(parts)


def _listed(some: t.Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "reason": reason} for key, reason in list(some)]


def save(report: t.Mapping[str, t.Any], path: str) -> None:
    """Leave a report in a file, in place of the one of an earlier run.

    Args:
        report: The report.
        path: The `report_file` setting; empty for nowhere.
    """
    if not path:
        return
    try:
        replace_file(pathlib.Path(path), [codec.encode(report), b"\n"])
    except OSError as problem:
        # The run is over and its report is in the ledger: this changes nothing about its result.
        logger.warning("cannot write the report (setting 'report_file'): %s", problem)
