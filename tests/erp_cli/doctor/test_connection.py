"""What `erp doctor` says of names, certificates, proxies and clocks."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
import typing as t

import pytest

from erp_cli.doctor.connection import DoctorStep, Level, clock_step, connection_steps
from erp_vendors.http.options import TransportOptions
from tests.support.raw_server import raw_server

if t.TYPE_CHECKING:
    import pathlib

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="no openssl command")


class Certificate(t.NamedTuple):
    """A self-signed certificate for 127.0.0.1.

    Attributes:
        file: It and its key.
        fingerprint: Its SHA-256.
    """

    file: pathlib.Path
    fingerprint: str


def make(folder: pathlib.Path, days: int) -> Certificate:
    key, cert, both = (folder / name for name in ("key.pem", "cert.pem", "both.pem"))
    subprocess.run(
        [
            *(str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(key), "-out", str(cert), "-days", str(days)),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    both.write_text(key.read_text() + cert.read_text())
    der = ssl.PEM_cert_to_DER_cert(cert.read_text())
    return Certificate(both, hashlib.sha256(der).hexdigest())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make(tmp_path_factory.mktemp("long"), 90)


@pytest.fixture(scope="module")
def ending(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make(tmp_path_factory.mktemp("short"), 5)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.contextmanager
def server(certificate: Certificate) -> t.Iterator[tuple[str, list[bytes]]]:
    """A TLS server: its address, and what it is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file)
    with raw_server(b"", context) as raw:
        yield f"https://127.0.0.1:{raw.port}", raw.received


def steps(url: str, vendor: str = "pentamic", **options: t.Any) -> dict[str, DoctorStep]:
    found = list(connection_steps(vendor, TransportOptions(vendor=vendor, base_url=url, **options)))
    return {step.name: step for step in found}


@needs_openssl
@pytest.mark.parametrize(
    ("vendor", "setting"), [("pentamic", "tls_fingerprint"), ("aim", "ca_bundle")]
)
def test_a_certificate_that_is_not_trusted_is_named_with_what_to_set(
    certificate: Certificate, vendor: str, setting: str
) -> None:
    with server(certificate) as (url, received):
        tls = steps(url, vendor)["TLS"]
    assert tls.level is Level.RED
    assert certificate.fingerprint in tls.said
    assert f"{vendor}.{setting}" in tls.do
    assert not any(received), "nothing is sent to a server that is not trusted"


@needs_openssl
def test_a_pinned_certificate_is_accepted(certificate: Certificate) -> None:
    with server(certificate) as (url, _):
        tls = steps(url, pins={f"{url}/": certificate.fingerprint})["TLS"]
    assert tls.level is Level.GREEN
    assert "pinned" in tls.said


@needs_openssl
def test_another_certificate_than_the_pinned_one_is_refused(
    certificate: Certificate, ending: Certificate
) -> None:
    with server(certificate) as (url, _):
        # Whether it is checked otherwise makes no difference to a pin.
        tls = steps(url, pins={f"{url}/": ending.fingerprint}, verify=False)["TLS"]
    assert tls.level is Level.RED
    assert certificate.fingerprint in tls.said
    assert "renewed" in tls.do


@needs_openssl
def test_a_pin_of_another_server_is_none_of_this_one(certificate: Certificate) -> None:
    with server(certificate) as (url, _):
        tls = steps(url, pins={"https://127.0.0.1:1/": certificate.fingerprint})["TLS"]
    assert tls.level is Level.RED


@needs_openssl
def test_certificates_that_are_not_checked_are_worth_a_word(certificate: Certificate) -> None:
    with server(certificate) as (url, _):
        tls = steps(url, verify=False)["TLS"]
    assert tls.level is Level.AMBER
    assert certificate.fingerprint in tls.said
    assert "pentamic.verify_tls" in tls.do


@needs_openssl
def test_a_trusted_certificate_is_good_until_it_is_near_its_end(
    certificate: Certificate, ending: Certificate
) -> None:
    for one, level in ((certificate, Level.GREEN), (ending, Level.AMBER)):
        with server(one) as (url, _):
            tls = steps(url, verify=str(one.file))["TLS"]
        assert tls.level is level
    assert "until" in tls.said
    assert "renew" in tls.do


@needs_openssl
def test_each_server_of_the_settings_is_looked_at_once(
    certificate: Certificate, ending: Certificate
) -> None:
    with server(certificate) as (api, _), server(ending) as (identity, _):
        options = TransportOptions(
            vendor="pentamic",
            base_url=f"{api}/api",
            trusted=(f"{identity}/connect/token", f"{api}/other"),
            pins={f"{api}/": certificate.fingerprint},
        )
        found = [step for step in connection_steps("pentamic", options) if step.name == "TLS"]
    assert [step.level for step in found] == [Level.GREEN, Level.RED]


def test_a_server_without_tls_has_no_certificate() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = steps(f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert found.keys() == {"name"}
    assert found["name"].level is Level.GREEN


def test_a_server_that_speaks_no_tls_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        tls = steps(f"https://127.0.0.1:{port}")["TLS"]
        thread.join(5)
    assert tls.level is Level.RED
    assert tls.do


def test_a_server_that_does_not_answer_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tls = steps(f"https://127.0.0.1:{port}")["TLS"]
    assert tls.level is Level.RED
    assert "firewall" in tls.do


def test_a_name_that_has_no_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> t.NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = steps("https://nowhere.invalid/api")
    assert found["name"].level is Level.RED
    assert "nowhere.invalid" in found["name"].said
    assert "pentamic.api_url" in found["name"].do
    assert "TLS" not in found


@pytest.mark.parametrize("port", [":3128", ""])
def test_a_proxy_of_the_environment_is_named_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:proxy-secret@proxy.example{port}")
    found = steps("https://shop.example/api")
    assert found.keys() == {"proxy"}
    assert found["proxy"].level is Level.GREEN
    assert f"http://proxy.example{port}" in found["proxy"].said
    assert "proxy-secret" not in str(found)
    assert "me" not in found["proxy"].said.split("through")[1]


def test_a_server_that_the_environment_excludes_has_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert steps("http://127.0.0.1:1").keys() == {"name"}


@pytest.mark.parametrize(
    ("ahead", "level", "word"),
    [
        (None, Level.GREEN, "no answer"),
        (0.0, Level.GREEN, "within 60 seconds"),
        (-59.0, Level.GREEN, "within 60 seconds"),
        (600.0, Level.AMBER, "600 seconds behind"),
        (-600.0, Level.AMBER, "600 seconds ahead of"),
    ],
)
def test_clocks_that_differ_are_told(ahead: float | None, level: Level, word: str) -> None:
    step = clock_step(ahead)
    assert step.level is level
    assert word in step.said
    assert bool(step.do) is (level is Level.AMBER)
