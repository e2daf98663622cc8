"""A small CIMcloud whose answers a test changes as it likes."""

from __future__ import annotations

import re
import typing as t
import urllib.parse

from tests.support.stub import Reply, Request, Stub
from tests.tap_erp.running import Message, Run, cimcloud, run_tap

ACCOUNTS = "cimcloud_accounts"
SINCE = re.compile(r"\(searchgreatherthanequal~last_modify_date~(.+)\)")


class Played:
    """A small CIMcloud: accounts, in the order of their stamps unless told otherwise."""

    def __init__(self) -> None:
        self.rows = [
            account(number, f"2026-03-{1 + number // 10:02}T10:00:00") for number in range(30)
        ]
        self.order: t.Callable[[Message], t.Any] = lambda row: (row["last_modify_date"], row["nm"])
        self.special: t.Callable[[str], Reply | None] = lambda _: None
        self.before_page: t.Callable[[int], None] = lambda _: None
        self.stub: Stub

    def __call__(self, request: Request) -> Reply:
        path = urllib.parse.unquote(request.path)
        special = self.special(path)
        if special is not None:
            return special
        if path == "/sandbox-site/authenticate":
            return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
        resource, _, tail = path.removeprefix("/sandbox-site/").partition("/")
        if resource != "accounts":
            return Reply(404)
        since = SINCE.match(tail)
        page = int(tail.rpartition("/")[2]) if not tail.endswith(")") else 1
        self.before_page(page)
        rows = sorted(self.rows, key=self.order)
        if since:
            month, day, year = since[1].split("/")
            first = f"{year}-{month:>02}-{day:>02}"
            rows = [row for row in rows if (row["last_modify_date"] or "") >= first]
        return Reply(body=rows[(page - 1) * 50 : page * 50])

    def run(self, *streams: str, state: Message | None = None, **settings: t.Any) -> Run:
        self.stub.requests.clear()
        top: Message = {
            name: settings.pop(name)
            for name in ("start_date", "lookback_seconds")
            if name in settings
        }
        return run_tap(
            {**cimcloud(self.stub.url, **settings), **top}, *(streams or (ACCOUNTS,)), state=state
        )

    @property
    def paths(self) -> list[str]:
        return [path for path in self.stub.paths if path.startswith("GET")]


def account(number: int, stamp: str | None, **more: t.Any) -> Message:
    return {
        "ref_id": f"A{number:03}",
        "nm": f"Account {number:03}",
        "last_modify_date": stamp,
        **more,
    }


def names(run: Run, stream: str = ACCOUNTS) -> list[str]:
    return [record["ref_id"] for record in run.records(stream)]
