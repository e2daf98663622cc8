"""What `target-erp` has done: its runs, what became of each record, and its dead letters.

They are read from the target's ledger and dead letters, which belong to no vendor. Nothing there is
locked or changed, so a run of the target may write to them meanwhile.
"""

from __future__ import annotations

import abc
import contextlib
import datetime as dt
import itertools
import pathlib
import typing as t

from typing_extensions import override

from erp_ledger import letter_files, open_read_only
from erp_ledger.letters import handle, last_at
from erp_vendors.errors import ConfigError
from erp_vendors.http import codec
from erp_vendors.stamps import from_iso, iso_now, moment_before, to_epoch_ms, to_iso
from erp_vendors.vendors import RESULTS
from tap_erp.bookmark import Bookmark, content_fingerprint
from tap_erp.settings import results_block
from tap_erp.stream import ErpStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from erp_ledger import LedgerOutcome, LedgerRun
    from erp_ledger.letter_files import Letter
    from erp_vendors.schemas import Schema
    from tap_erp.base import BaseTap

_AT_ONCE = 500
"""Dead letters that are written together."""
_KINDS: dict[str, Schema] = {
    "text": {"type": ["string", "null"]},
    "key": {"type": "string"},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "stamp": {"type": "string", "format": "date-time"},
    "whole": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "object": {"type": ["object", "null"]},
}


class ResultsStream(ErpStream, abc.ABC):
    """A stream of what the target has noted; each run reads what was noted since the last one.

    The order in which that comes is not that of time, so the bookmark moves at the end, to the
    start of the reading at most: what is noted meanwhile is looked at by the next run.
    """

    vendor = RESULTS
    #: Name, kind and meaning of each column.
    columns: t.ClassVar[tuple[tuple[str, str, str], ...]]
    keys: t.ClassVar[tuple[str, ...]]
    stamp: t.ClassVar[str]

    def __init__(self, tap: BaseTap, name: str) -> None:
        properties = {
            column: {**_KINDS[kind], "description": meaning}
            for column, kind, meaning in self.columns
        }
        super().__init__(
            tap,
            name=name,
            schema={"type": "object", "properties": properties},
            primary_keys=self.keys,
            replication_key=self.stamp,
        )
        self.block = results_block(self.config)
        self.may_be_empty = True

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """The new rows, for callers that want one by one; see `batches`."""
        return itertools.chain.from_iterable(self.batches(context))

    @override
    def batches(self, context: Context | None) -> t.Iterator[list[Record]]:
        """The new rows."""
        lookback = dt.timedelta(seconds=int(self.config.get("lookback_seconds") or 0))
        bookmark = Bookmark(
            self.bookmark_state,
            self.stamp,
            floor=lambda stamp: moment_before(stamp, lookback),
            parse=to_iso,
            start=to_iso(self.config.get("start_date")) if self.incremental else None,
            ceiling=iso_now() + "Z",
        )
        if self.incremental:
            self.position = bookmark
        for rows in self.read(bookmark.since):
            new: list[Record] = []
            marks: list[tuple[str | None, str]] = []
            for row in rows:
                at, mark = to_iso(row[self.stamp]), content_fingerprint(row)
                if bookmark.wants(at, mark):
                    new.append(row)
                    marks.append((at, mark))
            yield new
            bookmark.emitted_together(marks)

    @abc.abstractmethod
    def read(self, since: str | None) -> t.Iterator[t.Iterable[Record]]:
        """Rows that were noted at a time or later, several at once.

        Args:
            since: UTC time as `to_iso` writes it; None for all.
        """


class RunsStream(ResultsStream):
    """The runs of the target."""

    columns = (
        ("run", "key", "Name of the run"),
        ("started_at", "stamp", "When it began (UTC)"),
        ("ended_at", "time", "When it ended; empty while it runs, and if it was killed"),
        ("changed_at", "stamp", "When it ended, or else began: moves when the run ends"),
        ("exit_code", "whole", "0, 1 or 3; empty as long as ended_at is"),
        ("error", "text", "Why it was no success, one line; empty if it was"),
        ("seconds", "number", "How long it took"),
        ("records_read", "whole", "Records of its input"),
        ("records_filtered", "whole", "Records that stream maps left out"),
        ("calls", "whole", "Calls to all vendors"),
        ("streams", "object", "By sink: records by outcome, calls, seconds"),
        ("vendors", "object", "By vendor: calls, and seconds of waiting for its limits"),
    )
    keys = ("run",)
    stamp = "changed_at"

    @override
    def read(self, since: str | None) -> t.Iterator[t.Iterable[Record]]:
        with contextlib.closing(open_read_only(*self.block.ledger)) as ledger:
            for runs in ledger.runs(_as_noted(since) if since else ""):
                yield map(_run_row, runs)


