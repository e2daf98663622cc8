"""HTTP/1.1 with keep-alive in as few lines and as little time as possible."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import types
import typing as t
import urllib.parse

Headers = t.Mapping[str, str]


class Request(t.NamedTuple):
    """A request; header names are in lower case, `query` is decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes

    @property
    def json(self) -> t.Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.body.decode()))

    def is_from(self, user: str, password: str) -> bool:
        """Whether it carries this login as HTTP Basic."""
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return self.headers.get("authorization") == f"Basic {login}"


class Reply(t.NamedTuple):
    """An answer; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: t.Any = None
    headers: Headers = types.MappingProxyType({})

    def render(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else _dump(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {self.status} Status\r\n{more}"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _dump(value: t.Any) -> str:
    # Python reads 1e400 as infinite and would write a word that is no JSON.
    return _INFINITE.sub(r"\g<1>1e400", json.dumps(value))


_INFINITE = re.compile(r'(?<=": )(-?)Infinity(?=[,}])')


class Connection(asyncio.Protocol):
    """One connection: requests one after the other, each answered before the next is looked at."""

    def __init__(self, handle: t.Callable[[Request, Connection], None]) -> None:
        self._handle = handle
        self._data = bytearray()
        self._busy = False
        self._looking = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = t.cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._next()

    def reply(self, reply: Reply) -> None:
        """Answer the request that was handed over."""
        self.transport.write(reply.render())
        self._busy = False
        self._next()

    def half(self, reply: Reply) -> None:
        """Answer with the first half of a body, and close the connection."""
        text = reply.render()
        end = text.index(b"\r\n\r\n") + 4
        self.transport.write(text[: end + (len(text) - end) // 2])
        self.transport.close()

    def cut(self) -> None:
        """Close the connection without a word."""
        self.transport.abort()

    def _next(self) -> None:
        """Hand over what has come, one by one; an answer that is given at once leads back here."""
        if self._looking:
            return
        self._looking = True
        try:
            self._look()
        finally:
            self._looking = False

    def _look(self) -> None:
        while not self._busy and not self.transport.is_closing():
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            first, *lines = self._data[:end].decode("latin-1").split("\r\n")
            pairs = (line.partition(":") for line in lines)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            if headers.get("transfer-encoding", "").lower() == "chunked":
                body, length = _chunks(self._data, end + 4)
            else:
                length = end + 4 + int(headers.get("content-length", 0))
                body = bytes(self._data[end + 4 : length])
            if length < 0 or len(self._data) < length:
                if headers.pop("expect", ""):
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            del self._data[:length]
            method, target, _ = first.split(" ", 2)
            path, _, query = target.partition("?")
            found = dict(urllib.parse.parse_qsl(query)) if query else {}
            self._busy = True
            self._handle(Request(method, path, found, headers, body), self)


def _chunks(data: bytearray, start: int) -> tuple[bytes, int]:
    """A chunked body and the place where it ends; -1 if it has not come to its end."""
    body = b""
    while (end := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:end].partition(b";")[0], 16)
        start = end + 4 + size
        if len(data) < start:
            break
        body += data[end + 2 : start - 2]
        if not size:
            return body, start
    return b"", -1
