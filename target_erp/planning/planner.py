"""The plan: what a run would write, without writing it."""

from __future__ import annotations

import collections
import dataclasses
import enum
import logging
import math
import sys
import typing as t

from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from erp_vendors.masking import hidden_in, hiding, masked
from target_erp.delivery.approval import clears
from target_erp.delivery.assess import Assessor, changes_of
from target_erp.delivery.decide import Decision, by_ledger, existing
from target_erp.delivery.model import Outcome, RefusedError
from target_erp.delivery.policy import Mode, is_empty
from target_erp.delivery.recognition import recognise
from target_erp.delivery.tally import Tally
from target_erp.delivery.verdicts import FORBIDDEN, Planned
from target_erp.planning.plan_text import changes_text, fields_text, left_out_text
from target_erp.printable import clean
from target_erp.text_table import table, width_of

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from target_erp.delivery.model import Body, Write
    from target_erp.delivery.writer import Writer
    from target_erp.planning.plan_file import PlanFile

logger = logging.getLogger("erp.plan")

_ROWS = 50
"""Rows per stream in the table on stderr; the plan file has all."""
_REMEMBERED = 100_000
"""Records of the input whose newest version is remembered, so that it is planned once."""
_ROWS_REMEMBERED = 10_000
"""Records of sinks with a policy whose planned contents are remembered for later versions."""
_NO_CHANGE = "the vendor has these values; it is sent, because the ledger does not know that"


