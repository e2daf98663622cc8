"""The way to a shop's own server: discovery, login, and the four headers (aim.md 1 and 2)."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import typing as t

from erp_vendors.aim.answers import Kind, OperationError, decode, kind_of, refusal
from erp_vendors.errors import CallError, ConfigError, CredentialsError, DataError
from erp_vendors.http import codec
from erp_vendors.http.header import UNFIT, is_header
from erp_vendors.http.login import Grant, Login
from erp_vendors.http.redact import redact
from erp_vendors.http.xmldoc import is_xml

if t.TYPE_CHECKING:
    from typing_extensions import Unpack

    from erp_vendors.aim.answers import Body
    from erp_vendors.http import Answer, Transport
    from erp_vendors.http.call import CallOptions
    from erp_vendors.schemas import Schema
    from erp_vendors.settings import Block

_ACCEPT = {"json": "application/json", "xml": "application/xml"}
_API = re.compile(r"/api$", re.IGNORECASE)
_BUSY_ATTEMPTS = 3
"""Times a call is made that the server says it is too busy for (aim.md 5.1, OBS)."""
_READS = 4
"""Times a repeatable call is made whose answer cannot be read."""
_NOT_FOUND = 404
_SERVER_ERROR = 500


Result = t.TypeVar("Result")
logger = logging.getLogger("erp.aim")


class AimSession(t.NamedTuple):
    """A login at the shop's server.

    Attributes:
        base_url: Address that `/<Operation>` is appended to.
        headers: What every call carries.
    """

    base_url: str
    headers: dict[str, str]


class Sessions:
    """Finds the shop's server and logs in: once per run, and again when the token dies."""

    def __init__(self, block: Block, transport: Transport) -> None:
        self._transport = transport
        api_key, self._app_id, self._username, self._password = block.require(
            "api_key", "app_id", "username", "password"
        )
        redact.add(api_key, self._password)
        for name, value in (("api_key", api_key), ("app_id", self._app_id)):
            if not is_header(value):
                msg = f"aim.{name} {UNFIT}"
                raise ConfigError(msg)
        self._central = str(block.get("api_url")).rstrip("/")
        self._headers = {
            "Accept": _ACCEPT[block.get("format")],
            "APIKey": api_key,
            "AppId": self._app_id,
        }
        self._login: Login[AimSession] = Login(self._open)

    def current(self) -> AimSession:
        """The session; the first thread that needs one logs in.

        Raises:
            CredentialsError: If the central host or the shop refuses the login.
            ErpError: If a call fails.
        """
        return self._login.current()

    def logged_in(
        self, call: t.Callable[[AimSession], Result], *, repeatable: bool = True
    ) -> Result:
        """Make a call with this login, or with a new one if it has ended.

        Args:
            call: Makes the call.
            repeatable: Executing it twice is the same as once.

        Returns:
            What the call gives.

        Raises:
            ErpError: As the call does.
        """

        def refuses(error: Exception) -> bool:
            return (
                isinstance(error, (CallError, CredentialsError))
                and kind_of(error) is Kind.TOKEN
                and (repeatable or not _executed(error))
            )

        login = self._login.begin(refuses)
        for attempt in itertools.count(1):
            try:
                return login.attempt(call)
            except OperationError as error:
                busy = kind_of(error) is Kind.BUSY and repeatable
                if not busy or attempt >= _BUSY_ATTEMPTS:
                    raise
                self._transport.budget.clock.sleep(2.0 ** (attempt - 1))
        raise AssertionError  # the loop has no end

    def exchange(
        self, method: str, url: str, schema: Schema | None = None, **options: Unpack[CallOptions]
    ) -> Body:
        """Make one call that may be repeated, and read its answer.

        Args:
            method: HTTP method.
            url: Whole address.
            schema: JSON schema of the answer, for XML.
            **options: See `CallOptions`.

        Returns:
            The answer's members.

        Raises:
            OperationError: If the answer is an error inside HTTP 200.
            DataError: If it cannot be read.
            CallError: If the call fails, or its answer is lost.
            CredentialsError: On 401 and 403.
            MissingResourceError: On 404 and 405, if `optional`.
        """
        where = redact(f"aim: {method} {url}")
        for attempt in itertools.count(1):
            answer = self._transport.call(method, url, **options)
            if answer.has_no_content:
                return {"": []}
            try:
                members = decode(answer.body, schema)
            except ValueError as error:
                if attempt == _READS:
                    msg = (
                        f"{where} answered with neither JSON nor XML that can be read ({error}): "
                        f"{answer.text[:200]!r}"
                    )
                    raise DataError(msg) from None
                self._transport.budget.clock.sleep(attempt / 2)
                continue
            _check(where, answer, members)
            return members
        raise AssertionError  # the loop has no end

    def raw(self, operation: str, accept: str, params: t.Mapping[str, str]) -> Answer:
        """Make a call once, and give its answer as it came.

        Args:
            operation: Operation, as in `GetLocations`.
            accept: MIME type that is asked for.
            params: Request members.

        Raises:
            CallError: If the call fails.
            CredentialsError: If the login is refused, or the call with 401 or 403.
        """
        session = self.current()
        return self._transport.call(
            "GET",
            f"{session.base_url}/{operation}",
            headers={**session.headers, "Accept": accept},
            params=dict(params),
            repeatable=False,
        )

    def write(self, method: str, url: str, **options: Unpack[CallOptions]) -> Answer:
        """Make one call that changes something; what its answer means is not judged here.

        Args:
            method: HTTP method.
            url: Whole address.
            **options: See `CallOptions`.

        Returns:
            The answer; one in XML comes as the JSON that stands for the same.

        Raises:
            OperationError: If the answer is a refusal inside HTTP 200.
            CallError: If the call fails, or its answer is lost.
            CredentialsError: On 401 and 403.
        """
        answer = self._transport.call(method, url, **options)
        try:
            members = decode(answer.body)
        except ValueError:
            return answer
        _check(redact(f"aim: {method} {url}"), answer, members)
        if not is_xml(answer.body):
            return answer
        return dataclasses.replace(answer, body=codec.encode(members.get("", members)))

    def _open(self, previous: AimSession | None) -> Grant[AimSession]:
        if previous is not None:
            logger.info("aim: the login has ended; logging in again")
        return Grant(self._log_in(*self._discover()))

    def _discover(self) -> tuple[str, str]:
        """The shop's address and the OAuth token (GetEndPoint, 8.1)."""
        url = f"{self._central}/GetEndPoint"
        answer = self._ask("GET", url, "aim.api_key and aim.app_id", self._headers)
        domain = _base_url(answer.get("NewEndpointDomain") or answer.get("NewEndpoint"))
        if domain is None:
            msg = (
                f"aim: {redact(url)} names no server for this shop; check aim.api_key and "
                "aim.app_id, or ask Tri-Tech"
            )
            raise CredentialsError(msg)
        return domain, _token(answer, "OAuthToken", url)

    def _log_in(self, domain: str, oauth_token: str) -> AimSession:
        headers = {**self._headers, **({"OAuthToken": oauth_token} if oauth_token else {})}
        # Query parameters and an empty body, as all clients do (2, OBS).
        params = {
            "AppId": self._app_id,
            "UserName": self._username,
            "Password": self._password,
        }
        self._transport.trust(domain)
        url = f"{domain}/Security"
        answer = self._ask("POST", url, "aim.username and aim.password", headers, params)
        token = _token(answer, "Token", url)
        if not token:
            msg = f"aim: {redact(url)} gave no Token; check aim.username and aim.password"
            raise CredentialsError(msg)
        # The login may name a newer token and address than the discovery did (2, INF).
        newer = _token(answer, "OAuthToken", url)
        if newer:
            headers["OAuthToken"] = newer
        moved = _text(answer.get("Domain"))
        if moved.startswith(("http://", "https://")):
            domain = _base_url(moved) or domain
            self._transport.trust(domain)
        return AimSession(domain, {**headers, "Token": token})

    def _ask(
        self,
        method: str,
        url: str,
        settings: str,
        headers: dict[str, str],
        params: dict[str, str] | None = None,
    ) -> Body:
        """Make a call of the login; if the server refuses it, it refuses the credentials."""
        try:
            return self.exchange(method, url, headers=headers, params=params or {}, repeatable=True)
        except CredentialsError as error:
            msg = f"{error}; check {settings}"
            raise CredentialsError(msg) from None
        except CallError as error:
            status = error.status or _SERVER_ERROR
            if status >= _SERVER_ERROR or status == _NOT_FOUND or kind_of(error) is Kind.BUSY:
                raise
            msg = f"{error}; check {settings}"
            raise CredentialsError(msg) from None


def _check(where: str, answer: Answer, members: Body) -> None:
    """Raise what an answer says it refuses."""
    refused = refusal(members)
    if refused is not None:
        code, said = map(redact, refused)
        raise OperationError(where, code, said, body=answer.text, status=answer.status)


def _executed(error: CallError | CredentialsError) -> bool:
    """Whether a call that failed may have been executed all the same."""
    if isinstance(error, CredentialsError):
        return False
    return error.status is None or error.status >= _SERVER_ERROR


def _base_url(domain: object) -> str | None:
    """The address of the operations at a shop's server, however the domain is written (1)."""
    text = _text(domain).rstrip("/")
    if not text:
        return None
    if "://" not in text:
        text = f"https://{text}"
    return f"{_API.sub('', text).rstrip('/')}/api"


def _token(answer: Body, name: str, url: str) -> str:
    """A token of a login's answer; empty if there is none.

    Raises:
        CredentialsError: If no header can carry it.
    """
    token = _text(answer.get(name))
    redact.add(token)
    if not is_header(token):
        msg = f"aim: {redact(url)} gave a {name} that {UNFIT}"
        raise CredentialsError(msg)
    return token


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
