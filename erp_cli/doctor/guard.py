"""Lets an examination make reads alone, and no more than it may; keeps what was asked and said."""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import threading
import time
import typing as t
import urllib.parse

from erp_cli.doctor.examiner import NoCallsLeftError
from erp_vendors.errors import ErpError
from erp_vendors.http.call import excerpt
from erp_vendors.http.redact import redact

if t.TYPE_CHECKING:
    import requests

    from erp_vendors.http.call import Call

_READS = frozenset({"GET", "HEAD"})


class NotAReadError(ErpError):
    """An examination was about to make a call that may change something."""


@dataclasses.dataclass(slots=True)
class Exchange:
    """A call and its answer.

    Attributes:
        method: HTTP method.
        url: Address, secrets masked.
        status: HTTP status; None if there was no answer.
        body: The answer's text, secrets masked, at most 2,000 characters.
        seconds: Time until the whole answer was there.
    """

    method: str
    url: str
    status: int | None = None
    body: str = ""
    seconds: float = 0.0


class CallGuard:
    """Observes the transport of one vendor.

    Attributes:
        exchanges: The calls so far, in the order in which they were sent.
        clock_ahead: Seconds by which the vendor's clock was ahead of this machine's, from the
            newest answer that had a date; None without one.
    """

    def __init__(self, logins: t.Collection[str], most: int) -> None:
        """Make a guard.

        Args:
            logins: Ends of the paths, in lower case, of the calls that log in: POSTs to them are
                let through, and of their answers nothing is kept.
            most: Number of calls that are let through.
        """
        self._logins = tuple(logins)
        self._most = most
        self._lock = threading.Lock()
        self._local = threading.local()
        self.exchanges: list[Exchange] = []
        self.clock_ahead: float | None = None

    def sending(self, call: Call) -> None:
        """Count a call.

        Raises:
            NotAReadError: If it is neither a read nor a login.
            NoCallsLeftError: If it is one too many.
        """
        if call.method not in _READS and not (call.method == "POST" and self._is_login(call)):
            msg = f"the doctor only reads, and makes no {call.method} {redact(call.url)}"
            raise NotAReadError(msg)
        with self._lock:
            if len(self.exchanges) >= self._most:
                msg = f"{self._most} calls were made, and no more may be (--max-calls)"
                raise NoCallsLeftError(msg)
            exchange = Exchange(call.method, redact(_address(call)))
            self.exchanges.append(exchange)
        self._local.exchange, self._local.began = exchange, time.monotonic()

    def answered(self, call: Call, response: requests.Response) -> None:
        """Keep what was answered."""
        exchange: Exchange = self._local.exchange
        exchange.status = response.status_code
        exchange.seconds = time.monotonic() - self._local.began
        # A login's answer is a secret as a whole.
        exchange.body = "" if self._is_login(call) else excerpt(response.content)
        told = _moment(response.headers.get("Date"))
        if told is not None:
            # The header has whole seconds, cut off.
            self.clock_ahead = told - time.time() + 0.5

    def _is_login(self, call: Call) -> bool:
        path = urllib.parse.urlsplit(call.url).path.rstrip("/").lower()
        return path.endswith(self._logins)

    @property
    def calls(self) -> int:
        """Number of calls that were made."""
        return len(self.exchanges)

    @property
    def left(self) -> int:
        """Number of calls that may still be made."""
        return self._most - len(self.exchanges)


def _address(call: Call) -> str:
    return f"{call.url}?{urllib.parse.urlencode(call.params)}" if call.params else call.url


def _moment(header: str | None) -> float | None:
    if not header:
        return None
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)).timestamp()
