"""What a call that failed is told as: words, and nothing out of programs or out of answers."""

from __future__ import annotations

import contextlib
import gzip
import re
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.errors import CallError, ConfigError, ErpError
from erp_vendors.http import session
from tests.support.raw_server import raw_server
from tests.support.scale import full
from tests.support.stub import Reply, running_stub
from tests.support.transport import answers, make_transport

pytestmark = pytest.mark.usefixtures("short_pauses")

PROGRAM = re.compile(r"[A-Z]\w+(?:Error|Exception)|\w\(|<\w+|0x[0-9a-f]|\(b'|\.c:\d|Traceback|None")
SECRET = b"a name of somebody"

OK = b"HTTP/1.1 200 OK\r\n"
LONG = b"[" + b",".join(b"%d" % number for number in range(99)) + b"]"
HALF = gzip.compress(LONG, mtime=0)[:25]
BROKEN = {
    "nothing": b"",
    "no HTTP": SECRET + b"\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "status": b"HTTP/1.1 abc OK\r\n\r\n",
    "many headers": OK + b"X-A: b\r\n" * 200 + b"\r\n",
    "a long header": OK + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n",
    "shorter": OK + b"Content-Length: 1000\r\n\r\n" + SECRET,
    "two lengths": OK + b"Content-Length: 1, 2\r\n\r\n" + SECRET,
    "half a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n" + SECRET,
    "no chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n",
    "a negative chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + SECRET,
    "a long chunk line": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
    "a length in words": OK + b"Content-Length: two\r\n\r\n" + SECRET,
    "a negative length": OK + b"Content-Length: -5\r\n\r\n" + SECRET,
    "another protocol": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + SECRET,
    "a status of no kind": b"HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\n{}",
    "endless early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 21 + OK + b"\r\n",
    "endless 100": b"HTTP/1.1 100 Continue\r\n\r\n" * 21 + OK + b"\r\n",
    "half of an early hint": b"HTTP/1.1 103 Early Hints\r\nLink",
    "half of gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n" + HALF,
    "half of deflate": OK + b"Content-Encoding: deflate\r\n\r\n" + zlib.compress(LONG)[:25],
    "gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 18\r\n\r\n" + SECRET,
    "deflate": OK + b"Content-Encoding: deflate\r\nContent-Length: 18\r\n\r\n" + SECRET,
    "encodings": OK + b"Content-Encoding: " + b"gzip," * 9 + b"gzip\r\nContent-Length: 1\r\n\r\na",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_broken_is_told_in_words(broken: bytes) -> None:
    with raw_server(broken) as raw:
        with pytest.raises(
            CallError, match=r"the connection broke before .* \(.{10,}\)$"
        ) as caught:
            make_transport(raw.url, timeout=5).call("POST", "/x", body=b"{}")
        assert not PROGRAM.search(str(caught.value))
        assert SECRET.decode() not in str(caught.value)
        assert caught.value.may_have_run


@pytest.mark.slow
@settings(max_examples=full(12, 500))
@given(st.binary(max_size=60), st.sampled_from(sorted(BROKEN)), st.integers(0, 60))
def test_any_bytes_are_an_answer_or_one_line(some: bytes, name: str, kept: int) -> None:
    for answer in (some, OK + some, BROKEN[name][:kept] + some, BROKEN[name][: 2 * kept] + some):
        with raw_server(answer) as raw:
            said = ""
            try:
                with contextlib.closing(make_transport(raw.url, timeout=5)) as transport:
                    transport.call("POST", "/x", body=b"{}")
            except ErpError as error:
                said = str(error)
            assert len(said.splitlines()) <= 1
            assert SECRET.decode() not in said or "HTTP " in said, "a refusal is quoted"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://no-such-host.invalid",
        "http://a..b",
        f"http://{'a' * 70}.example",
        "http://127.0.0.1:99999",
        "https://127.0.0.1:%",
    ],
)
def test_a_server_that_is_not_there_is_told_in_words(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.5)
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\n") as plain:
        transport = make_transport(url.replace("%", str(plain.port)), timeout=5)
        with pytest.raises((CallError, ConfigError), match=r"demo\.api_url") as caught:
            transport.call("GET", "/x")
    assert not PROGRAM.search(str(caught.value))


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("optional", [True, False])
def test_an_address_at_which_nothing_is_found_is_doubted(status: int, *, optional: bool) -> None:
    with running_stub(answers(*[Reply(status)] * 2, Reply(401), Reply(status))) as stub:
        transport = make_transport(stub.url)
        for _ in range(2):
            with pytest.raises(ErpError, match=rf"HTTP {status}\b.*check demo\.api_url"):
                transport.call("GET", "/x", optional=optional)
        with pytest.raises(ErpError):
            transport.call("GET", "/x", optional=optional)
        with pytest.raises(ErpError, match=rf"HTTP {status}\b(?!.*api_url)"):
            transport.call("GET", "/x", optional=optional)


def test_a_transport_that_was_closed_opens_new_connections() -> None:
    with running_stub(lambda _: Reply(body={})) as stub:
        transport = make_transport(stub.url)
        for _ in range(3):
            assert transport.get_json("/x") == {}
            transport.close()
