"""What all streams have in common: bookmarks of our own, records as the vendor sent them."""

from __future__ import annotations

import collections
import time
import typing as t

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from singer_sdk.streams import Stream

from erp_vendors.errors import ErpError, Interrupted
from erp_vendors.http import codec
from tap_erp.bookmark import digest
from tap_erp.lines import RecordLines

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from erp_vendors.schemas import Schema
    from tap_erp.tap import TapErp

_STATE_SECONDS = 5.0
"""A STATE message goes out at most this many seconds after the bookmark has moved."""
_STATE_RECORDS = 10_000
"""And at the latest after this many records."""
_COUNTED_RECORDS = 100
"""Records that are counted together."""
_FILLED = "filled"
"""In a stream's state: the lists that held something in the last complete copy."""
FAULTS_IN_A_ROW = 10
"""Calls for records that fail, one after the other, before a stream gives up."""


class StreamError(ErpError):
    """A stream could not be read completely; what it missed is read by the next run."""


class ErpStream(Stream):
    """A stream whose records go out as they came.

    The SDK's type conformance is off: it costs half of the run time, and changes values.
    """

    #: Each record is on stdout before the next one is read.
    at_once: t.ClassVar[bool] = False
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    #: An empty copy of the table is a copy like any other.
    may_be_empty: bool = False
    #: Vendor block this stream belongs to.
    vendor: t.ClassVar[str]

    def __init__(
        self,
        tap: TapErp,
        *,
        name: str,
        schema: Schema,
        primary_keys: t.Sequence[str] = (),
        replication_key: str | None = None,
    ) -> None:
        """Make a stream.

        Args:
            tap: The tap.
            name: Stream name.
            schema: JSON schema of its records.
            primary_keys: Key properties.
            replication_key: Bookmark field; None for a full table.
        """
        super().__init__(tap, schema=schema, name=name)
        self.erp = tap
        self.primary_keys = tuple(primary_keys)
        self.replication_key = replication_key
        self.records_read = 0
        self.faults: list[str] = []
        self.turn = 0
        self._faults_in_a_row = 0
        self._saved_at = time.monotonic()
        self._saved_records = 0
        self._lines: RecordLines | None = None
        self._changes: t.Callable[[], t.Mapping[str, t.Any]] | None = None

    @property
    def incremental(self) -> bool:
        """Whether this run may rely on a bookmark; the catalog can ask for the full table."""
        return self.replication_method == REPLICATION_INCREMENTAL

    @property
    def stream_state(self) -> dict[str, t.Any]:
        """The stream's part of the state, which is made on first sight.

        Under the lock, as that changes the state, which another stream may be writing.
        """
        with self.erp.message_writer.lock:
            return super().stream_state

    @property
    def emit_activate_version_messages(self) -> bool:
        """Never at the start of a stream, where the SDK would: see `activate`."""
        return False

    def sync(self, context: Context | None = None) -> None:  # type: ignore[misc]
        """Emit the schema and the records; overrides the SDK's, which logs each failure twice."""
        self.logger.info("Reading %s (%s)", self.name, self.replication_method.lower())
        if self.selected:
            self._write_schema_message()
        collections.deque(self._sync_records(context), maxlen=0)

    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> t.Generator[Record, None, None]:
        """Emit records; overrides the SDK's loop, whose bookmarks know neither windows nor ties."""
        try:
            yield from self._emit(context, write_messages=write_messages)
            if write_messages and self.version is not None and not self.faults:
                self._complete_version()
        finally:
            self.erp.message_writer.flush()
        if self.faults:
            msg = (
                f"{len(self.faults)} of its records could not be read and are tried again by the "
                f"next run; first: {self.faults[0]}"
            )
            raise StreamError(msg)

    def batches(self, context: Context | None) -> t.Iterator[t.Sequence[Record]]:
        """The records in groups that are written together: each alone, unless a stream reads pages.

        Args:
            context: As for `get_records`.
        """
        return ((t.cast("Record", record),) for record in self.get_records(context))

    def _emit(
        self, context: Context | None, *, write_messages: bool
    ) -> t.Generator[Record, None, None]:
        clock, most = self.erp.connection.clock, self.ABORT_AT_RECORD_COUNT
        with self.get_record_counter() as counter, self.get_sync_timer():
            counted = 0
            for batch in self.batches(context):
                if clock.stopped:
                    msg = f"{self.name}: stopped after {self.records_read} records"
                    raise Interrupted(msg)
                room = len(batch) if most is None else most - self.records_read
                records = batch[:room] if len(batch) > room else batch
                if write_messages:
                    self._write_batch(records)
                self.records_read += len(records)
                if self.records_read - counted >= _COUNTED_RECORDS:
                    counter.increment(self.records_read - counted)
                    counted = self.records_read
                self._faults_in_a_row = 0
                yield from records
                if len(batch) > room:
                    self._check_max_record_limit(current_record_index=self.records_read)
            counter.increment(self.records_read - counted)

    def _write_batch(self, records: t.Sequence[Record]) -> None:
        """Write records; the SDK's way, record by record, costs more than reading them."""
        if self._lines is None:
            self._lines = RecordLines(self)
        if self._lines.plain:
            self.erp.message_writer.write_lines(self._lines.lines(records), now=self.at_once)
        else:
            for record in records:
                self._write_record_message(record)

    def mark(self, record: Record) -> str:
        """The fingerprint of a record's content.

        Args:
            record: A record that is about to be emitted as it is.
        """
        text = codec.encode(record)
        if self._lines is None:
            self._lines = RecordLines(self)
        self._lines.remember(record, text)
        return digest(text + b"\0")

    def _schema_has_changed(self) -> None:
        """Forget what was prepared for an earlier schema."""
        self._lines = None

    def missed(self, what: str) -> None:
        """Note that a record could not be read; the stream goes on, but ends as failed.

        Args:
            what: The record and the reason, one line.
        """
        self.logger.warning("%s: %s", self.name, what)
        self.faults.append(what)

    def fault(self, what: str) -> None:
        """As `missed`, for a record whose own call failed.

        Args:
            what: The record and the reason, one line.

        Raises:
            StreamError: After ten in a row: then it is not the record.
        """
        self.missed(what)
        self._faults_in_a_row += 1
        if self._faults_in_a_row >= FAULTS_IN_A_ROW:
            msg = f"{FAULTS_IN_A_ROW} records in a row could not be read; last: {what}"
            raise StreamError(msg)

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
        if self._changes is not None:
            self.stream_state.update(self._changes())

    @property
    def version(self) -> int | None:
        """Version of the table that the records belong to, or None."""
        return self._stream_version

    def begin_version(self) -> None:
        """Mark the records that follow as one complete new copy of the table.

        When the last of them is out and none was missed, the loader is told so, unless something
        is empty that was not before: see `_complete_version`.
        """
        self._stream_version = int(time.time() * 1000)

    @property
    def lists(self) -> t.Mapping[str, bool]:
        """The vendor's lists that make up the copy, and whether each holds anything."""
        return {self.name: self.records_read > 0}

    def version_state(self) -> dict[str, t.Any]:
        """What the state keeps of a complete copy."""
        return {_FILLED: [name for name, filled in self.lists.items() if filled]}

    def names_in_state(self, key: str) -> set[str]:
        """Names that `version_state` has kept.

        Args:
            key: Where they are in the stream's state.
        """
        kept = self.stream_state.get(key)
        return {name for name in kept if isinstance(name, str)} if isinstance(kept, list) else set()

    def _complete_version(self) -> None:
        """Activate the copy, but never take an empty answer for the deletion of everything.

        A vendor that answers with an empty list may have lost a login, a filter or a table. Which
        lists held something is in the state of the stream, and stays there until they do again.

        Raises:
            Interrupted: If the run is being stopped.
        """
        if self.erp.connection.clock.stopped:
            msg = f"{self.name}: stopped after {self.records_read} records"
            raise Interrupted(msg)
        empty = [name for name, filled in self.lists.items() if not filled]
        known = set() if self.may_be_empty else self.names_in_state(_FILLED)
        emptied = [name for name in empty if name in known]
        if emptied:
            whole = len(empty) == len(self.lists)
            self.logger.warning(
                "%s: %s is empty and was not before, which does not count as the deletion of "
                "everything, so no ACTIVATE_VERSION goes out; if it is true, %s",
                self.name,
                ", ".join(emptied),
                "remove the rows where they were loaded"
                if whole
                else "run this stream once without its state",
            )
        elif self.may_be_empty or len(empty) < len(self.lists):
            self.activate()
            self.save(self.version_state, now=True)

    def activate(self) -> None:
        """Tell the loader that the copy is complete: rows that are not in it are gone.

        This comes after the last record, because a loader acts on it at once.
        """
        if self._stream_version is not None:
            self._write_activate_version_message(self._stream_version)

    def finalize_state_progress_markers(self, state: dict[str, t.Any] | None = None) -> None:
        """Nothing to do: the bookmark is final whenever it is saved."""

    def _finalize_state(self, state: dict[str, t.Any] | None = None) -> None:
        """Nothing to do, as above."""
