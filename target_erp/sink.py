"""The SDK's sink: checks a record and hands it to the delivery."""

from __future__ import annotations

import typing as t

from singer_sdk.sinks import Sink
from typing_extensions import override

from target_erp.delivery import RefusedError
from target_erp.delivery.dead_letters import UNMAPPED
from target_erp.marks import TOMBSTONE, is_tombstone, misspelt, misspelt_tombstones, says_deleted
from target_erp.schema_check import SchemaCheck
from target_erp.writers.keys import key_of

if t.TYPE_CHECKING:
    from singer_sdk import Target

    from target_erp.run import Run

_SHOWN_KEYWORDS = 5


class _HasRun(t.Protocol):
    """The target, as its sinks see it."""

    run: Run


class ErpSink(Sink):
    """One stream of the input.

    The SDK's own validation is off, because it ends the run at the first bad record; its
    conversion of dates too, because values go out as they came.
    """

    def __init__(
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, t.Any],
        key_properties: t.Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._run = run = t.cast("_HasRun", target).run
        self.writer = run.writer_of(stream_name, tuple(self.key_properties))
        columns = run.writers.columns(self.writer)
        columns.announce(self.schema.get("properties", {}))
        self.keys = columns.named(self.key_properties)
        """Key properties of the SCHEMA message, as the sink calls them."""
        self.earlier_keys: tuple[tuple[str, ...], ...] = ()
        """Key properties that earlier SCHEMA messages of the stream had, together with these."""
        # A site's own key (`primary_keys` in `resources`) need not be there where a documented one
        # is: a new record has none yet.
        self._site_keys = run.writers.site_keys_of(self.writer)
        self._tally = run.delivery.tallies[self.writer.stream]
        self.loose = columns.loose
        """Columns and marks count in other spellings, too."""
        self._schema_check = SchemaCheck(
            self.schema if self.validate_schema else None, loose=self.loose
        )
        if self._schema_check.unchecked and stream_name not in run.warned:
            run.warned.add(stream_name)
            unchecked = self._schema_check.unchecked
            more = len(unchecked) - _SHOWN_KEYWORDS
            run.logger.warning(
                "the SCHEMA of stream '%s' has keywords that cannot be understood; nothing is "
                "checked by them: %s%s",
                stream_name,
                ", ".join(unchecked[:_SHOWN_KEYWORDS]),
                f" and {more} more" if more > 0 else "",
            )

    @override
    def get_validator(self) -> None:
        """Give the SDK no validator: `take` checks records, and a bad one must not end the run."""
        return

    def take(
        self, record: dict[str, t.Any], number: int, came: dict[str, t.Any] | None = None
    ) -> None:
        """Check a record against the SCHEMA message and submit it.

        Args:
            record: The record.
            number: Its number in the input; it is settled when the record has come to its end.
            came: The record as it came, if stream maps have made another one of it.

        Raises:
            ErpError: If the run cannot go on.
        """
        self._tally.read += 1
        shape = self._schema_check.of(record)
        own = record if shape.own is None else {name: record[name] for name in shape.own}
        write = self._run.writers.received(self.writer, number, own)
        if self._run.trial.leaves_out(self.writer, write, self._tally):
            return
        try:
            deleted = self._is_deleted(record, came, marked=shape.own is not None)
            if write.refusal is not None:
                raise write.refusal
            self._check_keys(write.record)
            if deleted:
                self._run.deletions.tombstone(self.writer, write)
                self._run.delivery.submit(self.writer, write)
                return
            misfit = self._schema_check.misfit(own, shape)
            if misfit:
                raise RefusedError(misfit, reason="schema")  # noqa: TRY301
        except RefusedError as error:
            self._run.refuse(self.writer, write, error, self.keys)
            return
        earlier = (pair for keys in self.earlier_keys for pair in key_of(write.record, (), keys))
        self._run.submit(self.writer, write, other_keys=tuple(earlier))

    def _is_deleted(
        self,
        record: dict[str, t.Any],
        came: dict[str, t.Any] | None,
        *,
        marked: bool,
    ) -> bool:
        """Whether the source has deleted a record.

        Stream maps may leave out the mark (`_sdc_deleted_at`) together with other columns. So the
        record before the maps tells, unless a map gives the mark a value of its own.

        Raises:
            RefusedError: If another spelling of the mark tells it, which counts only where columns
                are matched loosely.
        """
        if came is None or TOMBSTONE in record:
            return marked and is_tombstone(record, loose=self.loose)
        if not self.loose:
            for column in misspelt_tombstones(tuple(came)):
                if TOMBSTONE not in came and says_deleted(came[column]):
                    raise RefusedError(misspelt(column), reason="columns")
        return is_tombstone(came, loose=self.loose)

    def refuse_unmapped(self, keys: dict[str, t.Any], number: int, why: str) -> None:
        """Refuse a record of which the stream maps make nothing.

        Args:
            keys: Its key properties, as it came.
            number: Its number in the input.
            why: The reason.
        """
        self._tally.read += 1
        write = self._run.writers.received(self.writer, number, keys)
        self._run.refuse(self.writer, write, RefusedError(why, reason=UNMAPPED), self.keys)

    def _check_keys(self, record: dict[str, t.Any]) -> None:
        for name in self.keys:
            if record.get(name) in (None, "") and not (
                name in self._site_keys and self.writer.identify(record)
            ):
                msg = f"it has no value for its key property '{name}'"
                raise RefusedError(msg, reason="no_key")

    @override
    def process_record(self, record: dict[str, t.Any], context: dict[str, t.Any]) -> None:
        """Do nothing: `take` has handed the record to the delivery already."""

    @override
    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Do nothing: `take` has handed the record to the delivery already."""
