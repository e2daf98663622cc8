"""The rules by which plan and run decide what becomes of a record before it is sent.

First the ledger decides, then, where the vendor is asked, what the look-up has shown. A record that
a sink can only create is never created again while the vendor may have it.
"""

from __future__ import annotations

import enum
import typing as t

from erp_ledger import RecordStatus
from target_erp.delivery.model import Finding, RefusedError

if t.TYPE_CHECKING:
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer

REFUSED_OR_WAITING = frozenset({RecordStatus.REFUSED, RecordStatus.WAITING})


class Decision(enum.Enum):
    """What to do with a record."""

    SEND = "send"
    UNCHANGED = "unchanged"
    """The vendor has it as it is, as far as anybody can tell; nothing is sent."""
    ARRIVED = "arrived"
    """The vendor has it because of an earlier attempt whose answer was lost."""
    SKIPPED = "skipped"
    """The mode of its sink forbids it."""
    NOT_APPROVED = "not approved"
    """The plan that is applied does not have this write."""
    EXISTS = "exists"
    """The vendor has another version of it, and this API cannot change it: it is refused."""


def by_ledger(writer: Writer, write: Write, *, resync: bool) -> Decision:
    """Decide by what the ledger knows.

    Args:
        writer: How the record is written.
        write: The record, recognised.
        resync: The user wants records sent although they count as unchanged.

    Returns:
        UNCHANGED, EXISTS or SEND. Before a record is sent, the vendor may have to be asked: see
        `by_look_up`.
    """
    if is_unchanged(write, resync=resync):
        return Decision.UNCHANGED
    open_question = write.doubtful or write.forgotten or resync
    if _is_there(write) and not open_question and writer.cannot_change(write):
        return Decision.EXISTS
    return Decision.SEND


def by_look_up(writer: Writer, write: Write, finding: Finding | None) -> Decision:
    """Decide by what a look-up has shown of a record that the ledger wants sent.

    Args:
        writer: How the record is written.
        write: The record, recognised.
        finding: What was seen; None if nobody was asked.
    """
    known = write.known
    if finding is Finding.FOUND and write.doubtful and known and known.digest == write.digest:
        return Decision.ARRIVED
    if finding is Finding.ABSENT or not writer.cannot_change(write):
        return Decision.SEND
    if finding is not Finding.FOUND and not _is_there(write):
        return Decision.SEND
    # The vendor has it, or had it and nobody can tell whether it still does.
    if known is None or write.forgotten:
        return Decision.UNCHANGED
    held = known.digest if known.status is RecordStatus.ACCEPTED else known.held
    return Decision.UNCHANGED if held == write.digest else Decision.EXISTS


def existing() -> RefusedError:
    """The refusal of a record for the decision EXISTS."""
    return RefusedError(
        "the vendor has an earlier version of it, and this API cannot change it", reason="exists"
    )


def is_unchanged(write: Write, *, resync: bool) -> bool:
    """Whether the vendor has this version, or a newer one than the one that is replayed.

    Args:
        write: The record, recognised.
        resync: The user wants records sent although they count as unchanged.
    """
    known = write.known
    if known is None or resync:
        return False
    if known.status is RecordStatus.ACCEPTED and write.sent_before is None:
        return known.digest == write.digest
    if write.sent_before is not None and known.last_at > write.sent_before:
        return known.status in {RecordStatus.ACCEPTED, RecordStatus.DELETED}
    if known.status in {RecordStatus.ACCEPTED, RecordStatus.DELETED}:
        return known.digest == write.digest
    # A newer version was refused: the vendor still has the one before it.
    return known.status in REFUSED_OR_WAITING and known.held == write.digest


def _is_there(write: Write) -> bool:
    return write.known is not None and write.known.is_there
