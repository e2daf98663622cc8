"""A lean HTTP/1.1 server on loopback, in a process of its own, that counts what it is asked.

Its latency is a timer: it costs no CPU, which the process under test needs on a small machine.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
import time
import typing as t
import urllib.parse

from benchmarks.vendors import Call, Vendors

CONTROL = "/_bench/"
"""Start of the paths that are answered at once and not counted."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class Counts:
    """What the server was asked since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.arrivals: list[tuple[float, str]] = []
        self.in_flight = self.most_in_flight = self.disorders = 0
        self.keys: set[str] = set()
        self.versions: dict[str, int] = {}

    def began(self, call: Call, at: float) -> None:
        """Count a call, and whether its records come in the order of their versions."""
        self.arrivals.append((at, call.kind))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        for key, version in call.written:
            early = key in self.keys or version < self.versions.get(key, 0)
            self.disorders += early
            self.keys.add(key)
            self.versions[key] = version

    def ended(self, call: Call) -> None:
        """Note that a call is answered."""
        self.in_flight -= 1
        for key, _ in call.written:
            self.keys.discard(key)

    def as_json(self) -> bytes:
        """All of it."""
        return json.dumps(
            {
                "arrivals": self.arrivals,
                "most_in_flight": self.most_in_flight,
                "disorders": self.disorders,
                "written": len(self.versions),
            }
        ).encode()


class Connection(asyncio.Protocol):
    """One client's connection; requests come one after the other."""

    transport: asyncio.Transport

    def __init__(self, vendors: Vendors, counts: Counts, latency: float) -> None:
        self._vendors = vendors
        self._counts = counts
        self._latency = latency
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to answer."""
        self.transport = t.cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is complete."""
        self._buffer += data
        end = self._buffer.find(_END)
        while end >= 0:
            head = self._buffer[:end]
            found = _LENGTH.search(head)
            stop = end + len(_END) + (int(found.group(1)) if found else 0)
            if len(self._buffer) < stop:
                return
            body, self._buffer = self._buffer[end + len(_END) : stop], self._buffer[stop:]
            method, target = head.split(b" ", 2)[:2]
            self._serve(method.decode(), target.decode(), body)
            end = self._buffer.find(_END)

    def _serve(self, method: str, target: str, body: bytes) -> None:
        at = time.monotonic()
        path, _, query = target.partition("?")
        if path.startswith(CONTROL):
            answer = self._counts.as_json()
            if method == "POST":
                self._counts.reset()
            self._send(200, answer)
            return
        path = urllib.parse.unquote(path)
        call = self._vendors.call(method, path, dict(urllib.parse.parse_qsl(query)), body)
        self._counts.began(call, at)
        if self._latency:
            self._loop.call_later(self._latency, self._finish, call)
        else:
            self._finish(call)

    def _finish(self, call: Call) -> None:
        self._counts.ended(call)
        self._send(call.status, call.answer, call.headers)

    def _send(self, status: int, body: bytes, headers: bytes = b"") -> None:
        if not self.transport.is_closing():
            head = (
                b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%b\r\n"
            )
            word = b"OK" if status < 400 else b"Not Found"  # noqa: PLR2004
            self.transport.write(head % (status, word, len(body), headers) + body)


async def _run(records: int, latency: float) -> None:
    loop = asyncio.get_running_loop()
    counts = Counts()
    vendors = Vendors(records)
    server = await loop.create_server(
        lambda: Connection(vendors, counts, latency), "127.0.0.1", 0, backlog=100
    )
    port = server.sockets[0].getsockname()[1]
    vendors.url = f"http://127.0.0.1:{port}"
    ended = asyncio.Event()

    def wait_for_parent() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_parent, daemon=True).start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1]), float(sys.argv[2])))
