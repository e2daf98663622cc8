"""A plan says what the run does: over vendors, with new, changed, equal and refused records."""

from __future__ import annotations

import random
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.http import codec
from target_erp.delivery import Outcome
from target_erp.planning.plan_file import lines_of
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

Row = dict[str, t.Any]
WRITTEN = (Outcome.CREATED, Outcome.UPDATED, Outcome.WRITTEN)


class Sink(t.NamedTuple):
    """A sink of the sandbox, and records for it."""

    stream: str
    resource: str
    fresh: t.Callable[[RunningSandbox, int], Row]
    own: t.Callable[[Row], Row]
    change: str
    bad: Row
    changeable: bool = True


def order(sandbox: RunningSandbox, number: int) -> Row:
    style = sandbox.rows("aims360", "style_colors")[0]
    line = {
        "styleColorID": style["styleColorID"],
        "sizes": [{"sizeName": style["sizes"][0]["sizeName"], "orderQuantity": 1}],
    }
    customer = sandbox.rows("aims360", "customers")[0]["customerID"]
    return {"customerID": customer, "thirdPartyOrderID": f"T-{number}", "lineItems": [line]}


def written_as(*names: str) -> t.Callable[[Row], Row]:
    return lambda row: {name: row[name] for name in names if row.get(name) is not None}


SINKS = {
    "aims360": Sink(
        "aims360_orders",
        "orders",
        order,
        dict,
        "note1",
        {"thirdPartyOrderID": "bad", "creditCard": {"number": "4111"}},
        changeable=False,
    ),
    "aimsio": Sink(
        "aimsio_billable_items",
        "billable_items",
        lambda _, number: {
            "billableItemCode": f"NEW-{number}",
            "billableItemName": "Hour",
            "billableItemIsTrade": True,
            "billableItemIsEquipment": False,
            "billableItemDefaultRate": 1,
            "billableItemDefaultRateType": "Hourly",
            "billableItemTypeUname": "labour",
            "billableItemTypeName": "Labour",
        },
        written_as(
            "billableItemCode",
            "billableItemName",
            "billableItemIsTrade",
            "billableItemIsEquipment",
            "billableItemDefaultRate",
            "billableItemDefaultRateType",
            "billableItemTypeUname",
            "billableItemTypeName",
        ),
        "billableItemName",
        {"billableItemName": "no code"},
    ),
    "cimcloud": Sink(
        "cimcloud_accounts",
        "accounts",
        lambda _, number: {"ref_id": f"N-{number}", "nm": "Ann"},
        written_as("ref_id", "nm"),
        "nm",
        {"ref_id": "bad", "lines": [1]},
    ),
    "pentamic": Sink(
        "pentamic_customers",
        "customers",
        lambda _, number: {"name": "Ann", "taxCode": f"09{number:08}", "phone": "1"},
        written_as("name", "taxCode", "address", "phone"),
        "phone",
        {"name": "no code"},
    ),
}


