"""The SDK's sink: checks a record and hands it to the delivery."""

from __future__ import annotations

import typing as t

import jsonschema_rs
from singer_sdk.sinks import Sink

from target_erp.delivery import RefusedError, Write
from target_erp.reader import MissingKeyError

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
        self.writer = target.writer_of(stream_name, self.key_properties)
        self._checker = (
            jsonschema_rs.validator_for({**self.schema, "$schema": _DRAFT})
            if self.validate_schema
            else None
        )

    def get_validator(self) -> None:
        """None: see `process_record`."""
        return

    @property
    def is_full(self) -> bool:
        """Never: the delivery makes its own batches."""
        return False

    def _validate_and_parse(self, record: dict[str, t.Any]) -> dict[str, t.Any]:
        return record

    def _singer_validate_message(self, record: dict[str, t.Any]) -> None:
        for name in self.key_properties:
            if record.get(name) in (None, ""):
                msg = (
                    f"{self.stream_name} record {self._target.records_read} has no value for its "
                    f"key property '{name}'"
                )
                raise MissingKeyError(msg)

    def process_record(self, record: dict[str, t.Any], context: dict[str, t.Any]) -> None:  # noqa: ARG002
        """Check a record against the SCHEMA message and submit it."""
        # Taps and loaders leave marks of their own in records, which no vendor knows.
        record = {name: value for name, value in record.items() if not name.startswith("_sdc_")}
        write = Write(self._target.records_read, self.writer.stream, record)
        problem = next(self._checker.iter_errors(record), None) if self._checker else None
        if problem is not None:
            where = ".".join(map(str, problem.instance_path)) or "the record"
            msg = f"{where} does not fit the SCHEMA message: {problem.message}"
            error = RefusedError(msg, reason="schema")
            self._target.delivery.refuse(self.writer, write, error)
            return
        self._target.submit(self.writer, write)

    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Nothing to do: see `process_record`."""


_DRAFT = "http://json-schema.org/draft-07/schema#"
