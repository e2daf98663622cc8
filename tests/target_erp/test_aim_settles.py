"""AIM through the target: whatever becomes of an answer, nothing is lost, doubled or hidden."""

from __future__ import annotations

import collections
import itertools
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from tests.support.aim import shop_block
from tests.support.plugins import record, run_target, schema, state
from tests.support.scale import mostly_nightly

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox
    from tests.support.plugins import TargetRun

pytestmark = pytest.mark.slow

Message = dict[str, t.Any]

LOST: dict[str, tuple[Message, bool]] = {
    "cut after": ({"kind": "cut_after"}, True),
    "cut before": ({"kind": "cut_before"}, False),
    "500 after": ({"kind": "status_after", "status": 500}, True),
    "500 before": ({"kind": "status", "status": 500}, False),
    "a page": ({"kind": "garbage"}, True),
    "an empty object": ({"kind": "garbage", "body": {}}, True),
    "no content": ({"kind": "garbage", "body": ""}, True),
    "a message": ({"kind": "garbage", "body": {"Message": "An error has occurred."}}, True),
}
"""Faults, and whether the vendor executes the call all the same."""


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("target_erp.delivery.in_doubt.GRACE_SECONDS", 0.0)


class Site:
    """A sandbox, and a target that writes to it."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path) -> None:
        self.sandbox = sandbox
        self.settings: Message = {
            "aim": shop_block(sandbox),
            "ledger": str(folder / "ledger.sqlite"),
            "dead_letters": str(folder / "dead"),
            "report_file": "none",
        }

    def run(self, messages: t.Iterable[Message]) -> TargetRun:
        return run_target(self.settings, messages)

    def spoil(self, fault: str, path: str, *, after: int = 0) -> bool:
        rule, executed = LOST[fault]
        more = {"vendor": "aim", "path": f"{path}$", "method": "POST", "after": after, "times": 1}
        self.sandbox.add_fault(**{**rule, **more})
        return executed


TICKETS = "aim_service_tickets"


def tickets(acct: int, count: int = 3) -> list[Message]:
    return [
        schema(TICKETS, ["RefNumber"]),
        *(
            record(TICKETS, RefNumber=f"S-{n}", CustomerAcct=acct, ItemDescription=f"Cello {n}")
            for n in range(count)
        ),
        state({"at": count}),
    ]


def made(sandbox: RunningSandbox) -> collections.Counter[str]:
    rows = sandbox.rows("aim", "service_tickets")
    return collections.Counter(row["_web_ref"] for row in rows if row.get("_web_ref"))


@pytest.mark.parametrize(
    ("fault", "texts", "reference", "first"),
    mostly_nightly(
        itertools.product(
            LOST,
            ("own", "services", "none"),
            ("by reference", "by texts"),
            ("a control before", "no control"),
        )
    ),
)
def test_a_ticket_is_never_written_twice(
    tmp_path: pathlib.Path, fault: str, texts: str, reference: str, first: str
) -> None:
    options = {"ticket_texts": texts, "ticket_reference": reference == "by reference"}
    with running_sandbox(size=3, limits=False, options={"aim": options}) as sandbox:
        site = Site(sandbox, tmp_path)
        acct = int(sandbox.rows("aim", "customers")[0]["Acct"])
        alone = first == "no control"
        executed = site.spoil(fault, "PostServiceTicket", after=0 if alone else 1)
        run = site.run(tickets(acct))
        there = made(sandbox)
        assert max(there.values()) == 1
        # It is found by its reference, or sent again once another one is found by its texts; where
        # it is neither, a person has to look.
        told = texts != "none" and (reference == "by reference" if executed else not alone)
        assert run.code == (0 if told else 3), run.error
        assert (there["S-0" if alone else "S-1"] == 1) is (executed or told)
        # The others get through, and nothing is sent again in a second run.
        assert there["S-2"] == 1
        assert site.run(tickets(acct)).code in {0, 3}
        assert made(sandbox) == there


def test_a_ticket_that_was_not_executed_is_sent_again_once_a_control_is_found(
    tmp_path: pathlib.Path,
) -> None:
    for number, options in enumerate([{}, {"ticket_reference": False}]):
        with running_sandbox(size=3, limits=False, options={"aim": options}) as sandbox:
            folder = tmp_path / str(number)
            folder.mkdir()
            site = Site(sandbox, folder)
            acct = int(sandbox.rows("aim", "customers")[0]["Acct"])
            site.spoil("500 before", "PostServiceTicket", after=1)
            run = site.run(tickets(acct))
            assert (run.code, run.error) == (0, "")
            assert made(sandbox) == {"S-0": 1, "S-1": 1, "S-2": 1}


CUSTOMERS = "aim_customers"


def customers(keys: t.Sequence[str], *rows: Message) -> list[Message]:
    ids = {"LocationId": 1, "CustomerDefaultId": 1, "TaxAuthorityId": 1}
    return [schema(CUSTOMERS, keys), *(record(CUSTOMERS, **ids, **row) for row in rows)]


ROWS = [
    {"crm_id": 0, "Name": "New One", "Email": "one@example.com"},
    {"crm_id": 1, "Name": "New Two", "Email": "two@example.com", "HomePhone": "555-0102"},
    {"crm_id": 2, "Name": "New Three", "HomePhone": "555-0103"},
    {"crm_id": 3, "Name": "New Four"},
]


@pytest.mark.parametrize(
    ("fault", "which", "keys"),
    mostly_nightly(itertools.product(LOST, range(len(ROWS)), (["crm_id"], []))),
)
def test_a_customer_is_settled_by_name_e_mail_and_telephone(
    tmp_path: pathlib.Path, fault: str, which: int, keys: list[str]
) -> None:
    with running_sandbox(size=3, limits=False) as sandbox:
        site = Site(sandbox, tmp_path)
        executed = site.spoil(fault, "AddCustomer", after=which)
        messages = customers(keys, *ROWS)
        run = site.run(messages)
        names = [row["Name"] for row in sandbox.rows("aim", "customers")]
        counts = collections.Counter(name for name in names if name.startswith("New "))
        assert max(counts.values()) == 1
        alone = which == len(ROWS) - 1  # a name alone tells nobody from others
        assert run.code == (3 if alone and executed else 0), run.error
        assert len(counts) == len(ROWS)
        if not keys or run.code:
            return
        # Its account is known, so that it can be changed.
        changed = [{**row, "City": "Austin"} for row in ROWS]
        assert site.run(customers(keys, *changed)).code == 0
        after = [r for r in sandbox.rows("aim", "customers") if r["Name"].startswith("New ")]
        assert [row["City"] for row in after] == ["Austin"] * len(ROWS)


CHILDREN: list[tuple[str, str, Message, str]] = [
    (
        "aim_shipping_addresses",
        "AddShippingAddress",
        {"AddressName": "Depot", "Address1": "9 Far Way"},
        "shipping_addresses",
    ),
    ("aim_customer_dependants", "CustomerDependant", {"Name": "Depot"}, "customers"),
    (
        "aim_scheduled_returns",
        "ContractScheduledReturns",
        {"ReturnDate": "2031-03-04T10:30:00", "OptionId": 1},
        "scheduled_returns",
    ),
]


@pytest.mark.parametrize(
    ("fault", "stream", "path", "row", "resource"),
    mostly_nightly((fault, *child) for fault, child in itertools.product(LOST, CHILDREN)),
)
def test_a_customers_children_are_written_once(  # noqa: PLR0917 - one row of a table
    tmp_path: pathlib.Path, fault: str, stream: str, path: str, row: Message, resource: str
) -> None:
    with running_sandbox(size=3, limits=False) as sandbox:
        site = Site(sandbox, tmp_path)
        contract = sandbox.rows("aim", "contracts")[0]
        owner = {"Acct": contract["Acct"]}
        if resource == "scheduled_returns":
            owner["Sub"] = contract["Sub"]
        before = str(sandbox.rows("aim", resource))
        site.spoil(fault, path)
        messages = [schema(stream), record(stream, **owner, **row)]
        run = site.run(messages)
        assert (run.code, run.error) == (0, "")
        mark = str(row.get("AddressName") or row.get("Name") or "2031-03-04")
        assert before.count(mark) == 0
        assert str(sandbox.rows("aim", resource)).count(mark) == 1
        assert site.run(messages).code == 0
        assert str(sandbox.rows("aim", resource)).count(mark) == 1


@pytest.mark.parametrize("fault", LOST)
def test_a_web_order_is_written_once(tmp_path: pathlib.Path, fault: str) -> None:
    with running_sandbox(size=3, limits=False) as sandbox:
        site = Site(sandbox, tmp_path)
        sku = sandbox.rows("aim", "inventory")[0]["Sku"]
        site.spoil(fault, "CustomerOrders")
        lines = [{"Sku": sku, "Qty": 1}]
        orders = [
            record("aim_web_orders", OrderNumber=f"NEW-{n}", LineItems=lines) for n in range(2)
        ]
        run = site.run([schema("aim_web_orders"), *orders])
        assert (run.code, run.error) == (0, "")
        numbers = [row["WebOrder"] for row in sandbox.rows("aim", "web_orders")]
        assert sorted(number for number in numbers if number.startswith("NEW")) == [
            "NEW-0",
            "NEW-1",
        ]


@pytest.mark.parametrize(
    ("fault", "second"), mostly_nightly(itertools.product(LOST, ("replace", "add")))
)
def test_picks_are_reported_once(tmp_path: pathlib.Path, fault: str, second: str) -> None:
    """Whether a shop replaces quantities or adds them (UNK), it has what was picked."""
    with running_sandbox(size=3, limits=False, options={"aim": {"picks": second}}) as sandbox:
        site = Site(sandbox, tmp_path)
        sku = sandbox.rows("aim", "inventory")[0]["Sku"]
        lines = [{"Sku": sku, "Qty": 5}, {"Sku": sku, "Qty": 3}]
        order = record("aim_web_orders", OrderNumber="NEW-1", LineItems=lines)
        assert site.run([schema("aim_web_orders"), order]).code == 0
        stream = "aim_web_order_picks"
        items = [{"Id": 1, "QuantityPicked": 2}, {"Id": 2, "QuantityPicked": 1.5}]
        messages = [schema(stream), record(stream, WebOrder="NEW-1", Items=items)]
        site.spoil(fault, "CustomerOrderFulfillment")
        for _ in range(2):
            run = site.run(messages)
            assert (run.code, run.error) == (0, "")
            (row,) = [r for r in sandbox.rows("aim", "web_orders") if r["WebOrder"] == "NEW-1"]
            assert [float(item["QuantityPicked"]) for item in row["Items"]] == [2, 1.5]
        # A later report goes out, as the record has changed.
        items = [{"Id": 1, "QuantityPicked": 5}, {"Id": 2, "QuantityPicked": 3}]
        run = site.run([schema(stream), record(stream, WebOrder="NEW-1", Items=items)])
        assert (run.code, run.error) == (0, "")
        unknown = [{"Id": 9, "QuantityPicked": 1}]
        run = site.run([schema(stream), record(stream, WebOrder="NEW-1", Items=unknown)])
        assert run.code == 3
