"""What is read of an answer: never more than its limit, and text in the charset it declares."""

from __future__ import annotations

import io
import tracemalloc
import typing as t
import zlib

import pytest

from erp_vendors.errors import CallError, Phase
from erp_vendors.http import body
from erp_vendors.http.body import Into, charset_of, in_utf8
from tests.support.raw_server import raw_server
from tests.support.stub import Reply, running_stub
from tests.support.transport import make_transport

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

LIMIT = 1 << 20
BOMB = 300 << 20


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """300 MB of blanks, in 300 kB and less."""

    def squeezed(kind: int, content: t.Iterable[bytes]) -> bytes:
        made = zlib.compressobj(9, zlib.DEFLATED, kind)
        return b"".join([*map(made.compress, content), made.flush()])

    once = squeezed(31, (b" " * (1 << 20) for _ in range(BOMB >> 20)))
    return {
        "gzip": once,
        "deflate": squeezed(15, (b" " * (1 << 20) for _ in range(BOMB >> 20))),
        "gzip, gzip": squeezed(31, [once]),
    }


def _endless() -> t.Iterator[bytes]:
    """An answer that has no end."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"10000\r\n" + b" " * 0x10000 + b"\r\n"


def peak(call: t.Callable[[], object]) -> int:
    """Bytes that a call takes at most, beyond what was there before."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_of_a_body_that_swells_no_more_is_decoded_than_the_limit(
    bombs: dict[str, bytes], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    read = body.read

    def counted(response: t.Any, into: t.BinaryIO, limit: int) -> None:
        parts = response.iter_content

        def counting(size: int) -> t.Iterator[bytes]:
            for part in parts(size):
                decoded.append(len(part))
                yield part

        response.iter_content = counting
        read(response, into, limit)

    monkeypatch.setattr(body, "read", counted)
    reply = Reply(body=bombs[encoding], headers={"Content-Encoding": encoding})
    with running_stub(lambda _: reply) as stub:
        transport = make_transport(stub.url, max_answer_bytes=LIMIT)

        def call() -> None:
            with pytest.raises(CallError, match=r"1,048,576 bytes .* demo\.max_answer_bytes"):
                transport.get_json("/x")

        # The compressed body itself is on the way in this process, too.
        assert peak(call) < 4 * LIMIT + 3 * len(bombs[encoding])
        assert len(stub.requests) == 1, "it would be as large the second time"
    assert LIMIT < sum(decoded) <= LIMIT + body.STEP
    assert max(decoded) <= body.STEP


def test_a_body_without_end_ends_at_the_limit() -> None:
    with raw_server(_endless) as raw:
        transport = make_transport(raw.url, max_answer_bytes=LIMIT)
        with pytest.raises(CallError, match="max_answer_bytes"):
            transport.get_json("/x")


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("repeatable", [True, False])
def test_the_outcome_of_a_write_with_too_large_an_answer_is_in_doubt(
    status: int, *, repeatable: bool
) -> None:
    with running_stub(lambda _: Reply(status, b" " * 2 * LIMIT)) as stub:
        transport = make_transport(stub.url, max_answer_bytes=LIMIT)
        with pytest.raises(CallError) as caught:
            transport.call("POST", "/x", body=b"{}", repeatable=repeatable)
        assert caught.value.phase is Phase.SENT
        assert caught.value.may_have_run
        assert len(stub.requests) == 1


def test_an_answer_of_the_limit_is_read_and_so_is_the_next_one() -> None:
    sizes = iter([LIMIT, LIMIT + 1, LIMIT])
    with running_stub(lambda _: Reply(body=b" " * next(sizes))) as stub:
        transport = make_transport(stub.url, max_answer_bytes=LIMIT)
        assert len(transport.call("GET", "/x").body) == LIMIT
        with pytest.raises(CallError, match="max_answer_bytes"):
            transport.call("GET", "/x")
        assert len(transport.call("GET", "/x").body) == LIMIT


def test_a_body_that_goes_into_a_file_has_its_own_limit_and_holds_one_attempt() -> None:
    replies = iter([Reply(cut="half", body=b"ab" * LIMIT), Reply(503, b"busy"), Reply(body=b"c")])
    with running_stub(lambda _: next(replies)) as stub, io.BytesIO() as file:
        transport = make_transport(stub.url, max_answer_bytes=10)
        into = Into(file, 2 * LIMIT, "demo.other_bytes")
        assert transport.call("GET", "/x", into=into).body == b""
        assert file.getvalue() == b"c"
        stub.script = lambda _: Reply(body=b"d" * 11)
        with pytest.raises(CallError, match=r"11 bytes|10 bytes .* demo\.other_bytes"):
            transport.call("GET", "/x", into=into._replace(limit=10))


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("windows-1252", "Müller: 5 €"),
        ("ISO-8859-1", "Müller"),
        ("Shift_JIS", "日本"),
        ("utf-16", "Müller"),
        ("utf-16-le", "ascii"),
        ("UTF-8", "Müller"),
    ],
)
def test_a_declared_charset_counts_where_the_bytes_are_no_utf8(charset: str, text: str) -> None:
    said = {"Content-Type": f'application/json; charset="{charset}"'}
    raw = f'["{text}"]'.encode(charset)
    with running_stub(lambda _: Reply(body=raw, headers=said)) as stub:
        assert make_transport(stub.url).get_json("/x") == [text]
    refused = Reply(400, f"refused: {text}".encode(charset), said)
    with (
        running_stub(lambda _: refused) as stub,
        pytest.raises(CallError, match=f"400: refused: {text}$"),
    ):
        make_transport(stub.url).get_json("/x")


@pytest.mark.parametrize("charset", ["windows-1252", "utf-16", "us-ascii", "none-such", "idna"])
def test_text_in_utf8_stays_as_it_is_whatever_is_declared(charset: str) -> None:
    raw = '["Müller"]'.encode()
    said = {"Content-Type": f"application/json;charset={charset}"}
    with running_stub(lambda _: Reply(body=raw, headers=said)) as stub:
        assert make_transport(stub.url).call("GET", "/x").body == raw


@pytest.mark.parametrize(
    "said", ["x; charset=zlib", "x; charset=idna", "x; charset=a\0b", "x; charset=", "charset", ""]
)
def test_what_is_no_charset_is_none(said: str) -> None:
    assert charset_of(said) is None


def test_bytes_that_are_not_of_the_declared_charset_stay_as_they_are() -> None:
    raw = io.BytesIO(b"\xff\x81")
    assert in_utf8(raw, "cp1252", io.BytesIO) is raw
