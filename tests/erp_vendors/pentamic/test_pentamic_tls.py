"""A self-signed server is trusted by its fingerprint, and by nothing less (pentamic.md 1)."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import threading
import typing as t

import pytest

from erp_vendors.errors import ConfigError
from tests.erp_vendors.pentamic.played import make_client

if t.TYPE_CHECKING:
    import pathlib

    from erp_vendors.pentamic import PentamicClient

OPENSSL = shutil.which("openssl")
pytestmark = [
    pytest.mark.usefixtures("short_pauses"),
    pytest.mark.skipif(OPENSSL is None, reason="no openssl command to make a certificate with"),
]


class Certificate(t.NamedTuple):
    """A certificate, and what openssl says its fingerprint is."""

    cert: pathlib.Path
    key: pathlib.Path
    fingerprint: str


def make_certificate(folder: pathlib.Path) -> Certificate:
    cert, key = folder / "cert.pem", folder / "key.pem"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    name = ["-subj", "/CN=pentamic", "-days", "2", "-keyout", str(key), "-out", str(cert)]
    show = ["x509", "-in", str(cert), "-noout", "-fingerprint", "-sha256"]
    subprocess.run([str(OPENSSL), *new, *name], check=True, capture_output=True)
    said = subprocess.run([str(OPENSSL), *show], check=True, capture_output=True, text=True)
    return Certificate(cert, key, said.stdout.strip())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"access_token": "a-token"}' if self.command == "POST" else b"[]"
        self.server.seen.append(f"{self.command} {self.path}")  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """A TLS server; what it was asked is only seen by it after the handshake."""

    def __init__(self, certificate: Certificate) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate.cert, certificate.key)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request: t.Any, address: t.Any) -> None:
        request.settimeout(5)
        with self._context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, address)

    def handle_error(self, request: t.Any, address: t.Any) -> None:
        """A client that turns away in the handshake is what some tests are about."""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Certificate, Certificate]:
    first, second = (make_certificate(tmp_path_factory.mktemp(name)) for name in ("a", "b"))
    return first, second


@pytest.fixture
def servers(certificates: tuple[Certificate, Certificate]) -> t.Iterator[tuple[Server, Server]]:
    api, identity = Server(certificates[0]), Server(certificates[1])
    yield api, identity
    for server in (api, identity):
        server.shutdown()
        server.server_close()


def client(servers: tuple[Server, Server], **more: t.Any) -> PentamicClient:
    return make_client(
        **{
            "api_url": f"{servers[0].url}/api",
            "token_url": f"{servers[1].url}/connect/token",
            "client_id": "a-client",
            "client_secret": "s3cret",
            "scope": "x",
            **more,
        }
    )


def test_pinned_servers_are_trusted(
    servers: tuple[Server, Server],
    certificates: tuple[Certificate, Certificate],
    caplog: pytest.LogCaptureFixture,
) -> None:
    api, identity = certificates
    # Once with openssl's label and colons, once bare.
    bare = identity.fingerprint.rpartition("=")[2].replace(":", "").lower()
    client(servers, tls_fingerprint=api.fingerprint, token_tls_fingerprint=bare).check()
    assert servers[0].seen == ["GET /api/customers?orderBy=id"]
    assert servers[1].seen == ["POST /connect/token"]
    assert "not checked" not in caplog.text


def test_the_right_certificate_on_the_wrong_server_is_refused_at_once(
    servers: tuple[Server, Server], certificates: tuple[Certificate, Certificate]
) -> None:
    pin = certificates[0].fingerprint
    with pytest.raises(ConfigError, match=r"not the one that 'pentamic' pins .*Fingerprints did"):
        client(servers, tls_fingerprint=pin, token_tls_fingerprint=pin).check()
    assert servers[0].seen == servers[1].seen == [], "no secret has left"


def test_a_pin_also_holds_where_checks_are_switched_off(
    servers: tuple[Server, Server], certificates: tuple[Certificate, Certificate]
) -> None:
    pin = certificates[1].fingerprint
    wrong = client(servers, tls_fingerprint=pin, token_tls_fingerprint=pin, verify_tls=False)
    with pytest.raises(ConfigError, match=r"/api/customers.*Fingerprints did not match"):
        wrong.check()
    assert servers[0].seen == []


def test_one_pin_does_for_two_ports_of_one_host(
    servers: tuple[Server, Server], certificates: tuple[Certificate, Certificate]
) -> None:
    same = (servers[0], Server(certificates[0]))
    client(same, tls_fingerprint=certificates[0].fingerprint).check()
    assert same[1].seen == ["POST /connect/token"]
    same[1].shutdown()
    same[1].server_close()


def test_without_a_pin_a_self_signed_server_is_refused(servers: tuple[Server, Server]) -> None:
    with pytest.raises(ConfigError, match=r"pentamic\.ca_bundle"):
        client(servers).check()
    assert servers[1].seen == []


def test_a_pin_of_one_host_does_not_excuse_the_other(
    servers: tuple[Server, Server], certificates: tuple[Certificate, Certificate]
) -> None:
    token_url = f"{servers[1].url}/connect/token".replace("127.0.0.1", "localhost")
    pinned = client(servers, tls_fingerprint=certificates[0].fingerprint, token_url=token_url)
    with pytest.raises(ConfigError, match=r"localhost.*pentamic\.ca_bundle"):
        pinned.check()


@pytest.mark.parametrize("pin", ["abc", "sha256 Fingerprint=", "g" * 64, "a" * 40, "a" * 128])
@pytest.mark.parametrize("name", ["tls_fingerprint", "token_tls_fingerprint"])
def test_a_pin_must_be_a_fingerprint(pin: str, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"pentamic\.{name} must be a SHA-256 fingerprint"):
        make_client(
            api_url="https://a/api",
            client_id="a",
            client_secret="s3cret",
            scope="x",
            **{name: pin},
        )


def test_a_pin_without_tls_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"tls_fingerprint needs an address that begins with ht"):
        make_client(client_id="a", client_secret="s3cret", scope="x", tls_fingerprint="a" * 64)