def config(sandbox: RunningSandbox, vendor: str, folder: pathlib.Path) -> Row:
    fast = {"requests_per_second": 5000}
    blocks: dict[str, Row] = {
        "aims360": {
            "api_url": f"{sandbox.url}/aims360/west",
            "access_token": "sandbox.access.token",
            "calls_per_minute": 1_000_000,
        },
        "aim": {
            "api_url": f"{sandbox.url}/aim/api",
            "api_key": "sandbox-key",
            "app_id": "sandbox-app",
            "username": "sandbox-user",
            "password": "sandbox-password",
        },
        "aimsio": {
            "api_url": f"{sandbox.url}/aimsio",
            "username": "sandbox-user",
            "password": "sandbox-password",
        },
        "cimcloud": {
            "api_url": f"{sandbox.url}/cimcloud",
            "site_name": "sandbox-site",
            "auth_key": "sandbox-key",
            "username": "sandbox-user",
            "password": "sandbox-password",
        },
        "pentamic": {
            "api_url": f"{sandbox.url}/pentamic/api",
            "token_url": f"{sandbox.url}/pentamic/connect/token",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "scope": "pa-api",
        },
    }
    return {
        vendor: {**blocks[vendor], **fast},
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "dead"),
        "report_file": "none",
    }


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=12, limits=False) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("vendor", SINKS)
def test_a_plan_names_the_writes_of_the_run(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    sink, dice = SINKS[vendor], random.Random(vendor)  # noqa: S311 - an order, no secret
    settings = config(sandbox, vendor, tmp_path)
    plan = {**settings, "dry_run": True, "plan_file": str(tmp_path / "plan.jsonl")}

    def both(rows: list[Row]) -> None:
        messages = [schema(sink.stream), *(record(sink.stream, **row) for row in rows)]
        lines = [codec.encode(message) for message in messages]
        assert run_target(plan, lines).code in {0, 3}
        steps = [line["step"] for line in lines_of(str(tmp_path / "plan.jsonl"))[1]]
        run = run_target(settings, lines)
        tally = run.target.run.delivery.tallies[sink.stream]
        counted = {outcome.value: count for outcome, count in tally.items() if count}
        assert steps.count("create") + steps.count("update") == sum(
            tally[outcome] for outcome in WRITTEN
        ), (steps, counted, run.error)
        assert steps.count("unchanged") == tally[Outcome.UNCHANGED], (steps, counted)
        assert steps.count("refused") == tally[Outcome.REFUSED], (steps, counted)

    new = [sink.fresh(sandbox, number) for number in range(4)]
    rows = [*new, sink.bad, new[0]]
    if sink.changeable:
        there = [sink.own(row) for row in sandbox.rows(vendor, sink.resource)[:5]]
        rows += [*there[:3], *({**row, sink.change: "other"} for row in there[3:])]
        rows.append({**new[1], sink.change: "later"})
    dice.shuffle(rows)
    both(rows)
    both(rows)
    both([{**row, sink.change: "again"} if dice.random() < 0.5 else row for row in rows])
    # Another ledger knows nothing of all that, and the plan knows what that means.
    settings = {**settings, "ledger": str(tmp_path / "other.sqlite")}
    plan = {**plan, "ledger": settings["ledger"]}
    both(rows)


def test_a_record_that_cannot_be_looked_up_ends_no_plan(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    there = sandbox.rows("aim", "scheduled_returns")[0]
    key = {"Acct": there["Acct"], "Sub": there["Sub"]}
    days = ("2026-13-45", "2026-11-30")
    stream = "aim_scheduled_returns"
    lines = [
        codec.encode(message)
        for message in (
            schema(stream),
            *(record(stream, **key, OptionId=1, ReturnDate=day) for day in days),
        )
    ]
    settings = config(sandbox, "aim", tmp_path)
    plan = {**settings, "dry_run": True, "plan_file": str(tmp_path / "plan.jsonl")}
    run = run_target(plan, lines)
    assert (run.code, run.error) == (0, "")
    steps = [line["step"] for line in lines_of(str(tmp_path / "plan.jsonl"))[1]]
    assert steps == ["create", "create"]
    assert "ReturnDate 2026-13-45 is no date" in caplog.text
    tally = run_target(settings, lines).target.run.delivery.tallies[stream]
    assert tally[Outcome.CREATED] == 2


@pytest.mark.parametrize("mode", ["upsert", "create_only", "update_only"])
def test_a_record_whose_id_is_gone_is_no_creation(
    mode: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    stream, plan = "pentamic_customers", str(tmp_path / "plan.jsonl")
    gone = sandbox.insert("pentamic", "customers", {"name": "Ann", "taxCode": "0987654321"})
    sandbox.delete("pentamic", "customers", gone["id"])
    row = {name: gone[name] for name in ("id", "name", "taxCode")}
    lines = [codec.encode(message) for message in (schema(stream), record(stream, **row))]
    settings = {**config(sandbox, "pentamic", tmp_path), "sinks": {stream: {"mode": mode}}}
    run_target({**settings, "dry_run": True, "plan_file": plan}, lines)
    (line,) = lines_of(plan)[1]
    since = sandbox.calls("pentamic")[-1]["number"]
    tally = run_target(settings, lines).target.run.delivery.tallies[stream]
    ended = Outcome.SKIPPED if mode == "update_only" else Outcome.REFUSED
    assert (line["step"], tally[ended]) == (ended.value, 1), line["reason"]
    wrote = [call for call in sandbox.calls("pentamic", since) if call["method"] == "PUT"]
    assert len(wrote) == (1 if mode == "upsert" else 0)  # without a policy nothing is read
