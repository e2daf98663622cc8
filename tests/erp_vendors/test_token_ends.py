"""Every vendor that has tokens, with tokens that end after some calls (sheets, chapter 2)."""

from __future__ import annotations

import collections
import itertools
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from erp_vendors.aim import AIM, AimClient
from erp_vendors.aims360 import AIMS360, Aims360Client
from erp_vendors.aims360.auth import TOKEN_PATH
from erp_vendors.cimcloud import CIMCLOUD, CimcloudClient
from erp_vendors.errors import CallError, CredentialsError
from erp_vendors.pentamic import PENTAMIC, PentamicClient
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.scale import mostly_nightly
from tests.support.stub import Reply, Request, running_stub

pytestmark = pytest.mark.slow

Make = t.Callable[["Server"], t.Callable[[], object]]
"""Gives what makes one write with a new client of that vendor."""

FAST = {"requests_per_second": 100_000, "max_concurrency": 8}
OK = {"Status": {"StatusCode": "Ok"}}
PASTED = "a-pasted-token"
ENDED = {"Status": {"StatusCode": "Error", "ErrorMessage": "Token expired"}}


class Server:
    """Plays all vendors: gives tokens that serve so many calls each, and counts."""

    def __init__(self, life: int, dead: Reply) -> None:
        self.life = life
        self.dead = dead
        self.url = ""
        self.logins = 0
        self.executed = 0
        self.uses = collections.Counter[str]()
        self.refused: str = ""
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        name = request.path.partition("?")[0].strip("/").rpartition("/")[2]
        if name == "GetEndPoint":
            return Reply(body={**OK, "NewEndpointDomain": self.url, "OAuthToken": "oauth-12"})
        with self._lock:
            login = name in {"authenticate", "refresh", "token", "Token", "Security"}
            if not login and not self._use(request):
                return self.dead
            if login or name == "GenerateCustomerSession":
                self.logins += 1
                token = f"token-number-{self.logins}"
                key = {"Security": "Token", "token": "access_token", "Token": "access_token"}
                body = {key.get(name, "token"): token, "refresh_token": f"refresh-{self.logins}"}
                return Reply(body={**OK, **body})
            self.executed += 1
        return Reply(body=OK)

    def _use(self, request: Request) -> bool:
        token = request.headers.get("Token") or request.headers["Authorization"]
        if self.uses[token] >= self.life or token == self.refused:
            return False
        self.uses[token] += 1
        return True


def aims360_client(server: Server, **more: t.Any) -> Aims360Client:
    login = dict.fromkeys(("client_id", "client_secret", "username", "password"), "an-entry")
    values = {"api_url": server.url, **login, "calls_per_minute": 10**6, **FAST, **more}
    return Aims360Client(Block("aims360", AIMS360.settings, values), Connection())


def aims360(server: Server, **more: t.Any) -> t.Callable[[], object]:
    client = aims360_client(server, **more)
    return lambda: client.create(client.resources["orders"], {})


def pasted(server: Server) -> t.Callable[[], object]:
    return aims360(server, access_token=PASTED)


def pasted_and_over(server: Server) -> t.Callable[[], object]:
    server.refused = f"Bearer {PASTED}"
    return aims360(server, access_token=PASTED)


def cimcloud(server: Server, **more: t.Any) -> CimcloudClient:
    login = dict.fromkeys(("auth_key", "username", "password"), "an-entry")
    values = {"api_url": server.url, "site_name": "site", **login, **FAST, **more}
    return CimcloudClient(Block("cimcloud", CIMCLOUD.settings, values), Connection())


def cimcloud_account(server: Server) -> t.Callable[[], object]:
    client = cimcloud(server)
    return lambda: client.write(client.resources["accounts"], [{}], repeatable=False)


def pentamic(server: Server) -> t.Callable[[], object]:
    login = dict.fromkeys(("client_id", "client_secret", "scope"), "an-entry")
    values = {
        "api_url": f"{server.url}/api",
        "token_url": f"{server.url}/connect/token",
        **login,
        **FAST,
    }
    client = PentamicClient(Block("pentamic", PENTAMIC.settings, values), Connection())
    return lambda: client.create(client.resources["customers"], {})


