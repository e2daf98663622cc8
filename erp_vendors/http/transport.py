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
from erp_vendors.http.session import HttpSession
from erp_vendors.http.wire import Sending

if t.TYPE_CHECKING:
    from requests.structures import CaseInsensitiveDict
    from typing_extensions import Unpack

    from erp_vendors.http.auth import Auth
    from erp_vendors.http.budget import Budget

logger = logging.getLogger("erp.http")

WAITS = 50
"""Times a call lets itself be put off by a rate limit before it fails for good."""
LONGEST_ANSWER = 10
"""An answer must be complete within so many times `timeout_seconds`, even if it never pauses for
long: a server that trickles would hold up a run for ever."""
_LONGEST_PAUSE = 30.0
_EXCERPT = 2000
_SUCCESS = 200
_REDIRECT = 300
_CLIENT_ERROR = 400
_FORBIDDEN = 403
_UNAUTHORIZED = 401
_SERVER_ERROR = 500
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
    """Makes calls for one vendor account; safe to use from many threads.

    Attributes:
        before_send: Called immediately before each attempt is written to the wire; if it raises,
            nothing is sent, and the call ends with what it raised.
    """

    before_send: t.Callable[[], None] | None = None

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
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return _Call(
            vendor=self.options.vendor,
            address="this address" if absolute else f"{self.options.vendor}.api_url",
            method=method.upper(),
            url=path if absolute else f"{self._base_url}{path}",
            params=options.get("params") or {},
            headers=headers,
            body=body,
            auth=options.get("auth", self.auth),
            repeatable=options.get("repeatable", method in _REPEATABLE_METHODS),
            optional=options.get("optional", False),
        )

    @property
    def longest_attempt(self) -> float:
        """Seconds after which an attempt is ended that has no whole answer by then."""
        return LONGEST_ANSWER * self.options.timeout

    @property
    def last_request(self) -> str:
        """Method and address of the current thread's last call, secrets masked.

        A call that another one had to make first, for its authentication, does not count.
        """
        call: _Call | None = getattr(self._local, "call", None)
        return redact(f"{call.method} {call.url}") if call else ""

    def _run(self, call: _Call, *, parse: bool) -> tuple[Answer, t.Any]:
        try:
            if self._accepted or self.auth is None or call.auth is not self.auth:
                return self._repeat(call, parse=parse)
            # One at a time until the login has proven good: several bad ones at once may lock it.
            with self._first:
                return self._repeat(call, parse=parse)
        finally:
            self._local.call = call  # last, as its authentication may have made calls inside it

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
                continue  # the budget knows already, and holds all calls
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
        sending = Sending(self.budget.pace, self.longest_attempt, self.before_send)
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
        prepared = session.prepare(call.method, call.url, call.params, call.headers, call.body)
        if call.auth is not None:
            # Before taking a place in the budget: the auth may have to make a call of its own.
            try:
                prepared = call.auth(prepared)
            except CredentialsError as error:
                if call.auth is self.auth:
                    self._given_up = error
                raise
        with self.budget.call(), sending:
            response = session.send(prepared)
            if sending.expired:  # the end of the connection may look like the end of the answer
                raise requests.ReadTimeout
            self._heed(call, response)
        return response

    def _session(self) -> HttpSession:
        session: HttpSession | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = HttpSession(
                user_agent=self.options.user_agent,
                timeout=self.options.timeout,
                verify=self.options.verify,
                pins=self.options.pins,
            )
        return session

    def _heed(self, call: _Call, response: requests.Response) -> None:
        """Tell the budget what an answer says about the vendor's limits, before others call."""
        headers = response.headers
        reset = policy.reset_after(headers.get("X-RateLimit-Reset"))
        remaining = headers.get("X-RateLimit-Remaining", "")
        if self.options.obey_rate_headers and remaining.lstrip("-").isdigit():
            self.budget.obey_headers(int(remaining), reset)
        if response.status_code >= _CLIENT_ERROR:
            rule = policy.decide(call.failure(Phase.ANSWERED, response), self._rules)
            if rule.action is Action.WAIT:
                told = policy.retry_after(headers.get("Retry-After"))
                self.budget.limited(told or reset)
                return
        if response.status_code < _SERVER_ERROR:
            self.budget.answered()

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
        elif sending.expired:
            seconds = self.longest_attempt
            msg = f"{call.where}: no whole answer within {seconds:g} s ({vendor}.timeout_seconds)"
        elif isinstance(error, requests.Timeout):
            self.budget.timed_out()
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


class _Call(t.NamedTuple):
    vendor: str
    address: str
    method: str
    url: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes | None
    auth: Auth | None
    repeatable: bool
    optional: bool

    @property
    def where(self) -> str:
        return redact(f"{self.vendor}: {self.method} {self.url}")

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


class _FailedAttempt(Exception):  # noqa: N818 - never leaves this module
    def __init__(
        self, failure: Failure, response: requests.Response | None, cause: Exception | None
    ) -> None:
        super().__init__(failure)
        self.failure = failure
        self.response = response
        self.cause = cause
