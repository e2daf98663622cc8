"""Which servers get credentials: those that the settings name for them, and no others."""

from __future__ import annotations

import contextlib
import typing as t

import pytest

from erp_vendors.errors import CredentialsError
from erp_vendors.http.address import Origin, origin
from erp_vendors.http.auth import BasicAuth, Token, TokenAuth
from erp_vendors.http.redact import redact
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.transport import make_transport

if t.TYPE_CHECKING:
    from erp_vendors.http.auth import Auth

SECRET = "hunter2-hunter2"


class Tokens(TokenAuth):
    def fetch(self, previous: Token | None) -> Token:
        del previous
        return Token(SECRET)


def answered(request: Request) -> Reply:
    """An answer that leaves a cookie behind, and asks for credentials."""
    signed = "Authorization" in request.headers
    return Reply(200 if signed else 401, {}, {"Set-Cookie": f"session={SECRET}; Path=/"})


@contextlib.contextmanager
def two_servers() -> t.Iterator[tuple[Stub, Stub]]:
    with running_stub(answered) as own, running_stub(answered) as other:
        yield own, other


@pytest.mark.parametrize("auth", [BasicAuth("me", SECRET), Tokens()], ids=["basic", "token"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "spelled", ["http://127.0.0.1:%", "HTTP://127.0.0.1:%", "http://u:p@127.0.0.1:%"]
)
def test_another_server_gets_no_credentials(auth: Auth, method: str, spelled: str) -> None:
    with two_servers() as (own, other):
        transport = make_transport(own.url, auth)
        transport.call("GET", "/x")
        address = spelled.replace("%", other.url.rpartition(":")[2])
        for given in (auth, None):
            with pytest.raises(CredentialsError, match=r"gets no credentials.*'demo'.*api_url"):
                transport.call(
                    method,
                    f"{address}/y",
                    auth=given,
                    headers={"Token": SECRET, "ApiKey": SECRET, "accept": "text/csv"},
                )
        for request in other.requests:
            headers = {name.lower(): value for name, value in request.headers.items()}
            assert not {"authorization", "cookie", "token"} & headers.keys()
            assert SECRET not in str(request)
            assert headers["accept"] == "text/csv"
        transport.call("GET", f"{own.url}/x")
        assert own.requests[-1].headers["Cookie"] == f"session={SECRET}", "the account is as before"


def test_a_server_that_is_trusted_gets_credentials() -> None:
    with two_servers() as (own, other):
        auth = BasicAuth("me", SECRET)
        assert make_transport(own.url, auth, trusted=(other.url,)).call("GET", f"{other.url}/x")
        transport = make_transport(own.url, auth)
        transport.trust(f"{other.url}/api")
        assert transport.call("GET", f"{other.url}/x").status == 200


@pytest.mark.parametrize(
    "address",
    [
        "http://api.example:8080/x",
        "HTTP://API.example:8080",
        "http://user:pass@api.example:8080/x?y#z",
        "http://api.example:8080\\@evil.example/x",
    ],
)
def test_spellings_of_one_server(address: str) -> None:
    assert origin(address) == Origin("http", "api.example", 8080)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.example:8080/x",
        "http://api.example/x",
        "http://api.example:8080@evil.example/x",
        "http://evil.example/http://api.example:8080",
        "http://api.example.evil.example:8080",
        "http://[::1]:8080/",
        "ftp://api.example:8080/",
        "http://",
        "http://api.example:99999",
        "x:y",
        "",
    ],
)
def test_other_servers(address: str) -> None:
    assert origin(address) != Origin("http", "api.example", 8080)


def test_a_path_never_goes_on_with_the_name_of_the_host() -> None:
    with running_stub(answered) as stub:
        transport = make_transport(stub.url, BasicAuth("me", SECRET))
        for path in ("x", "@127.0.0.1:1/x", ".evil.example/x"):
            transport.call("GET", path)
        assert stub.paths == ["GET /x", "GET /@127.0.0.1:1/x", "GET /.evil.example/x"]


def test_credentials_in_an_address_that_a_server_names_are_masked() -> None:
    make_transport("http://127.0.0.1:1").trust("https://some-user:named-by-server@host/api")
    assert "named-by-server" not in redact("GET https://host/?x=named-by-server")