def aim(server: Server) -> t.Callable[[], object]:
    login = dict.fromkeys(("api_key", "app_id", "username", "password"), "an-entry")
    values = {"api_url": server.url, **login, **FAST}
    client = AimClient(Block("aim", AIM.settings, values), Connection())
    return lambda: client.write_operation("AddCustomer")


VENDORS: dict[str, tuple[Make, Reply]] = {
    "aims360, 401": (aims360, Reply(401)),
    "aims360, 403": (aims360, Reply(403, {"error": {"code": "AuthenticationFailed"}})),
    "aims360, pasted": (pasted, Reply(401)),
    "aims360, pasted and over": (pasted_and_over, Reply(401)),
    "cimcloud": (cimcloud_account, Reply(401)),
    "pentamic": (pentamic, Reply(401)),
    "aim, 401": (aim, Reply(401)),
    "aim, 403": (aim, Reply(403)),
    "aim, inside 200": (aim, Reply(body=ENDED)),
}
CALLS = 21


@pytest.mark.parametrize(
    ("threads", "life", "vendor"), mostly_nightly(itertools.product((8, 5, 1), (1, 2, 6), VENDORS))
)
def test_tokens_that_end_after_some_calls_cost_a_login_each(
    vendor: str, life: int, threads: int
) -> None:
    make, dead = VENDORS[vendor]
    server = Server(life, dead)
    with running_stub(server) as stub:
        server.url = stub.url
        write = make(server)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: write(), range(CALLS)))
    assert server.executed == CALLS, "no write twice, and none lost"
    tokens = -(-CALLS // life)
    assert server.logins == tokens - (vendor == "aims360, pasted")


@pytest.mark.parametrize(("threads", "vendor"), mostly_nightly(itertools.product((8, 1), VENDORS)))
def test_a_token_that_serves_nobody_is_one_clear_refusal(vendor: str, threads: int) -> None:
    make, dead = VENDORS[vendor]
    server = Server(0, dead)
    said: list[str] = []

    def call(_: int) -> None:
        with pytest.raises((CallError, CredentialsError)) as caught:
            write()
        said.append(str(caught.value))

    with running_stub(server) as stub:
        server.url = stub.url
        write = make(server)
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(call, range(CALLS)))
    # The very first token may have been ended by another program's login.
    assert (server.logins, server.executed) == (1 if "pasted" in vendor else 2, 0)
    assert len(said) == CALLS
    assert all("\n" not in line and "token-number" not in line for line in said)


@pytest.mark.parametrize(
    ("threads", "life"), mostly_nightly(itertools.product((8, 5, 1), (1, 2, 6)))
)
def test_a_session_on_top_of_a_token_ends_by_itself(life: int, threads: int) -> None:
    server = Server(life, Reply(401))
    with running_stub(server) as stub:
        server.url = stub.url
        client = cimcloud(server, session_username="buyer")
        session = client.resources["products"]
        auth = client._session  # noqa: SLF001 - the session's calls are GETs of lists
        assert session.in_session

        def read(_: int) -> None:
            client.transport.call("GET", "/products", auth=auth)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(read, range(CALLS)))
    sessions = -(-CALLS // life)
    assert server.executed == CALLS
    assert server.logins == sessions + -(-sessions // life)


def test_a_403_for_one_path_costs_one_login_and_ends_nothing_else() -> None:
    server = Server(10**6, Reply(403, {"error": {"code": "AuthenticationFailed"}}))

    def script(request: Request) -> Reply:
        return server.dead if "/orders/" in request.path else server(request)

    with running_stub(script) as stub:
        server.url = stub.url
        client = aims360_client(server)
        client.check()
        with pytest.raises(CredentialsError, match=r"HTTP 403, .*lacks the permission"):
            client.create(client.resources["orders"], {})
        client.check()
        assert server.logins == 2
        assert stub.paths.count(f"POST {TOKEN_PATH}") == 2
