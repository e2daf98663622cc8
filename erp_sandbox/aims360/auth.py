"""AIMS360's tokens (2)."""

from __future__ import annotations

import base64
import json
import secrets
from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from erp_sandbox.aims360.values import refusal
from erp_sandbox.exchange import Refusal, json_answer

if TYPE_CHECKING:
    from erp_sandbox.aims360.options import Aims360Options
    from erp_sandbox.clock import SandboxClock
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall

NO_PERMISSION_USER = "no-permission"
"""An operator with the right password but without API permission (DOC that it is needed)."""


class Aims360Authority:
    """Gives out and checks tokens.

    Args:
        clock: The vendor's clock, by which tokens expire.
        options: Credentials and lives.
    """

    def __init__(self, clock: SandboxClock, options: Aims360Options) -> None:
        self._clock = clock
        self._options = options
        self._tokens: dict[str, float | None] = {}

    def grant(self, call: SandboxCall) -> SandboxAnswer:
        """Answer the token URL: password grant, client in the form or as Basic (2, INF)."""
        call.private = True
        options = self._options
        form: dict[str, str] = {}
        kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            sent = parse_qs(call.body.decode(errors="replace"), keep_blank_values=True)
            form = {name: values[-1] for name, values in sent.items()}
        basic = None if options.client_in == "form" else call.basic_credentials()
        client = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if options.client_in == "basic" and basic is None:
            client = ("", "")
        error = None
        known = (options.client_secret, options.secondary_secret)
        if client[0].upper() != options.client_id.upper() or client[1] not in known:
            error = "invalid_client"
        elif form.get("grant_type") != "password":
            error = "unsupported_grant_type"
        elif form.get("username") not in {options.username, NO_PERMISSION_USER} or (
            not compare_digest(form.get("password", "").encode(), options.password.encode())
        ):
            error = "invalid_grant"
        elif form["username"] == NO_PERMISSION_USER:
            error = "unauthorized_client"
        if error is not None:
            raise Refusal(json_answer({"error": error}, options.token_error_status))
        body: dict[str, object] = {"access_token": self._token(), "token_type": "bearer"}
        if options.token_seconds:
            body["expires_in"] = int(options.token_seconds)
        return json_answer(body)

    def known(self, call: SandboxCall) -> bool:
        """Return whether a call carries a live token."""
        scheme, _, value = call.headers.get("authorization", "").partition(" ")
        token = value.strip()
        if scheme.lower() != "bearer":
            return False
        if compare_digest(token.encode(), self._options.access_token.encode()):
            return True
        expires = self._tokens.get(token, 0.0)
        return expires is None or expires > self._clock.now()

    def check(self, call: SandboxCall) -> None:
        """Refuse a call without a live token."""
        if not self.known(call):
            text = "Authorization has been denied for this request."
            status = self._options.auth_status
            raise refusal(status, "AuthenticationFailed", text, {"WWW-Authenticate": "Bearer"})

    def expire(self) -> int:
        """Kill all granted tokens (not the one made in the ERP) and return how many."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    def _token(self) -> str:
        """Make a token in the shape of a JWT (OBS(v)); only this process knows it."""
        lasts = self._options.token_seconds
        head = {"alg": "RS256", "typ": "JWT"}
        parts = [
            base64.urlsafe_b64encode(data).rstrip(b"=").decode()
            for data in (
                json.dumps(head).encode(),
                json.dumps({"jti": secrets.token_hex(16)}).encode(),
                secrets.token_bytes(32),
            )
        ]
        token = ".".join(parts)
        self._tokens[token] = self._clock.now() + lasts if lasts else None
        return token
