"""AIMS360's bearer tokens (aims360.md 2)."""

from __future__ import annotations

import time
import typing as t
import urllib.parse

from erp_vendors.aims360.settings import VENDOR
from erp_vendors.errors import CallError, ConfigError, CredentialsError
from erp_vendors.http.auth import BasicAuth, Token, TokenAuth
from erp_vendors.http.header import UNFIT, is_header
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from erp_vendors.http.transport import Transport
    from erp_vendors.settings import Block

TOKEN_PATH = "/authentication/v1/authentication/Token"  # noqa: S105 - a path
"""Where a password grant is posted to (2, DOC)."""
OVERLOAD = "Request_ProcessingFailed"
"""Error code of an overloaded vendor, in an HTTP 400 (5.2, OBS)."""

_LOGIN = ("client_id", "client_secret", "username", "password")
_REFUSED = frozenset({400, 422})


class Aims360Auth(TokenAuth):
    """A token pasted by the user, or one from the password grant; or first one, then the other."""

    transport: Transport | None = None

    def __init__(self, block: Block, secret_in: str = "") -> None:
        """Read the credentials.

        Args:
            block: The settings.
            secret_in: Instead of `client_secret_in`; a token that was pasted does not count then.

        Raises:
            ConfigError: If there is neither a token nor a complete login.
        """
        self.transport: Transport | None = None
        self._in_form = (secret_in or block.get("client_secret_in")) == "form"
        pasted = "" if secret_in else str(block.get("access_token") or "").strip()
        given = [name for name in _LOGIN if block.get(name)]
        if len(given) < len(_LOGIN) and not pasted:
            missing = " and ".join(f"{VENDOR}.{name}" for name in _LOGIN if name not in given)
            instead = "" if given else f"; or set {VENDOR}.access_token"
            msg = f"{missing} must be set{instead}"
            raise ConfigError(msg)
        self._form = {name: str(block.get(name)) for name in given if len(given) == len(_LOGIN)}
        if not is_header(pasted):
            msg = f"{VENDOR}.access_token {UNFIT}"
            raise ConfigError(msg)
        redact.add(pasted, block.get("client_secret"), block.get("password"))
        # How long it lives is shown in the ERP only; 0 hours mean for ever (2, INF).
        bare = pasted[7:] if pasted.lower().startswith("bearer ") else pasted
        super().__init__(Token(bare) if bare else None, renewable=bool(self._form))

    def fetch(self, previous: Token | None) -> Token:  # noqa: ARG002 - no refresh tokens (2, UNK)
        """Log in with the password grant."""
        return _read(self._post())

    def _post(self) -> Answer:
        if self.transport is None:
            msg = "the transport is not set"
            raise RuntimeError(msg)
        form = {"grant_type": "password", **self._form}
        basic = None
        if not self._in_form:
            basic = BasicAuth(form.pop("client_id"), form.pop("client_secret"))
        try:
            return self.transport.call(
                "POST",
                TOKEN_PATH,
                body=urllib.parse.urlencode(form).encode(),
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=basic,
                repeatable=True,
            )
        except CallError as error:
            if error.status not in _REFUSED or OVERLOAD in error.body:
                raise
            why = str(error)
        except CredentialsError as error:
            why = str(error)
        names = ", ".join(f"{VENDOR}.{name}" for name in _LOGIN)
        msg = f"{why}; check {names} and {VENDOR}.client_secret_in"
        raise CredentialsError(msg)


def _read(answer: Answer) -> Token:
    try:
        body = answer.json()
    except ValueError:
        body = None
    value = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(value, str) or not value:
        msg = f"{VENDOR}: POST {TOKEN_PATH} gave no access_token"
        raise CredentialsError(msg)
    return Token(value, _expiry(body.get("expires_in")))


def _expiry(seconds: object) -> float | None:
    """Epoch seconds; None if the vendor does not say, or says 0, which means never (2, INF)."""
    try:
        life = float(str(seconds))
    except ValueError:
        return None
    return time.time() + life if 0 < life < float("inf") else None
