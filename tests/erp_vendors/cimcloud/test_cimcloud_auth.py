"""CIMcloud's tokens: login, refresh with rotation, fall-back, basic, sessions (cimcloud.md 2)."""

from __future__ import annotations

import base64
import datetime as dt
import time
import typing as t

import pytest

from erp_vendors.cimcloud import CIMCLOUD, CimcloudClient
from erp_vendors.errors import CallError, ConfigError, CredentialsError
from erp_vendors.http.redact import MASK, redact
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.stub import Reply, Request, Stub, running_stub

pytestmark = pytest.mark.usefixtures("short_pauses")

LOGIN = {"AuthKey": "the-key-1", "AuthUserName": "ann", "AuthPassword": "pass-word"}


class Authority:
    """Plays the token calls; refresh tokens die on use."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.refresh: set[str] = set()
        self.made = 0
        self.life = dt.timedelta(days=7)
        self.without_refresh = False
        self.bodies: list[tuple[str, t.Any]] = []

    def pair(self, prefix: str = "token") -> Reply:
        self.made += 1
        token, refresh = f"{prefix}-{self.made}-x", f"refresh-{self.made}-x"
        self.tokens.add(token)
        expires = dt.datetime.now(dt.timezone.utc) + self.life
        body = {"token": token, "expiration": expires.isoformat().replace("+00:00", "Z")}
        if not self.without_refresh:
            self.refresh.add(refresh)
            body["refresh_token"] = refresh
        return Reply(body=body)

    def __call__(self, request: Request) -> Reply:
        path = request.path.removeprefix("/site")
        if request.method == "POST":
            self.bodies.append((path, request.json))
        if path == "/healthcheck/canary":
            return Reply(body={"status": "Running"})
        if path == "/authenticate":
            return self.pair() if request.json == LOGIN else Reply(401)
        if path == "/refresh":
            known = request.json in self.refresh
            self.refresh.discard(request.json)
            return self.pair() if known else Reply(400, "unknown refresh token")
        return self.resource(path, request)

    def resource(self, path: str, request: Request) -> Reply:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            good = base64.b64decode(value) == b"ann:pass-word"
            return Reply(body=[]) if good else Reply(401)
        if value not in self.tokens:
            return Reply(401)
        if path == "/GenerateCustomerSession/":
            known = request.json == {"username": "buyer"}
            return self.pair("session") if known else Reply(400, "Unknown username.")
        return Reply(body=[{"sku": "A", "customer_price": 1 if "session" in value else None}])


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def stub(authority: Authority) -> t.Iterator[Stub]:
    with running_stub(authority) as stub:
        yield stub


def make(url: str, **settings: t.Any) -> CimcloudClient:
    values = {
        "api_url": url,
        "site_name": "site",
        "auth_key": "the-key-1",
        "username": "ann",
        "password": "pass-word",
        "requests_per_second": 10_000,
        **settings,
    }
    return CimcloudClient(Block("cimcloud", CIMCLOUD.settings, values), Connection())


def read(client: CimcloudClient, name: str = "accounts") -> list[dict[str, t.Any]]:
    return client.page(client.resources[name])


def test_one_login_serves_many_calls(stub: Stub, authority: Authority) -> None:
    client = make(stub.url)
    for _ in range(3):
        read(client)
    assert authority.bodies == [("/authenticate", LOGIN)]
    assert len(stub.requests) == 4
    assert redact("token-1-x refresh-1-x") == f"{MASK} {MASK}"


def test_a_refused_token_is_refreshed_with_a_bare_string_and_the_pair_rotates(
    stub: Stub, authority: Authority
) -> None:
    client = make(stub.url)
    for _ in range(3):
        read(client)
        authority.tokens.clear()
    assert authority.bodies == [
        ("/authenticate", LOGIN),
        ("/refresh", "refresh-1-x"),
        ("/refresh", "refresh-2-x"),
    ]


def test_a_token_is_refreshed_before_it_expires(stub: Stub, authority: Authority) -> None:
    authority.life = dt.timedelta(seconds=0.4)
    client = make(stub.url)
    read(client)
    authority.life = dt.timedelta(days=7)
    time.sleep(0.25)  # it would still be good
    read(client)
    read(client)
    assert [path for path, _ in authority.bodies] == ["/authenticate", "/refresh"]
    assert [reply.path for reply in stub.requests].count("/site/accounts/1") == 3


def test_a_dead_refresh_token_means_a_new_login(stub: Stub, authority: Authority) -> None:
    client = make(stub.url)
    read(client)
    authority.tokens.clear()
    authority.refresh.clear()
    read(client)
    assert [path for path, _ in authority.bodies] == ["/authenticate", "/refresh", "/authenticate"]


def test_an_old_site_has_no_refresh_tokens(stub: Stub, authority: Authority) -> None:
    authority.without_refresh = True
    client = make(stub.url)
    read(client)
    authority.tokens.clear()
    read(client)
    assert [path for path, _ in authority.bodies] == ["/authenticate", "/authenticate"]


def test_a_wrong_login_is_tried_once_and_names_its_settings(stub: Stub) -> None:
    client = make(stub.url, password="wrong-pass")
    for _ in range(3):
        with pytest.raises(CredentialsError, match=r"check cimcloud\.auth_key, username and pass"):
            read(client)
    assert stub.paths == ["POST /site/authenticate"]


@pytest.mark.parametrize("status", [400, 404])
def test_other_refusals_of_the_login_name_the_settings(stub: Stub, status: int) -> None:
    stub.script = lambda _: Reply(status, "no")
    with pytest.raises(CredentialsError, match=r"check cimcloud\.auth_key"):
        read(make(stub.url))


def test_a_login_that_fails_on_the_vendors_side_is_no_matter_of_credentials(stub: Stub) -> None:
    stub.script = lambda _: Reply(503)
    with pytest.raises(CallError, match="HTTP 503"):
        read(make(stub.url))


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"token": null}', b'{"token": 5}', b"null", b'"x"']
)
def test_a_login_without_a_token_is_refused(stub: Stub, body: bytes) -> None:
    stub.script = lambda _: Reply(body=body)
    with pytest.raises(CredentialsError, match=r"cimcloud.*authenticate"):
        read(make(stub.url))


@pytest.mark.parametrize(
    "answer",
    [
        {"token": "t-1234", "expiration": "someday"},
        {"token": "t-1234"},
        {"token": "t-1234", "expiration": "2999-01-01T00:00:00"},
        {"token": "t-1234", "expiration": "2999-01-01T00:00:00.1234567Z"},
        {"token": "t-1234", "expiration": None, "refresh_token": ""},
        {"bearer_token": "t-1234", "expiration": "2999-01-01T00:00:00Z"},
    ],
)
def test_answers_are_read_leniently(stub: Stub, answer: dict[str, t.Any]) -> None:
    def script(request: Request) -> Reply:
        if request.path == "/site/authenticate":
            return Reply(body=answer)
        return Reply(body=[], status=200 if "t-1234" in request.headers["Authorization"] else 401)

    stub.script = script
    client = make(stub.url)
    read(client)
    read(client)
    assert len(stub.requests) == 3


def test_secrets_are_masked_in_what_the_vendor_says(stub: Stub) -> None:
    stub.script = lambda request: Reply(400, {"got": request.json, "key": "the-key-1"})
    redact.add("the-key-1", "pass-word")  # as the plugins do for every secret setting
    with pytest.raises(CredentialsError) as caught:
        read(make(stub.url))
    assert "the-key-1" not in str(caught.value)
    assert "pass-word" not in str(caught.value)


def test_basic_needs_no_key_and_no_token(stub: Stub, authority: Authority) -> None:
    client = make(stub.url, auth_type="basic", auth_key=None)
    read(client)
    assert authority.bodies == []
    assert stub.requests[0].headers["Authorization"].startswith("Basic ")
    with pytest.raises(ConfigError, match=r"cimcloud\.auth_key"):
        make(stub.url, auth_key=None)


@pytest.mark.parametrize("missing", ["site_name", "username", "password"])
def test_missing_settings_are_named(missing: str) -> None:
    with pytest.raises(ConfigError, match=f"cimcloud.{missing} is not set"):
        make("http://127.0.0.1:1", **{missing: None})


def test_products_are_read_as_the_session_customer(stub: Stub, authority: Authority) -> None:
    client = make(stub.url, session_username="buyer")
    assert read(client, "products")[0]["customer_price"] == 1
    assert read(client, "accounts")[0]["customer_price"] is None
    assert authority.bodies[1] == ("/GenerateCustomerSession/", {"username": "buyer"})
    # A session that ends is opened again, with the account's own token.
    authority.tokens = {token for token in authority.tokens if "session" not in token}
    assert read(client, "products")[0]["customer_price"] == 1
    assert [path for path, _ in authority.bodies].count("/GenerateCustomerSession/") == 2


def test_an_unknown_session_customer_is_named_and_ends_nothing_else(stub: Stub) -> None:
    client = make(stub.url, session_username="nobody")
    with pytest.raises(CredentialsError, match=r"check cimcloud\.session_username"):
        read(client, "products")
    read(client, "accounts")


def test_a_session_is_not_possible_with_basic(stub: Stub) -> None:
    with pytest.raises(ConfigError, match=r"cimcloud\.session_username needs .*bearer"):
        make(stub.url, session_username="buyer", auth_type="basic")


def test_the_connection_test_touches_no_resource(stub: Stub) -> None:
    make(stub.url).check()
    assert stub.paths == [
        "GET /site/healthcheck/canary",
        "POST /site/authenticate",
        "GET /site/validate",
    ]
    assert "Authorization" not in stub.requests[0].headers
