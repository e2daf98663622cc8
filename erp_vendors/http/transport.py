"""The one way in which a call reaches a vendor."""

from __future__ import annotations

import functools
import logging
import math
import re
import ssl
import threading
import typing as t

import backoff
import requests
import urllib3

from erp_vendors.errors import CallError, ConfigError, CredentialsError, Phase
from erp_vendors.http import codec, explain, policy
from erp_vendors.http.address import origin
from erp_vendors.http.body import TooLargeError
from erp_vendors.http.call import Answer, Call, FailedAttempt
from erp_vendors.http.header import UnfitHeaderError
from erp_vendors.http.policy import Action
from erp_vendors.http.redact import redact, secrets_in
from erp_vendors.http.session import HttpSession
from erp_vendors.http.wire import Sending

if t.TYPE_CHECKING:
    from typing_extensions import Unpack

    from erp_vendors.http.auth import Auth
    from erp_vendors.http.budget import Budget
    from erp_vendors.http.call import CallOptions
    from erp_vendors.http.observer import Observer
    from erp_vendors.http.options import TransportOptions

logger = logging.getLogger("erp.http")

WAITS = 50
"""Times a call lets itself be put off by a rate limit before it fails for good."""
PATIENCE = 2 * policy.LONGEST_WAIT
"""Seconds after its first refusal for which a call, a login's included, lets itself be put off."""
LONGEST_ANSWER = 10
"""An answer must be complete within so many times `timeout_seconds`, even if it never pauses for
long: a server that trickles would hold up a run for ever."""
_LONGEST_PAUSE = 30.0
_SUCCESS, _REDIRECT, _CLIENT_ERROR = 200, 300, 400
_UNAUTHORIZED = 401
_NOT_FOUND = frozenset({404, 405})
_SERVER_ERROR = 500
_UNAVAILABLE = 503
_BAD_URL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
)
_HARMLESS = frozenset({"accept", "content-type"})
"""Headers that go to any host; of others nobody knows whether they are credentials."""
_ABSOLUTE = re.compile("https?://", re.IGNORECASE)
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Transport:
    """Makes calls for one vendor account; safe to use from many threads.

    Attributes:
        before_send: Called immediately before each attempt is written to the wire; if it raises,
            nothing is sent, and the call ends with what it raised.
        observer: Told of each attempt and its answer.
        most_attempts: Times that a call is tried at most, whatever its rule allows.
    """

    before_send: t.Callable[[], None] | None = None
    observer: Observer | None = None
    most_attempts: int | None = None

    def __init__(self, options: TransportOptions, budget: Budget, auth: Auth | None = None) -> None:
        self.options = options
        self.budget = budget
        self.auth = auth
        self._base_url = options.base_url.rstrip("/")
        self._own = {origin(address) for address in (options.base_url, *options.trusted)} - {None}
        self._rules = (*options.rules, *policy.RULES)
        self._local = threading.local()
        self.label = options.vendor
        self._given_up: Exception | None = None
        self._found = False  # whether a path of `base_url` was answered other than by 404
        self._sessions: list[HttpSession] = []
        if isinstance(options.verify, str):
            try:
                ssl.create_default_context().load_verify_locations(options.verify)
            except OSError as error:
                msg = f"{options.vendor}.ca_bundle: {options.verify} is not usable: {error}"
                raise ConfigError(msg) from None
        if options.verify is False:
            where = options.vendor
            logger.warning(
                "%s: TLS certificates are not checked (%s.verify_tls is false)", where, where
            )
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def get_json(self, path: str, **kwargs: Unpack[CallOptions]) -> t.Any:  # noqa: ANN401
        """GET a JSON document.

        Args:
            path: As for `call`.
            **kwargs: As for `call`.

        Returns:
            The parsed body; decimals stay exact. An answer without content is the empty list.

        Raises:
            DataError: If the answer is not JSON.
            ErpError: As `call`.
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

    def close(self) -> None:
        """Close the connections of all threads; a later call opens new ones."""
        for session in self._sessions:
            session.close()

    def trust(self, address: str) -> None:
        """Let the host of an address get credentials as `base_url` does.

        Args:
            address: One that a trusted host has named for this purpose. Credentials in it are
                masked from now on.
        """
        redact.add(*secrets_in(address))
        self._own |= {origin(address)} - {None}

    def _prepare(self, method: str, path: str, options: CallOptions) -> Call:
        body = options.get("body")
        absolute = _ABSOLUTE.match(path) is not None
        if not absolute and not path.startswith("/"):
            path = f"/{path}"  # or else it could go on with the name of the host
        # A path of the settings, or a link of the vendor's, may lead anywhere.
        elsewhere = absolute and origin(path) not in self._own
        given = options.get("headers", {})
        if elsewhere:
            given = {name: value for name, value in given.items() if name.lower() in _HARMLESS}
        headers = {"Accept": "application/json", **given}
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        return Call(
            vendor=self.options.vendor,
            address="this address" if absolute else f"{self.options.vendor}.api_url",
            method=method.upper(),
            url=path if absolute else f"{self._base_url}{path}",
            params=options.get("params") or {},
            headers=headers,
            body=body,
            auth=None if elsewhere else options.get("auth", self.auth),
            repeatable=options.get("repeatable", method in _REPEATABLE_METHODS),
            optional=options.get("optional", False),
            into=options.get("into"),
            elsewhere=elsewhere,
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
        call: Call | None = getattr(self._local, "call", None)
        return redact(f"{call.method} {call.url}") if call else ""

    def _run(self, call: Call, *, parse: bool) -> tuple[Answer, t.Any]:
        try:
            return self._repeat(call, parse=parse)
        finally:
            self._local.call = call  # last, as its authentication may have made calls inside it

    def _repeat(self, call: Call, *, parse: bool) -> tuple[Answer, t.Any]:
        attempt = waits = 0
        patient_until = math.inf
        login = None
        if call.auth is not None:
            refused = functools.partial(self._refused, call)
            login = call.auth.login.begin(self._is_refusal, refused)
        pauses = backoff.expo(factor=0.5, max_value=_LONGEST_PAUSE)
        next(pauses)  # the generator's first value only starts it
        while True:
            attempt += 1
            try:
                send = functools.partial(self._attempt, call, attempt, parse=parse)
                return send() if login is None else login.attempt(send)
            except FailedAttempt as failed:
                failure, response, cause = failed.failure, failed.response, failed.cause
            rule = policy.decide(failure, self._rules)
            action = rule.action
            if action is Action.WAIT and waits < WAITS and self.budget.clock.now() < patient_until:
                if not waits:
                    patient_until = self.budget.clock.now() + PATIENCE
                waits += 1
                attempt -= 1
                continue  # the budget was told by `_heed` and makes all calls wait
            most = min(rule.attempts, self.most_attempts or rule.attempts)
            if action is Action.RETRY and attempt < most:
                pause = backoff.full_jitter(next(pauses))
                if response is not None:
                    pause = max(pause, policy.retry_after(response.headers.get("Retry-After")) or 0)
                logger.info(
                    "%s %s; attempt %d of %d in %.1f s",
                    call.where, failure.status or failure.phase.value, attempt + 1, most, pause,
                )  # fmt: skip
                self.budget.clock.sleep(pause)
                continue
            error = cause or explain.refused(call, failure, action, attempt, lost=not self._found)
            if failure.phase is Phase.NOT_SENT:
                self._given_up = error  # every later call would run into it: none waits again
            raise error

    def _is_refusal(self, error: Exception) -> bool:
        """Whether an attempt was answered with a status that may mean the end of the login."""
        if not isinstance(error, FailedAttempt):
            return False
        return policy.decide(error.failure, self._rules).action is Action.REAUTHENTICATE

    def _refused(self, call: Call, error: Exception) -> None:
        """Find out what a refusal is about; that of credentials is kept for all later calls."""
        failed = t.cast("FailedAttempt", error)
        failure = failed.failure
        login = None if self.auth is None or call.auth is not self.auth else self.auth.login
        if failure.status != _UNAUTHORIZED or login is None:
            return
        if self._is_login_good(call):
            failed.cause = explain.not_granted(call, failure)
        # Credentials that were accepted before are good, and so is the token of a login: then this
        # path alone is not granted to them.
        elif login.is_fixed and not login.accepted:
            self._given_up = explain.refused(call, failure, Action.REAUTHENTICATE, 1)

    def _is_login_good(self, call: Call) -> bool:
        """Whether the vendor takes the login of a refused call where no permission is needed."""
        check = self.options.login_check
        if not check or call.url == f"{self._base_url}{check}":
            return False
        try:
            self._run(self._prepare("GET", check, {}), parse=False)
        except (CallError, ConfigError, CredentialsError):  # but not a run that is to stop
            return False
        return True

    def _attempt(
        self, call: Call, attempt: int, credentials: object = None, *, parse: bool
    ) -> tuple[Answer, t.Any]:
        if attempt == 1 and self._given_up is not None:
            raise self._given_up
        sending = Sending(self.budget.pace, self.longest_attempt, self.before_send)
        try:
            response = self._send(call, sending, credentials)
        except _BAD_URL as error:
            msg = f"{call.address} is not usable: {error}"
            raise ConfigError(redact(msg)) from None
        except UnfitHeaderError as error:
            raise explain.unfit_header(call, str(error)) from None
        except TooLargeError:
            # Another attempt would end the same way. Whether a write has worked is unknown.
            msg = explain.too_large(call, self.options.max_answer_bytes)
            raise CallError(msg, phase=Phase.SENT, attempts=attempt) from None
        except requests.RequestException as error:
            raise self._broken(call, error, sending, attempt) from None
        if response.status_code not in _NOT_FOUND and call.url.startswith(self._base_url):
            self._found = True
        return self._answer(call, attempt, response, parse=parse)

    def _answer(
        self, call: Call, attempt: int, response: requests.Response, *, parse: bool
    ) -> tuple[Answer, t.Any]:
        """The answer to an attempt, and what it holds; what is no success fails the attempt."""
        if not _SUCCESS <= response.status_code < _REDIRECT:
            raise FailedAttempt(call.failure(Phase.ANSWERED, response), response, None)
        if (why := explain.unfit(call, response.status_code)) is not None:
            unfit = CallError(why, phase=Phase.SENT, attempts=attempt)
            raise FailedAttempt(call.failure(Phase.SENT, response), response, unfit)
        answer = Answer(response.status_code, response.headers, response.content, attempt)
        if not parse:
            return answer, None
        if answer.has_no_content:
            return answer, []
        try:
            return answer, answer.json()
        except ValueError as error:
            cause = explain.not_json(call, answer.body, error)
            raise FailedAttempt(call.failure(Phase.SENT), response, cause) from None

    def _send(self, call: Call, sending: Sending, credentials: object) -> requests.Response:
        if self.observer is not None:
            self.observer.sending(call)
        session = self._session()
        prepared = session.prepare(
            call.method, call.url, call.params, call.headers, call.body, cookies=not call.elsewhere
        )
        if call.auth is not None:
            prepared = call.auth.sign(prepared, credentials)
        with self.budget.call(), sending:
            response = session.send(prepared, call.into)
            if sending.expired:  # the end of the connection may look like the end of the answer
                raise requests.ReadTimeout
            if self.observer is not None:
                self.observer.answered(call, response, sending.elapsed)
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
                max_bytes=self.options.max_answer_bytes,
            )
            self._sessions.append(session)
        return session

    def _heed(self, call: Call, response: requests.Response) -> None:
        """Tell the budget what an answer says about the vendor's limits, before others call."""
        headers = response.headers
        reset = policy.reset_after(headers.get("X-RateLimit-Reset"))
        remaining = headers.get("X-RateLimit-Remaining", "")
        left = codec.count_of(remaining.removeprefix("-"))
        if self.options.obey_rate_headers and left is not None:
            self.budget.obey_headers(0 if remaining.startswith("-") else left, reset)
        if response.status_code >= _CLIENT_ERROR:
            rule = policy.decide(call.failure(Phase.ANSWERED, response), self._rules)
            told = policy.retry_after(headers.get("Retry-After"))
            if rule.action is Action.WAIT:
                self.budget.limited(told or reset)
                return
            if response.status_code == _UNAVAILABLE and told:
                # The whole service is unavailable for that time, and not this path alone.
                self.budget.hold_all(told, "the vendor is not available")
        if response.status_code < _SERVER_ERROR:
            self.budget.answered()

    def _broken(
        self, call: Call, error: requests.RequestException, sending: Sending, attempt: int
    ) -> Exception:
        """An attempt without a complete answer."""
        if (refused := explain.certificate_refused(call, error)) is not None:
            return refused
        phase = Phase.SENT if sending.sent else Phase.NOT_SENT
        if self.observer is not None:
            self.observer.broken(call, sending.elapsed)
        if phase is Phase.NOT_SENT:
            msg = explain.unreachable(call, error)
        elif sending.expired:
            msg = explain.late(call, self.longest_attempt, "whole answer")
        elif isinstance(error, requests.Timeout):
            self.budget.timed_out()
            msg = explain.late(call, self.options.timeout, "answer")
        else:
            msg = explain.broken(call, error)
        cause = CallError(redact(msg), phase=phase, attempts=attempt)
        return FailedAttempt(call.failure(phase), None, cause)
