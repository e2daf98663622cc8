"""Auth objects for `requests`, with tokens that are cached, locked and renewed."""

from __future__ import annotations

import abc
import datetime as dt
import threading
import typing as t

from requests.auth import AuthBase, _basic_auth_str

from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    import requests

_MARGIN = 60.0
"""A token is renewed this many seconds before it expires."""


class Auth(AuthBase):
    """Puts credentials on a request; may know how to renew them."""

    def renew(self, refused: requests.PreparedRequest) -> bool:  # noqa: ARG002
        """Make new credentials after the vendor refused a request with 401.

        Args:
            refused: The request that was refused, to tell which token it carried.

        Returns:
            True when the request is worth repeating.
        """
        return False


class BasicAuth(Auth):
    """HTTP Basic on every call."""

    def __init__(self, username: str, password: str) -> None:
        self._header = _basic_auth_str(username.encode(), password.encode())
        redact.add(password, self._header.removeprefix("Basic "))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self._header
        return request


class Token(t.NamedTuple):
    """A bearer token.

    Attributes:
        value: What goes into the header.
        expires_at: Epoch seconds, or None when the vendor did not say.
        refresh: Token that buys the next one, or None.
    """

    value: str
    expires_at: float | None = None
    refresh: str | None = None


class TokenAuth(Auth, abc.ABC):
    """A bearer token that is fetched once, shared by all threads, and renewed in time."""

    def __init__(self) -> None:
        self._token: Token | None = None
        self._renew_at: float | None = None
        self._lock = threading.Lock()

    @abc.abstractmethod
    def fetch(self, previous: Token | None) -> Token:
        """Get a token from the vendor.

        Args:
            previous: The token to replace, which may carry a refresh token; None for a first one.

        Returns:
            The new token.

        Raises:
            CredentialsError: If the vendor refuses the login.
        """

    def header(self, token: Token) -> str:
        """The Authorization header's value for a token."""
        return f"Bearer {token.value}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header, fetching or renewing the token first if need be."""
        with self._lock:
            token = self._token
            if token is None or (self._renew_at is not None and self._renew_at < _now()):
                token = self._replace(token)
        request.headers["Authorization"] = self.header(token)
        return request

    def renew(self, refused: requests.PreparedRequest) -> bool:
        """Replace the refused token, unless another thread has already done so."""
        with self._lock:
            token = self._token
            if token is None or refused.headers.get("Authorization") == self.header(token):
                self._replace(token)
        return True

    def _replace(self, previous: Token | None) -> Token:
        token = self.fetch(previous)
        redact.add(token.value, token.refresh)
        self._token = token
        self._renew_at = None
        if token.expires_at is not None:
            # A token that lives shorter than the margin must not be renewed before every call.
            left = max(token.expires_at - _now(), 0.0)
            self._renew_at = token.expires_at - min(_MARGIN, left / 2)
        return token


def _now() -> float:
    return dt.datetime.now(dt.timezone.utc).timestamp()
