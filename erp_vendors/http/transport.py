"""The one way in which a call reaches a vendor."""

from __future__ import annotations

import dataclasses
import logging
import ssl
import threading
import typing as t

import backoff
import requests
import urllib3

from erp_vendors.errors import (
    CallError,
    ConfigError,
    CredentialsError,
    DataError,
    MissingResourceError,
    Phase,
)
from erp_vendors.http import codec, policy
from erp_vendors.http.policy import Action, Failure, Rule
from erp_vendors.http.redact import redact
from erp_vendors.http.wire import Sending, WireAdapter

if t.TYPE_CHECKING:
    from requests.structures import CaseInsensitiveDict
    from typing_extensions import Unpack

    from erp_vendors.http.auth import Auth
    from erp_vendors.http.budget import Budget

logger = logging.getLogger("erp.http")

WAITS = 50
"""Times a call lets itself be put off by a rate limit before it fails for good."""
_CONNECT_SECONDS = 10.0
_LONGEST_PAUSE = 30.0
_EXCERPT = 2000
_SUCCESS = 200
_REDIRECT = 300
_CLIENT_ERROR = 400
_FORBIDDEN = 403
_UNAUTHORIZED = 401
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_NOT_PINNED = "Fingerprints did not match"
_BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
)
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer (2xx).

    Attributes:
        status: HTTP status.
        headers: Response headers.
        body: Raw body.
        attempts: Attempts it took.
    """

    status: int
    headers: CaseInsensitiveDict[str]
    body: bytes
    attempts: int = 1

    def json(self) -> t.Any:  # noqa: ANN401 - JSON can be anything
        """Parse the body; decimals stay exact.

        Raises:
            ValueError: If it is not JSON.
        """
        return codec.decode(self.body)

    @property
    def text(self) -> str:
        """The body as text, secrets masked, at most 2,000 characters."""
        return excerpt(self.body)


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
    """

    vendor: str
    base_url: str
    timeout: float = 60.0
    verify: bool | str = True
    user_agent: str = "erp-singer"
    rules: tuple[Rule, ...] = ()
    obey_rate_headers: bool = False
    pins: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


