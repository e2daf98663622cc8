"""Asks the vendor and says what becomes of a record: for a plan, and for a run that applies one.

Both call `Assessor`, so that they cannot disagree. A run without a plan asks the vendor in
`InDoubt.before`, and decides by the same rules (`decide`).
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import typing as t

from erp_vendors.errors import CallError, DataError, MissingResourceError
from target_erp.delivery.decide import Decision, by_look_up, existing
from target_erp.delivery.in_doubt import LookUpError, is_down
from target_erp.delivery.model import (
    Finding,
    LookUpResult,
    RefusedError,
    UntoldError,
    same_value,
)
from target_erp.delivery.verdicts import Planned, PolicyVerdict, PolicyVerdicts
from target_erp.delivery.writer import NOT_READ

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from target_erp.delivery.model import Body, Write
    from target_erp.delivery.writer import Writer

logger = logging.getLogger("erp.plan")

Changes = dict[str, tuple[t.Any, t.Any]]


class Assessor:
    """Assesses records of all sinks; safe to use from many threads."""

    def __init__(
        self,
        ledger: Ledger | None,
        *,
        resync: bool,
        only_reads: bool = False,
        contents: bool = True,
    ) -> None:
        """Make it.

        Args:
            ledger: The ledger; None if there is none yet.
            resync: Records are sent although the vendor has them as they are.
            only_reads: The ledger stays as it is, as this is a plan.
            contents: Old values are needed, and not only whether a record is there.
        """
        self._verdicts = PolicyVerdicts(ledger, resync=resync, only_reads=only_reads)
        self._contents = contents
        self._lock = threading.Lock()
        self._untold: set[str] = set()

    def assess(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        planned: t.Mapping[int, Planned] | None = None,
    ) -> list[PolicyVerdict]:
        """Say what becomes of records that the ledger wants sent.

        Args:
            writer: Their sink's writer.
            writes: The records, recognised.
            planned: What there would be of some by then, by their place, as this input says.

        Returns:
            A verdict for each; with SEND its row is what the vendor has, None for a new record.

        Raises:
            ErpError: If the vendor fails.
        """
        planned = planned or {}
        if writer.policy.reads and not planned:
            found = self._verdicts.judge(writer, writes, contents=True)
        elif writer.policy.reads:
            found = [
                self._verdicts.judge(writer, [write], contents=True, planned=planned.get(place))[0]
                for place, write in enumerate(writes)
            ]
        else:
            # Their look-ups keep what they have read, and are made for one thread.
            with self._lock:
                found = [
                    self._look(writer, write, planned.get(place))
                    for place, write in enumerate(writes)
                ]
        return [self._decided(writer, *pair) for pair in zip(writes, found, strict=True)]

    def _look(self, writer: Writer, write: Write, planned: Planned | None) -> PolicyVerdict:
        """What a sink without a policy has of a record."""
        if planned is not None:
            return PolicyVerdict(Decision.SEND, planned.row)  # no look-up may show it yet
        try:
            row = writer.current(write)
            if self._contents and row is not None and NOT_READ in row.values():
                row = self._read(writer, write) or row
        except RefusedError as error:
            return PolicyVerdict(Decision.SEND, error=error)
        except UntoldError as error:
            if writer.stream not in self._untold:
                self._untold.add(writer.stream)
                logger.warning(
                    "%s: cannot look whether a record exists (%s); it is taken for a new one",
                    writer.stream,
                    error,
                )
            return PolicyVerdict(Decision.SEND)
        except (CallError, DataError, MissingResourceError) as problem:
            if is_down(problem):
                raise
            return PolicyVerdict(Decision.SEND, error=LookUpError(str(problem)))
        return PolicyVerdict(Decision.SEND, row)

    def _read(self, writer: Writer, write: Write) -> Body | None:
        """The contents, where only a look-up for several records at once shows them."""
        if "refuse" not in writer.abilities:
            return None
        (look,) = writer.currents([write], contents=True)
        return look.row if isinstance(look, LookUpResult) else None

    def _decided(self, writer: Writer, write: Write, verdict: PolicyVerdict) -> PolicyVerdict:
        """The verdict, with what it means that the record is there."""
        if verdict.error is not None or verdict.decision is not Decision.SEND:
            return verdict
        try:
            decision = by_look_up(writer, write, self._finding(writer, write, verdict.row))
        except RefusedError as error:
            return dataclasses.replace(verdict, error=error)
        if decision is Decision.EXISTS:
            return dataclasses.replace(verdict, error=existing())
        if verdict.row is None and (why := writer.cannot_create(write)):
            return dataclasses.replace(verdict, error=RefusedError(why, reason="not_there"))
        return dataclasses.replace(verdict, decision=decision)

    def _finding(self, writer: Writer, write: Write, row: Body | None) -> Finding | None:
        """What asking the vendor has shown; only a proof of absence lets a record be made again."""
        if row is not None:
            return Finding.FOUND
        known = write.known is not None and write.known.is_there
        if not (known and writer.cannot_change(write)):
            return Finding.ABSENT
        return writer.find(write, fresh=True).finding if writer.can_look_up else None


def changes_of(write: Write, row: Body | None) -> Changes:
    """Old and new value of each property that a record would change.

    Args:
        write: The record, with the body that goes out.
        row: What the vendor has; None for a new record, which changes all that it has.
    """
    if row is None:
        return {name: (None, value) for name, value in write.body.items()}
    return {
        name: (row.get(name), value)
        for name, value in write.body.items()
        if not same_value(row.get(name), value)
    }
