"""A server that says bytes, be they HTTP or not."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t

if t.TYPE_CHECKING:
    import ssl

_SECONDS = 5


class Raw(t.NamedTuple):
    """A server that gives every connection the same bytes, and then closes it.

    Attributes:
        port: Of 127.0.0.1.
        received: The request of each connection.
    """

    port: int
    received: list[bytes]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def raw_server(
    answer: bytes | t.Callable[[], t.Iterable[bytes]], context: ssl.SSLContext | None = None
) -> t.Iterator[Raw]:
    """Run a server for 127.0.0.1.

    Args:
        answer: What it says, in one piece or in several.
        context: For TLS.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    raw = Raw(listener.getsockname()[1], [])

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                if context is None:
                    talk(connection)
                else:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        talk(secured)

    def talk(connection: socket.socket) -> None:
        connection.settimeout(_SECONDS)
        if request := whole_request(connection):
            raw.received.append(request)
        for piece in [answer] if isinstance(answer, bytes) else answer():
            connection.sendall(piece)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield raw
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(_SECONDS)


def whole_request(connection: socket.socket) -> bytes:
    """Read a request: a connection that is closed before it is read would be reset.

    Args:
        connection: Nothing was read from it yet.

    Returns:
        Head and body; less of them if the client has gone.
    """
    request = b""
    while not _is_whole(request) and (more := connection.recv(65536)):
        request += more
    return request


def _is_whole(request: bytes) -> bool:
    if request and not request[:1].isalpha():
        return True  # no HTTP; what TLS says first is no longer than what is read at once
    head, found, body = request.partition(b"\r\n\r\n")
    _, _, length = head.lower().partition(b"content-length:")
    return bool(found) and len(body) >= int(length.partition(b"\r\n")[0] or 0)
