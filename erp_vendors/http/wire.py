"""The last step before the wire: paces calls, and knows which of them were sent.

`requests` reports both "never connected" and "sent, answer lost" as one kind of error. Only the
first may be repeated blindly, so the connection itself keeps the record.

What is done here for speed is part of the figure in `session`, and says so where it is done.
"""

from __future__ import annotations

import http.client
import math
import re
import threading
import time
import typing as t

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import is_connection_dropped

from erp_vendors.http.watch import watch

if t.TYPE_CHECKING:
    import socket

    from requests import PreparedRequest, Response
    from typing_extensions import Self


MOST_INTERIM = 20
"""Interim answers (RFC 9110, 15.2) before the final one that are skipped."""
_INTERIM = frozenset({100, *range(102, 200)})
"""101 is none: what follows it is not HTTP, and no call asks for that."""
_FINAL = range(200, 600)
_LENGTH = re.compile(r"[ \t]*[0-9]{1,18}[ \t]*")


class Sending:
    """One attempt of the current thread.

    Attributes:
        sent: True as soon as a byte of the request may have left.
        sock: The socket through which it left; None before that.
        until: Monotonic time in seconds until which there must be a whole answer.
        expired: Whether it was ended because there was no whole answer by then.
    """

    def __init__(
        self,
        pace: t.Callable[[], bool],
        seconds: float,
        before: t.Callable[[], None] | None = None,
    ) -> None:
        """Make an attempt.

        Args:
            pace: Waits for the call's turn and tells whether that took any time.
            seconds: Time in which the whole answer must arrive, from the moment of sending.
            before: Called immediately before the request is sent; if it raises, nothing is sent.
        """
        self.pace = pace
        self._before = before
        self.seconds = seconds
        self.sent = False
        self.sock: socket.socket | None = None
        self.until = math.inf
        self.expired = False

    def __enter__(self) -> Self:
        _current.sending = self
        watch.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        watch.remove()
        _current.sending = None

    def begins(self, sock: socket.socket | None) -> None:
        """Note that the request is sent now."""
        if self._before is not None:
            self._before()
        self.until = time.monotonic() + self.seconds
        self.sock = sock
        self.sent = True

    @property
    def elapsed(self) -> float:
        """Seconds since the request was sent; 0 if it was not."""
        return time.monotonic() + self.seconds - self.until if self.sent else 0.0


class _Current(threading.local):
    sending: Sending | None = None


_current = _Current()


class _Lines:
    """Reads the start of an answer line by line, and keeps the last line."""

    def __init__(self, source: t.Any) -> None:  # noqa: ANN401 - a socket's file
        self._source = source
        self.close = source.close
        self.last = b""

    def readline(self, limit: int) -> bytes:
        self.last = self._source.readline(limit)
        return self.last


class _Whole(http.client.HTTPResponse):
    """Takes nothing for the answer to a call that is not one.

    The standard library takes a break among the headers for their end, a length that is no number
    for none, and every interim answer but 100 for the final one: the final one would then be taken
    for the answer to the connection's next call.
    """

    def _read_status(self) -> tuple[str, int, str]:
        """The status line of the final answer; guarded by tests, as its name is not public.

        Raises:
            http.client.HTTPException: If there is none that can be understood.
        """
        for _ in range(MOST_INTERIM + 1):
            found: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
            status = found[1]
            if status in _FINAL:
                return found
            if status not in _INTERIM:
                msg = f"nobody can tell what its status {status} means"
                raise http.client.HTTPException(msg)
            http.client.parse_headers(self.fp)
        msg = f"there are more than {MOST_INTERIM} interim answers before it"
        raise http.client.HTTPException(msg)

    def begin(self, **kwargs: t.Any) -> None:  # noqa: ANN401 - later Pythons have some
        source = self.fp
        self.fp = lines = t.cast("t.Any", _Lines(source))
        try:
            super().begin(**kwargs)
        finally:
            if self.fp is lines:  # the base class sets None where no body can follow
                self.fp = source
        if lines.last.strip(b"\r\n") or not lines.last:
            msg = "Remote end closed connection within the headers"
            raise http.client.RemoteDisconnected(msg)
        if self.length is None and not self.chunked:
            lengths = ",".join(self.headers.get_all("Content-Length", ["0"])).split(",")
            if not all(_LENGTH.fullmatch(length) for length in lengths):
                msg = "its length is no number"
                raise http.client.HTTPException(msg)


class _Paced(HTTPConnection):
    """Waits for its turn before it sends a request, and notes when the first byte leaves."""

    response_class = _Whole
    _unsent: Sending | None = None

    def request(self, *args: t.Any, **kwargs: t.Any) -> None:  # noqa: ANN401
        sending = _current.sending
        if sending is not None:
            # Connect first: a slow handshake after the pacing would squeeze calls together.
            if self.sock is None:
                self.connect()
            if sending.pace() and is_connection_dropped(self):
                self.close()
                self.connect()
        self._unsent = sending
        super().request(*args, **kwargs)

    def send(self, data: t.Any) -> None:  # noqa: ANN401
        if self._unsent is not None:
            sending, self._unsent = self._unsent, None
            sending.begins(self.sock)
        super().send(data)


class _TlsPaced(_Paced, HTTPSConnection):
    pass


class _PacedPool(HTTPConnectionPool):
    ConnectionCls = _Paced


class _PacedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsPaced


_POOLS = {"http": _PacedPool, "https": _PacedTlsPool}


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    return "/".join(address.split("/", 3)[:3])


class WireAdapter(HTTPAdapter):
    """An adapter whose connections obey `Sending`; it never retries by itself."""

    def __init__(self, fingerprint: str | None = None, **kwargs: t.Any) -> None:  # noqa: ANN401
        """Make an adapter.

        Args:
            fingerprint: SHA-256 of the one certificate to trust, in place of all authorities.
            **kwargs: See `requests.adapters.HTTPAdapter`.
        """
        self._pin: dict[str, t.Any] = {"assert_fingerprint": fingerprint} if fingerprint else {}
        self._origin = ""
        self._pool: t.Any = None
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:  # noqa: ANN401
        """Use our connections."""
        super().init_poolmanager(*args, **{**kwargs, **self._pin})
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:  # noqa: ANN401
        """Use our connections behind a proxy, too."""
        manager = super().proxy_manager_for(proxy, **{**kwargs, **self._pin})
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        *args: t.Any,  # noqa: ANN401
        **kwargs: t.Any,  # noqa: ANN401
    ) -> t.Any:  # noqa: ANN401
        """The pool of connections to an address; the last one is kept.

        For speed, 20% (decision 0011; benchmark `writes_speed`): a thread calls one address again
        and again, and the look-up costs more than the comparison. It may go with `session`.
        """
        origin = origin_of(t.cast("str", request.url))
        if self._pool is None or origin != self._origin:
            self._pool = super().get_connection_with_tls_context(request, *args, **kwargs)
            self._origin = origin
        return self._pool

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._pool is not None:
            self._pool.close()
            self._pool, self._origin = None, ""
        super().close()

    def send(self, *args: t.Any, **kwargs: t.Any) -> Response:  # noqa: ANN401
        """Send; a pinned certificate is known by its fingerprint and needs no authority."""
        if self._pin:
            kwargs["verify"] = False
        return super().send(*args, **kwargs)
