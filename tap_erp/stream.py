"""What all streams have in common: bookmarks, complete copies, records as the vendor sent them.

`sync` calls `prepare` and exhausts `_sync_records`, which takes the records from the vendor's
`get_records`, writes them, and says at the end what the run has proven: the bookmark moves, or a
copy of the table is complete, or the stream has failed.
"""

from __future__ import annotations

import collections
import time
import typing as t

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream
from typing_extensions import override

from erp_vendors.elements import NoRecord
from erp_vendors.errors import ErpError, Interrupted, MissingResourceError, NotPermittedError
from tap_erp.faults import UnreadRecords
from tap_erp.lines import RecordLines
from tap_erp.table_copy import TableCopy, is_due

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from erp_vendors.schemas import Schema
    from tap_erp.base import BaseTap
    from tap_erp.bookmark import Bookmark

_STATE_SECONDS = 5.0
"""A STATE message goes out at most this many seconds after the bookmark has moved."""
_STATE_RECORDS = 10_000
"""Records after which a STATE message goes out at the latest."""
_COUNTED_RECORDS = 100
"""Records that are counted together, for speed (benchmark `raw_tap`).

The SDK's counter looks at the clock each time. This may go when it no longer does.
"""
_READ = "read"
"""Member of a state that would be empty otherwise; it says that a run could read the stream."""
FAULTS_IN_A_ROW = 10
"""Calls for records that fail, one after the other, before a stream gives up."""


class StreamError(ErpError):
    """A stream could not be read completely; what it missed is read by the next run."""


