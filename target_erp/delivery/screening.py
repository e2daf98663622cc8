"""What is held back of a batch before it is sent: by the policy of its sink, and by a plan."""

from __future__ import annotations

import dataclasses
import typing as t

from target_erp.delivery.assess import Assessor
from target_erp.delivery.decide import Decision
from target_erp.delivery.verdicts import Planned, PolicyVerdict, PolicyVerdicts

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from target_erp.delivery.approval import Approval
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer

_REMEMBERED = 10_000
"""Records whose approved contents are remembered for later versions in the same input."""


class Screening:
    """Judges batches of all sinks; safe to use from many threads."""

    def __init__(self, ledger: Ledger, approval: Approval | None, *, resync: bool) -> None:
        """Make it.

        Args:
            ledger: The ledger.
            approval: The plan that is applied; None if all may be written.
            resync: Records are sent although the vendor has them as they are.
        """
        self._approval = approval
        self._verdicts = PolicyVerdicts(ledger, resync=resync)
        self._assessor = Assessor(ledger, resync=resync)
        self._approved: dict[tuple[str, str], Planned] = {}

    def applies(self, writer: Writer, batch: t.Sequence[Write]) -> bool:
        """Whether anything could be held back.

        Args:
            writer: How the records are written.
            batch: The records.
        """
        return self._approval is not None or (writer.policy.reads and not batch[0].deletes)

    def verdicts(self, writer: Writer, batch: t.Sequence[Write]) -> list[PolicyVerdict]:
        """What becomes of each record of a batch.

        Args:
            writer: How they are written.
            batch: Records with different keys, all to be deleted or none.

        Raises:
            ErpError: If the vendor fails.
        """
        approval = self._approval
        if approval is None:
            return self._verdicts.judge(writer, batch)
        if batch[0].deletes:
            found = [PolicyVerdict(Decision.SEND)] * len(batch)
        else:
            # The look-ups of a policy know what this run has written; other look-ups may not.
            before = {} if writer.policy.reads else self._before(batch)
            found = self._assessor.assess(writer, batch, before)
        return [
            self._approved_or_not(approval, writer, *pair)
            for pair in zip(batch, found, strict=True)
        ]

    def _before(self, batch: t.Sequence[Write]) -> dict[int, Planned]:
        """What approved earlier versions of the records have made of them."""
        places = {
            place: self._approved.get((write.stream, write.identity))
            for place, write in enumerate(batch)
            if write.key
        }
        return {place: planned for place, planned in places.items() if planned is not None}

    def _approved_or_not(
        self, approval: Approval, writer: Writer, write: Write, verdict: PolicyVerdict
    ) -> PolicyVerdict:
        if verdict.error is not None or verdict.decision is not Decision.SEND:
            return verdict
        why = approval.objection(writer, write, verdict.row)
        if why:
            return dataclasses.replace(verdict, decision=Decision.NOT_APPROVED, why=why)
        if write.key and not write.deletes:
            will = Planned({**(verdict.row or {}), **write.body}, b"")
            self._approved[write.stream, write.identity] = will
            if len(self._approved) > _REMEMBERED:
                self._approved.pop(next(iter(self._approved)), None)
        return verdict