class OutcomesStream(ResultsStream):
    """What became of each record: its newest version."""

    columns = (
        ("account", "key", "Whose data it is: vendor, address and login, without its secret"),
        ("sink", "key", "Sink of the target"),
        ("key", "key", "Business key, as name=value"),
        ("vendor_id", "text", "The vendor's own id, if it was learned"),
        ("outcome", "key", "accepted, deleted, refused, waiting, unknown, or intent (cut off)"),
        ("run", "key", "Run that noted this"),
        ("first_at", "stamp", "When the record was first noted (UTC)"),
        ("last_at", "stamp", "When this was noted"),
        ("attempts", "whole", "Number of times that it was sent, in all runs"),
    )
    keys = ("account", "sink", "key")
    stamp = "last_at"

    @override
    def read(self, since: str | None) -> t.Iterator[t.Iterable[Record]]:
        with contextlib.closing(open_read_only(*self.block.ledger)) as ledger:
            for outcomes in ledger.outcomes(to_epoch_ms(since)):
                yield map(_outcome_row, outcomes)


class DeadLettersStream(ResultsStream):
    """Records that have not got through: the newest letter of each comes last."""

    shows_deletions = True
    columns = (
        ("account", "key", "Whose data it is; empty if the record got as far as no account"),
        ("sink", "key", "Sink of the target"),
        ("key", "key", "Business key as name=value, or what the letter is called without one"),
        ("outcome", "key", "refused, waiting or unknown"),
        ("class", "key", "Class of the refusal, such as conflict"),
        ("reason", "text", "Why, one line"),
        ("status", "whole", "HTTP status of the vendor's answer"),
        ("answer", "text", "The vendor's answer, secrets masked"),
        ("request", "text", "Method and address of the call"),
        ("run", "text", "Run that wrote the letter"),
        ("first_at", "stamp", "Since when the record does not get through (UTC)"),
        ("last_at", "stamp", "When the letter was written"),
        ("attempts", "whole", "Number of times that it was sent in that run"),
        ("deletes", "flag", "The record was to be deleted"),
        ("conflicts", "object", "Of a conflict: base, theirs and ours of each field"),
        ("record", "object", "The record as it came, secrets masked"),
        ("payload", "object", "What was or would have been sent, secrets masked"),
    )
    keys = ("account", "sink", "key")
    stamp = "last_at"

    @override
    def read(self, since: str | None) -> t.Iterator[t.Iterable[Record]]:
        folder = pathlib.Path(self.block.dead_letters)
        if not folder.is_dir():
            # The target makes it with the first letter.
            self.logger.info("%s: there is no folder %s yet", self.name, folder)
            self.doubt("there is no folder of dead letters")
            return
        for file in sorted(folder.glob("*.jsonl")):
            letters = letter_files.letters(file)
            while some := list(itertools.islice(letters, _AT_ONCE)):
                yield [_letter_row(one, self.columns) for one in some]


def streams(tap: BaseTap) -> list[ErpStream]:
    """The streams of the block `results`."""
    return [
        RunsStream(tap, "erp_runs"),
        OutcomesStream(tap, "erp_outcomes"),
        DeadLettersStream(tap, "erp_dead_letters"),
    ]


def check(config: t.Mapping[str, t.Any]) -> None:
    """Prove that ledger and dead letters can be read.

    Args:
        config: The tap's configuration, with the block.

    Raises:
        ErpError: If one cannot.
    """
    block = results_block(config)
    open_read_only(*block.ledger).close()
    folder = pathlib.Path(block.dead_letters)
    if folder.exists() and not folder.is_dir():
        msg = f"setting 'results.dead_letters': {folder} is not a folder"
        raise ConfigError(msg)


def _as_noted(stamp: str) -> str:
    """A time in the form in which the ledger has those of runs, which are compared as texts."""
    moment = from_iso(stamp).replace(tzinfo=dt.timezone.utc)
    return moment.isoformat(timespec="milliseconds")


def _run_row(run: LedgerRun) -> Record:
    report = codec.decode(run.report.encode()) if run.report else {}
    vendors = report.get("vendors") or {}
    return {
        "run": run.run,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "changed_at": run.ended_at or run.started_at,
        "exit_code": report.get("exit_code"),
        "error": report.get("error"),
        "seconds": report.get("seconds"),
        "records_read": report.get("records_read"),
        "records_filtered": report.get("records_filtered"),
        "calls": sum(vendor.get("calls", 0) for vendor in vendors.values()) if report else None,
        "streams": report.get("streams"),
        "vendors": report.get("vendors"),
    }


def _outcome_row(outcome: LedgerOutcome) -> Record:
    row = outcome._asdict()
    return {
        "account": row.pop("account"),
        "sink": row.pop("stream"),
        "key": row.pop("key"),
        "vendor_id": row.pop("vendor_id"),
        "outcome": row.pop("status"),
        **row,
    }


def _letter_row(letter: Letter, columns: t.Iterable[tuple[str, str, str]]) -> Record:
    row = {
        **letter,
        "sink": letter["stream"],
        "key": handle(letter),
        "last_at": last_at(letter),
        "deletes": bool(letter.get("deletes")),
    }
    return {name: row.get(name) for name, _, _ in columns}
