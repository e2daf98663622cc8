"""What a vendor block says about the connection to the vendor."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from erp_vendors.http.policy import Rule

MAX_ANSWER_BYTES = 1 << 28
"""Bytes of an answer that are read at most, decoded, unless a setting says otherwise."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """What a vendor block says about the connection.

    Attributes:
        vendor: Name of the vendor block, for messages.
        base_url: Address that every path is appended to.
        timeout: Seconds to wait for an answer.
        verify: True, False, or the path of a CA bundle.
        user_agent: User-Agent header.
        rules: The vendor's own policy rows, looked at first.
        obey_rate_headers: Obey `X-RateLimit-Remaining` and `X-RateLimit-Reset` (seconds).
        pins: SHA-256 of the only certificate to trust, by `https://host:port/`.
        max_answer_bytes: Largest answer that is kept in memory, decoded.
        login_check: A path that says whether a login is good and needs no permission, if the vendor
            documents one: it tells whether a 401 elsewhere is about a permission or the login.
        trusted: Addresses besides `base_url` whose hosts get credentials.
    """

    vendor: str
    base_url: str
    timeout: float = 60.0
    verify: bool | str = True
    user_agent: str = "erp-singer"
    rules: tuple[Rule, ...] = ()
    obey_rate_headers: bool = False
    pins: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    max_answer_bytes: int = MAX_ANSWER_BYTES
    login_check: str = ""
    trusted: tuple[str, ...] = ()
