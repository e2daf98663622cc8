"""Answers with a success status that nobody can read: what they say is lost."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import CallError, Phase

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer


def lost_answer(stream: str, answer: Answer) -> CallError:
    """The error of a write whose answer cannot be read, so that it is settled by asking.

    Args:
        stream: Sink name.
        answer: The answer.
    """
    return CallError(
        f"{stream}: HTTP {answer.status}, but the answer cannot be read: {answer.text[:200]}",
        phase=Phase.SENT,
        body=answer.text,
        attempts=answer.attempts,
    )


def is_readable(answer: Answer) -> bool:
    """Whether an answer is JSON, or nothing at all.

    Args:
        answer: The answer.
    """
    try:
        answer.json()
    except ValueError:
        return not answer.body.strip()
    return True
