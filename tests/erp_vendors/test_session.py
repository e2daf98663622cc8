"""What is looked up once per thread still works as with `requests`: cookies, proxies, headers."""

from __future__ import annotations

import typing as t

import pytest
import requests

from erp_vendors.errors import CallError
from erp_vendors.http.auth import Auth
from erp_vendors.http.header import UnfitHeaderError
from erp_vendors.http.session import HttpSession
from tests.support.stub import Reply, Request, running_stub
from tests.support.transport import make_transport

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.usefixtures("short_pauses")

OK = Reply(body={"ok": True})
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *map(str.upper, PROXIES)):
        monkeypatch.delenv(name, raising=False)


def session(**options: t.Any) -> HttpSession:
    defaults = {"user_agent": "demo", "timeout": 5, "verify": True, "pins": {}, "max_bytes": 1_000}
    return HttpSession(**{**defaults, **options})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("body", [None, b"", b'{"a": 1}'])
@pytest.mark.parametrize(
    ("url", "params"),
    [
        ("http://host.example", {}),
        ("http://Host.example:81/a%2Fb/ü?x=1#part", {"q": "a b", "r": "ä/+"}),
        ("https://[::1]:8443/x", {"q": ""}),
    ],
)
def test_a_request_is_the_one_that_requests_would_send(
    method: str, body: bytes | None, url: str, params: dict[str, str]
) -> None:
    headers = {"Accept": "application/json", "X-Y": "z"}
    theirs = requests.Session()
    theirs.headers["User-Agent"] = "demo"
    wanted = theirs.prepare_request(
        requests.Request(method, url, params=params, data=body, headers=headers)
    )
    made = session().prepare(method, url, params, headers, body)
    assert (made.method, made.url, made.body) == (wanted.method, wanted.url, wanted.body)
    assert dict(made.headers.lower_items()) == dict(wanted.headers.lower_items())
    assert made.path_url == wanted.path_url


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", " a"])
def test_a_header_cannot_smuggle_in_another(value: str) -> None:
    for made, headers in ((session(), {"X-Y": value}), (session(user_agent=value), {})):
        with pytest.raises(UnfitHeaderError):
            made.send(made.prepare("GET", "http://127.0.0.1:1/", {}, headers, None))


def test_a_cookie_goes_out_with_the_later_calls_to_its_host_and_to_no_other() -> None:
    """Load balancers keep a client on one server by a cookie."""
    with running_stub(lambda _: OK) as other, running_stub(lambda _: OK) as stub:
        stub.script = lambda _: Reply(headers={"Set-Cookie": "Affinity=abc; Path=/api"})
        transport = make_transport(stub.url)
        for path in ("/api/1", "/api/2", "/else"):
            transport.call("POST", path)
        transport.call("GET", other.url.replace("127.0.0.1", "localhost") + "/api/3")
        assert [request.headers.get("Cookie") for request in stub.requests] == [
            None,
            "Affinity=abc",
            None,
        ]
        assert "Cookie" not in other.requests[0].headers


def test_a_cookie_of_a_refusal_is_kept_and_a_changed_one_replaces_it() -> None:
    def script(request: Request) -> Reply:
        seen = request.headers.get("Cookie")
        if seen is None:
            return Reply(400, headers={"Set-Cookie": "s=1"})
        return Reply(headers={"Set-Cookie": "s=2"})

    with running_stub(script) as stub:
        transport = make_transport(stub.url)
        with pytest.raises(CallError):
            transport.call("GET", "/x")
        for _ in range(2):
            transport.call("GET", "/x")
        cookies = [request.headers.get("Cookie") for request in stub.requests]
        assert cookies == [None, "s=1", "s=2"]


def test_a_proxy_of_the_environment_is_used_and_its_exceptions_are_honoured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_stub(lambda _: OK) as proxy, running_stub(lambda _: OK) as stub:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:secret-1@"))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        transport = make_transport("http://vendor.example/api")
        for _ in range(2):
            transport.call("POST", "/x", body=b"{}")
            transport.call("GET", f"{stub.url}/direct")
        assert proxy.paths == ["POST http://vendor.example/api/x"] * 2
        assert all(request.headers["Proxy-Authorization"] for request in proxy.requests)
        assert stub.paths == ["GET /direct"] * 2


def test_a_bundle_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    with pytest.raises(OSError, match=r"absent\.pem"):
        session().send(session().prepare("GET", "https://127.0.0.1:1/", {}, {}, None))


def test_a_netrc_file_gives_no_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with running_stub(lambda _: OK) as stub:
        make_transport(stub.url).call("GET", "/x")
        assert "Authorization" not in stub.requests[0].headers


def test_hooks_that_an_auth_puts_on_a_request_see_the_answer() -> None:
    seen = list[bytes]()

    class Hooked(Auth):
        def sign(self, request: requests.PreparedRequest, _: object) -> requests.PreparedRequest:
            request.register_hook("response", lambda answer, **_: seen.append(answer.content))
            return request

    with running_stub(lambda _: OK) as stub:
        make_transport(stub.url, Hooked()).get_json("/x")
    assert seen == [b'{"ok": true}']


def test_two_hosts_in_turn_are_both_reached() -> None:
    with running_stub(lambda _: OK) as one, running_stub(lambda _: OK) as other:
        transport = make_transport(one.url)
        for _ in range(3):
            transport.get_json("/x")
            transport.get_json(f"{other.url}/y")
        assert (one.paths, other.paths) == (["GET /x"] * 3, ["GET /y"] * 3)
