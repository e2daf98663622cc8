"""What a call that did not work says: of the vendor, or of the record."""

from __future__ import annotations

import re
import typing as t

from target_erp.delivery.model import RefusedError

if t.TYPE_CHECKING:
    from erp_vendors.errors import CallError
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
