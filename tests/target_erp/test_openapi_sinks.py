"""Sinks that the vendor's own OpenAPI file makes are written once, as built-in ones are."""

from __future__ import annotations

import json
import typing as t

import pytest

from target_erp.delivery import Outcome
from tests.erp_vendors.aim.shop import Shop, open_shop
from tests.erp_vendors.openapi_files import body, document, many, reply, saver
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply, Request, running_stub

if t.TYPE_CHECKING:
    import pathlib

TICKET = {
    "type": "object",
    "required": ["ticketNo"],
    "properties": {"ticketNo": {"type": "string"}, "qty": {"type": "integer"}},
}
Row = dict[str, t.Any]


class Site:
    """Takes tickets, one a call; some of its answers get lost."""

    def __init__(self) -> None:
        self.tickets: list[Row] = []
        self.faults: list[str] = []

    def take(self, ticket: Row) -> Reply | None:
        """Take a ticket, or fail before or after that."""
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "before":
            return Reply(cut="before")
        self.tickets.append(ticket)
        return Reply(cut="before") if fault == "after" else None


class Aims360Site(Site):
    """Shows what it has: an AIMS360 list."""

    stream = "aims360_pick_tickets"

    def answer(self, request: Request) -> Reply:
        if request.method == "POST":
            return self.take(request.json) or Reply(body={"ok": True})
        found = [row for row in self.tickets if f"'{row['ticketNo']}'" in request.path]
        return Reply(body={"value": found, "@odata.count": len(found)})

    def block(self, url: str, file: str) -> Row:
        entry = {"name": "pick_tickets", "path": "/pick/v1.0/tickets", "primary_keys": ["ticketNo"]}
        return {
            "aims360": {
                "api_url": url,
                "access_token": "a.b.c",
                "requests_per_second": 1000,
                "openapi": file,
                "resources": [entry],
            }
        }

    def file(self) -> Row:
        rows = {"type": "object", "properties": {"value": many("Ticket")}}
        path = {"get": reply(rows), "post": body({"$ref": "#/components/schemas/Ticket"})}
        return document({"/pick/v1.0/tickets": path}, Ticket=TICKET)


class AimShop(Site):
    """Takes tickets and never shows them: an operation of AIM's."""

    stream = "aim_repair_tickets"

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        shop.special = self._break
        shop.operations["RepairTickets"] = lambda _: {}
        self.shop = shop
        self._bodies: list[Row] = []

    def answer(self, request: Request) -> Reply:
        self._bodies.append(json.loads(request.body) if request.body else {})
        return self.shop.answer(request)

    def _break(self, name: str, params: dict[str, str]) -> Reply | None:
        ticket = {**params, **self._bodies[-1]}
        return self.take(ticket) if name == "RepairTickets" else None

    def block(self, url: str, file: str) -> Row:
        self.shop.url = url
        entry = {
            "name": "repair_tickets",
            "write_path": "/api/RepairTickets",
            "primary_keys": ["ticketNo"],
        }
        block = self.shop.config(openapi=file, resources=[entry], max_concurrency=1)
        return {"aim": {**block, "api_url": f"{url}/central/api"}}

    def file(self) -> Row:
        return document({"/api/RepairTickets": {"post": body(TICKET)}})


@pytest.fixture(params=["aims360", "aim"])
def site(request: pytest.FixtureRequest) -> t.Iterator[Site]:
    if request.param == "aims360":
        yield Aims360Site()
        return
    with open_shop() as shop:
        yield AimShop(shop)


def test_openapi_sinks_go_through_the_same_engine(
    site: t.Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_erp.delivery.in_doubt.GRACE_SECONDS", 0.0)
    can_look_up = isinstance(site, Aims360Site)
    with running_stub(site.answer) as stub:
        config = {
            **site.block(stub.url, saver(tmp_path)(site.file())),
            "ledger": str(tmp_path / "ledger.sqlite"),
            "dead_letters": str(tmp_path / "dead"),
            "report_file": "none",
        }
        rows = [record(site.stream, ticketNo=f"T-{n}", qty=n) for n in range(6)]
        wrong = [record(site.stream, ticketNo="T-x", qty="many"), record(site.stream, qty=1)]
        site.faults = ["", "after", "", "before"]
        run = run_target(config, [schema(site.stream), *rows, *wrong])
        assert run.code == 3
        tally = run.target.run.delivery.tallies[site.stream]
        lost = 0 if can_look_up else 2
        # Neither the file nor what is answered tells a new one from an old one.
        assert tally[Outcome.CREATED] + tally[Outcome.WRITTEN] == 6 - lost
        assert tally[Outcome.UNKNOWN] == lost, "what cannot be looked up is parked"
        assert tally[Outcome.REFUSED] == 2
        lines = (tmp_path / "dead" / f"{site.stream}.jsonl").read_text().splitlines()
        reasons = " ".join(json.loads(line)["reason"] for line in lines)
        assert "qty: 'many' is text" in reasons
        assert "ticketNo" in reasons
        sent = sorted(ticket["ticketNo"] for ticket in site.tickets)
        assert sent == [f"T-{n}" for n in range(6) if can_look_up or n != 3], "none twice"

        again = run_target(config, [schema(site.stream), *rows])
        assert again.target.run.delivery.tallies[site.stream][Outcome.UNCHANGED] == 6 - lost
        assert sorted(ticket["ticketNo"] for ticket in site.tickets) == sent


def test_a_sink_without_a_key_says_once_that_nothing_is_recognised(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_shop() as shop:
        site = AimShop(shop)
        with running_stub(site.answer) as stub:
            config = site.block(stub.url, saver(tmp_path)(site.file()))
            config["aim"]["resources"][0]["primary_keys"] = []
            more = {"ledger": str(tmp_path / "l.sqlite"), "dead_letters": str(tmp_path / "dead")}
            rows = [record(site.stream, ticketNo="T-1") for _ in range(3)]
            assert run_target({**config, **more}, [schema(site.stream), *rows]).code == 0
    assert len(site.tickets) == 3
    assert sum("no business key" in message for message in caplog.messages) == 1