class ErpStream(Stream):
    """A stream whose records go out as they came.

    The SDK's type conformance is off, because it changes values.

    Attributes:
        erp: The tap.
        records_read: Records that were emitted so far.
        faults: What could not be read; a stream with any ends as failed.
        turn: The streams of a vendor are read in this order; those of one turn may overlap.
        position: The bookmark that goes into the state when the stream has been read.
        may_be_empty: An empty copy of the table is a copy like any other.
        is_snapshot: Rows are not in the list any more once they are done with, so their absence is
            no deletion, unless `may_be_empty` says so or the stream has no key.
        was_read: An earlier run has read the stream.
        table_copy: What this run has seen of the table.
    """

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    #: Each record is on stdout before the next one is read.
    at_once: t.ClassVar[bool] = False
    #: The SCHEMA message waits for the first record, because records bring columns.
    learns: t.ClassVar[bool] = False
    #: Records come oldest change first, so `position` is true at any time, not only at the end.
    oldest_first: t.ClassVar[bool] = False
    #: A reading without a bookmark gives the whole table, so rows that are not in it are gone.
    shows_deletions: t.ClassVar[bool] = False
    #: Only a second reading proves that the first one was complete, so it has to be asked for.
    proven_by_second: t.ClassVar[bool] = False
    may_be_empty: bool = False
    is_snapshot: bool = False
    #: Block this stream belongs to: a vendor's, or `results`.
    vendor: t.ClassVar[str]

    def __init__(
        self,
        tap: BaseTap,
        *,
        name: str,
        schema: Schema,
        primary_keys: t.Sequence[str] = (),
        replication_key: str | None = None,
    ) -> None:
        super().__init__(tap, schema=schema, name=name)
        self.erp = tap
        self.primary_keys = tuple(primary_keys)
        self.replication_key = replication_key
        self.records_read = 0
        self.faults = UnreadRecords(self.name, self.logger)
        self.turn = 0
        self.position: Bookmark | None = None
        self._may_move = True
        self._faults_in_a_row = 0
        self.was_read = False
        self.table_copy = TableCopy({}, wanted=False)
        self._announced = False
        self._saved_at = time.monotonic()
        self._saved_records = 0
        self._lines: RecordLines | None = None
        self._changes: t.Callable[[], t.Mapping[str, t.Any]] | None = None

    @property
    def incremental(self) -> bool:
        """Whether this run may rely on a bookmark; the catalog can ask for the full table."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def bookmark_state(self) -> t.Mapping[str, t.Any]:
        """The state that a bookmark begins with: nothing, if this run reads the whole table."""
        return self.stream_state if self.incremental and not self.table_copy.wanted else {}

    @property
    def saves_at_any_time(self) -> bool:
        """Whether `position` may go into the state before the stream has been read to its end.

        A reading of the whole table begins anew; until its end the bookmark of the last run counts.
        """
        moves = self.oldest_first and self._may_move
        return self.incremental and moves and not self.table_copy.wanted

    @property
    @override
    def stream_state(self) -> dict[str, t.Any]:
        """The stream's part of the state, which is made on first sight.

        Under the lock, as that changes the state, which another stream may be writing.
        """
        with self.erp.message_writer.lock:
            return super().stream_state

    @property
    @override
    def emit_activate_version_messages(self) -> bool:
        """Never at the start of a stream, where the SDK would: see `activate`."""
        return False

    def prepare(self) -> None:
        """Read what the SCHEMA message must know; nothing, unless a stream has to."""

    # Final in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override  # type: ignore[misc]
    def sync(self, context: Context | None = None) -> None:
        """Emit the schema and the records; the SDK's own `sync` logs each failure twice."""
        with self.erp.call_meter.stream(self.name), self.get_sync_timer():
            self.logger.info("Reading %s (%s)", self.name, self.replication_method.lower())
            state = self.stream_state
            self.was_read = bool(state)
            self.table_copy = TableCopy(state, wanted=self._wants_copy(state))
            self._stream_version = self.table_copy.version if self._has_versions else None
            if self.table_copy.wanted and self.incremental:
                self.logger.info("%s: reading everything, to find out what was deleted", self.name)
            self.prepare()
            if not self.learns:
                self.announce()
            collections.deque(self._sync_records(context), maxlen=0)
            self.announce()

    def announce(self) -> None:
        """Emit the SCHEMA message, unless it has been."""
        if self.selected and not self._announced:
            self._announced = True
            self._write_schema_message()

    def batches(self, context: Context | None) -> t.Iterator[t.Sequence[Record]]:
        """The records in groups that are written together: each alone, unless a stream reads pages.

        For speed, 18% (decision 0011; benchmark `raw_tap`): this may go when writing a record alone
        costs as little.
        """
        return zip(t.cast("t.Iterable[Record]", self.get_records(context)), strict=False)

    def fitting(self, records: t.Sequence[Record]) -> t.Sequence[Record]:
        """The records that can be emitted; others are missed. Here all can."""
        return records

    # Private in the SDK; guarded by test_the_hook_is_where_it_was (tests/test_sdk_hooks.py).
    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> t.Generator[Record, None, None]:
        """Emit records; the SDK's own bookmarks know neither windows nor equal stamps."""
        clock, most = self.erp.connection.clock, self.ABORT_AT_RECORD_COUNT
        try:
            with self.get_record_counter() as counter:
                counted = 0
                for batch in map(self.fitting, self.batches(context)):
                    if clock.stopped:
                        raise self._interrupted()
                    records = batch if most is None else batch[: most - self.records_read]
                    if write_messages:
                        self._write_batch(records)
                    self.records_read += len(records)
                    if self.records_read - counted >= _COUNTED_RECORDS:
                        counter.increment(self.records_read - counted)
                        counted = self.records_read
                    self._faults_in_a_row = 0
                    yield from records
                    if len(records) < len(batch):
                        self._check_max_record_limit(current_record_index=self.records_read)
                counter.increment(self.records_read - counted)
        except ErpError as error:
            if self.position is not None and self.saves_at_any_time:
                self.save(self.position.state, now=True)
            if isinstance(error, (MissingResourceError, NotPermittedError)) and self.records_read:
                msg = f"after {self.records_read} records: {error}"  # so it is not to be skipped
                raise StreamError(msg) from None
            raise
        finally:
            self.erp.message_writer.flush()
            self.faults.sum_up()
        self._conclude(write_messages=write_messages)

    def _write_batch(self, records: t.Sequence[Record]) -> None:
        """Write records, without the SDK's messages where that is possible: see `RecordLines`."""
        if not self._announced:
            self.announce()
        lines = self._record_lines()
        if lines.plain:
            text = lines.lines(records, self._stream_version)
            self.erp.message_writer.write_lines(text, now=self.at_once)
        else:
            for record in records:
                self._write_mapped(record)

    def _write_mapped(self, record: Record) -> None:
        """Write what stream maps make of a record.

        Raises:
            StreamError: If they cannot be applied to it.
        """
        try:
            self._write_record_message(record)
        except (ErpError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - expressions may raise anything
            why = " ".join(str(error).split()) or type(error).__name__
            msg = f"the setting 'stream_maps' (or flattening) cannot be applied to a record: {why}"
            raise StreamError(msg) from None

    def _record_lines(self) -> RecordLines:
        if self._lines is None:
            self._lines = RecordLines(self.stream_maps, self.mask)
        return self._lines

    def missed(self, what: str, *, held: bool = False) -> None:
        """Note that a record could not be read; the stream goes on, but ends as failed.

        Args:
            what: The record and the reason, one line.
            held: The next run comes across the record, because the bookmark is held before it or
                decides nothing about it. Otherwise the stream's bookmark does not move at all.
        """
        self.faults.note(what)
        self._may_move = self._may_move and held

    def fault(self, what: str, *, held: bool = False) -> None:
        """As `missed`, for a record whose own call failed.

        Args:
            what: The record and the reason, one line.
            held: As for `missed`.

        Raises:
            StreamError: After ten in a row: then it is not the record.
        """
        self.missed(what, held=held)
        self._faults_in_a_row += 1
        if self._faults_in_a_row >= FAULTS_IN_A_ROW:
            msg = f"{FAULTS_IN_A_ROW} records in a row could not be read; last: {what}"
            raise StreamError(msg)

    def is_record(self, row: Record) -> bool:
        """Whether an element of a vendor's list is a record; what is none is missed."""
        if not isinstance(row, NoRecord):
            return True
        if row.fault not in self.faults.told:  # the list may be read again
            self.missed(row.fault)
        return False

    def doubt(self, why: str) -> None:
        """Note what was not proven, so that this reading cannot count as complete."""
        self.table_copy.doubts.append(why)

    @property
    def _has_versions(self) -> bool:
        return bool(self.config.get("activate_version", True))

    def _wants_copy(self, state: t.Mapping[str, t.Any]) -> bool:
        """Whether this run is to be a complete copy of the table.

        Without a key a loader appends what it gets, so only a new version replaces the rows of the
        run before: such a stream waits for no day, and is no snapshot either.
        """
        keyed, days = bool(self.primary_keys), self.config.get("reconcile_days")
        partial = self.ABORT_AT_RECORD_COUNT is not None
        snapshot = self.is_snapshot and keyed and not self.may_be_empty
        if partial or snapshot or not self.shows_deletions or not self._has_versions:
            return False
        if self.incremental or self.proven_by_second:
            return is_due(state, days) if keyed else days is not None
        return True

    def save(self, changes: t.Callable[[], t.Mapping[str, t.Any]], *, now: bool = False) -> None:
        """Put the bookmark into the state and emit it, not more often than is useful.

        Args:
            changes: Gives what goes into the stream's state.
            now: Emit it in any case.
        """
        self._changes = changes
        since = self.records_read - self._saved_records
        due = since >= _STATE_RECORDS or time.monotonic() - self._saved_at >= _STATE_SECONDS
        if not (now or due):
            return
        with self.erp.message_writer.lock:
            self.stream_state.update(changes())
            self.erp.state_writer.write_state(self.erp.state)
        self._saved_at = time.monotonic()
        self._saved_records = self.records_read

    def snapshot(self) -> None:
        """Put the bookmark into the state as it is now, for a signal in the middle of a stream."""
        if self._changes is not None and self._may_move:
            self.stream_state.update(self._changes())

    def _conclude(self, *, write_messages: bool) -> None:
        """Say what the run has proven, now that all records are out.

        Raises:
            StreamError: If some could not be read.
        """
        copy, whole = self.table_copy, self.table_copy.wanted
        copy.end(self.name, filled=self.records_read > 0, may_be_empty=self.may_be_empty)
        if whole and (lost := copy.lost()):
            self.missed(f"no list of {', '.join(lost)}, which an earlier run could read")
        if self.position is not None and self._may_move and not (whole and self.faults.count):
            self.save(self.position.state, now=True)
        if whole and write_messages and not self.faults.count:
            self._complete_copy()
        if not self.faults.count and not self.stream_state:
            self.save(lambda: {_READ: True}, now=True)
        if self.faults.count:
            msg = (
                f"{self.faults.count} of its records or lists could not be read and are tried "
                f"again by the next run; first: {self.faults.told[0]}"
            )
            raise StreamError(msg)

    def _complete_copy(self) -> None:
        """Activate the copy, unless it is not certain that it is one.

        Raises:
            Interrupted: If the run is being stopped.
        """
        if self.erp.connection.clock.stopped:
            raise self._interrupted()
        copy = self.table_copy
        if (objection := copy.objection()) is not None:
            self.logger.log(objection.level, "%s: %s", self.name, objection.text)
        elif not copy.says_nothing:
            self.activate()
            self.save(copy.state, now=True)

    def activate(self) -> None:
        """Tell the loader that the copy is complete: rows that are not in it are gone.

        This comes after the last record, because a loader acts on it at once; and after the SCHEMA
        message, because a loader must know the stream.
        """
        self.announce()
        if self._stream_version is not None:
            self._write_activate_version_message(self._stream_version)

    def _interrupted(self) -> Interrupted:
        return Interrupted(f"{self.name}: stopped after {self.records_read} records")
