"""Vendors that go their own ways where documents are silent, played by scripts of a few lines."""

from __future__ import annotations

import json
import typing as t

from erp_cli.doctor import show
from erp_cli.doctor.connection import Level
from erp_vendors.assumption import VerdictState
from tests.support import doctor
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import run_tap

if t.TYPE_CHECKING:
    from erp_cli.doctor.examination import Report

FAST = {"requests_per_second": 5000}


def step(report: Report, name: str) -> t.Any:
    return next(one for one in report.steps if one.name == name)


def aims360(url: str) -> doctor.Config:
    return {"aims360": {"api_url": url, "access_token": "a.b.c", **FAST}}


def pentamic(url: str) -> doctor.Config:
    login = {"client_id": "me", "client_secret": "shh-quiet", "scope": "s"}
    addresses = {"api_url": f"{url}/api", "token_url": f"{url}/connect/token"}
    return {"pentamic": {**addresses, **login, **FAST}}


def listed(request: Request) -> Reply:
    """AIMS360: the jobs are not permitted, and a `$skip` past the end is refused."""
    if "backgroundjob" in request.path:
        return Reply(403, {"error": {"code": "InsufficientAccountPermissions"}})
    if "/warehouses" not in request.path:
        return Reply(404)
    if "$count" in request.path or "%24count" in request.path:
        return Reply(400, {"message": "$count is not taken"})
    if "skip=" in request.path and "skip=0" not in request.path:
        return Reply(400, {"message": "out of range"})
    return Reply(200, {"value": [{"warehouseID": "w1", "warehouseName": "one"}]})


def test_a_login_is_not_refused_because_one_list_is() -> None:
    with running_stub(listed) as stub:
        report = doctor.examined(aims360(stub.url), "aims360")
    assert report.usable
    assert step(report, "login").level is Level.AMBER
    assert report.samples["warehouses"].rows


def test_refusals_alone_end_an_examination_soon() -> None:
    with running_stub(lambda _: Reply(403)) as stub:
        report = doctor.examined(aims360(stub.url), "aims360")
    assert not report.usable
    assert len(stub.requests) <= 4


def test_a_refused_page_past_the_end_ends_a_list_if_it_is_proven() -> None:
    with running_stub(listed) as stub:
        config = aims360(stub.url)
        config = doctor.applied(config, doctor.examined(config, "aims360"))
        run = run_tap(config, "aims360_warehouses")
    assert run.code == 0, run.error
    assert [row["warehouseID"] for row in run.records("aims360_warehouses")] == ["w1"]


def token(request: Request) -> Reply | None:
    if request.path != "/connect/token":
        return None
    return Reply(200, {"access_token": "tok", "expires_in": 3600, "token_type": "Bearer"})


def test_what_a_vendor_said_is_shown_when_no_calls_are_left() -> None:
    with running_stub(lambda request: token(request) or Reply(500)) as stub:
        report = doctor.examined(pentamic(stub.url), "pentamic", most=3)
    assert not report.usable
    assert "HTTP 500" in step(report, "login").said


def test_a_list_inside_an_object_is_found() -> None:
    def wrapped(request: Request) -> Reply:
        rows: list[dict[str, t.Any]] = [
            {"customerId": n, "name": f"n{n}", "taxCode": "0123"} for n in (1, 2, 3)
        ]
        own: list[dict[str, t.Any]] = [{"id": 1, "sum": 2}, {"id": 2, "sum": 3}]
        rows = own if request.path.endswith("/invoices") else rows
        return token(request) or Reply(200, {"items": rows})

    with running_stub(wrapped) as stub:
        config = pentamic(stub.url)
        report = doctor.examined(config, "pentamic")
        assert report.usable
        (seen, *_) = doctor.found(report, "formats", "customers")
        assert seen.state is VerdictState.DIFFERS
        run = run_tap(doctor.applied(config, report))
    assert run.code == 0, run.error
    assert len(run.records("pentamic_customers")) == 3
    assert len(run.records("pentamic_customer_invoices")) == 6


def test_an_index_inside_an_object_is_found() -> None:
    def wrapped(request: Request) -> Reply:
        entity, _, key = request.path.rpartition("/v1/")[2].partition("/")
        if entity != "Employee":
            return Reply(404)
        if key:
            return Reply(200, {"employeeGuid": key, "employeeUpdatedAt": 5})
        index = [{"dtype": "E", "guid": f"g{n}", "updatedAt": 5} for n in (1, 2)]
        return Reply(200, {"data": index})

    with running_stub(wrapped) as stub:
        config = {"aimsio": {"api_url": stub.url, "username": "u", "password": "pw-x", **FAST}}
        report = doctor.examined(config, "aimsio")
        assert report.usable
        run = run_tap(doctor.applied(config, report), "aimsio_employees")
    assert run.code == 0, run.error
    assert len(run.records("aimsio_employees")) == 2


def test_a_look_that_fails_does_not_end_the_others_and_the_summary_is_short() -> None:
    def site(request: Request) -> Reply:
        tail = request.path.removeprefix("/acme/")
        if tail in {"authenticate", "validate"}:
            return Reply(200, {"token": "tok", "expiration": "2099-01-01T00:00:00Z"})
        if tail == "accounts":
            stamp = "2026-01-%02dT10:00:00"
            rows = [{"ref_id": f"A{n}", "last_modify_date": stamp % n} for n in range(1, 29)]
            return Reply(200, rows)
        if tail.startswith("accounts/"):
            return Reply(200, {"message": "nothing found"})
        return Reply(403, "<html>" + "no " * 500)

    with running_stub(site) as stub:
        login = {"auth_key": "key-x", "username": "u", "password": "pw-x"}
        config = {"cimcloud": {"api_url": stub.url, "site_name": "acme", **login, **FAST}}
        report = doctor.examined(config, "cimcloud")
    assert report.usable
    (literal,) = doctor.found(report, "date_literal")
    assert "erp doctor" not in literal.seen
    assert [one.state for one in doctor.found(report, "past_end")] == [VerdictState.DIFFERS]
    assert json.loads(show.as_json([show.Shown(report, (), ())], None))
    page = show.tables([show.Shown(report, (), ())], 100, color=False).split("\n\n")[0]
    assert len(page.splitlines()) < 24
