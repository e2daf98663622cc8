"""One call to a played vendor and its answer."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from erp_sandbox import jsontext

if TYPE_CHECKING:
    from collections.abc import Mapping

CUT = "cut"
TIMEOUT = "timeout"


class CutConnection(Exception):  # noqa: N818 - not an error: the vendor hangs up
    """Raised to close the TCP connection without an answer.

    Attributes:
        outcome: What the log says instead of a status, for instance ``timeout``.
    """

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


@dataclass
class SandboxAnswer:
    """What a vendor answers.

    Attributes:
        status: HTTP status.
        body: The exact bytes.
        content_type: Value of the Content-Type header.
        headers: Further headers.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - carries an ordinary answer out of nested code
    """Raised by a vendor to answer at once with something else than success."""

    def __init__(self, answer: SandboxAnswer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> SandboxAnswer:
    """Return an answer with a JSON body."""
    return SandboxAnswer(status, jsontext.dumps(value), headers=dict(headers or {}))


def text_answer(text: str, status: int, headers: dict[str, str] | None = None) -> SandboxAnswer:
    """Return an answer with a plain text body."""
    return SandboxAnswer(status, text.encode(), "text/plain; charset=utf-8", dict(headers or {}))


@dataclass
class SandboxCall:
    """One request to a vendor.

    Attributes:
        vendor: Name of the vendor.
        method: HTTP verb in upper case.
        raw_path: Path after the vendor's prefix, still percent-encoded, with its first slash.
        query: Query string, still percent-encoded.
        headers: Header names in lower case.
        body: The exact bytes received.
        template: Path with its variable parts named; a vendor sets it for the report.
        resource: Resource written or read, once the vendor knows it.
        private: True keeps the body out of the log (it holds a credential).
        outcomes: Counts of records written, by outcome; a vendor fills it.
    """

    vendor: str
    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    template: str = ""
    resource: str = ""
    private: bool = False
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Percent-decoded path after the vendor's prefix."""
        return unquote(self.raw_path)

    def parameters(self) -> dict[str, str]:
        """Return the decoded query parameters; of repeated ones the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def json(self) -> Any:  # noqa: ANN401 - JSON is whatever the caller sent
        """Return the decoded body.

        Raises:
            ValueError: The body is not JSON.
        """
        return jsontext.loads(self.body)

    def basic_credentials(self) -> tuple[str, str] | None:
        """Return user name and password of a Basic Authorization header, or None."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, colon, password = b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return (user, password) if colon else None

    def count(self, outcome: str, records: int = 1) -> None:
        """Add written records to this call's outcomes (created, updated, refused, queued)."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + records
