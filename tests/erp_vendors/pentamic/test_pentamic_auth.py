"""Tokens, and what the refusals mean (pentamic.md 2 and 5.2)."""

from __future__ import annotations

import json
import time
import typing as t

import pytest

from erp_vendors.errors import CallError, ConfigError, CredentialsError
from erp_vendors.http.redact import redact
from erp_vendors.pentamic.auth import RefusedRecordError
from tests.erp_vendors.pentamic.played import ANN, SECRET, Pentamic, make_client
from tests.support.stub import Reply, Request


def test_the_token_request_is_the_documented_form(pentamic: Pentamic) -> None:
    forms: list[dict[str, str]] = []

    def token(form: dict[str, str]) -> Reply:
        forms.append(form)
        return pentamic.issue(form)

    pentamic.token = token
    pentamic.client().check()
    assert forms == [
        {
            "client_id": "a-client",
            "client_secret": SECRET,
            "scope": "pa-api",
            "grant_type": "client_credentials",
        }
    ]
    request = pentamic.stub.requests[0]
    assert (request.method, request.path) == ("POST", "/connect/token")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize("status", [400, 401, 403, 200])
@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("invalid_client", r"pentamic\.client_id and pentamic\.client_secret"),
        ("invalid_scope", r"pentamic\.scope"),
        ("unsupported_grant_type", r"ask the Pentamic administrator"),
        ("server_is_tired", r"refused the client"),
    ],
)
def test_each_refusal_is_explained_once(
    pentamic: Pentamic, status: int, code: str, hint: str
) -> None:
    pentamic.token = lambda _: Reply(status, {"error": code})
    client = pentamic.client()
    for _ in range(3):
        with pytest.raises(CredentialsError, match=f"{code}.*{hint}") as caught:
            client.check()
        assert "\n" not in str(caught.value)
        assert SECRET not in str(caught.value)
    assert pentamic.tokens == 1, "the first refusal settles it"
    assert pentamic.calls == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, b"no"),
        Reply(body=b"<html>login</html>"),
        Reply(body={"expires_in": 3600}),
        Reply(body={"access_token": 5}),
    ],
    ids=["404", "a page", "no token", "a number"],
)
def test_an_answer_without_a_token_names_the_address(pentamic: Pentamic, reply: Reply) -> None:
    pentamic.token = lambda _: reply
    with pytest.raises(CredentialsError, match=r"check pentamic\.token_url"):
        pentamic.client().check()


def test_an_identity_server_that_fails_is_asked_again(pentamic: Pentamic) -> None:
    replies = iter([Reply(503), Reply(500)])
    pentamic.token = lambda form: next(replies, None) or pentamic.issue(form)
    pentamic.client().check()
    assert pentamic.tokens == 3


def test_an_identity_server_that_is_down_is_no_matter_of_credentials(pentamic: Pentamic) -> None:
    pentamic.token = lambda _: Reply(503)
    with pytest.raises(CallError, match="connect/token: HTTP 503"):
        pentamic.client().check()


def test_a_refused_token_is_replaced_once(pentamic: Pentamic) -> None:
    client = pentamic.client()
    client.check()
    pentamic.valid = set()
    assert client.children(client.resources["customer_invoices"], 1) == [{"id": 11, "total": 10.5}]
    assert pentamic.tokens == 2
    pentamic.issue = lambda _: Reply(body={"access_token": "void"})  # type: ignore[method-assign]
    pentamic.token, pentamic.valid = pentamic.issue, set()
    with pytest.raises(CredentialsError, match="401"):
        client.children(client.resources["customer_invoices"], 1)
    assert pentamic.tokens == 3


@pytest.mark.parametrize("lifetime", [3600, "3599", 30, None, "soon", -5, "nan", "inf"])
def test_a_token_is_kept_as_long_as_it_lives(pentamic: Pentamic, lifetime: t.Any) -> None:
    pentamic.lifetime = lifetime
    client = pentamic.client()
    for _ in range(3):
        client.rows(client.resources["customers"], again=True)
    assert pentamic.tokens == 1


