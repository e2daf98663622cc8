"""What a failed call is told as: one line that names the call, the cause and the setting."""

from __future__ import annotations

import http.client
import re
import typing as t
import zlib

import requests
import urllib3

from erp_vendors.errors import (
    CallError,
    ConfigError,
    CredentialsError,
    DataError,
    ErpError,
    MissingResourceError,
    NotPermittedError,
)
from erp_vendors.http.call import excerpt
from erp_vendors.http.codec import TooManyPartsError
from erp_vendors.http.header import UNFIT
from erp_vendors.http.policy import Action, Failure

if t.TYPE_CHECKING:
    from erp_vendors.http.call import Call

_REDIRECT = 300
_PARTIAL = 206
"""No call sends a Range."""
_NOT_YET = frozenset({202, 207})
"""Accepted, and results of several kinds: no vendor documents either for a read."""
_NOT_MODIFIED = 304
_CLIENT_ERROR = 400
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_NOT_PINNED = "Fingerprints did not match"


_REASONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (urllib3.exceptions.InvalidChunkLength, "one of its parts has no length that can be read"),
    (
        (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        "it is shorter than it was announced",
    ),
    (
        (http.client.BadStatusLine, http.client.UnknownProtocol),
        "what is there does not speak HTTP/1.1",
    ),
    (zlib.error, "its compression is broken"),
    (requests.Timeout, "it took too long"),
    (ValueError, "it breaks the rules of HTTP"),
)
_NAMES = re.compile(r"(?:<[^>]*>|\w+\(host=.*?, port=[^)]*\)): |\s*\(_ssl\.c:\d+\)")
"""What urllib3 and Python put around their reasons: names of classes, of objects, of C sources."""


def certificate_refused(call: Call, error: requests.RequestException) -> ConfigError | None:
    """The error for a server's certificate that is not accepted; None if it was accepted."""
    if not isinstance(error, requests.exceptions.SSLError):
        return None
    if _UNTRUSTED in str(error):
        return ConfigError(
            f"{call.where}: the server's TLS certificate is not trusted; "
            f"set {call.vendor}.ca_bundle to the authority that signed it ({_reason(error)})"
        )
    if _NOT_PINNED in str(error):
        return ConfigError(
            f"{call.where}: the server's TLS certificate is not the one that '{call.vendor}' pins "
            f"({_reason(error)})"
        )
    return None


def unreachable(call: Call, error: requests.RequestException) -> str:
    """The message for a call of which nothing was sent."""
    return f"{call.where}: cannot reach the server; check {call.address} ({_reason(error)})"


def late(call: Call, seconds: float, what: str) -> str:
    """The message for a call that was sent and not answered in time.

    Args:
        call: The call.
        seconds: For how long the answer was waited for.
        what: What was waited for: an answer, or a whole one.
    """
    return f"{call.where}: no {what} within {seconds:g} s ({call.vendor}.timeout_seconds)"


def too_large(call: Call, limit: int) -> str:
    """The message for a call whose answer was not read to its end.

    Args:
        call: The call.
        limit: Largest answer that is kept in memory, in bytes.
    """
    setting = f"{call.vendor}.max_answer_bytes"
    if call.into is not None:
        limit, setting = call.into.limit, call.into.setting
    return (
        f"{call.where}: the answer is larger than {limit:,} bytes and was not read to its end; "
        f"raise {setting} if the vendor sends that much"
    )


def unfit_header(call: Call, name: str) -> ConfigError:
    """The error for a call that cannot be sent.

    Args:
        call: The call.
        name: Name of the header that holds what none can.
    """
    setting = (
        "user_agent" if name.lower() == "user-agent" else f"the credentials in '{call.vendor}'"
    )
    return ConfigError(f"{call.where}: its header {name} {UNFIT}; check {setting}")


def unfit(call: Call, status: int) -> str | None:
    """The message for a success that is none for such a call; None if it is one.

    Args:
        call: The call.
        status: HTTP status of the answer, a success.
    """
    if status == _PARTIAL:
        return f"{call.where}: HTTP {status}, a part of the answer, though the whole was asked for"
    if call.method == "GET" and status in _NOT_YET:
        return f"{call.where}: HTTP {status}, an answer about the call instead of what it asks for"
    return None


def broken(call: Call, error: requests.RequestException) -> str:
    """The message for a call whose connection ended after it was sent."""
    why = _reason(error)
    return f"{call.where}: the connection broke before the answer was complete ({why})"


def refused(
    call: Call, failure: Failure, action: Action, attempts: int, *, lost: bool = False
) -> ErpError:
    """The error for a call that was answered with no success.

    Args:
        call: The call.
        failure: What was answered.
        action: What the policy table says to do about it.
        attempts: Attempts made.
        lost: Nothing has been found at the vendor's address so far.
    """
    where, vendor = call.where, call.vendor
    if failure.status is not None and _REDIRECT <= failure.status < _CLIENT_ERROR:
        why = f"the server redirects elsewhere; set {call.address} to what it redirects to"
        if failure.status == _NOT_MODIFIED:
            why = (
                "the server says that nothing has changed, which no call asks for; check whether "
                f"a cache answers at {call.address}"
            )
        return ConfigError(f"{where}: HTTP {failure.status}, {why}")
    hint = ""
    if lost and not call.elsewhere:
        hint = f" (nothing was found at this address so far; check {vendor}.api_url)"
    if action is Action.SKIP:
        return MissingResourceError(
            f"{where}: HTTP {failure.status}, this site has no such path{hint}"
        )
    said = _said(failure)
    if call.elsewhere and failure.status in {_UNAUTHORIZED, _FORBIDDEN}:
        return CredentialsError(
            f"{where}: HTTP {failure.status}; this server gets no credentials, because it is none "
            f"that the settings of '{vendor}' name for them (api_url): {said}"
        )
    if failure.status == _UNAUTHORIZED:
        return CredentialsError(f"{where}: HTTP 401, the credentials in '{vendor}' were refused")
    if failure.status == _FORBIDDEN:
        return not_granted(call, failure)
    return CallError(
        f"{where}: HTTP {failure.status}{': ' if said else ''}{said}{hint}",
        phase=failure.phase,
        status=failure.status,
        body=failure.body,
        attempts=attempts,
    )


def not_granted(call: Call, failure: Failure) -> NotPermittedError:
    """The error for a call that a good login may not make."""
    said = _said(failure)
    return NotPermittedError(
        f"{call.where}: HTTP {failure.status}, the login in '{call.vendor}' lacks the permission "
        f"for this: {said}"
    )


def _said(failure: Failure) -> str:
    return " ".join(failure.body.split())[:300]


def not_json(call: Call, body: bytes, error: ValueError) -> DataError:
    """The error for an answer whose body should be JSON and is not, or holds too much."""
    if isinstance(error, TooManyPartsError):
        what = f"too much JSON to read at once: {error}"
    elif body.lstrip()[:1] in {b"{", b"["}:
        # Nothing of it is shown: it may hold people's data.
        what = f"JSON that breaks off or is malformed ({len(body)} bytes)"
    else:
        what = f"something that is not JSON: {excerpt(body)[:200]!r}"
    return DataError(f"{call.where} answered with {what}")


def _reason(error: BaseException) -> str:
    """Why a call failed, in words: nothing of its answer, and no names out of programs."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        error = inner
    for kinds, words in _REASONS:
        if isinstance(error, kinds) and not isinstance(error, OSError):
            return words
    said = error.args[-1] if error.args else ""
    text = _NAMES.sub("", said) if isinstance(said, str) else ""
    return text or "no reason is given"
