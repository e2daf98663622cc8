"""CIMcloud's tokens (cimcloud.md 2)."""

from __future__ import annotations

import datetime as dt
import typing as t

from erp_vendors.errors import CallError, CredentialsError, ErpError
from erp_vendors.http import codec
from erp_vendors.http.auth import Auth, Token, TokenAuth

if t.TYPE_CHECKING:
    from erp_vendors.http import Transport

_LIFETIME = dt.timedelta(days=7)
"""Life of a token whose expiration cannot be read (2.2, DOC)."""


class BearerAuth(TokenAuth):
    """A JWT from `/authenticate`, renewed with its refresh token (2.2, 2.3)."""

    transport: Transport | None = None

    def __init__(self, key: str, username: str, password: str) -> None:
        super().__init__()
        self._body = {"AuthKey": key, "AuthUserName": username, "AuthPassword": password}
        self.transport: Transport | None = None

    def fetch(self, previous: Token | None) -> Token:
        """Refresh if possible, else log in."""
        if previous and previous.refresh:
            try:
                # The body is a bare JSON string (2.3, DOC). If this token is refused, the refresh
                # token was revoked, and the credentials may still be good.
                return self._post("/refresh", previous.refresh)._replace(by_login=False)
            except ErpError:
                # An expired or revoked refresh token is no failure: log in again (2.3, DOC).
                return self._post("/authenticate", self._body)
        return self._post("/authenticate", self._body)

    def _post(self, path: str, body: object) -> Token:
        if self.transport is None:
            msg = "the transport is not set"
            raise RuntimeError(msg)
        return request_token(
            self.transport, path, body, auth=None, check="auth_key, username and password"
        )


class SessionAuth(TokenAuth):
    """A customer's session, in which products carry this customer's prices (2.5)."""

    def __init__(self, transport: Transport, username: str) -> None:
        super().__init__()
        self.transport = self._transport = transport
        self._username = username

    def fetch(self, previous: Token | None) -> Token:  # noqa: ARG002 - sessions have no refresh
        """Open a session."""
        return request_token(
            self._transport,
            "/GenerateCustomerSession/",
            {"username": self._username},
            auth=self._transport.auth,
            check="session_username",
        )


def request_token(
    transport: Transport, path: str, body: object, *, auth: Auth | None, check: str
) -> Token:
    """POST for a token.

    Args:
        transport: The account's transport.
        path: Where to.
        body: JSON body.
        auth: Credentials of this call, or None.
        check: Settings to look at when the vendor refuses.

    Returns:
        The token.

    Raises:
        CredentialsError: If the vendor refuses, or answers without a token.
    """
    vendor = transport.options.vendor
    try:
        answer = transport.call(
            "POST", path, body=codec.encode(body), auth=auth, repeatable=True
        ).json()
    except ValueError:
        msg = f"{vendor}: {path} answered with something that is not JSON"
        raise CredentialsError(msg) from None
    except CallError as error:
        if error.status is None or error.status >= 500:  # noqa: PLR2004
            raise
        msg = f"{error}; check {vendor}.{check}"
        raise CredentialsError(msg) from None
    except CredentialsError as error:
        if check in str(error):
            raise
        msg = f"{error}; check {vendor}.{check}"
        raise CredentialsError(msg) from None
    # `bearer_token` is what the refresh article's text calls it (2.2).
    value = isinstance(answer, dict) and (answer.get("token") or answer.get("bearer_token"))
    if not isinstance(value, str):
        msg = f"{vendor}: {path} gave no token; check {vendor}.{check}"
        raise CredentialsError(msg)
    refresh = answer.get("refresh_token")
    return Token(value, _expiry(answer.get("expiration")), refresh or None)


def _expiry(text: object) -> float:
    """Epoch seconds of an expiration, read leniently: one of the samples has no zone (2.5)."""
    try:
        moment = dt.datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError:
        moment = dt.datetime.now(dt.timezone.utc) + _LIFETIME
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.timezone.utc)
    return moment.timestamp()
