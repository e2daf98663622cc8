"""What a call says that has come to its end: of the vendor, or of the record."""

from __future__ import annotations

import re
import typing as t

from erp_ledger import RecordStatus
from erp_vendors.masking import hiding
from target_erp.delivery.model import Outcome, RefusedError

if t.TYPE_CHECKING:
    from erp_vendors.errors import CallError
    from erp_vendors.http.redact import Redactor
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer

_SERVER_ERROR = 500
_NOT_ABOUT_THE_RECORD = frozenset({404, 405, 408, 410, 425, 429})
"""Statuses that speak of the address or of the vendor's load."""
_PAGE = re.compile(r"\s*<(!doctype html|html|head|body)\b", re.IGNORECASE)
"""How a page for people begins: a proxy or a portal has answered, whatever the status."""


def is_failure(writer: Writer, error: RefusedError | CallError) -> bool:
    """Whether the vendor failed, so that other records decide what it means.

    Args:
        writer: How the record was sent.
        error: What came of the call.
    """
    if isinstance(error, RefusedError):
        return False
    if error.unreachable or (error.status or 0) >= _SERVER_ERROR:
        return True
    elsewhere = error.status in _NOT_ABOUT_THE_RECORD or _PAGE.match(error.body) is not None
    return elsewhere and not writer.is_refusal(error)


def refusal(error: CallError, reason: str) -> RefusedError:
    """The refusal that an answer means.

    Args:
        error: The answer.
        reason: Class of the refusal.
    """
    return RefusedError(
        str(error),
        reason=reason,
        status=error.answered_status,
        answer=error.body,
        attempts=error.attempts,
    )


def outcome_of(write: Write) -> Outcome:
    """The outcome of a record that has got through.

    Args:
        write: The record.
    """
    if write.deletes:
        return Outcome.DELETED
    created, known = write.created, write.known
    if created is None and write.was_there is not None:
        created = not write.was_there
    if created is None and known is not None:
        # The ledger's own history proves it: what it has written is there, what it has deleted
        # is not.
        if known.status is RecordStatus.DELETED:
            created = True
        elif known.status is RecordStatus.ACCEPTED or known.held:
            created = False
    if created is None:
        return Outcome.WRITTEN
    return Outcome.CREATED if created else Outcome.UPDATED


def secrets_of(writer: Writer, write: Write) -> Redactor:
    """Masks what this record's own secret properties hold, should the vendor repeat it.

    Args:
        writer: How the record is written.
        write: The record.
    """
    return hiding([write.record, write.body], writer.secrets)
