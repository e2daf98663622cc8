from __future__ import annotations

import itertools
import json
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.target_erp.shops import OPTIONS

if t.TYPE_CHECKING:
    import pathlib

TAKEN = {"status": 200, "type": "object", "members": []}
"""What this vendor answers to a write that has worked, where the documents do not say so."""
_AIMSIO = ("companies", "billable_items", "employees", "equipment", "price_books", "job_orders")
_AIMSIO_TOO = ("nrbs", "timecards", "invoices")

Judge = t.Callable[[dict[str, t.Any]], str | None]


class Vendor:
    """A stub that takes the writes of both vendors and refuses what a judge refuses."""

    def __init__(self, tmp_path: pathlib.Path) -> None:
        self.taken: list[dict[str, t.Any]] = []
        self.judge: Judge = lambda _: None
        self.script: t.Callable[[Request], Reply | None] = lambda _: None
        self.index: list[dict[str, t.Any]] = []
        self.dead_letters = tmp_path / "dead letters"
        self.stub: Stub
        self._ledgers = itertools.count()

    def answer(self, request: Request) -> Reply:
        special = self.script(request)
        if special is not None:
            return special
        if request.method == "GET":
            return Reply(body=self.index)
        if request.path.startswith("/site/authenticate"):
            return Reply(body={"token": "a-token", "expiration": "2999-01-01T00:00:00Z"})
        if request.path.startswith("/site/"):
            return self._aggregate(request)
        (rows,) = request.json.values()
        problems = [problem for row in rows if (problem := self.judge(row))]
        if problems:
            return Reply(400, {"message": "; ".join(problems)})
        self.taken += rows
        return Reply(body={})

    def _aggregate(self, request: Request) -> Reply:
        rows = request.json if isinstance(request.json, list) else [request.json]
        good = [row for row in rows if not self.judge(row)]
        self.taken += good
        return Reply(
            body={
                "action": "DataImported",
                "success": True,
                "importedRecords": len(good),
                "updatedRecords": 0,
                "recordCountInRequest": len(rows),
                "message": None,
            }
        )

    def config(self, **more: t.Any) -> dict[str, t.Any]:
        """Configuration for this stub; a vendor block in `more` is merged."""
        config: dict[str, t.Any] = {
            "aimsio": {
                "api_url": self.stub.url,
                "username": "user",
                "password": "s3cret-pass",
                "requests_per_second": 1000,
                # Tests of the engine send records that hold no more than they are about.
                "partial_updates": True,
                "resources": [{"name": n, "success": TAKEN} for n in (*_AIMSIO, *_AIMSIO_TOO)],
            },
            "cimcloud": {
                "api_url": self.stub.url,
                "site_name": "site",
                "auth_key": "key-1234",
                "username": "user",
                "password": "s3cret-pass",
                "requests_per_second": 1000,
            },
            "dead_letters": str(self.dead_letters),
            "ledger": str(self.dead_letters.with_name(f"ledger-{next(self._ledgers)}.sqlite")),
        }
        for name, value in more.items():
            config[name] = {**config[name], **value} if name in {"aimsio", "cimcloud"} else value
        return config

    def letters(self, stream: str) -> list[dict[str, t.Any]]:
        file = self.dead_letters / f"{stream}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def writes(self) -> list[str]:
        return [path for path in self.stub.paths if path[:4] in {"POST", "PUT "}]


@pytest.fixture
def vendor(tmp_path: pathlib.Path) -> t.Iterator[Vendor]:
    vendor = Vendor(tmp_path)
    with running_stub(vendor.answer) as vendor.stub:
        yield vendor


@pytest.fixture(scope="module")
def shared() -> t.Iterator[RunningSandbox]:
    """All vendors with a few records, for the tests of one module."""
    with running_sandbox(size=6, limits=False, options=OPTIONS) as running:
        yield running


@pytest.fixture
def sandbox(shared: RunningSandbox) -> RunningSandbox:
    """The vendors of `shared`, as if no test had been there before."""
    shared.reset(data=True)
    return shared


@pytest.fixture(autouse=True)
def _in_short(short_pauses: None) -> None:
    """No test of the target waits out a pause."""
