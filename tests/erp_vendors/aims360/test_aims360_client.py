"""Tokens, queries, pages and single calls (aims360.md 2 to 6)."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import time
import typing as t
import urllib.parse
import uuid

import pytest

from erp_vendors.aims360 import odata
from erp_vendors.aims360.settings import HOSTS
from erp_vendors.errors import CallError, ConfigError, CredentialsError, DataError
from tests.erp_vendors.aims360.fake import JOBS, OVERLOADED, TOKEN, Fake, make_client
from tests.support.stub import Reply, Request
from tests.support.transport import VirtualClock

CURRENCIES = "/codes/v1.0/currencies"
TOKEN_PATH = "/authentication/v1/authentication/Token"
LOGIN: dict[str, t.Any] = {
    "access_token": None,
    "client_id": "AN-ID",
    "client_secret": "a client & secret",
    "username": "an operator",
    "password": "a+password",
}


class Tokens:
    """A token endpoint, and resources that take the newest token only."""

    def __init__(self, fake: Fake, **answer: t.Any) -> None:
        self.answer = answer
        self.logins: list[Request] = []
        self.refuse: Reply | None = None
        self.valid = ""
        fake.before = self
        fake.lists[CURRENCIES] = [{"currencyID": "1"}]

    def __call__(self, request: Request) -> Reply | None:
        if request.path == TOKEN_PATH:
            self.logins.append(request)
            if self.refuse:
                return self.refuse
            self.valid = f"token-number-{len(self.logins)}"
            return Reply(body={"access_token": self.valid, **self.answer})
        if request.headers.get("Authorization") != f"Bearer {self.valid}":
            return Reply(401)
        request.headers["Authorization"] = f"Bearer {TOKEN}"
        return None

    def form(self, number: int = 0) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(self.logins[number].body.decode()))


def test_a_pasted_token_is_sent_as_it_is(fake: Fake) -> None:
    fake.lists[CURRENCIES] = []
    client = make_client(fake.url, access_token=f" Bearer {TOKEN}\n")
    client.page(client.resources["currencies"])
    assert fake.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_pasted_token_that_is_refused_cannot_be_renewed(fake: Fake) -> None:
    client = make_client(fake.url, access_token="an-old-token")
    with pytest.raises(CredentialsError) as refused:
        client.check()
    assert "an-old-token" not in str(refused.value)
    with pytest.raises(CredentialsError):
        client.check()
    assert len(fake.requests) == 1, "what cannot succeed is not asked for again"


def test_the_password_grant_sends_a_form(fake: Fake) -> None:
    tokens = Tokens(fake)
    client = make_client(fake.url, **LOGIN)
    client.page(client.resources["currencies"])
    (login,) = tokens.logins
    assert login.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in login.headers
    assert tokens.form() == {
        "grant_type": "password",
        "client_id": "AN-ID",
        "client_secret": "a client & secret",
        "username": "an operator",
        "password": "a+password",
    }


def test_the_client_may_identify_itself_with_basic(fake: Fake) -> None:
    tokens = Tokens(fake)
    client = make_client(fake.url, client_secret_in="basic", **LOGIN)
    client.page(client.resources["currencies"])
    basic = tokens.logins[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic).decode() == "AN-ID:a client & secret"
    assert set(tokens.form()) == {"grant_type", "username", "password"}


def test_one_login_serves_many_calls_and_401_renews_it_once(fake: Fake) -> None:
    tokens = Tokens(fake, expires_in=3600)
    client = make_client(fake.url, **LOGIN)
    for _ in range(3):
        client.page(client.resources["currencies"])
    assert len(tokens.logins) == 1
    tokens.valid = "changed by somebody else"
    client.page(client.resources["currencies"])
    assert len(tokens.logins) == 2


@pytest.mark.parametrize(
    ("expires_in", "logins"), [(30, 2), ("31", 2), (3600, 1), (0, 1), (None, 1), ("soon", 1)]
)
def test_a_token_is_renewed_before_it_expires(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, expires_in: object, logins: int
) -> None:
    tokens = Tokens(fake, expires_in=expires_in)
    client = make_client(fake.url, **LOGIN)
    client.page(client.resources["currencies"])
    later = time.time() + 28
    monkeypatch.setattr("erp_vendors.http.login.now", lambda: later)
    client.page(client.resources["currencies"])
    assert len(tokens.logins) == logins


def test_a_pasted_token_is_replaced_by_a_login_when_it_ends(fake: Fake) -> None:
    tokens = Tokens(fake)
    tokens.valid = TOKEN
    client = make_client(fake.url, **{**LOGIN, "access_token": TOKEN})
    client.page(client.resources["currencies"])
    assert tokens.logins == []
    tokens.valid = "over"
    client.page(client.resources["currencies"])
    assert len(tokens.logins) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, {"error": "invalid_grant"}),
        Reply(401),
        Reply(403),
        Reply(200, {}),
        Reply(200, b"<p>"),
    ],
)
def test_a_refused_login_is_not_tried_again(fake: Fake, reply: Reply) -> None:
    tokens = Tokens(fake)
    tokens.refuse = reply
    client = make_client(fake.url, **LOGIN)
    for _ in range(2):
        with pytest.raises(CredentialsError) as refused:
            client.check()
        assert "a+password" not in str(refused.value)
    assert len(tokens.logins) == 1


def test_a_login_that_is_refused_in_the_middle_is_not_tried_again(fake: Fake) -> None:
    tokens = Tokens(fake)
    client = make_client(fake.url, **LOGIN)
    client.page(client.resources["currencies"])
    tokens.valid, tokens.refuse = "over", Reply(400)
    for _ in range(3):
        with pytest.raises(CredentialsError):
            client.page(client.resources["currencies"])
    assert len(tokens.logins) == 2


@pytest.mark.usefixtures("short_pauses")
def test_an_overloaded_login_is_no_refusal(fake: Fake) -> None:
    tokens = Tokens(fake)
    tokens.refuse = OVERLOADED
    client = make_client(fake.url, **LOGIN)
    with pytest.raises(CallError):
        client.check()
    tokens.refuse = None
    client.page(client.resources["currencies"])


@pytest.mark.parametrize(
    ("block", "names"),
    [
        ({"access_token": None}, ["aims360.client_id", "aims360.access_token"]),
        ({**LOGIN, "password": None}, ["aims360.password"]),
    ],
)
def test_missing_credentials_are_named(block: dict[str, t.Any], names: list[str]) -> None:
    with pytest.raises(ConfigError) as missing:
        make_client("http://127.0.0.1:1", **block)
    assert all(name in str(missing.value) for name in names)
    assert "aims360.username" not in str(missing.value) or block.get("username") is None


@pytest.mark.parametrize("region", ["west", "east"])
def test_the_region_decides_on_the_host(region: str) -> None:
    client = make_client("", api_url=None, region=region)
    assert client.transport.options.base_url == HOSTS[region]
    assert region in HOSTS[region]


def test_the_check_is_one_call_that_reads_one_job(fake: Fake) -> None:
    fake.lists[JOBS] = [{"jobID": "1"}]
    make_client(fake.url).check()
    assert [request.path for request in fake.requests] == [f"{JOBS}?pagesize=1"]


def test_calls_stay_within_the_minute(fake: Fake) -> None:
    fake.lists[CURRENCIES] = []
    clock = VirtualClock()
    client = make_client(fake.url, clock, calls_per_minute=10, requests_per_second=5)
    times = []
    for _ in range(25):
        client.page(client.resources["currencies"])
        times.append(clock.now())
    assert max(sum(a <= b < a + 60 for b in times) for a in times) <= 10
    assert times[-1] < 130


def test_the_default_budget_is_the_documented_one() -> None:
    limits = make_client(
        "", requests_per_second=None, calls_per_minute=None
    ).transport.budget.limits
    assert (limits.per_second, limits.in_flight, limits.window_calls) == (5, 5, 200)
    assert limits.window_seconds >= 60


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("times", [1, 3])
def test_overload_is_waited_for(fake: Fake, times: int) -> None:
    fake.lists[CURRENCIES] = [{"currencyID": "1"}]
    replies = [OVERLOADED] * times
    fake.before = lambda _: replies.pop() if replies else None
    client = make_client(fake.url)
    assert client.page(client.resources["currencies"]).rows == [{"currencyID": "1"}]
    assert len(fake.requests) == times + 1


def test_another_400_is_final(fake: Fake) -> None:
    fake.before = lambda _: Reply(400, {"message": "no such thing"})
    client = make_client(fake.url)
    with pytest.raises(CallError, match="no such thing"):
        client.page(client.resources["currencies"])
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("body", "logins"), [(b"AuthenticationFailed", 2), (b"InsufficientAccountPermissions", 1)]
)
def test_403_may_be_the_token(fake: Fake, body: bytes, logins: int) -> None:
    tokens = Tokens(fake)
    client = make_client(fake.url, **LOGIN)
    client.page(client.resources["currencies"])
    inner = tokens.__call__
    fake.before = lambda request: inner(request) if request.path == TOKEN_PATH else Reply(403, body)
    with pytest.raises(CredentialsError, match="permission"):
        client.page(client.resources["currencies"])
    assert len(tokens.logins) == logins


def test_an_order_is_created_once_even_under_overload(fake: Fake) -> None:
    fake.before = lambda _: OVERLOADED
    client = make_client(fake.url)
    with pytest.raises(CallError):
        client.create(
            client.resources["orders"], {"customerID": "1", "amount": decimal.Decimal("1.10")}
        )
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/orders/v1.0/order")
    assert request.body == b'{"customerID":"1","amount":1.10}'


def test_find_asks_for_a_value(fake: Fake) -> None:
    fake.lists["/orders/v1.0/orders"] = [
        {"order": "1", "thirdPartyOrderID": "O'Neill & 50% + #1"},
        {"order": "2", "thirdPartyOrderID": "other"},
    ]
    client = make_client(fake.url)
    orders = client.resources["orders"]
    (found,) = client.find(orders, "thirdPartyOrderID", "O'Neill & 50% + #1")
    assert found["order"] == "1"
    assert client.find(orders, "thirdPartyOrderID", "nobody") == []


def test_find_does_not_answer_with_a_part(fake: Fake) -> None:
    fake.lists[CURRENCIES] = [{"currencyID": str(n), "a": "b"} for n in range(3)]
    client = make_client(fake.url, page_size=2)
    with pytest.raises(DataError, match="3 currencies"):
        client.find(client.resources["currencies"], "a", "b")


def test_a_single_record_or_none(fake: Fake) -> None:
    fake.singles["/styles/V1.0/style/a b"] = {"styleID": "a b"}
    client = make_client(fake.url)
    styles = client.resources["styles"]
    assert client.single(styles, "a b") == {"styleID": "a b"}
    assert client.single(styles, "c") is None
    fake.before = lambda _: Reply(body=[])
    with pytest.raises(DataError, match="not with an object"):
        client.single(styles, "d")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("O'Neill", "'O''Neill'"),
        ("12345", "'12345'"),
        ("", "''"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (7, "7"),
        (decimal.Decimal("1.10"), "1.10"),
        (True, "true"),
        (dt.datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=dt.timezone.utc), "2026-01-02T03:04:05Z"),
        (
            dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=7))),
            "2026-01-01T20:00:00Z",
        ),
        (dt.datetime(2026, 1, 2), "2026-01-02T00:00:00Z"),  # noqa: DTZ001
    ],
)
def test_literals(value: object, text: str) -> None:
    assert odata.literal(value) == text


def test_there_is_no_literal_for_everything() -> None:
    with pytest.raises(TypeError):
        odata.literal([])


@pytest.mark.parametrize("value", ["a'b", "a&b=c", "50%", "1+1", "#1", "ü", "a b", "x' or 1 eq 1"])
def test_a_query_arrives_as_it_was_meant(value: str) -> None:
    path = odata.with_query("/a", {"$filter": odata.equal("c", value), "$skip": ""})
    parts = urllib.parse.urlsplit(path)
    quoted = value.replace("'", "''")
    assert urllib.parse.parse_qs(parts.query) == {"$filter": [f"c eq '{quoted}'"]}
    assert parts.query.startswith("$filter=c%20eq%20'")


def test_query_options_of_the_users_win() -> None:
    path = odata.with_query(
        "/a?$expand=x&pagesize=5", {"$expand": "y", "pageSize": "9", "$skip": "3"}
    )
    assert path == "/a?$expand=x&pagesize=5&$skip=3"
    assert odata.with_query("/a", {"$skip": ""}) == "/a"


@pytest.mark.parametrize(
    ("answer", "rows", "total"),
    [
        ({"value": [], "@odata.count": 0}, 0, 0),
        ({"@odata.context": "x", "value": [{}], "@odata.count": 7}, 1, 7),
        ({"Value": [{}], "@odata.count": "7"}, 1, 7),
        ({"value": [{}], "@odata.count": True}, 1, None),
        ([{}, {}], 2, None),
        ({"DOCUMENTGUID": "one"}, 1, None),
    ],
)
def test_a_list_has_three_shapes(answer: object, rows: int, total: int | None) -> None:
    page = odata.read_page("/a", answer, ["documentGUID"])
    assert (len(page.rows), page.total) == (rows, total)


@pytest.mark.parametrize("answer", [{}, {"error": {"message": "x"}}, {"value": {}}, [1], "x", None])
def test_something_else_is_no_list(answer: object) -> None:
    with pytest.raises(DataError, match="/a"):
        odata.read_page("/a", answer, ["documentGUID"])


def test_pages_are_asked_for_as_the_vendors_own_clients_do(fake: Fake) -> None:
    fake.lists["/orders/v1.0/orders"] = [{"order": str(n)} for n in range(5)]
    client = make_client(fake.url)
    orders = client.resources["orders"]
    first = client.page(orders)
    assert (len(first.rows), first.total) == (5, 5)
    window = odata.between("lastModifiedOn", *[dt.datetime(2026, 1, n) for n in (1, 2)])  # noqa: DTZ001
    client.page(orders, 250, search=window, order="order")
    asked, later = fake.paths("/orders/v1.0/orders")
    assert asked == {
        "pagesize": "250",
        "$count": "true",
        "$expand": "lineItems($expand=allocations)",
    }
    assert later["$skip"] == "250"
    assert later["$orderby"] == "order"
    assert later["$filter"] == (
        "lastModifiedOn ge 2026-01-01T00:00:00Z and lastModifiedOn le 2026-01-02T00:00:00Z"
    )


def test_a_list_that_lost_its_records_is_no_record() -> None:
    answer = {"@odata.context": "x", "@odata.count": 2, "warehouseID": "w"}
    with pytest.raises(DataError, match="list of objects"):
        odata.read_page("/warehouses", answer, ["warehouseID"])
    assert odata.read_page("/warehouse", {"warehouseID": "w"}, ["warehouseID"]).rows == [
        {"warehouseID": "w"}
    ]


def test_an_envelope_in_a_list_is_no_record() -> None:
    answer = [{"@odata.context": "x", "@odata.count": 1, "value": [{"warehouseID": "w"}]}]
    with pytest.raises(DataError, match="list of objects"):
        odata.read_page("/warehouses", answer, ["warehouseID"])
