from __future__ import annotations

import threading
import typing as t

import pytest

from erp_vendors.errors import CallError, ConfigError, CredentialsError
from erp_vendors.http.redact import redact
from tests.erp_vendors.aim.shop import API_KEY, PASSWORD, error, listing, stock_error
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from tests.erp_vendors.aim.shop import Params, Shop

pytestmark = pytest.mark.slow

DEATHS: dict[str, Reply] = {
    "inside 200": Reply(body=error("Invalid or expired token", "InvalidToken")),
    "inside 200, by ServiceStack": Reply(
        body={"ResponseStatus": {"ErrorCode": "TokenException", "Message": "Not valid"}}
    ),
    "inside 200, in the text only": Reply(body=error("User is not logged in")),
    "HTTP 401": stock_error(401, "Unauthorized"),
    "HTTP 401 without a body": Reply(401),
    "HTTP 403": stock_error(403, "Invalid Token"),
    "HTTP 500": stock_error(500, "The token is unknown or has expired", "TokenException"),
    "HTTP 400": stock_error(400, "Session expired"),
}


def locations(shop: Shop) -> list[t.Any]:
    client = shop.client()
    return [row.record for row in client.rows(client.resources["locations"])]


def test_a_run_finds_the_server_and_logs_in_once(shop: Shop) -> None:
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    client = shop.client()
    for _ in range(3):
        assert [row.record for row in client.rows(client.resources["locations"])] == [{"Id": 1}]
    names = [name for name, _ in shop.calls]
    assert names == ["GetEndPoint", "Security", *["GetLocations"] * 3]


def test_making_a_client_calls_nothing(shop: Shop) -> None:
    shop.client()
    assert shop.calls == []


def test_check_only_logs_in(shop: Shop) -> None:
    shop.client().check()
    assert [name for name, _ in shop.calls] == ["GetEndPoint", "Security"]


@pytest.mark.parametrize("suffix", ["/shop", "/shop/", "/shop/api", "/shop/Api/"])
def test_the_servers_address_is_taken_however_it_is_written(shop: Shop, suffix: str) -> None:
    shop.domain = shop.url + suffix
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    assert locations(shop) == [{"Id": 1}]


def test_address_and_token_of_the_login_are_preferred(shop: Shop) -> None:
    body = {
        "Token": "t-1234",
        "OAuthToken": "newer-oauth",
        "Domain": f"{shop.url}/elsewhere",
        "Status": {"StatusCode": "Ok"},
    }

    def special(name: str, _: Params) -> Reply | None:
        if name == "Security":
            return Reply(body=body)
        return Reply(body={"Locations": [{"Id": 2}]}) if name == "GetLocations" else None

    shop.special = special
    client = shop.client()
    session = client.sessions.current()
    assert session.base_url == f"{shop.url}/elsewhere/api"
    assert session.headers["OAuthToken"] == "newer-oauth"
    body["Domain"] = "TRITECH"  # a Windows domain is no address
    session = shop.client().sessions.current()
    assert session.base_url == f"{shop.url}/shop/api"


@pytest.mark.parametrize("death", DEATHS)
@pytest.mark.parametrize("lifetime", [1, 2, 3, 4])
def test_a_token_that_dies_at_any_call_is_replaced(shop: Shop, death: str, lifetime: int) -> None:
    rows = [{"Pk": number} for number in range(450)]
    shop.operations["SearchInventory"] = listing("Records", rows)
    shop.dead_token = lambda: DEATHS[death]
    shop.lifetime = lifetime
    client = shop.client()
    assert [row.record for row in client.rows(client.resources["inventory"])] == rows
    assert shop.logins == -(-5 // lifetime)
    assert shop.count("GetEndPoint") == shop.logins


@pytest.mark.parametrize("death", DEATHS)
def test_a_login_that_does_not_help_is_not_repeated(shop: Shop, death: str) -> None:
    shop.operations["GetLocations"] = listing("Locations", [])
    shop.dead_token = lambda: DEATHS[death]
    shop.lifetime = 0
    with pytest.raises((CallError, CredentialsError), match="GetLocations"):
        locations(shop)
    assert shop.logins == 2
    assert shop.count("GetLocations") == 2


def test_threads_share_a_new_login(shop: Shop) -> None:
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    client = shop.client(max_concurrency=4)
    client.call_operation("GetLocations")
    shop.lifetime, shop.uses = 10, 10  # the token dies for all of them at once
    threads = [
        threading.Thread(target=client.call_operation, args=("GetLocations",), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.logins == 2


@pytest.mark.parametrize(
    ("changed", "settings"),
    [
        ({"password": "wrong-pass"}, "check aim.username and aim.password"),
        ({"api_key": "wrong-key-1"}, "check aim.api_key and aim.app_id"),
    ],
)
def test_refused_credentials_are_named_and_not_tried_again(
    shop: Shop, changed: dict[str, str], settings: str
) -> None:
    client = shop.client(**changed)
    for _ in range(2):
        with pytest.raises(CredentialsError, match=settings):
            client.check()
    assert len(shop.calls) == (1 if "api_key" in changed else 2)


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_refused_by_status_is_named_too(shop: Shop, status: int) -> None:
    shop.special = lambda name, _: stock_error(status, "No") if name == "Security" else None
    with pytest.raises(CredentialsError, match=r"check aim\.username and aim\.password"):
        shop.client().check()


def test_a_central_host_without_an_address_for_the_shop(shop: Shop) -> None:
    shop.domain = " "
    with pytest.raises(CredentialsError, match="names no server"):
        shop.client().check()


def test_a_login_without_a_token(shop: Shop) -> None:
    shop.special = lambda name, _: (
        Reply(body={"Status": {"StatusCode": "Ok"}}) if name == "Security" else None
    )
    with pytest.raises(CredentialsError, match="gave no Token"):
        shop.client().check()


def test_missing_settings_are_named(shop: Shop) -> None:
    with pytest.raises(ConfigError, match=r"aim\.api_key and aim\.password are not set"):
        shop.client(api_key=None, password="")


@pytest.mark.parametrize("format_", ["json", "xml"])
def test_a_wrong_address_is_no_question_of_credentials(shop: Shop, format_: str) -> None:
    shop.special = lambda *_: Reply(404, b"<html>nothing here</html>")
    with pytest.raises(CallError, match="GetEndPoint: HTTP 404"):
        shop.client(format=format_).check()


def test_no_secret_is_in_an_error(shop: Shop) -> None:
    shop.special = lambda name, params: (
        Reply(body=error(f"{params} {API_KEY} token-1 oauth-42"))
        if name == "GetLocations"
        else None
    )
    with pytest.raises(CallError) as caught:
        locations(shop)
    for secret in (PASSWORD, API_KEY, "token-1", "oauth-42"):
        assert secret not in str(caught.value)
        assert redact(secret) == "*****"


def test_the_password_is_hidden_when_the_login_breaks_off(shop: Shop) -> None:
    shop.special = lambda name, _: Reply(cut="before") if name == "Security" else None
    client = shop.client()
    client.transport.budget.clock.sleep = lambda _: None  # type: ignore[method-assign]
    with pytest.raises(CallError) as caught:
        client.check()
    assert "s3cret" not in str(caught.value)
