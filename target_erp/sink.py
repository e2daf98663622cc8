"""The SDK's sink: checks a record and hands it to the delivery."""

from __future__ import annotations

import typing as t

from singer_sdk.sinks import Sink

from target_erp.deletions import TOMBSTONE
from target_erp.delivery import RefusedError, Write
from target_erp.reader import MissingKeyError
from target_erp.shapes import Shapes

if t.TYPE_CHECKING:
    from target_erp.target import TargetErp


class ErpSink(Sink):
    """One stream of the input.

    The SDK's own validation is off, because it ends the run at the first bad record; its
    conversion of dates too, because values go out as they came.
    """

    # Private hooks of the SDK that are overridden here: see tests/test_sdk_hooks.py.

    def __init__(
        self,
        target: TargetErp,
        stream_name: str,
        schema: dict[str, t.Any],
        key_properties: t.Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target
        self._keys = tuple(self.key_properties)
        self.writer = target.writer_of(stream_name, self._keys)
        self._stream = self.writer.stream
        self._tally = target.delivery.tallies[self.writer.stream]
        self._shapes = Shapes(self.schema if self.validate_schema else None)

    def get_validator(self) -> None:
        """None: see `take`."""
        return

    @property
    def is_full(self) -> bool:
        """Never: the delivery makes its own batches."""
        return False

    def _validate_and_parse(self, record: dict[str, t.Any]) -> dict[str, t.Any]:
        return record

    def _remove_sdc_metadata_from_record(self, record: dict[str, t.Any]) -> None:
        """Nothing yet: `take` looks at the mark of deletions first."""

    def _singer_validate_message(self, record: dict[str, t.Any]) -> None:
        """Nothing: see `take`."""

    def process_record(self, record: dict[str, t.Any], context: dict[str, t.Any]) -> None:  # noqa: ARG002
        """Take a record that stream maps have changed."""
        self.take(record)

    def take(self, record: dict[str, t.Any]) -> None:
        """Check a record against the SCHEMA message and submit it.

        Args:
            record: The record.

        Raises:
            MissingKeyError: If it lacks a key property of the SCHEMA message.
            ErpError: If the run cannot go on.
        """
        self._tally.read += 1
        number = self._target.records_read
        for name in self._keys:
            if record.get(name) in (None, ""):
                msg = (
                    f"{self.stream_name} record {number} has no value for its key property '{name}'"
                )
                raise MissingKeyError(msg)
        shape = self._shapes.of(record)
        own = record if shape.own is None else {name: record[name] for name in shape.own}
        write = Write(number, self._stream, own)
        if shape.own is not None and record.get(TOMBSTONE) is not None:
            try:
                self._target.deletions.tombstone(self.writer, write)
            except RefusedError as error:
                self._target.delivery.refuse(self.writer, write, error)
            else:
                self._target.delivery.submit(self.writer, write)
            return
        misfit = self._shapes.misfit(own, shape)
        if misfit:
            refused = RefusedError(misfit, reason="schema")
            self._target.delivery.refuse(self.writer, write, refused)
        else:
            self._target.submit(self.writer, write)

    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Nothing to do: see `take`."""