class Step(str, enum.Enum):
    """What a run would do with a record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    REFUSED = "refused"


FIRST = (
    Step.REFUSED,
    Step.DELETE,
    Step.UPDATE,
    Step.CREATE,
    Step.SKIPPED,
    Step.UNCHANGED,
)
"""Rows in the order in which a person should see them; the last ones may not fit."""


@dataclasses.dataclass(frozen=True, slots=True)
class Guards:
    """Limits of a plan, as the `guards` setting states them: a count, or a percentage of it.

    Attributes:
        max_creates: Records that may be created.
        max_updates: Records that may be updated.
        max_deletes: Records that may be deleted.
    """

    max_creates: int | str | None = None
    max_updates: int | str | None = None
    max_deletes: int | str | None = None

    @property
    def needs_vendor(self) -> bool:
        """Whether only the vendor can tell if they are kept; deletions are told by the ledger."""
        return self.max_creates is not None or self.max_updates is not None

    def check(self, counts: t.Mapping[Step, int], others: int = 0) -> None:
        """Stop a run whose plan is larger than allowed.

        Args:
            counts: Records by step.
            others: Records of the plan that are not among them; a percentage is of all.

        Raises:
            ConfigError: If a guard is exceeded, or cannot be understood.
        """
        total = sum(counts.values()) + others
        for name, setting, step in (
            ("max_creates", self.max_creates, Step.CREATE),
            ("max_updates", self.max_updates, Step.UPDATE),
            ("max_deletes", self.max_deletes, Step.DELETE),
        ):
            allowed = allowance(f"guards.{name}", setting, total)
            if counts[step] > allowed:
                msg = (
                    f"guards.{name} allows {setting} of {total} records, but the plan has "
                    f"{counts[step]} to {step.value}; nothing was written"
                )
                raise ConfigError(msg)


class Planner:
    """Stands in for the delivery: asks the vendor what it has, and writes nothing."""

    def __init__(
        self,
        file: PlanFile | None,
        *,
        ledger: Ledger | None = None,
        resync: bool = False,
        asks: bool = True,
        deleted: t.Callable[[Writer, Write], bool] = lambda *_: False,
    ) -> None:
        """Start a plan.

        Args:
            file: Where to write it, one JSON line per record; None for nowhere, and for no table.
            ledger: The ledger, which is only read; None if there is none yet.
            resync: Records would be sent although the ledger has them as they are.
            asks: Ask the vendor what it has; without that the plan is about deletions alone.
            deleted: Whether a record that is to be deleted is deleted already.
        """
        self._file = file
        self._show = file is not None
        self._ledger = ledger
        self._resync = resync
        self._assessor = Assessor(ledger, resync=resync, only_reads=True, contents=file is not None)
        self._planned: dict[tuple[str, str], bytes] = {}
        self._rows_planned: dict[tuple[str, str], tuple[Planned, bool]] = {}
        self._asks = asks
        self._deleted = deleted
        self.unasked = 0
        self.missed: dict[str, set[frozenset[str]]] = collections.defaultdict(set)
        self.counts: collections.Counter[Step] = collections.Counter()
        self.skipped: dict[str, list[tuple[str, str]]] = {}
        self.unapproved: dict[str, list[tuple[str, str]]] = {}
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.steps: dict[str, collections.Counter[Step]] = collections.defaultdict(
            collections.Counter
        )
        self._rows: dict[tuple[str, Step], list[tuple[str, ...]]] = collections.defaultdict(list)

    @property
    def total(self) -> int:
        """Records of the plan."""
        return sum(self.counts.values()) + self.unasked

    def submit(self, writer: Writer, write: Write) -> None:
        """Plan one record.

        Args:
            writer: How it would be written.
            write: The record, prepared.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        if self._file is not None:
            write.version = self._file.fingerprints.record(write)
        if write.deletes:
            if self._deleted(writer, write):
                self._note(writer, write, Step.UNCHANGED)
            else:
                self.note_delete(writer, write)
            return
        if not self._asks:
            self.unasked += 1
            return
        try:
            decision, current, made, why = self._decide(writer, write)
        except RefusedError as error:
            self.refuse(writer, write, error)
            return
        if decision is Decision.SKIPPED:
            self._note(writer, write, Step.SKIPPED, reason=why)
        elif decision in {Decision.UNCHANGED, Decision.ARRIVED}:
            self._note(writer, write, Step.UNCHANGED, reason=why)
        elif current is None:
            self._note(writer, write, Step.CREATE, changes_of(write, None), bound=(None, True))
        else:
            changes = changes_of(write, current)
            why = "" if changes else _NO_CHANGE
            self._note(writer, write, Step.UPDATE, changes, why, bound=(current, made))

    def _decide(self, writer: Writer, write: Write) -> tuple[Decision, Body | None, bool, str]:
        """What the run would do, the vendor's version, whether the input makes it, and why."""
        decision = self._by_ledger(writer, write)
        if decision is Decision.EXISTS and writer.policy.mode is Mode.CREATE_ONLY:
            return Decision.SKIPPED, None, False, FORBIDDEN[Mode.CREATE_ONLY]
        if decision is Decision.EXISTS:
            raise existing()
        if decision is not Decision.SEND:
            return decision, None, False, ""
        record = (write.stream, write.identity if write.key else "")
        planned, made = self._rows_planned.get(record, (None, False))
        (verdict,) = self._assessor.assess(writer, [write], {} if planned is None else {0: planned})
        if verdict.error is not None:
            raise verdict.error
        made = made or verdict.row is None
        if write.key and verdict.decision is Decision.SEND:
            will = {**(verdict.row or {}), **write.body}
            self._rows_planned[record] = Planned(will, write.base or b""), made
            if len(self._rows_planned) > _ROWS_REMEMBERED:
                del self._rows_planned[next(iter(self._rows_planned))]
        return verdict.decision, verdict.row, made, verdict.why

    def _by_ledger(self, writer: Writer, write: Write) -> Decision:
        """Decide by the ledger, and by earlier versions in this input, which it will know then."""
        if not write.key:
            return Decision.SEND
        decision = Decision.SEND
        if self._ledger is not None:
            recognise(self._ledger, writer, [write])
            decision = by_ledger(writer, write, resync=self._resync)
        record = (write.stream, write.identity)
        before = self._planned.pop(record, None)
        self._planned[record] = write.digest
        if len(self._planned) > _REMEMBERED:
            del self._planned[next(iter(self._planned))]
        if before is None:
            return decision
        if before == write.digest:
            return Decision.UNCHANGED
        only_new = writer.policy.mode is Mode.CREATE_ONLY
        return Decision.EXISTS if only_new or writer.cannot_change(write) else Decision.SEND

    def refuse(self, writer: Writer | None, write: Write, error: RefusedError) -> None:
        """Plan a record that would be refused.

        Args:
            writer: How it would have been written.
            write: The record.
            error: Why it would not.
        """
        if self._file is not None and not write.version:
            write.version = self._file.fingerprints.record(write)
        self.tallies[write.stream][Outcome.REFUSED] += 1
        if writer is not None:
            self.missed[write.stream].add(writer.columns_of(write.record))
        self._note(writer, write, Step.REFUSED, reason=str(error), error=error)

    def note_delete(self, writer: Writer, write: Write) -> None:
        """Plan the deletion of a record; the vendor is not asked whether it still has it.

        Args:
            writer: How it would be deleted.
            write: The record.
        """
        self._note(writer, write, Step.DELETE)

    def resume(self, writer: Writer) -> None:
        """Do nothing: a plan settles nothing."""

    def change_keys(self, writer: Writer) -> None:
        """Do nothing: no record of a plan is open."""

    def finish(self) -> None:
        """Do nothing: each record is planned when it is submitted."""

    def fail(self, error: Exception) -> None:
        """End the run.

        Args:
            error: Why.
        """
        raise error

    def nudge(self) -> None:
        """Do nothing: each record is planned when it is submitted."""

    def flush(self, *streams: str) -> None:
        """Do nothing: each record is planned when it is submitted."""

    def close(self, seconds: float) -> None:
        """Do nothing: there is nothing to wait for."""

    def summary(self, *, whole: bool = True) -> None:
        """Write the plan's file, and log the plan as tables: each stream, then the totals.

        Args:
            whole: The whole input was planned.

        Raises:
            ConfigError: If the file cannot be written.
        """
        left_out = {name: one.left_out for name, one in self.tallies.items() if one.left_out}
        if self._file is not None:
            self._file.close(whole=whole, left_out=left_out)
        width = width_of(sys.stderr)
        for stream in self.steps if self._show else ():
            self._show_stream(stream, width)
        where = f"; the plan is in {self._file}" if self._file else ""
        rows: list[tuple[object, ...]] = [("stream", *(step.value for step in Step))]
        rows += [
            (stream, *(f"{counts[step]:,}" for step in Step))
            for stream, counts in self.steps.items()
        ]
        if len(self.steps) > 1:
            rows.append(("all", *(f"{self.counts[step]:,}" for step in Step)))
        parts = (f"Nothing was written{where}", table(rows, width), left_out_text(left_out))
        logger.info("\n".join(filter(None, parts)))

    def _show_stream(self, stream: str, width: int) -> None:
        found = [row for step in FIRST for row in self._rows[stream, step]][:_ROWS]
        rows = [("step", "record", "key", "what"), *found]
        more = sum(self.steps[stream].values()) - len(found)
        rest = f"\n… and {more:,} more{f', see {self._file}' if self._file else ''}" if more else ""
        logger.info("Plan for %s\n%s%s", stream, table(rows, width), rest)

    def _note(
        self,
        writer: Writer | None,
        write: Write,
        step: Step,
        changes: t.Mapping[str, tuple[t.Any, t.Any]] | None = None,
        reason: str = "",
        *,
        bound: tuple[Body | None, bool] | None = None,
        error: RefusedError | None = None,
    ) -> None:
        hidden = writer.secrets if writer else frozenset()
        was = masked({name: old for name, (old, _) in (changes or {}).items()}, hidden)
        will = masked({name: new for name, (_, new) in (changes or {}).items()}, hidden)
        shown = {name: (clean(old), clean(will[name])) for name, old in was.items()}
        row, made = bound or (None, False)
        lost = clears(writer, write, row) if writer else {}
        lost = {name: value for name, value in lost.items() if not is_empty(value)}
        cleared = {name: clean(value) for name, value in masked(lost, hidden).items()}
        reason = redact(hiding([write.record, write.body], hidden)(reason))
        self.counts[step] += 1
        self.steps[write.stream][step] += 1
        rows = self._rows[write.stream, step]
        if self._show and len(rows) < _ROWS:
            key = ", ".join(f"{name}={value}" for name, value in write.key)
            sent = fields_text(will) if step is Step.CREATE else changes_text(shown, cleared)
            rows.append((step.value, str(write.number), redact(key), sent or reason))
        if self._file is None:
            return
        binds = self._file.binds_secrets or not any(hidden_in([write.body, lost], hidden))
        change = ""
        if writer and bound:
            change = self._file.fingerprints.change(writer, write, row, made=made)
        line = {
            "stream": write.stream,
            "number": write.number,
            "key": dict(write.key),
            "step": step.value,
            "changes": {name: {"old": old, "new": new} for name, (old, new) in shown.items()},
            "may_clear": cleared,
            "reason": reason,
            "class": error.reason if error is not None else "",
            "conflicts": clean(masked(dict(error.conflicts), hidden)) if error is not None else {},
            "record": write.version if binds else "",
            "change": change if binds else "",
        }
        self._file.add(line)


def allowance(name: str, setting: int | str | None, total: int) -> float:
    """Read a count or a percentage.

    Args:
        name: The setting, for errors.
        setting: A number, a percentage such as `5%`, or None for no bound.
        total: What a percentage is of.

    Returns:
        Number of records.

    Raises:
        ConfigError: If it is neither.
    """
    if setting is None:
        return float("inf")
    text = str(setting).strip()
    try:
        found = float(text[:-1]) * total / 100 if text.endswith("%") else int(text)
    except ValueError:
        found = math.nan
    if not found >= 0 or text.startswith("-"):
        msg = f"setting '{name}' must be a number or a percentage such as 5%, not {setting!r}"
        raise ConfigError(msg)
    return found
