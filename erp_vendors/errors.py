"""What can go wrong with a vendor, sorted by what a caller can do about it.

Every message is one line, names the setting, the stream or the record, and says what to do.
"""

from __future__ import annotations

import enum

_TOLD = range(200, 500)
"""Statuses with which an answer can say that a call was not executed: a client's fault, a redirect,
a refusal inside what looks like a success. Of any other nobody knows."""


class ErpError(Exception):
    """Base of all errors that are explained to the user in one line."""

    def __str__(self) -> str:
        """The explanation; names and answers that it quotes may hold line breaks of their own."""
        return " ".join(super().__str__().splitlines())


class ConfigError(ErpError):
    """A setting is missing, unknown or contradictory."""


class CredentialsError(ErpError):
    """The vendor refused the credentials, or the login lacks a permission (401, 403)."""


class NotPermittedError(CredentialsError):
    """The login may not do this: it lacks the permission (403), or the module is not licensed."""


class DataError(ErpError):
    """The vendor's answer is not what its documents describe."""


class Interrupted(ErpError):  # noqa: N818 - it is a state of the run, not a fault
    """The run was asked to stop."""


class Phase(enum.Enum):
    """How far a call got before it failed."""

    NOT_SENT = "not sent"
    """No byte of the request can have reached the vendor: safe to repeat."""
    SENT = "sent"
    """The request may have been executed; the answer is lost."""
    ANSWERED = "answered"
    """The vendor answered, with a status that is not a success."""


class CallError(ErpError):
    """A call failed for good, after the retries that its policy allows.

    Attributes:
        phase: How far the last attempt got.
        status: HTTP status of the answer, or None when there was none.
        body: The answer's text, secrets masked, at most 2,000 characters.
        attempts: Number of attempts made.
        answered_status: HTTP status that was answered. It differs from `status` where an answer
            looked like a success but did not prove one: `status` is None then.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: Phase,
        status: int | None = None,
        body: str = "",
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.phase = phase
        self.status = status
        self.body = body
        self.attempts = attempts
        self.answered_status = status

    @property
    def may_have_run(self) -> bool:
        """True when an attempt may have been executed, whatever was answered to the last one."""
        if self.attempts > 1 or self.phase is Phase.SENT:  # what came of earlier ones is not kept
            return True
        return self.status is not None and self.status not in _TOLD

    @property
    def unreachable(self) -> bool:
        """True when the vendor gave no answer at all."""
        return self.phase is not Phase.ANSWERED


class MissingResourceError(ErpError):
    """A path that the public documents only suggest does not exist at this site (404, 405)."""
