"""Tells another system that a run has ended: one signed POST, repeated until it is taken."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
import time
import typing as t
import urllib.parse

import requests

from erp_vendors.errors import Interrupted, Phase
from erp_vendors.http import codec, policy
from erp_vendors.http.policy import Action, Failure
from erp_vendors.http.redact import redact
from erp_vendors.settings import Setting, object_schema

logger = logging.getLogger("target-erp.webhook")

_KEYS = (
    Setting(
        "url",
        "string",
        "URL",
        "Address (https:// or http://) that the report is POSTed to as JSON.",
        secret=True,
        schema={"pattern": "^https?://[^/]"},
    ),
    Setting(
        "secret",
        "string",
        "Secret",
        "Signs each POST with HMAC-SHA256, so that the receiver knows who sent it.",
        secret=True,
    ),
    Setting(
        "when",
        "string",
        "When",
        "run tells of each run; change only when the state of a sink changes: it "
        "failed, more of its records were rejected than webhook.max_rejects, outcomes "
        "are unknown, writes are not approved (apply), or all that is over.",
        "run",
        options=("run", "change"),
    ),
    Setting(
        "max_rejects",
        "integer",
        "Rejections that are not told",
        "With webhook.when change: rejected records of a sink that are no reason to "
        "tell, as a number or as a percentage of its records such as 5%.",
        0,
        schema={"or_string": True},
    ),
)
WEBHOOK_SETTINGS = (
    Setting(
        "webhook",
        "object",
        "Webhook",
        "Where the report of each run is sent when it ends.",
        schema=object_schema(_KEYS, required=["url"]),
    ),
)
"""The `webhook` block of the target's settings."""

_SECONDS = 60.0
"""All attempts and pauses together: a run must not hang on who only wants to hear of it."""
_TIMEOUT = 10.0
_TOKEN = 12
"""Parts of an address with this many characters may be tokens; shorter ones are words."""
_SUCCESS, _REDIRECT = 200, 300


def webhook_setting(webhook: t.Mapping[str, t.Any], name: str) -> t.Any:  # noqa: ANN401
    """A key of the setting `webhook`, or its default.

    Args:
        webhook: The setting.
        name: The key.
    """
    key = next(key for key in _KEYS if key.name == name)
    return key.value_of(webhook.get(name))


def deliver(
    report: t.Mapping[str, t.Any],
    *,
    url: str,
    secret: str | None = None,
    clock: t.Callable[[], float] = time.time,
    sleep: t.Callable[[float], object] = time.sleep,
) -> str:
    """Send the report of a run.

    Headers: `X-Erp-Run` (the run, by which the receiver knows a repetition), `X-Erp-Timestamp`
    (seconds since 1970) and, with a secret, `X-Erp-Signature` (see `signature`). No answer, 408,
    425, 429 and 5xx are tried again, five times in all and within about 60 seconds, after growing
    pauses or what Retry-After says; every other answer that is not a 2xx is final.

    Args:
        report: The run report.
        url: Where to.
        secret: What to sign with, or None.
        clock: Seconds since 1970.
        sleep: Waits for a number of seconds; may raise `Interrupted`, which ends the attempts.

    Returns:
        Why it could not be delivered, also logged as a warning; empty if it was. A run does not
        fail because of it.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:
        return _warn(report, "the setting 'webhook.url'", "it is no address")
    redact.add(secret, *_secrets_of(url, parts))
    # Without login, path and query: many webhooks are known by their token alone.
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    body = codec.encode(report)
    deadline = clock() + _SECONDS
    for attempt in range(1, policy.ATTEMPTS + 1):
        headers = _headers(report, body, secret, int(clock()))
        timeout = max(1.0, min(_TIMEOUT, deadline - clock()))
        problem, again, told = _attempt(url, body, headers, timeout, clock)
        if not problem:
            return ""
        pause = max(2.0 ** (attempt - 1), told)
        if not again or attempt == policy.ATTEMPTS:
            break
        if clock() + pause >= deadline:
            problem += f", and to wait {pause:.0f} s for the next attempt is too long"
            break
        try:
            sleep(pause)
        except Interrupted:
            problem += ", and the run was asked to stop"
            break
    return _warn(report, where, f"{problem} (attempt {attempt} of {policy.ATTEMPTS})")


def signature(body: bytes, timestamp: str, secret: str) -> str:
    """What `X-Erp-Signature` holds.

    Args:
        body: The body as it was sent.
        timestamp: What `X-Erp-Timestamp` holds.
        secret: The setting `webhook.secret`.

    Returns:
        `sha256=` and the HMAC-SHA256 of `timestamp.body` in hexadecimal digits.
    """
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hexdigest()}"


def _headers(
    report: t.Mapping[str, t.Any], body: bytes, secret: str | None, now: int
) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "erp-singer",
        "X-Erp-Run": str(report.get("run", "")),
        "X-Erp-Timestamp": str(now),
    }
    if secret:
        headers["X-Erp-Signature"] = signature(body, str(now), secret)
    return headers


def _attempt(
    url: str, body: bytes, headers: dict[str, str], timeout: float, clock: t.Callable[[], float]
) -> tuple[str, bool, float]:
    """What went wrong (empty: nothing), whether to try again, and the seconds to wait first."""
    try:
        # The answer's body is of no interest. A redirect would turn the POST into a GET.
        response = requests.post(
            url, data=body, headers=headers, timeout=timeout, stream=True, allow_redirects=False
        )
    except (requests.RequestException, ValueError) as error:
        return (*_broken(error, timeout), 0.0)
    response.close()
    status = response.status_code
    if _SUCCESS <= status < _REDIRECT:
        return "", False, 0.0
    if response.is_redirect:
        return f"HTTP {status}, set 'webhook.url' to where it redirects", False, 0.0
    failure = Failure(Phase.ANSWERED, status, "", repeatable=True, optional=False)
    again = policy.decide(failure).action in {Action.RETRY, Action.WAIT}
    now = dt.datetime.fromtimestamp(clock(), dt.timezone.utc)
    told = policy.retry_after(response.headers.get("Retry-After"), now) or 0.0
    return f"HTTP {status}", again, told


def _broken(error: Exception, timeout: float) -> tuple[str, bool]:
    """An attempt without an answer, without its own text: that repeats the address."""
    if isinstance(error, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "its TLS certificate is not trusted", False
        return "the TLS connection failed", True
    if isinstance(error, requests.Timeout):
        return f"no answer within {timeout:g} s", True
    if isinstance(error, requests.ConnectionError):
        return "the connection failed", True
    return f"'webhook.url' is no usable address ({type(error).__name__})", False


def _warn(report: t.Mapping[str, t.Any], where: str, problem: str) -> str:
    reason = redact(f"{where} did not take the report of run {report.get('run', '')}: {problem}")
    logger.warning("Webhook: %s", reason)
    return reason


def _secrets_of(url: str, parts: urllib.parse.SplitResult) -> t.Iterator[str | None]:
    """What of an address must not be shown, not even in the debug log of `urllib3`."""
    yield url
    yield parts.password
    values = [value for _, value in urllib.parse.parse_qsl(parts.query)]
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    yield from (text for text in (target, *parts.path.split("/"), *values) if len(text) >= _TOKEN)
