"""TLS: only what is trusted is talked to; and bodies that end early, byte by byte."""

from __future__ import annotations

import logging
import shutil
import ssl
import subprocess
import time
import typing as t

import pytest

from erp_vendors.errors import CallError, ConfigError, Phase
from tests.support.raw_server import raw_server
from tests.support.transport import make_transport

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.usefixtures("short_pauses")

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
OPENSSL = shutil.which("openssl")


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER + b'{"ok"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b'5\r\n{"ok"\r\n',
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/plain\r\n",
        b"HTTP/1.1 200 OK\r\nServer: x\r\nConten",
        b"HTTP/1.1 204 No Content\r\nServer: x\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200",
        b"",
    ],
    ids=[
        *("length", "chunked", "no HTTP", "headers", "half a header", "no body to come"),
        *("behind a 100", "status line", "half a status line", "nothing"),
    ],
)
def test_an_answer_that_ends_early_is_no_answer(answer: bytes) -> None:
    with raw_server(answer) as raw:
        transport = make_transport(raw.url, timeout=5)
        with pytest.raises(CallError, match="broke before the answer was complete") as caught:
            transport.call("POST", "/x", body=b"{}")
        assert caught.value.phase is Phase.SENT
        assert len(raw.received) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nServer: x\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n",
    ],
    ids=["no header", "bare line ends", "204", "length 0", "behind a 100", "HTTP/1.0"],
)
def test_an_empty_answer_is_an_answer(answer: bytes) -> None:
    with raw_server(answer) as raw:
        transport = make_transport(raw.url, timeout=5)
        assert transport.call("POST", "/x", body=b"{}").body == b""


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 1200\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "secured"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", False),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", False),
        (LONG, False),
        (LONG, True),
    ],
    ids=["headers", "body without length", "body", "body over TLS"],
)
def test_an_answer_that_trickles_is_ended(
    head: bytes,
    secured: bool,  # noqa: FBT001
    certificate: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("erp_vendors.http.transport.LONGEST_ANSWER", 2)
    context = None
    if secured:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def trickle() -> t.Iterator[bytes]:
        yield head
        for _ in range(200):  # ten seconds, while each byte comes in time
            time.sleep(0.05)
            yield b" "

    with raw_server(trickle, context) as raw:
        scheme = "https" if secured else "http"
        transport = make_transport(
            f"{scheme}://127.0.0.1:{raw.port}", timeout=0.3, verify=not secured
        )
        with pytest.raises(CallError, match=r"no whole answer within 0.6 s \(demo") as caught:
            transport.call("POST", "/x", body=b"{}")
        assert caught.value.phase is Phase.SENT
        assert len(raw.received) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    if OPENSSL is None:
        pytest.skip("no openssl command to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = (folder / name for name in ("key.pem", "cert.pem", "both.pem"))
    subprocess.run(
        [
            *(OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.fixture
def tls_port(certificate: pathlib.Path) -> t.Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with raw_server(ANSWER + b'{"ok": true}', context) as raw:
        yield raw.port


def test_a_self_signed_server_is_refused_with_the_way_out(tls_port: int) -> None:
    transport = make_transport(f"https://127.0.0.1:{tls_port}")
    with pytest.raises(ConfigError, match=r"set demo\.ca_bundle .*self-signed") as caught:
        transport.get_json("/x")
    assert "\n" not in str(caught.value)


def test_a_self_signed_server_is_accepted_with_its_bundle(
    tls_port: int, certificate: pathlib.Path
) -> None:
    transport = make_transport(f"https://127.0.0.1:{tls_port}", verify=str(certificate))
    assert transport.get_json("/x") == {"ok": True}


def test_a_bundle_does_not_excuse_another_host(tls_port: int, certificate: pathlib.Path) -> None:
    transport = make_transport(f"https://localhost:{tls_port}", verify=str(certificate))
    with pytest.raises(ConfigError, match=r"ca_bundle.*localhost"):
        transport.get_json("/x")


def test_no_check_is_possible_but_not_silent(
    tls_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    transport = make_transport(f"https://127.0.0.1:{tls_port}", verify=False)
    assert transport.get_json("/x") == {"ok": True}
    assert "demo.verify_tls is false" in caplog.text


def test_a_bundle_that_is_not_there_is_a_config_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"demo\.ca_bundle: .*gone\.pem"):
        make_transport("https://127.0.0.1:1", verify=str(tmp_path / "gone.pem"))


def test_a_bundle_without_certificates_is_a_config_error(tmp_path: pathlib.Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    with pytest.raises(ConfigError, match=r"demo\.ca_bundle: .*empty\.pem"):
        make_transport("https://127.0.0.1:1", verify=str(empty))


def test_plain_http_on_the_other_side_is_unreachable() -> None:
    with raw_server(ANSWER + b'{"ok": true}') as raw:
        transport = make_transport(f"https://127.0.0.1:{raw.port}")
        with pytest.raises(CallError, match=r"check demo\.api_url") as caught:
            transport.call("POST", "/x", body=b"{}")
        assert caught.value.phase is Phase.NOT_SENT
