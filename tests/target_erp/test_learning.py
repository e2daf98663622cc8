"""Aimsio documents no answer to a write: it is learned by reading back (aimsio.md 5.2)."""

from __future__ import annotations

import typing as t

import pytest

from erp_plugin.cli import FAILED
from erp_sandbox.testing import RunningSandbox, running_sandbox
from target_erp.delivery import Outcome
from tests.support.plugins import record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

Row = dict[str, t.Any]
STREAM = "aimsio_billable_items"


def items(count: int, **more: t.Any) -> list[Row]:
    item = {
        "billableItemName": "Hour",
        "billableItemIsTrade": True,
        "billableItemIsEquipment": False,
        "billableItemDefaultRate": 1,
        "billableItemDefaultRateType": "Hourly",
        "billableItemTypeUname": "labour",
        "billableItemTypeName": "Labour",
    }
    codes = [f"NEW-{number}" for number in range(count)]
    return [record(STREAM, **{**item, "billableItemCode": code, **more}) for code in codes]


@pytest.fixture(params=["keys", "full", "empty"])
def sandbox(request: pytest.FixtureRequest) -> t.Iterator[RunningSandbox]:
    options = {"aimsio": {"answer": request.param}}
    with running_sandbox(size=20, limits=False, options=options) as running:
        yield running


def config(sandbox: RunningSandbox, folder: pathlib.Path) -> Row:
    block = {
        "api_url": f"{sandbox.url}/aimsio",
        "username": "sandbox-user",
        "password": "sandbox-password",
        "requests_per_second": 1000,
    }
    places = {"ledger": str(folder / "l.sqlite"), "dead_letters": str(folder / "dead")}
    return {"aimsio": block, "report_file": "none", **places}


def calls(sandbox: RunningSandbox) -> tuple[int, int]:
    """Writes and reads since the last time."""
    methods = [call["method"] for call in sandbox.calls("aimsio")]
    sandbox.reset()
    return methods.count("POST"), methods.count("GET")


@pytest.mark.slow
def test_one_record_is_read_back_and_all_others_are_understood(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    settings = config(sandbox, tmp_path)
    run = run_target(settings, [schema(STREAM), *items(61)])
    assert (run.code, run.error) == (0, "")
    # One alone, and once more, as something in between may have answered; then batches of twenty.
    # Two looks at the index, and one at what has changed.
    assert calls(sandbox) == (5, 3)
    rows = sandbox.rows("aimsio", "billable_items")
    assert sum(str(row["billableItemCode"]).startswith("NEW-") for row in rows) == 61
    later = items(61, billableItemName="Day")
    assert run_target(settings, [schema(STREAM), *later]).code == 0
    assert calls(sandbox) == (4, 0), "the ledger knows what the answer means"


def test_an_updated_value_is_told_from_the_one_that_was_there(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    assert run_target(config(sandbox, tmp_path / "a"), [schema(STREAM), *items(3)]).code == 0
    # Another ledger knows neither the records nor the answers.
    later = items(3, billableItemName="Day")
    run = run_target(config(sandbox, tmp_path / "b"), [schema(STREAM), *later])
    assert run.code == 0
    tally = run.target.run.delivery.tallies[STREAM]
    assert tally[Outcome.CREATED] == 0, "an upsert of what was there proves no creation"
    assert tally.accepted == 3


@pytest.mark.slow
@pytest.mark.parametrize("sandbox", ["keys"], indirect=True)
def test_a_page_that_stands_in_front_of_the_vendor_is_never_learned(
    sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    sandbox.add_fault(
        "status", vendor="aimsio", method="POST", status=200, body="<html>Log in</html>"
    )
    run = run_target(config(sandbox, tmp_path), [schema(STREAM), *items(1)])
    assert (run.code, run.states) == (FAILED, [])
    assert not (tmp_path / "dead").exists() or not list((tmp_path / "dead").iterdir())
