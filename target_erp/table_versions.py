"""Versions of tables (ACTIVATE_VERSION): what the input has of them, and when the rest is deleted.

The input is read twice. The first reading, a plan, notes every record before anything is decided
about it; the second one writes, and deletes what was not noted.
"""

from __future__ import annotations

import functools
import typing as t

from singer_sdk.mapper import RemoveRecordTransform

from target_erp.unfiltered_maps import UnfilteredMaps

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer
    from target_erp.target import TargetErp


class TableVersions:
    """The versions of one reading of the input."""

    def __init__(self, target: TargetErp) -> None:
        """Begin a reading.

        Args:
            target: The target that reads.
        """
        self._target = target
        self._due: dict[str, tuple[Writer, int]] = {}

    @functools.cached_property
    def note(self) -> bool:
        """Whether this reading notes what the input has."""
        return bool(self._target.deletions.streams) and bool(self._target.config.get("dry_run"))

    @functools.cached_property
    def _forms(self) -> UnfilteredMaps:
        return UnfilteredMaps(self._target.config, self._target.logger)

    def schema(self, stream: str, message: t.Mapping[str, t.Any]) -> None:
        """Take a SCHEMA message that the target has understood.

        Args:
            stream: Name of the stream in the input.
            message: The message.
        """
        if self.note:
            self._forms.register(stream, message["schema"], message.get("key_properties"))
            for writer in self._writers(stream):
                self._target.deletions.note_schema(writer, stream)

    def record(self, stream: str, record: object) -> None:
        """Note a record.

        Args:
            stream: Name of the stream in the input.
            record: The record as it came.
        """
        if not self.note or not isinstance(record, dict):
            return
        deletions, number = self._target.deletions, self._target.records_read
        for name, form in self._forms.of(stream, record):
            writer = self._target.writer_of(name)
            if form is None:
                why = f"what the stream maps make of record {number} is not known"
                deletions.note_unreadable(writer, why)
            else:
                deletions.note(writer, form, number, self._target.key_sets_of(name), stream)
                if stream in self._forms.filtered:
                    deletions.note_missed(writer, [writer.columns_of(form)])

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
        deletions, records = self._target.deletions, self._target.records_read
        watermark = self._target.watermark
        number = watermark.issue()
        for writer in self._writers(stream):
            if writer.stream not in deletions.streams:
                continue
            if writer.stream not in self._due:
                watermark.hold(number)
                self._due[writer.stream] = (writer, number)
            if self.note:
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
            self._target.deletions,
            self._target.delivery,
            self._target.ledger,
        )
        if deletions.broken:
            return  # the run ends behind this, and no STATE from here on may go out
        delivery.flush()
        deletions.note_missed(writer, delivery.missed.get(stream, ()))
        if not deletions.put_off(writer, silent=self._target.rehearses):
            deletions.keep_guard(ledger, writer)
            for write in deletions.gone(ledger, writer, number):
                delivery.submit(writer, write)
            deletions.tell_waiting(writer, silent=self._target.rehearses)
        del self._due[stream]
        self._target.watermark.settle(number)

    def _writers(self, stream: str) -> list[Writer]:
        """How the records of a stream are written, once its SCHEMA has come."""
        return [
            self._target.writer_of(form.stream_alias)
            for form in self._target.mapper.stream_maps.get(stream, ())
            if not isinstance(form, RemoveRecordTransform)
        ]
