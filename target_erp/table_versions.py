"""Versions of tables (ACTIVATE_VERSION): what the input has of them, and when the rest is deleted.

The input is read twice. The first reading, a plan, notes every record before anything is decided
about it; the second one writes, and deletes what was not noted.
"""

from __future__ import annotations

import functools
import typing as t

from singer_sdk.mapper import RemoveRecordTransform

from target_erp.marks import TOMBSTONE, is_tombstone
from target_erp.unfiltered_maps import UnfilteredMaps

if t.TYPE_CHECKING:
    from singer_sdk.mapper import PluginMapper

    from target_erp.delivery import Writer
    from target_erp.routes import Routes
    from target_erp.run import Run


class TableVersions:
    """The versions of one reading of the input."""

    def __init__(self, run: Run, routes: Routes, mapper: PluginMapper) -> None:
        """Begin a reading.

        Args:
            run: The run that reads.
            routes: Where the streams of the input go.
            mapper: The stream maps.
        """
        self._run = run
        self._routes = routes
        self._mapper = mapper
        self._due: dict[str, tuple[Writer, int]] = {}

    @functools.cached_property
    def _forms(self) -> UnfilteredMaps:
        return UnfilteredMaps(self._run.config, self._run.logger)

    def schema(self, stream: str, message: t.Mapping[str, t.Any]) -> None:
        """Take a SCHEMA message that the target has understood.

        Args:
            stream: Name of the stream in the input.
            message: The message.
        """
        if self._run.notes_input:
            self._forms.register(stream, message["schema"], message.get("key_properties"))
            for writer in self._writers(stream):
                self._run.deletions.note_schema(writer, stream)

    def record(self, stream: str, record: object) -> None:
        """Note a record.

        Args:
            stream: Name of the stream in the input.
            record: The record as it came.
        """
        if not self._run.notes_input or not isinstance(record, dict):
            return
        deletions, number = self._run.deletions, self._run.summary.records_read
        for name, form in self._forms.of(stream, record):
            writer = self._run.writer_of(name)
            if form is None:
                why = f"what the stream maps make of record {number} is not known"
                deletions.note_unreadable(writer, why)
            else:
                keys = self._routes.key_sets_of(name)
                columns = self._run.writers.columns(writer)
                taken = columns.take(form)
                gone = is_tombstone(form if TOMBSTONE in form else record, loose=columns.loose)
                deletions.note(writer, taken, number, keys, stream, tombstone=gone)
                if stream in self._forms.filtered:
                    deletions.note_missed(writer, [writer.columns_of(taken.record)])

    def activate(self, stream: str) -> int:
        """Take an ACTIVATE_VERSION message.

        Args:
            stream: Name of the stream in the input.

        Returns:
            The message's number in the input: no STATE behind it goes out before its deletions are
            settled.

        Raises:
            ErpError: If the run cannot go on.
        """
        deletions, records = self._run.deletions, self._run.summary.records_read
        watermark = self._run.watermark
        number = watermark.issue()
        for writer in self._writers(stream):
            if writer.stream not in deletions.streams:
                continue
            if writer.stream not in self._due:
                watermark.hold(number)
                self._due[writer.stream] = (writer, number)
            if self._run.notes_input:
                deletions.note_version(writer, stream, records)
            elif deletions.is_complete(writer, records):
                self._delete_gone(writer.stream)
        watermark.settle(number)
        return number

    def finish(self) -> None:
        """Delete what the whole input does not have.

        Raises:
            ErpError: If the run cannot go on.
        """
        for stream in list(self._due):
            self._delete_gone(stream)

    def _delete_gone(self, stream: str) -> None:
        writer, number = self._due[stream]
        deletions, delivery, ledger = (
            self._run.deletions,
            self._run.delivery,
            self._run.ledger,
        )
        if deletions.broken:
            return  # the run ends behind this, and no STATE from here on may go out
        delivery.flush()
        deletions.note_missed(writer, delivery.missed.get(stream, ()))
        if not deletions.put_off(writer, silent=self._run.rehearses):
            deletions.keep_guard(ledger, writer)
            for write in deletions.gone(ledger, writer, number):
                delivery.submit(writer, write)
            deletions.tell_waiting(writer, silent=self._run.rehearses)
        del self._due[stream]
        self._run.watermark.settle(number)

    def _writers(self, stream: str) -> list[Writer]:
        """How the records of a stream are written, once its SCHEMA has come."""
        return [
            self._run.writer_of(form.stream_alias)
            for form in self._mapper.stream_maps.get(stream, ())
            if not isinstance(form, RemoveRecordTransform)
        ]
