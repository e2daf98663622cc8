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
        "report_file": "none",
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


@pytest.mark.parametrize("with_id", [False, True])
def test_a_customer_whose_tax_code_has_changed_on_both_sides_stays(
    sandbox: RunningSandbox,
    tmp_path: pathlib.Path,
    with_id: bool,  # noqa: FBT001
) -> None:
    """The ledger has it twice, under the old code and the new one; the vendor's id is the same."""
    settings = {**config(sandbox, tmp_path), "guards": {"max_deletes": 100}}
    rows = [{"taxCode": f"010{n}", "name": "Ann"} for n in (6, 8, 9)]
    first = [schema(CUSTOMERS, ["taxCode"]), *(record(CUSTOMERS, **row) for row in rows), ACTIVATE]
    assert run_target(settings, first).code == 0
    ids = {
        str(row["taxCode"]).lstrip("0"): row["id"] for row in sandbox.rows("pentamic", "customers")
    }
    sandbox.change("pentamic", "customers", ids["106"], {"taxCode": "0777"})
    rows[0] = {"taxCode": "0777", "name": "Zoe"}
    if with_id:
        rows[0]["id"] = ids["106"]
    for keys in (["id"] if with_id else ["taxCode"], ["taxCode"]):
        later = [schema(CUSTOMERS, keys if with_id else []), record(CUSTOMERS, **rows[0])]
        rest = [schema(CUSTOMERS, ["taxCode"]), *(record(CUSTOMERS, **row) for row in rows[1:])]
        assert run_target(settings, [*later, *rest, ACTIVATE]).code == 0
        assert {"777", "108", "109"} <= taxes(sandbox)
        rows[0].pop("id", None)
