"""Customers and what belongs to them, through the sandbox: once each, whatever breaks."""

from __future__ import annotations

import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from tests.support.aim import shop_block
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

CUSTOMERS, CHILDREN, ADDRESSES = (
    "aim_customers",
    "aim_customer_dependants",
    "aim_shipping_addresses",
)
COUNT = 40


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=3, limits=False) as sandbox:
        yield sandbox


def config(sandbox: RunningSandbox, folder: pathlib.Path) -> dict[str, t.Any]:
    return {
        "aim": shop_block(sandbox, max_concurrency=4),
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "dead"),
        "report_file": "none",
    }


def customer(number: int, **more: t.Any) -> dict[str, t.Any]:
    ids = {"LocationId": 1, "CustomerDefaultId": 1, "TaxAuthorityId": 1}
    mail = f"c{number}@example.com"
    return record(CUSTOMERS, crm_id=f"C-{number}", Name=f"New {number}", Email=mail, **ids, **more)


def family(numbers: t.Iterable[int]) -> list[dict[str, t.Any]]:
    return [
        message
        for number in numbers
        for message in (
            record(CHILDREN, crm_id=f"C-{number}", Name=f"Kid {number}"),
            record(ADDRESSES, crm_id=f"C-{number}", AddressName="Home", Address1=f"{number} Way"),
        )
    ]


SCHEMAS = [
    schema(CUSTOMERS, ["crm_id"]),
    schema(CHILDREN, ["crm_id", "Name"]),
    schema(ADDRESSES, ["crm_id", "AddressName"]),
]


def check(sandbox: RunningSandbox) -> None:
    new = [row for row in sandbox.rows("aim", "customers") if row["Name"].startswith("New ")]
    assert sorted(row["Name"] for row in new) == sorted(f"New {n}" for n in range(COUNT))
    for row in new:
        number = row["Name"].removeprefix("New ")
        assert [kid["Name"] for kid in row["DependantInfo"] or ()] == [f"Kid {number}"]
    homes = [row for row in sandbox.rows("aim", "shipping_addresses") if row["Name"] == "Home"]
    accounts = {row["Acct"]: row["Name"].removeprefix("New ") for row in new}
    assert sorted((accounts[row["_acct"]], row["Address1"]) for row in homes) == sorted(
        (str(n), f"{n} Way") for n in range(COUNT)
    )


@pytest.mark.slow
def test_children_get_the_accounts_of_their_customers_whatever_breaks(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_erp.delivery.in_doubt.GRACE_SECONDS", 0.0)
    for path in ("AddCustomer", "CustomerDependant", "AddShippingAddress"):
        sandbox.add_fault("cut_after", vendor="aim", path=path, probability=0.1)
        sandbox.add_fault("status_after", vendor="aim", path=path, status=503, probability=0.05)
    messages = [*SCHEMAS, *(customer(n) for n in range(COUNT)), *family(range(COUNT))]
    run = run_target(config(sandbox, tmp_path), messages)
    assert (run.code, run.error) == (0, "")
    check(sandbox)
    assert sum(rule["used"] for rule in sandbox.faults()) > 3
    sandbox.reset()
    assert run_target(config(sandbox, tmp_path), messages).code == 0
    assert sandbox.report("aim")["calls"] == 0


def test_a_child_waits_for_a_customer_that_is_refused(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    settings = config(sandbox, tmp_path)
    bad = customer(0, EmailMethod="Fax")
    run = run_target(settings, [*SCHEMAS, bad, *family([0])])
    assert run.code == 3
    assert not any(
        row["DependantInfo"] for row in sandbox.rows("aim", "customers") if row["Name"] == "New 0"
    )
    # The customer gets through, and its children follow, though nobody sends them again.
    good = [customer(n) for n in range(COUNT)]
    run = run_target(settings, [*SCHEMAS, *good, *family(range(1, COUNT))])
    assert (run.code, run.error) == (0, "")
    check(sandbox)
