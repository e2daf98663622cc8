"""Pentamic's identity server, and what its refusals mean (pentamic.md 2 and 5.2)."""

from __future__ import annotations

import datetime as dt
import re
import typing as t
import urllib.parse

from erp_vendors.errors import CallError, CredentialsError, Phase
from erp_vendors.http.auth import Auth, Token, TokenAuth
from erp_vendors.http.call import excerpt
from erp_vendors.http.redact import redact
from erp_vendors.pentamic.answers import properties_of

if t.TYPE_CHECKING:
    import requests

    from erp_vendors.http.transport import Transport


TOKEN_ERRORS = {
    "invalid_client": "the identity server does not know this client or its secret; check "
    "pentamic.client_id and pentamic.client_secret",
    "invalid_scope": "this client may not ask for this scope; set pentamic.scope to the one that "
    "the Pentamic administrator assigned to it",
    "unsupported_grant_type": "the server gives this client no token for client credentials; ask "
    "the Pentamic administrator to allow that grant, and check pentamic.token_url",
}
"""The documented errors of a token request (2, DOC)."""
UNKNOWN_ID = "ID_NOTFOUND"
RECORD_ERRORS = {
    "NAME_REQUIRED": "it has no name",
    "TAXC_REQUIRED": "it has no taxCode",
    "TAXC_INVALID": "the vendor does not take its taxCode",
    UNKNOWN_ID: "no customer has this id",
}
"""The documented codes of a refused record (5.2, DOC)."""

_MARGIN = 60.0
"""Seconds before its end at which `TokenAuth` renews a token."""
_FORBIDDEN = 403
_SERVER_ERROR = 500
_RECORD_CODE = re.compile(r"[A-Z][A-Z0-9_]*")


class RefusedRecordError(CallError):
    """The vendor does not take a record, or does not know it.

    Attributes:
        code: The vendor's word for it, such as `TAXC_INVALID`.
    """

    def __init__(self, message: str, *, code: str, body: str) -> None:
        super().__init__(message, phase=Phase.ANSWERED, status=_FORBIDDEN, body=body)
        self.code = code


class ClientCredentials(TokenAuth):
    """A token for this client, on every call; tells a refused record from a refused login."""

    transport: Transport | None = None

    def __init__(self, token_url: str, client_id: str, client_secret: str, scope: str) -> None:
        super().__init__()
        self.transport: Transport | None = None
        self._url = token_url
        # In the body, not as HTTP Basic (2, DOC).
        self._form = {
            "client_id": client_id,
            "client_secret": client_secret,
            "scope": scope,
            "grant_type": "client_credentials",
        }
        redact.add(client_secret)

    def sign(self, request: requests.PreparedRequest, value: Token) -> requests.PreparedRequest:
        """Add the token, and look at the answer before anyone else does."""
        request = super().sign(request, value)
        request.register_hook("response", _refused_record)  # type: ignore[no-untyped-call]
        return request

    def header(self, token: Token) -> str:
        """Type and token, as the identity server gave them."""
        return token.value

    def fetch(self, previous: Token | None) -> Token:  # noqa: ARG002 - there is no refresh token
        """Ask for a token; the way is the same when one has expired (2, DOC).

        Raises:
            CredentialsError: If the identity server refuses, or answers without a token.
        """
        if self.transport is None:
            msg = "the transport is not set"
            raise RuntimeError(msg)
        try:
            answer = self.transport.call(
                "POST",
                self._url,
                body=urllib.parse.urlencode(self._form).encode(),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Cache-Control": "no-cache",
                },
                auth=_TokenRequest(),
                repeatable=True,
            )
        except CallError as error:
            if error.status is None or error.status >= _SERVER_ERROR:
                raise
            msg = f"{error}; check pentamic.token_url"
            raise CredentialsError(msg) from None
        said = properties_of(answer.body)
        token = said.get("access_token")
        if not isinstance(token, str) or not token:
            msg = f"pentamic: {self._url} answered without a token; check pentamic.token_url"
            raise CredentialsError(msg)
        redact.add(token)
        return Token(f"{said.get('token_type') or 'Bearer'} {token}", _end(said.get("expires_in")))


class _TokenRequest(Auth):
    """No credentials: they are in the body. Explains a refusal of any HTTP status (2, UNK)."""

    def sign(self, request: requests.PreparedRequest, value: object) -> requests.PreparedRequest:  # noqa: ARG002
        request.register_hook("response", _refused_client)  # type: ignore[no-untyped-call]
        return request


def _end(lifetime: object) -> float | None:
    """Epoch seconds at which a token ends.

    A token that lives for minutes only would be renewed too often a whole minute ahead, so the
    margin shrinks to a tenth of its life.
    """
    try:
        seconds = float(str(lifetime))
    except ValueError:
        return None
    if not 0 < seconds < float("inf"):
        return None
    now = dt.datetime.now(dt.timezone.utc).timestamp()
    return now + seconds + max(0.0, _MARGIN - seconds / 10)


def _refused_client(response: requests.Response, **_: object) -> None:
    """Raise a token request's refusal as the error that explains it."""
    if response.status_code >= _SERVER_ERROR:
        return
    code = properties_of(response.content).get("error")
    if isinstance(code, str) and code:
        why = TOKEN_ERRORS.get(code) or "the identity server refused the client"
        msg = f"pentamic: {response.url} says {redact.cut(code, 100)}: {why}"
        raise CredentialsError(redact(msg))


def _refused_record(response: requests.Response, **_: object) -> None:
    """Raise a refused record's code, which comes with the status of a missing permission.

    A 403 with an error code is about the record, one without is about the login (5.2, INF).
    """
    if response.status_code != _FORBIDDEN:
        return
    code = properties_of(response.content).get("error")
    if is_code(code):
        request = response.request
        why = RECORD_ERRORS.get(code, "the vendor refuses it")
        msg = f"pentamic: {request.method} {request.url}: HTTP 403 {code}, {why}"
        raise RefusedRecordError(redact(msg), code=code, body=excerpt(response.content))


def is_code(said: object) -> t.TypeGuard[str]:
    """Whether an `error` is one of the vendor's codes, such as `TAXC_INVALID`."""
    return isinstance(said, str) and _RECORD_CODE.fullmatch(said) is not None
