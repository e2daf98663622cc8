"""Deletions at a vendor: customers that come with other keys, or are refused, are not gone."""

from __future__ import annotations

import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox
    from tests.support.plugins import Message

CUSTOMERS = "pentamic_customers"
ACTIVATE = {"type": "ACTIVATE_VERSION", "stream": CUSTOMERS, "version": 1}


@pytest.fixture
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=3, limits=False) as sandbox:
        yield sandbox


def config(sandbox: RunningSandbox, folder: pathlib.Path) -> Message:
    return {
        "pentamic": {
            "api_url": f"{sandbox.url}/pentamic/api",
            "token_url": f"{sandbox.url}/pentamic/connect/token",
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "scope": "pa-api",
            "requests_per_second": 1000,
        },
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "dead"),
        "report_file": "",
        "deletes": [CUSTOMERS],
        "guards": {"max_deletes": "60%"},
    }


def taxes(sandbox: RunningSandbox) -> set[str]:
    return {str(row["taxCode"]).lstrip("0") for row in sandbox.rows("pentamic", "customers")}


@pytest.mark.parametrize(
    "form",
    [
        {"taxCode": "0106", "name": "Ann"},
        {"taxCode": "106", "name": "Ann"},
        {"id": "?", "name": "Ann"},
        {"id": "?", "taxCode": "0106", "name": "Ann"},
        {"id": "?", "taxCode": "0106", "name": ["not", "text"]},
        {"taxCode": "0106", "name": {"not": "text"}},
        {"id": "?", "taxCode": "0107", "name": "Ann"},
    ],
    ids=str,
)
def test_a_customer_in_the_input_stays(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, form: Message
) -> None:
    others = taxes(sandbox)
    head = schema(CUSTOMERS, [])
    first = [record(CUSTOMERS, taxCode=f"010{n}", name="Ann") for n in (6, 8, 9)]
    assert run_target(config(sandbox, tmp_path), [head, *first, ACTIVATE]).code == 0
    rows = sandbox.rows("pentamic", "customers")
    (number,) = [row["id"] for row in rows if str(row["taxCode"]).lstrip("0") == "106"]
    again = {name: number if value == "?" else value for name, value in form.items()}
    messages = [record(CUSTOMERS, **again), record(CUSTOMERS, taxCode="0109", name="Zoe")]
    run = run_target(config(sandbox, tmp_path), [head, *messages, ACTIVATE])
    assert run.code in {0, 3}, run.error
    assert number in {row["id"] for row in sandbox.rows("pentamic", "customers")}
    assert "108" not in taxes(sandbox)
    assert others < taxes(sandbox)
