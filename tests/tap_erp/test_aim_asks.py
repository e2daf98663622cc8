"""AIM against the sandbox: what is asked for so that nothing is left out (aim.md 8.1)."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import ConfigError
from tests.support.aim import shop_block
from tests.tap_erp.running import make_tap, run_tap

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.slow

SIZE = 12


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=SIZE, limits=False) as running:
        yield running


def config(sandbox: RunningSandbox, **more: t.Any) -> dict[str, t.Any]:
    sandbox.reset(data=True)
    return {"aim": shop_block(sandbox, **more)}


def counted(sandbox: RunningSandbox) -> dict[str, int]:
    """Calls by operation."""
    by_path = sandbox.report("aim")["by_path"]
    return {call.rpartition("/")[2]: count for call, count in by_path.items()}


def test_a_transfer_that_is_finished_is_read_and_its_lines(sandbox: RunningSandbox) -> None:
    before = config(sandbox)
    rows = sandbox.rows("aim", "store_transfers")
    assert any(row["_completed"] for row in rows)
    run = run_tap(before, "aim_store_transfers", "aim_transfer_lines")
    assert (run.code, run.error) == (0, "")
    assert {row["RefNumber"] for row in run.records("aim_store_transfers")} == {
        row["RefNumber"] for row in rows
    }
    finished = next(row for row in rows if not row["_completed"])
    sandbox.change("aim", "store_transfers", finished["RefNumber"], {"_completed": True})
    again = run_tap(before, "aim_store_transfers", state=run.state)
    assert len(again.records("aim_store_transfers")) == len(rows)
    path = "OpenStoreToStoreTransfers?IncludeCompleted=false"
    open_ones = {**before["aim"], "resources": [{"name": "store_transfers", "path": path}]}
    run = run_tap({"aim": open_ones}, "aim_store_transfers")
    assert 0 < len(run.records("aim_store_transfers")) < len(rows)


@pytest.mark.parametrize("format_", ["json", "xml"])
def test_serials_take_one_call_for_each_item(sandbox: RunningSandbox, format_: str) -> None:
    run = run_tap(config(sandbox, format=format_), "aim_serials")
    assert (run.code, run.error) == (0, "")
    items = sandbox.report("aim")["rows"]["inventory"]
    hidden = sum(bool(row["_deleted"]) for row in sandbox.rows("aim", "inventory"))
    calls = counted(sandbox)
    assert calls["InventoryDetail"] == items - hidden
    assert "SerialDetail" not in calls
    kept = {row["SasPk"]: row for row in sandbox.rows("aim", "serials")}
    records = run.records("aim_serials")
    assert len(records) == items - hidden
    for record in records:
        row = kept[record["SasPk"]]
        for name in ("Serial", "SkuPk", "SKU", "SadPk", "Model"):
            assert record[name] == row[name]
        assert record["Details"]["OurPrice"] == row["Details"]["OurPrice"]
        assert record["Pk"] == row["SadPk"]


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize("many", [1, 4])
def test_details_and_serials_share_their_calls(
    sandbox: RunningSandbox, format_: str, many: int
) -> None:
    settings = {"format": format_, "max_concurrency": many}
    alone = run_tap(config(sandbox, **settings), "aim_serials").records("aim_serials")
    both = run_tap(config(sandbox, **settings), "aim_serials", "aim_inventory_details")
    assert (both.code, both.error) == (0, "")
    assert both.records("aim_serials") == alone
    items = len(both.records("aim_inventory_details"))
    assert counted(sandbox)["InventoryDetail"] == items


def test_serials_of_items_whose_details_failed_are_asked_for(sandbox: RunningSandbox) -> None:
    alone = run_tap(config(sandbox), "aim_serials").records("aim_serials")
    block = config(sandbox)
    broken = {"Status": {"StatusCode": "Error", "ErrorMessage": "Object reference not set"}}
    rule = {"vendor": "aim", "path": "InventoryDetail", "times": 1, "after": 2}
    sandbox.add_fault("garbage", body=broken, **rule)
    both = run_tap(block, "aim_serials", "aim_inventory_details")
    sandbox.clear_faults()
    assert both.code == 1
    assert len(both.records("aim_inventory_details")) == len(alone) - 1
    found = sorted(both.records("aim_serials"), key=lambda row: row["SasPk"])
    assert found == sorted(alone, key=lambda row: row["SasPk"])
    assert counted(sandbox)["InventoryDetail"] == len(alone) + 1


def test_serial_details_add_location_and_quantity_row(sandbox: RunningSandbox) -> None:
    run = run_tap(config(sandbox, serial_details=True), "aim_serials")
    kept = {row["SasPk"]: row for row in sandbox.rows("aim", "serials")}
    for record in run.records("aim_serials"):
        row = kept[record["SasPk"]]
        assert (record["LocPk"], record["SaqPk"]) == (row["LocPk"], row["SaqPk"])
    assert counted(sandbox)["SerialDetail"] == len(run.records("aim_serials"))


def test_details_show_serials(sandbox: RunningSandbox) -> None:
    run = run_tap(config(sandbox), "aim_inventory_details")
    serials = {row["SadPk"]: row["SasPk"] for row in sandbox.rows("aim", "serials")}
    for record in run.records("aim_inventory_details"):
        (variant,) = record["VariantDetails"]
        assert [one["SasPk"] for one in variant["Serials"]] == [serials[record["Pk"]]]


def test_instruments_bring_their_rates(sandbox: RunningSandbox) -> None:
    """No page gives the name of the list (10): what a shop calls it is kept as it is."""
    run = run_tap(config(sandbox), "aim_rental_instruments")
    records = run.records("aim_rental_instruments")
    rows = sandbox.rows("aim", "rental_instruments")
    assert len(records) == sum(not row["_out_of_stock"] for row in rows)
    grades = {row["InstrumentName"]: row["Grades"] for row in rows}
    for record in records:
        shown = [(g["Id"], g["DownPay"], g["OutOfStock"]) for g in record["Grades"]]
        kept = grades[record["InstrumentName"]]
        assert shown == [(g["Id"], g["DownPay"], g["OutOfStock"]) for g in kept]


def test_the_settings_ask_for_more_of_instruments(sandbox: RunningSandbox) -> None:
    parts = ["out_of_stock_items", "delivery_options"]
    run = run_tap(config(sandbox, rental_instruments_include=parts), "aim_rental_instruments")
    assert len(run.records("aim_rental_instruments")) == SIZE
    asked = [call["query"] for call in sandbox.calls("aim") if "InstrumentInfo" in call["template"]]
    assert asked
    for query in asked:
        assert "IncludeOutOfStockItems=true" in query
        assert "IncludeDeliveryOptions=true" in query
        assert "Maintenance" not in query


@pytest.mark.parametrize("day", ["2026-11-29", "today"])
def test_contracts_have_calculated_fields_where_a_day_is_set(
    sandbox: RunningSandbox, day: str
) -> None:
    assert not any(
        row["Values"] for row in run_tap(config(sandbox), "aim_contracts").records("aim_contracts")
    )
    block = config(sandbox, contracts_calculations_date=day)
    run = run_tap(block, "aim_contracts")
    records = run.records("aim_contracts")
    assert len(records) == SIZE
    assert all(row["Values"] for row in records)
    asked = [call["query"] for call in sandbox.calls("aim") if "FullDetails" in call["template"]]
    wanted = dt.date.today().isoformat() if day == "today" else day  # noqa: DTZ011 - as in a shop
    assert all(f"CalculationsDate={wanted}T00" in query for query in asked)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("contracts_calculations_date", "29.11.2026"),
        ("contracts_calculations_date", "tomorrow"),
        ("rental_instruments_include", ["everything"]),
        ("serial_details", "perhaps"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    sandbox: RunningSandbox, setting: str, value: t.Any
) -> None:
    with pytest.raises(ConfigError, match=f"aim.{setting}"):
        make_tap(config(sandbox, **{setting: value}))
