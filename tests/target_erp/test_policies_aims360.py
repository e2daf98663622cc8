"""Modes, keys and trials at AIMS360, where what exists cannot be changed: call by call."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.http import codec
from tests.support.plugins import TargetRun, record, run_target, schema, state
from tests.target_erp.shops import FAST, Row, counts, letters
from tests.target_erp.test_plan_and_run import order

if t.TYPE_CHECKING:
    import pathlib

STREAM = "aims360_orders"
PO = "customerPurchaseOrder"
THERE = "T-1"
"""The order that the vendor has, with the purchase order `PO-1`."""


@pytest.fixture(scope="module")
def shared() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=4, limits=False) as running:
        yield running


@pytest.fixture
def sandbox(shared: RunningSandbox) -> RunningSandbox:
    shared.reset(data=True)
    return shared


class Tenant:
    """A tenant that has one order, which the target knows nothing of."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.before = {row["orderID"] for row in sandbox.rows("aims360", "orders")}
        first = sandbox.rows("aims360", "orders")[0]
        self.there = {PO: "PO-1", "thirdPartyOrderID": THERE}
        sandbox.change("aims360", "orders", first["orderID"], self.there)

    def run(self, sink: Row, *rows: Row) -> TargetRun:
        """A run whose input has a STATE behind each order."""
        config = {
            "aims360": {
                "api_url": f"{self.sandbox.url}/aims360/west",
                "access_token": "sandbox.access.token",
                **FAST,
            },
            "sinks": {STREAM: sink},
            "ledger": str(self.folder / "ledger.sqlite"),
            "dead_letters": str(self.folder / "dead"),
            "report_file": str(self.folder / "report.json"),
        }
        messages: list[Row] = [schema(STREAM)]
        for number, row in enumerate(rows, 1):
            messages += [record(STREAM, **row), state(number)]
        return run_target(config, [codec.encode(message) for message in messages])

    def calls(self) -> list[str]:
        """What came: searches by what they ask for, and orders by their number."""
        found = []
        for call in self.sandbox.calls("aims360"):
            if call["method"] == "POST":
                found.append(f"POST {json.loads(call['body'])['thirdPartyOrderID']}")
                continue
            query = dict(urllib.parse.parse_qsl(call["query"]))
            found.append(f"GET {query.get('$filter', '')}".strip())
        return found

    def created(self) -> list[str]:
        """The numbers of the orders that have come to the vendor."""
        rows = self.sandbox.rows("aims360", "orders")
        return [row["thirdPartyOrderID"] for row in rows if row["orderID"] not in self.before]


@pytest.fixture
def tenant(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> Tenant:
    return Tenant(sandbox, tmp_path)


BY_NUMBER, BY_PO = "GET thirdPartyOrderID eq '{}'", f"GET {PO} eq '{{}}'"


class Case(t.NamedTuple):
    """One policy, one order, and what becomes of it.

    Attributes:
        policy: What `sinks` says.
        sent: The order's number and purchase order.
        outcome: What becomes of it; of a refusal its class.
        calls: Every call, in its order. `GET` alone lists orders: what proves that an order which
            is not shown is not there is that a listed one is.
    """

    policy: Row
    sent: tuple[str, str]
    outcome: str
    calls: list[str]


NEW, OLD, OTHER = ("T-2", "PO-2"), (THERE, "PO-1"), ("T-2", "PO-1")
CREATED = [BY_NUMBER.format("T-2"), "POST T-2"]
PROVEN = ["GET", BY_NUMBER.format(THERE)]
CASES = {
    "upsert, new": Case({"mode": "upsert"}, NEW, "created", CREATED),
    # Nobody knows of another version of it: that it is there is enough.
    "upsert, there": Case({"mode": "upsert"}, OLD, "unchanged", [BY_NUMBER.format(THERE)]),
    "overwrite": Case({"on_conflict": "overwrite"}, NEW, "created", CREATED),
    "create_only, new": Case(
        {"mode": "create_only"}, NEW, "created", [CREATED[0], *PROVEN, CREATED[1]]
    ),
    "create_only, there": Case({"mode": "create_only"}, OLD, "skipped", [BY_NUMBER.format(THERE)]),
    "match_on, new": Case(
        {"match_on": PO},
        NEW,
        "created",
        [BY_PO.format("PO-2"), CREATED[0], "GET", BY_PO.format("PO-1"), PROVEN[1], CREATED[1]],
    ),
    "match_on, there": Case({"match_on": PO}, OTHER, "unchanged", [BY_PO.format("PO-1")]),
    "match_on, there, create_only": Case(
        {"match_on": PO, "mode": "create_only"}, OTHER, "skipped", [BY_PO.format("PO-1")]
    ),
    "match_on, its number is another's": Case(
        {"match_on": PO},
        (THERE, "PO-2"),
        "ambiguous",
        [BY_PO.format("PO-2"), BY_NUMBER.format(THERE)],
    ),
    "match_on several": Case(
        {"match_on": [PO, "thirdPartyOrderID"]}, OLD, "unchanged", [BY_PO.format("PO-1")]
    ),
    "only, taken": Case({"only": ["T-2"]}, NEW, "created", CREATED),
    "only, left out": Case({"only": ["T-3"]}, NEW, "left out", []),
    "max_records": Case({"max_records": 1}, NEW, "created", CREATED),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_sent_and_held(case: str, tenant: Tenant) -> None:
    policy, sent, outcome, calls = CASES[case]
    row = _order(tenant, *sent)
    run = tenant.run(policy, row)
    assert tenant.calls() == calls
    assert tenant.created() == ([sent[0]] if outcome == "created" else [])
    classes = [letter["class"] for letter in letters(tenant.folder, STREAM)]
    refused = outcome == "ambiguous"
    assert classes == ([outcome] if refused else [])
    left_out = outcome == "left out"
    assert run.code == (3 if refused or left_out else 0), run.error
    assert run.states == ([] if left_out else [1])
    assert counts(run, STREAM) == ({} if left_out else {"refused" if refused else outcome: 1})
    if outcome == "created":
        # What was settled is not asked for again: no call at all.
        again = tenant.run(policy, row)
        assert counts(again, STREAM) == {"unchanged": 1}
        assert tenant.calls() == calls


def test_a_trial_leaves_the_others_to_a_later_run(tenant: Tenant) -> None:
    rows = [_order(tenant, f"T-{number}", "PO") for number in range(2, 5)]
    run = tenant.run({"max_records": 2}, *rows)
    assert (run.code, run.states) == (3, [2]), run.error
    assert tenant.created() == ["T-2", "T-3"]
    run = tenant.run({}, *rows)
    assert (run.code, run.states[-1]) == (0, 3), run.error
    assert tenant.created() == ["T-2", "T-3", "T-4"]


def test_several_matches_are_refused_and_listed(tenant: Tenant) -> None:
    second = tenant.sandbox.rows("aims360", "orders")[1]
    tenant.sandbox.change("aims360", "orders", second["orderID"], {PO: "PO-1"})
    run = tenant.run({"match_on": PO}, _order(tenant, *OTHER))
    assert (run.code, tenant.created()) == (3, [])
    (letter,) = letters(tenant.folder, STREAM)
    assert letter["class"] == "ambiguous"
    for row in tenant.sandbox.rows("aims360", "orders")[:2]:
        assert row["orderID"] in letter["reason"] or row["order"] in letter["reason"]


def _order(tenant: Tenant, number: str, purchase: str) -> Row:
    return {**order(tenant.sandbox, 0), "thirdPartyOrderID": number, PO: purchase}
