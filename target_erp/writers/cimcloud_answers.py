"""What CIMcloud answers to writes (cimcloud.md 6)."""

from __future__ import annotations

import typing as t

from target_erp.delivery import RefusedError
from target_erp.delivery.unclear_answer import speaks_of_trouble

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from target_erp.delivery import Write


def is_documented(answer: Answer, said: object, writes: t.Sequence[Write]) -> bool:  # noqa: ARG001
    """Whether an answer is the aggregate of a write that took all of it (6.2).

    To a batch that is queued, the vendor may answer in another way (6.3, UNK).

    Args:
        answer: The answer.
        said: What it says.
        writes: What was sent.
    """
    counts = counts_of(said, len(writes))
    return counts is not None and sum(counts) >= len(writes)


def counts_of(said: object, sent: int) -> tuple[int, int] | None:
    """Rows created and updated, as the aggregate answer to a synchronous write tells (6.2).

    Args:
        said: What an answer says.
        sent: Number of rows that were sent.

    Returns:
        Both counts; None if it is not that answer, or not about these rows.
    """
    if not isinstance(said, dict) or said.get("success") is not True:
        return None
    if speaks_of_trouble({**said, "message": None}, ()):
        return None
    asked = said.get("recordCountInRequest", sent)
    created, updated = (said.get(name, 0) for name in ("importedRecords", "updatedRecords"))
    # For Python, true is 1; an update may count in one of them or in both (6.2, UNK).
    if any(type(count) is not int for count in (asked, created, updated)):
        return None
    if asked != sent or not (0 <= created <= sent and 0 <= updated <= sent):
        return None
    return created, updated


def says_yes(said: object, write: Write) -> bool:
    """Whether the answer to a deletion, which is unknown, says yes in the vendor's way (6.2).

    Args:
        said: What an answer says.
        write: The record.
    """
    return (
        isinstance(said, dict)
        and said.get("success") is True
        and not speaks_of_trouble({**said, "message": None}, [write])
    )


def parse(answer: Answer) -> object:
    """What an answer says; None where it is no JSON."""
    try:
        return answer.json()
    except ValueError:
        return None


def raise_refusal(answer: Answer, said: object) -> None:
    """Raise the vendor's no (6.2).

    Args:
        answer: The answer.
        said: What it says.

    Raises:
        RefusedError: If it says no.
    """
    if isinstance(said, dict) and said.get("success") is False:
        raise refused(answer, str(said.get("message") or "the vendor says that it did not work"))


def refused(answer: Answer, why: str) -> RefusedError:
    """The refusal that an answer means.

    Args:
        answer: The answer.
        why: For people.
    """
    return RefusedError(
        f"{why} (HTTP {answer.status}: {answer.text[:300]})",
        reason="refused",
        status=answer.status,
        answer=answer.text,
        attempts=answer.attempts,
    )
