"""Credentials on requests: Basic, and tokens that a login gives and that end."""

from __future__ import annotations

import abc
import typing as t

from requests.auth import AuthBase, _basic_auth_str

from erp_vendors.errors import CredentialsError
from erp_vendors.http.header import UNFIT, is_header
from erp_vendors.http.login import Grant, Login
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    import requests


class Auth(AuthBase):
    """Puts credentials on a request.

    Attributes:
        login: What it takes them from.
    """

    login: Login[t.Any]

    def __init__(self) -> None:
        self.login = Login(given=Grant(None))

    def sign(self, request: requests.PreparedRequest, value: t.Any) -> requests.PreparedRequest:  # noqa: ANN401, ARG002
        """Put credentials on a request.

        Args:
            request: The request, which is changed.
            value: What the login gave.
        """
        return request

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the present credentials on a request, with a login first if there are none yet."""
        return self.sign(request, self.login.current())


class BasicAuth(Auth):
    """HTTP Basic on every call."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__()
        self._header = _basic_auth_str(username.encode(), password.encode())
        redact.add(password, self._header.removeprefix("Basic "))

    def sign(self, request: requests.PreparedRequest, value: object) -> requests.PreparedRequest:  # noqa: ARG002
        """Add the header."""
        request.headers["Authorization"] = self._header
        return request


class Token(t.NamedTuple):
    """A bearer token.

    Attributes:
        value: What goes into the header.
        expires_at: Epoch seconds, or None when the vendor did not say.
        refresh: Token that buys the next one, or None.
        by_login: See `Grant`.
    """

    value: str
    expires_at: float | None = None
    refresh: str | None = None
    by_login: bool = True


class TokenAuth(Auth, abc.ABC):
    """A bearer token that is fetched once, shared by all threads, and renewed when it ends.

    Attributes:
        transport: What `fetch` calls; set once it exists.
    """

    transport: t.Any = None  # a Transport, whose module imports this one

    def __init__(self, given: Token | None = None, *, renewable: bool = True) -> None:
        """Nothing is called yet.

        Args:
            given: A token from elsewhere, to begin with.
            renewable: Whether `fetch` can give others.
        """
        super().__init__()
        first = None if given is None else _granted(given._replace(by_login=False))
        self.login = Login(self._fetched if renewable else None, first)

    @abc.abstractmethod
    def fetch(self, previous: Token | None) -> Token:
        """Get a token from the vendor.

        Args:
            previous: The token that served until now, which may carry a refresh token; None if
                there is none.

        Returns:
            The new token.

        Raises:
            CredentialsError: If the vendor refuses the login; it is then not tried again.
        """

    def header(self, token: Token) -> str:
        """The Authorization header's value for a token."""
        return f"Bearer {token.value}"

    def sign(self, request: requests.PreparedRequest, value: Token) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = self.header(value)
        return request

    def _fetched(self, previous: Token | None) -> Grant[Token]:
        token = self.fetch(previous)
        redact.add(token.value, token.refresh)
        if not is_header(self.header(token)):
            whose = "a login"
            if self.transport is not None:
                whose = f"{self.transport.options.vendor}: {self.transport.last_request}"
            msg = f"{whose} gave a token that {UNFIT}"
            raise CredentialsError(msg)
        return _granted(token)


def _granted(token: Token) -> Grant[Token]:
    redact.add(token.value, token.refresh)
    return Grant(token, token.expires_at, token.by_login)
