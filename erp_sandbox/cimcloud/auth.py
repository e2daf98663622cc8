"""CIMcloud's tokens and logins (2)."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timezone
from hmac import compare_digest
from typing import TYPE_CHECKING

from erp_sandbox.exchange import Refusal, json_answer

if TYPE_CHECKING:
    from erp_sandbox.cimcloud.options import CimcloudOptions
    from erp_sandbox.clock import SandboxClock
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall


@dataclass
class Identity:
    """The caller of a request.

    Attributes:
        bearer: Whether the caller showed a token, not a Basic login.
        customer: Login of the customer whose session it is, or None.
    """

    bearer: bool
    customer: str | None = None


def unauthorized() -> Refusal:
    """Return the 401: DOC for /validate, INF elsewhere; its body is UNK (5.2)."""
    text = "Authorization has been denied for this request."
    return Refusal(json_answer({"message": text}, 401, {"WWW-Authenticate": "Bearer"}))


class CimcloudAuthority:
    """Gives out and checks tokens.

    Args:
        clock: The vendor's clock, by which tokens expire.
        options: Credentials and lives.
    """

    def __init__(self, clock: SandboxClock, options: CimcloudOptions) -> None:
        self._clock = clock
        self._options = options
        self._tokens: dict[str, tuple[float, str | None]] = {}
        self._refresh: dict[str, float] = {}

    def authenticate(self, call: SandboxCall) -> SandboxAnswer:
        """Answer ``POST authenticate`` (2.2)."""
        call.private = True
        try:
            sent = call.json()
        except ValueError:
            sent = None
        expected = {
            "AuthKey": self._options.auth_key,
            "AuthUserName": self._options.username,
            "AuthPassword": self._options.password,
        }
        good = isinstance(sent, dict) and all(
            _same(sent.get(name), value) for name, value in expected.items()
        )
        if not good or self._options.auth_type == "basic":
            raise unauthorized()
        return json_answer(self._pair())

    def refresh(self, call: SandboxCall) -> SandboxAnswer:
        """Answer ``POST refresh``: the body is a bare JSON string (2.3)."""
        call.private = True
        try:
            sent = call.json()
        except ValueError:
            sent = None
        if not isinstance(sent, str):
            raise Refusal(json_answer({"message": "The body must be a JSON string."}, 400))
        expires = self._refresh.get(sent)
        if expires is None or expires <= self._clock.now():
            raise unauthorized()
        if self._options.old_refresh_token == "dies":  # noqa: S105 - no password
            del self._refresh[sent]
        return json_answer(self._pair())

    def session(self, identity: Identity, customer: str) -> SandboxAnswer:
        """Answer ``POST GenerateCustomerSession`` for an existing customer (2.5)."""
        if not identity.bearer or not self._options.session_access:
            text = "Customer sessions are not available to this authorization."
            raise Refusal(json_answer({"message": text}, 403))
        expires, token = self._token(customer)
        # This one is printed without the Z.
        shown = _expiration(expires).removesuffix("Z")
        return json_answer(
            {"expiration": shown, "token": token, "session": secrets.token_hex(16).upper()}
        )

    def identify(self, call: SandboxCall) -> Identity:
        """Return who calls, by bearer token or Basic login.

        Raises:
            Refusal: The caller is not known.
        """
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._options.auth_type != "basic":
            expires, customer = self._tokens.get(value.strip(), (0.0, None))
            if expires > self._clock.now():
                return Identity(bearer=True, customer=customer)
        elif self._options.auth_type != "bearer":
            found = call.basic_credentials()
            if found is not None and (
                _same(found[0], self._options.username) and _same(found[1], self._options.password)
            ):
                return Identity(bearer=False)
        raise unauthorized()

    def expire(self) -> int:
        """Kill all tokens, refresh tokens too, and return how many there were."""
        count = len(self._tokens) + len(self._refresh)
        self._tokens.clear()
        self._refresh.clear()
        return count

    def _pair(self) -> dict[str, object]:
        expires, token = self._token(None)
        refresh = secrets.token_urlsafe(48)
        self._refresh[refresh] = self._clock.now() + self._options.refresh_seconds
        return {"expiration": _expiration(expires), "token": token, "refresh_token": refresh}

    def _token(self, customer: str | None) -> tuple[float, str]:
        """Make a token in the shape of a JWT; only this process knows it."""
        expires = self._clock.now() + self._options.token_seconds
        head = {"alg": "HS256", "typ": "JWT"}
        claims = {"sub": self._options.username, "exp": int(expires), "jti": secrets.token_hex(8)}
        parts = [_segment(json.dumps(part).encode()) for part in (head, claims)]
        token = ".".join([*parts, _segment(secrets.token_bytes(32))])
        self._tokens[token] = (expires, customer)
        return expires, token


def _same(sent: object, expected: str) -> bool:
    return isinstance(sent, str) and compare_digest(sent.encode(), expected.encode())


def _segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _expiration(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
