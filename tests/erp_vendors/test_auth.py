"""Credentials on requests; tokens are fetched once, shared and renewed in time."""

from __future__ import annotations

import base64
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from erp_vendors.errors import CallError, CredentialsError
from erp_vendors.http.auth import BasicAuth, Token, TokenAuth
from erp_vendors.http.redact import MASK, redact
from tests.support.stub import Reply, Request, running_stub
from tests.support.transport import make_transport


class CountingAuth(TokenAuth):
    """Tokens t1, t2, ... of a given life in seconds."""

    def __init__(self, life: float | None = None) -> None:
        super().__init__()
        self.life = life
        self.previous: list[Token | None] = []

    def fetch(self, previous: Token | None) -> Token:
        time.sleep(0.01)  # wide enough for a race
        self.previous.append(previous)
        number = len(self.previous)
        expires = None if self.life is None else time.time() + self.life
        return Token(f"token-{number}", expires, f"refresh-{number}")


def request() -> requests.PreparedRequest:
    return requests.Request("GET", "http://127.0.0.1/").prepare()


def sent_by(auth: t.Callable[[requests.PreparedRequest], requests.PreparedRequest]) -> str:
    return auth(request()).headers["Authorization"]


def test_basic_in_utf8_and_masked() -> None:
    header = sent_by(BasicAuth("Jürgen", "pass:wörd-1"))
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "Jürgen:pass:wörd-1"
    assert redact(f"x {header} pass:wörd-1 y") == f"x Basic {MASK} {MASK} y"


def test_a_token_is_fetched_once_for_all_threads() -> None:
    auth = CountingAuth()
    with ThreadPoolExecutor(10) as pool:
        headers = set(pool.map(lambda _: sent_by(auth), range(50)))
    assert headers == {"Bearer token-1"}
    assert auth.previous == [None]
    assert redact("token-1 refresh-1") == f"{MASK} {MASK}"


@pytest.mark.parametrize(("life", "good"), [(3600, 3539), (30, 14)])
def test_a_token_is_renewed_before_it_expires(
    monkeypatch: pytest.MonkeyPatch, life: float, good: float
) -> None:
    auth = CountingAuth(life=life)  # the margin is a minute, or half of a short life
    start = time.time()
    assert sent_by(auth) == "Bearer token-1"
    monkeypatch.setattr("erp_vendors.http.login.now", lambda: start + good)
    assert sent_by(auth) == "Bearer token-1"
    monkeypatch.setattr("erp_vendors.http.login.now", lambda: start + good + 3)
    assert sent_by(auth) == "Bearer token-2"
    assert sent_by(auth) == "Bearer token-2"
    assert auth.previous == [None, None], "a token that never served has nothing to offer"


def test_a_token_that_served_buys_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = CountingAuth(life=30)
    with running_stub(lambda _: Reply(body={})) as stub:
        transport = make_transport(stub.url, auth)
        transport.get_json("/x")
        later = time.time() + 16
        monkeypatch.setattr("erp_vendors.http.login.now", lambda: later)
        transport.get_json("/x")
    assert [token and token.refresh for token in auth.previous] == [None, "refresh-1"]


def test_a_refusal_of_the_login_reaches_every_caller_and_is_not_tried_again() -> None:
    class Refused(CountingAuth):
        def fetch(self, previous: Token | None) -> Token:
            super().fetch(previous)
            msg = "no"
            raise CredentialsError(msg)

    auth = Refused()
    for _ in range(3):
        with pytest.raises(CredentialsError, match="no"):
            auth(request())
    assert len(auth.previous) == 1


def test_the_last_request_is_the_call_and_not_that_for_its_token() -> None:
    class Fetching(TokenAuth):
        def fetch(self, previous: Token | None) -> Token:  # noqa: ARG002
            return Token(transport.call("POST", "/token", auth=None).text)

    def script(request: Request) -> Reply:
        return Reply(400 if request.path == "/customers" else 200, {"said": request.path})

    with running_stub(script) as stub:
        transport = make_transport(stub.url, Fetching())
        with pytest.raises(CallError):
            transport.call("POST", "/customers")
        assert stub.paths == ["POST /token", "POST /customers"]
        assert transport.last_request == f"POST {stub.url}/customers"
