"""Which of the answers on a connection belongs to a call, and which is none that can be used."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import typing as t

import pytest

from erp_vendors.errors import CallError, ConfigError, Phase
from erp_vendors.http import codec
from erp_vendors.http.wire import MOST_INTERIM
from tests.support.stub import Reply, running_stub
from tests.support.transport import make_transport

pytestmark = pytest.mark.usefixtures("short_pauses")

OK = b"HTTP/1.1 200 OK\r\n"


def _gzip(content: bytes) -> bytes:
    """The same bytes at any time, as they name the tests."""
    return gzip.compress(content, mtime=0)


@contextlib.contextmanager
def echoing(*before: bytes) -> t.Iterator[str]:
    """A server that answers with the path that was asked for, after some interim answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
                while line := lines.readline():
                    while lines.readline().strip():
                        pass
                    for part in before:
                        connection.sendall(part)
                    path = b'"%s"' % line.split()[1]
                    connection.sendall(OK + b"Content-Length: %d\r\n\r\n%s" % (len(path), path))

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
@pytest.mark.parametrize("times", [1, 3, MOST_INTERIM])
def test_an_interim_answer_is_not_the_answer(status: int, times: int) -> None:
    interim = b"HTTP/1.1 %d So far\r\nLink: </x>\r\n\r\n" % status
    with echoing(*[interim] * times) as url, contextlib.closing(make_transport(url)) as transport:
        for number in range(5):
            assert transport.get_json(f"/{number}") == f"/{number}"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_a_part_is_no_answer(method: str) -> None:
    with (
        running_stub(lambda _: Reply(206, [{"id": 1}])) as stub,
        pytest.raises(CallError, match="HTTP 206, a part of the answer") as caught,
    ):
        make_transport(stub.url).call(method, "/x", repeatable=False)
    assert caught.value.may_have_run
    assert caught.value.phase is Phase.SENT


@pytest.mark.parametrize("status", [202, 207])
def test_a_read_wants_what_it_asked_for(status: int) -> None:
    with running_stub(lambda _: Reply(status, [{"id": 1}])) as stub:
        transport = make_transport(stub.url)
        with pytest.raises(CallError, match=f"HTTP {status}, an answer about the call"):
            transport.get_json("/x")
        assert transport.call("POST", "/x").status == status


def test_an_answer_that_nothing_has_changed_is_told_as_that() -> None:
    said = r"304, .*nothing has changed.*demo\.api_url"
    with (
        running_stub(lambda _: Reply(304)) as stub,
        pytest.raises(ConfigError, match=said),
    ):
        make_transport(stub.url).get_json("/x")


def test_no_content_in_either_form() -> None:
    for status in (204, 205):
        with running_stub(lambda _, status=status: Reply(status)) as stub:
            assert make_transport(stub.url).get_json("/x") == []


@pytest.mark.parametrize(
    "packed",
    [
        _gzip(b"[1]"),
        _gzip(b"[1") + _gzip(b"]"),
        _gzip(b"[1]") + bytes(8),
        _gzip(b"[1]") + b"rubbish",
    ],
)
def test_a_whole_gzip_is_an_answer(packed: bytes) -> None:
    with running_stub(lambda _: Reply(200, packed, {"Content-Encoding": "gzip"})) as stub:
        assert make_transport(stub.url).get_json("/x") == [1]


def test_an_empty_body_breaks_off_nowhere() -> None:
    with running_stub(lambda _: Reply(200, b"", {"Content-Encoding": "gzip"})) as stub:
        assert make_transport(stub.url).call("POST", "/x").body == b""


ODD = ["-", "--5", "-٣", "²", "٣", "9" * 5_000, "1e5", "nan", "inf", "-1", "", "0x1"]
NAMES = ["X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [odd for odd in ODD if max(odd, default="") < "\xff"])
@pytest.mark.parametrize("status", [200, 400, 500])
def test_what_a_header_says_about_limits_never_ends_a_call_that_was_sent(
    name: str, value: str, status: int
) -> None:
    with running_stub(lambda _: Reply(status, {"ok": 1}, {name: value})) as stub:
        transport = make_transport(stub.url, obey_rate_headers=True)
        if status == 200:
            assert transport.call("POST", "/x").status == status
        else:
            with pytest.raises(CallError):
                transport.call("POST", "/x")


def test_a_count_is_digits_and_nothing_else() -> None:
    assert codec.count_of("012") == 12
    assert {codec.count_of(text) for text in [*ODD, "1\n", "9" * 19]} == {None}


@pytest.mark.parametrize(
    ("status", "may"), [(None, False), (200, False), (400, False), (499, False), (500, True)]
)
def test_only_a_status_that_tells_says_that_nothing_was_done(
    status: int | None, *, may: bool
) -> None:
    for odd in (101, 199, 600, 999):
        assert CallError("", phase=Phase.ANSWERED, status=odd).may_have_run
    assert CallError("", phase=Phase.ANSWERED, status=status).may_have_run is may