def test_a_token_is_renewed_before_its_life_is_over(
    pentamic: Pentamic, monkeypatch: pytest.MonkeyPatch
) -> None:
    pentamic.lifetime = 3600
    client = pentamic.client()
    start = time.time()
    for number in range(1, 4):
        client.rows(client.resources["customers"], again=True)
        assert pentamic.tokens == number
        later = start + number * 3590
        monkeypatch.setattr("erp_vendors.http.login.now", lambda: later)  # noqa: B023


def test_type_and_token_are_sent_as_they_came_and_never_shown(pentamic: Pentamic) -> None:
    pentamic.client().check()
    assert pentamic.stub.requests[-1].headers["Authorization"] == "Bearer token-number-1"
    assert "token-number-1" not in redact("got token-number-1 today")
    assert SECRET not in redact(f"secret {SECRET}")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("NAME_REQUIRED", "no name"),
        ("TAXC_REQUIRED", "no taxCode"),
        ("TAXC_INVALID", "does not take its taxCode"),
        ("ID_NOTFOUND", "no customer has this id"),
        ("SOMETHING_NEW", "refuses it"),
    ],
)
def test_a_403_with_a_code_is_about_the_record(pentamic: Pentamic, code: str, why: str) -> None:
    pentamic.instead = lambda _: Reply(403, {"error": code})
    client = pentamic.client()
    said = f"PUT .*/api/customers/1: HTTP 403 {code}.*{why}"
    with pytest.raises(RefusedRecordError, match=said) as caught:
        client.update(client.resources["customers"], 1, ANN)
    assert (caught.value.code, caught.value.status) == (code, 403)
    assert json.loads(caught.value.body) == {"error": code}
    assert len(pentamic.calls) == 1, "never repeated"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(403),
        Reply(403, b"Forbidden"),
        Reply(403, {"message": "no"}),
        Reply(403, {"error": "insufficient_scope"}),
        Reply(403, {"error": {"code": "X"}}),
        Reply(403, ["ID_NOTFOUND"]),
    ],
    ids=["empty", "text", "message", "oauth", "object", "list"],
)
def test_a_403_without_a_code_is_about_the_login(pentamic: Pentamic, reply: Reply) -> None:
    pentamic.instead = lambda _: reply
    with pytest.raises(CredentialsError, match="lacks the permission"):
        pentamic.client().check()
    assert len(pentamic.calls) == 1


def test_a_code_in_xml_is_understood(pentamic: Pentamic) -> None:
    pentamic.instead = lambda _: Reply(403, b"<Error><error>ID_NOTFOUND</error></Error>")
    client = pentamic.client()
    assert client.children(client.resources["customer_invoices"], 9) is None


def test_missing_settings_are_named_together() -> None:
    with pytest.raises(
        ConfigError,
        match=r"pentamic\.client_id and pentamic\.client_secret and pentamic\.scope are not set",
    ):
        make_client()


@pytest.mark.parametrize("name", ["api_url", "token_url"])
@pytest.mark.parametrize("address", ["identity.example/token", "ftp://example/x", "https://"])
def test_an_address_must_be_one(pentamic: Pentamic, name: str, address: str) -> None:
    with pytest.raises(ConfigError, match=rf"pentamic\.{name} must be an address"):
        pentamic.client(**{name: address})


def test_an_unreachable_identity_server_is_called_by_its_address(pentamic: Pentamic) -> None:
    client = pentamic.client(token_url="http://127.0.0.1:9/connect/token")
    with pytest.raises(CallError, match=r"127\.0\.0\.1:9/connect/token: cannot reach the server"):
        client.check()


def test_the_api_sees_only_its_own_token(pentamic: Pentamic) -> None:
    def leak(request: Request) -> None:
        assert SECRET.encode() not in request.body
        assert SECRET not in str(request.headers)

    pentamic.instead = leak
    pentamic.client().check()
    assert pentamic.calls == ["GET /api/customers?orderBy=id"]
