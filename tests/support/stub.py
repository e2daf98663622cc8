"""A scripted HTTP server on loopback, for tests of single calls and faults."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import socket
import struct
import threading
import time
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass(frozen=True)
class Request:
    """What the server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What the server does: answer, or break off."""

    status: int = 200
    body: t.Any = b""
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    cut: t.Literal["", "before", "half"] = ""
    delay: float = 0.0

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Script = t.Callable[[Request], Reply]


class Stub:
    """A running server and what it has received."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle_one_request()

            def log_message(self, *_: object) -> None:
                pass

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    self.command,
                    self.path,
                    dict(self.headers.items()),
                    self.rfile.read(length),
                    time.monotonic(),
                )
                stub.serve(self, request)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def serve(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        with self._lock:
            self.requests.append(request)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            reply = self.script(request)
            time.sleep(reply.delay)
        finally:
            with self._lock:
                self.in_flight -= 1
        if reply.cut == "before":
            _reset(handler)
            return
        raw = reply.raw
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        if reply.cut == "half":
            handler.wfile.write(raw[: len(raw) // 2])
            handler.wfile.flush()
            _reset(handler)
            return
        handler.wfile.write(raw)

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]

    def most_in_a_second(self) -> int:
        times = [request.at for request in self.requests]
        return max(
            (sum(start <= at < start + 1 for at in times[i:]) for i, start in enumerate(times)),
            default=0,
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _reset(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection with a TCP reset, as a crashing server or proxy does."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@contextlib.contextmanager
def running_stub(script: Script) -> t.Iterator[Stub]:
    """Run a server that answers by a script.

    Args:
        script: Gives the reply to each request.
    """
    stub = Stub(script)
    stub.start()
    try:
        yield stub
    finally:
        stub.stop()
