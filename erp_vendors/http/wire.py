"""The last step before the wire: paces calls, and knows which of them were sent.

`requests` reports both "never connected" and "sent, answer lost" as one kind of error. Only the
first may be repeated blindly, so the connection itself keeps the record.
"""

from __future__ import annotations

import threading
import typing as t

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.connection import is_connection_dropped

if t.TYPE_CHECKING:
    from requests import Response
    from typing_extensions import Self


class Sending:
    """One attempt of the current thread.

    Attributes:
        sent: True as soon as a byte of the request may have left.
    """

    def __init__(self, pace: t.Callable[[], None]) -> None:
        self.pace = pace
        self.sent = False

    def __enter__(self) -> Self:
        _current.sending = self
        return self

    def __exit__(self, *_: object) -> None:
        _current.sending = None


class _Current(threading.local):
    sending: Sending | None = None


_current = _Current()


def _before_request(connection: HTTPConnection) -> None:
    sending = _current.sending
    if sending is None:
        return
    # Connect first: a slow handshake after the pacing would squeeze calls together.
    if connection.sock is None:
        connection.connect()
    sending.pace()
    if is_connection_dropped(connection):
        connection.close()
        connection.connect()
    sending.sent = True


class _Connection(HTTPConnection):
    def request(self, *args: t.Any, **kwargs: t.Any) -> None:  # noqa: ANN401
        _before_request(self)
        super().request(*args, **kwargs)


class _TlsConnection(HTTPSConnection):
    def request(self, *args: t.Any, **kwargs: t.Any) -> None:  # noqa: ANN401
        _before_request(self)
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class WireAdapter(HTTPAdapter):
    """An adapter whose connections obey `Sending`; it never retries by itself."""

    def __init__(self, fingerprint: str | None = None, **kwargs: t.Any) -> None:  # noqa: ANN401
        """Make an adapter.

        Args:
            fingerprint: SHA-256 of the one certificate to trust, in place of all authorities.
            **kwargs: See `requests.adapters.HTTPAdapter`.
        """
        self._pin: dict[str, t.Any] = {"assert_fingerprint": fingerprint} if fingerprint else {}
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

    def send(self, *args: t.Any, **kwargs: t.Any) -> Response:  # noqa: ANN401
        """Send; a pinned certificate needs no authority, it is known by its fingerprint."""
        if self._pin:
            kwargs["verify"] = False
        return super().send(*args, **kwargs)
