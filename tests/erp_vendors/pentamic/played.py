"""A scripted Pentamic: identity server and API on one stub."""

from __future__ import annotations

import contextlib
import itertools
import typing as t
import urllib.parse

from erp_vendors.pentamic import PENTAMIC, PentamicClient
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.transport import VirtualClock

SECRET = "s3cret-of-the-client"
ANN = {"id": 1, "name": "Ann", "taxCode": "0106459932", "address": None, "phone": "0912"}
BOB = {"id": 2, "name": "Bob", "taxCode": "0200000000", "address": "Hue", "phone": None}


class Pentamic:
    """What it holds, and what it does instead of answering; set by a test."""

    def __init__(self) -> None:
        self.customers: t.Any = [ANN, BOB]
        self.invoices: dict[str, t.Any] = {"1": [{"id": 11, "total": 10.50}], "2": [{"id": 21}]}
        self.instead: t.Callable[[Request], Reply | None] = lambda _: None
        self.token: t.Callable[[dict[str, str]], Reply] = self.issue
        self.lifetime: t.Any = 3600
        self.valid: set[str] = set()
        self.stub: Stub
        self._numbers = itertools.count(1)

    def issue(self, _: dict[str, str]) -> Reply:
        """A new token; the ones before it are void."""
        token = f"token-number-{next(self._numbers)}"
        self.valid = {token}
        return Reply(
            body={"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"}
        )

    def answer(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if path == "/connect/token":
            return self.token(dict(urllib.parse.parse_qsl(request.body.decode())))
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in self.valid:
            return Reply(401)
        special = self.instead(request)
        if special is not None:
            return special
        if path == "/api/customers" and request.method == "GET":
            return Reply(body=self.customers)
        parts = path.removeprefix("/api/customers/").split("/")
        if len(parts) == 2 and parts[1] == "invoices":
            found = self.invoices.get(parts[0])
            return Reply(403, {"error": "ID_NOTFOUND"}) if found is None else Reply(body=found)
        return Reply(404)

    @property
    def calls(self) -> list[str]:
        """What the API was asked, without the host."""
        return [path for path in self.stub.paths if "connect/token" not in path]

    @property
    def tokens(self) -> int:
        """Token requests."""
        return len(self.stub.paths) - len(self.calls)

    def block(self, **more: t.Any) -> dict[str, t.Any]:
        """Settings for this stub."""
        return {
            "api_url": f"{self.stub.url}/api",
            "token_url": f"{self.stub.url}/connect/token",
            "client_id": "a-client",
            "client_secret": SECRET,
            "scope": "pa-api",
            "requests_per_second": 10_000,
            **more,
        }

    def client(self, **more: t.Any) -> PentamicClient:
        """A client for this stub; its waits take no time."""
        return make_client(**self.block(**more))


def make_client(**values: t.Any) -> PentamicClient:
    """A client with these settings."""
    return PentamicClient(
        Block("pentamic", PENTAMIC.settings, values), Connection(clock=VirtualClock())
    )


@contextlib.contextmanager
def played() -> t.Iterator[Pentamic]:
    """Run it."""
    pentamic = Pentamic()
    with running_stub(pentamic.answer) as pentamic.stub:
        yield pentamic
