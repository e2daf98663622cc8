"""A call to a vendor, its options, and its answer."""

from __future__ import annotations

import dataclasses
import typing as t

from erp_vendors.http import codec
from erp_vendors.http.policy import Failure
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    import requests
    from requests.structures import CaseInsensitiveDict

    from erp_vendors.errors import Phase
    from erp_vendors.http.auth import Auth
    from erp_vendors.http.body import Into

_EXCERPT = 2000
_NO_CONTENT = frozenset({204, 205})


class FailedAttempt(Exception):  # noqa: N818 - never leaves the transport
    """An attempt without a success."""

    def __init__(
        self, failure: Failure, response: requests.Response | None, cause: Exception | None
    ) -> None:
        """Make one.

        Args:
            failure: What happened.
            response: The answer, if there was one.
            cause: What ends the call, if the failure itself does not say it.
        """
        super().__init__(failure)
        self.failure = failure
        self.response = response
        self.cause = cause


class CallOptions(t.TypedDict, total=False):
    """Options of one call.

    Attributes:
        params: Query parameters.
        body: Request body.
        headers: Extra headers.
        auth: Auth other than the transport's own; None for none.
        repeatable: Executing it twice is the same as once (default: True for GET).
        optional: The path is a guess: 404 and 405 raise `MissingResourceError`.
        into: Where the body of a success goes instead of into memory.
    """

    params: dict[str, str]
    body: bytes
    headers: dict[str, str]
    auth: Auth | None
    repeatable: bool
    optional: bool
    into: Into


class Call(t.NamedTuple):
    """A call as the transport makes it.

    Attributes:
        vendor: Name of the vendor block, for messages.
        address: What the user can change about the URL, for messages.
        method: HTTP method in capitals.
        url: Whole address.
        params: Query parameters.
        headers: Headers besides those that every call has.
        body: Body, or None.
        auth: Credentials, or None.
        repeatable: Executing it twice is the same as once.
        optional: The path is a guess.
        into: Where the body of a success goes, or None.
        elsewhere: It leads to no host of the vendor's settings, and carries no credentials.
    """

    vendor: str
    address: str
    method: str
    url: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes | None
    auth: Auth | None
    repeatable: bool
    optional: bool
    into: Into | None
    elsewhere: bool

    @property
    def where(self) -> str:
        """Vendor, method and URL, secrets masked: the beginning of every message about it."""
        return redact(f"{self.vendor}: {self.method} {self.url}")

    def failure(self, phase: Phase, response: requests.Response | None = None) -> Failure:
        """What the policy table needs to know when this call fails.

        Args:
            phase: How far it got.
            response: What was answered, if anything was.
        """
        return Failure(
            phase=phase,
            status=None if response is None else response.status_code,
            body="" if response is None else excerpt(response.content),
            repeatable=self.repeatable,
            optional=self.optional,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer (2xx).

    Attributes:
        status: HTTP status.
        headers: Response headers.
        body: Raw body, in UTF-8 if its charset was declared; empty if it went elsewhere.
        attempts: Attempts it took.
    """

    status: int
    headers: CaseInsensitiveDict[str]
    body: bytes
    attempts: int = 1

    def json(self) -> t.Any:  # noqa: ANN401 - JSON can be anything
        """Parse the body; decimals stay exact.

        Raises:
            ValueError: If it is not JSON.
        """
        return codec.decode(self.body)

    @property
    def has_no_content(self) -> bool:
        """Whether it says that there is nothing (204, 205): for a list, an empty one."""
        return self.status in _NO_CONTENT

    @property
    def text(self) -> str:
        """The body as text, secrets masked, at most 2,000 characters."""
        return excerpt(self.body)


def excerpt(body: bytes) -> str:
    """The start of a body as text, secrets masked.

    Returns:
        At most 2,000 characters.
    """
    start = body[: redact.bytes_for(_EXCERPT)].decode("utf-8-sig", "replace")
    return redact.cut(start, _EXCERPT)