class Transport:
    """Makes calls for one vendor account; safe to use from many threads."""

    def __init__(self, options: TransportOptions, budget: Budget, auth: Auth | None = None) -> None:
        self.options = options
        self.budget = budget
        self.auth = auth
        self._base_url = options.base_url.rstrip("/")
        self._rules = (*options.rules, *policy.RULES)
        self._local = threading.local()
        self._given_up: Exception | None = None
        self._accepted = False
        self._first = threading.Lock()
        if isinstance(options.verify, str):
            try:
                ssl.create_default_context().load_verify_locations(options.verify)
            except OSError as error:
                msg = f"{options.vendor}.ca_bundle: {options.verify} is not usable: {error}"
                raise ConfigError(msg) from None
        if options.verify is False:
            logger.warning(
                "%s: TLS certificates are not checked (%s.verify_tls is false)",
                options.vendor,
                options.vendor,
            )
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get_json(self, path: str, **kwargs: Unpack[CallOptions]) -> t.Any:  # noqa: ANN401
        """GET a JSON document.

        Args:
            path: Path after the base URL, already percent-encoded; or a whole address.
            **kwargs: See `CallOptions`.

        Returns:
            The parsed body; decimals stay exact.

        Raises:
            DataError: If the answer is not JSON.
            CallError: If the vendor does not answer, or not with success.
            CredentialsError: On 401 and 403.
            MissingResourceError: On 404 and 405, if the path is `optional`.
        """
        return self._run(self._prepare("GET", path, kwargs), parse=True)[1]

    def call(self, method: str, path: str, **kwargs: Unpack[CallOptions]) -> Answer:
        """Make a call and return its answer as it came.

        Args:
            method: HTTP method.
            path: Path after the base URL, already percent-encoded; or a whole address.
            **kwargs: See `CallOptions`.

        Raises:
            CallError: If the vendor does not answer, or not with success.
            CredentialsError: On 401 and 403.
            MissingResourceError: On 404 and 405, if the path is `optional`.
        """
        return self._run(self._prepare(method, path, kwargs), parse=False)[0]

    def _prepare(self, method: str, path: str, options: CallOptions) -> _Call:
        headers = {"Accept": "application/json", **options.get("headers", {})}
        body = options.get("body")
        absolute = path.startswith(("http://", "https://"))
        url = path if absolute else f"{self._base_url}{path}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return _Call(
            where=redact(f"{self.options.vendor}: {method} {url}"),
            address="this address" if absolute else f"{self.options.vendor}.api_url",
            request=requests.Request(
                method,
                url,
                params=options.get("params"),
                data=body,
                headers=headers,
            ),
            auth=options.get("auth", self.auth),
            repeatable=options.get("repeatable", method in _REPEATABLE_METHODS),
            optional=options.get("optional", False),
        )

    def _run(self, call: _Call, *, parse: bool) -> tuple[Answer, t.Any]:
        if self._accepted or self.auth is None or call.auth is not self.auth:
            return self._repeat(call, parse=parse)
        # One at a time until the login has proven good: several bad ones at once may lock it.
        with self._first:
            return self._repeat(call, parse=parse)

    def _repeat(self, call: _Call, *, parse: bool) -> tuple[Answer, t.Any]:
        if self._given_up is not None:
            raise self._given_up
        attempt = waits = 0
        renewed = False
        pauses = backoff.expo(factor=0.5, max_value=_LONGEST_PAUSE)
        next(pauses)  # the generator's first value only starts it
        while True:
            attempt += 1
            try:
                return self._attempt(call, attempt, parse=parse)
            except _FailedAttempt as failed:
                failure, response, cause = failed.failure, failed.response, failed.cause
            rule = policy.decide(failure, self._rules)
            action = rule.action
            if action is Action.REAUTHENTICATE and response is not None and not renewed:
                renewed = call.auth is not None and call.auth.renew(response.request)
                if renewed:
                    continue
            if action is Action.WAIT and waits < WAITS:
                waits += 1
                attempt -= 1
                self.budget.hold(_limit_wait(response, waits), "the vendor limits the rate")
                continue
            if action is Action.RETRY and attempt < rule.attempts:
                pause = backoff.full_jitter(next(pauses))
                if response is not None:
                    pause = max(pause, policy.retry_after(response.headers.get("Retry-After")) or 0)
                logger.info(
                    "%s %s; attempt %d of %d in %.1f s",
                    call.where,
                    failure.status or failure.phase.value,
                    attempt + 1,
                    rule.attempts,
                    pause,
                )
                self.budget.clock.sleep(pause)
                continue
            error = cause or self._refusal(call, failure, action, attempt)
            if failure.phase is Phase.NOT_SENT or (failure.status == _UNAUTHORIZED and not renewed):
                self._give_up(call, failure, error)
            raise error

    def _give_up(self, call: _Call, failure: Failure, error: Exception) -> None:
        """No later call can do better: spare the user the same wait for each of them."""
        ours = call.auth is not None and call.auth is self.auth
        # A login that was accepted before, or just now, is good: this path alone is not granted.
        if failure.phase is Phase.NOT_SENT or (ours and not self._accepted):
            self._given_up = error

    def _attempt(self, call: _Call, attempt: int, *, parse: bool) -> tuple[Answer, t.Any]:
        sending = Sending(self.budget.pace)
        try:
            response = self._send(call, sending)
        except _BAD_URL as error:
            msg = f"{call.address} is not usable: {error}"
            raise ConfigError(redact(msg)) from None
        except requests.RequestException as error:
            raise self._broken(call, error, sending, attempt) from None
        if not _SUCCESS <= response.status_code < _REDIRECT:
            raise _FailedAttempt(call.failure(Phase.ANSWERED, response), response, None)
        self._accepted = self._accepted or call.auth is self.auth
        answer = Answer(response.status_code, response.headers, response.content, attempt)
        if not parse:
            return answer, None
        try:
            return answer, answer.json()
        except ValueError:
            cause = DataError(f"{call.where} answered with {_no_json(answer.body)}")
            raise _FailedAttempt(call.failure(Phase.SENT), response, cause) from None

    def _send(self, call: _Call, sending: Sending) -> requests.Response:
        session = self._session()
        prepared = session.prepare_request(call.request)
        if call.auth is not None:
            # Before taking a place in the budget: the auth may have to make a call of its own.
            try:
                prepared = call.auth(prepared)
            except CredentialsError as error:
                if call.auth is self.auth:
                    self._given_up = error
                raise
        settings = session.merge_environment_settings(
            prepared.url, proxies={}, stream=False, verify=self.options.verify, cert=None
        )
        with self.budget.call(), sending:
            response = session.send(
                prepared,
                timeout=(_CONNECT_SECONDS, self.options.timeout),
                allow_redirects=False,
                **settings,
            )
        if self.options.obey_rate_headers:
            self._obey(response)
        return response

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            for prefix in ("http://", "https://", *self.options.pins):
                pin = self.options.pins.get(prefix)
                session.mount(prefix, WireAdapter(pin, pool_connections=1, pool_maxsize=1))
            session.headers["User-Agent"] = self.options.user_agent
        return session

    def _obey(self, response: requests.Response) -> None:
        remaining = response.headers.get("X-RateLimit-Remaining", "")
        if not remaining.lstrip("-").isdigit():
            return
        self.budget.obey_headers()
        reset = policy.retry_after(response.headers.get("X-RateLimit-Reset"))
        if int(remaining) <= 0 and reset:
            self.budget.hold(reset, "X-RateLimit-Remaining is 0")

    def _broken(
        self, call: _Call, error: requests.RequestException, sending: Sending, attempt: int
    ) -> Exception:
        """An attempt without a complete answer."""
        vendor = self.options.vendor
        phase = Phase.SENT if sending.sent else Phase.NOT_SENT
        if isinstance(error, requests.exceptions.SSLError) and _UNTRUSTED in str(error):
            return ConfigError(
                f"{call.where}: the server's TLS certificate is not trusted; "
                f"set {vendor}.ca_bundle to the authority that signed it ({_root(error)})"
            )
        if isinstance(error, requests.exceptions.SSLError) and _NOT_PINNED in str(error):
            return ConfigError(
                f"{call.where}: the server's TLS certificate is not the one that '{vendor}' pins "
                f"({_root(error)})"
            )
        if phase is Phase.NOT_SENT:
            msg = f"{call.where}: cannot reach the server; check {call.address} ({_root(error)})"
        elif isinstance(error, requests.Timeout):
            seconds = self.options.timeout
            msg = f"{call.where}: no answer within {seconds:g} s ({vendor}.timeout_seconds)"
        else:
            why = _root(error)
            msg = f"{call.where}: the connection broke before the answer was complete ({why})"
        cause = CallError(redact(msg), phase=phase, attempts=attempt)
        return _FailedAttempt(call.failure(phase), None, cause)

    def _refusal(self, call: _Call, failure: Failure, action: Action, attempt: int) -> Exception:
        where, vendor = call.where, self.options.vendor
        if failure.status is not None and _REDIRECT <= failure.status < _CLIENT_ERROR:
            return ConfigError(
                f"{where}: HTTP {failure.status}, the server redirects elsewhere; "
                f"set {call.address} to what it redirects to"
            )
        if action is Action.SKIP:
            return MissingResourceError(
                f"{where}: HTTP {failure.status}, this site has no such path"
            )
        said = " ".join(failure.body.split())[:300]
        if failure.status == _UNAUTHORIZED:
            return CredentialsError(
                f"{where}: HTTP 401, the credentials in '{vendor}' were refused"
            )
        if failure.status == _FORBIDDEN:
            return CredentialsError(
                f"{where}: HTTP 403, the login in '{vendor}' lacks the permission for this: {said}"
            )
        return CallError(
            f"{where}: HTTP {failure.status}: {said}",
            phase=failure.phase,
            status=failure.status,
            body=failure.body,
            attempts=attempt,
        )


class CallOptions(t.TypedDict, total=False):
    """Options of one call.

    Attributes:
        params: Query parameters.
        body: Request body.
        headers: Extra headers.
        auth: Auth other than the transport's own; None for none.
        repeatable: Executing it twice is the same as once (default: True for GET).
        optional: The path is a guess: 404 and 405 raise `MissingResourceError`.
    """

    params: dict[str, str]
    body: bytes
    headers: dict[str, str]
    auth: Auth | None
    repeatable: bool
    optional: bool


@dataclasses.dataclass(frozen=True, slots=True)
class _Call:
    where: str
    address: str
    request: requests.Request
    auth: Auth | None
    repeatable: bool
    optional: bool

    def failure(self, phase: Phase, response: requests.Response | None = None) -> Failure:
        return Failure(
            phase=phase,
            status=None if response is None else response.status_code,
            body="" if response is None else excerpt(response.content),
            repeatable=self.repeatable,
            optional=self.optional,
        )


def excerpt(body: bytes) -> str:
    """The start of a body as text, secrets masked.

    Args:
        body: Raw body.

    Returns:
        At most 2,000 characters.
    """
    return redact(body[: 4 * _EXCERPT].decode("utf-8", "replace"))[:_EXCERPT]


def _no_json(body: bytes) -> str:
    if body.lstrip()[:1] in {b"{", b"["}:
        return f"JSON that breaks off or is malformed ({len(body)} bytes)"  # may hold people's data
    return f"something that is not JSON: {excerpt(body)[:200]!r}"


def _root(error: BaseException) -> str:
    """The innermost reason, without object addresses."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            text = str(error.args[-1]) if error.args else type(error).__name__
            return text.rpartition(">: ")[2] or type(error).__name__
        error = inner


def _limit_wait(response: requests.Response | None, waits: int) -> float:
    told: float | None = None
    if response is not None:
        told = policy.retry_after(response.headers.get("Retry-After"))
        if told is None:
            told = policy.retry_after(response.headers.get("X-RateLimit-Reset"))
    if not told:  # a date that our clock has already passed reads as 0, too
        told = backoff.full_jitter(min(2.0**waits, 60.0))
    return max(told, 0.1)


class _FailedAttempt(Exception):  # noqa: N818 - never leaves this module
    def __init__(
        self, failure: Failure, response: requests.Response | None, cause: Exception | None
    ) -> None:
        super().__init__(failure)
        self.failure = failure
        self.response = response
        self.cause = cause
