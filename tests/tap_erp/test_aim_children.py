from __future__ import annotations

import logging
import typing as t

import pytest

from erp_vendors.aim.settings import MODES
from erp_vendors.errors import ConfigError
from erp_vendors.http.redact import redact
from tap_erp.tap import TapErp
from tests.erp_vendors.aim.shop import Shop, error, listing, open_shop
from tests.erp_vendors.aim.taprun import catalog_of, run_tap
from tests.support.stub import Reply, running_stub

if t.TYPE_CHECKING:
    from tests.erp_vendors.aim.shop import ListedRow, Params


pytestmark = pytest.mark.slow


@pytest.fixture
def shop() -> t.Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def test_children_share_one_listing_of_their_parent(shop: Shop) -> None:
    shop.operations["SearchInventory"] = listing("Records", [{"Pk": n} for n in range(30)])
    shop.operations["InventoryDetail"] = lambda params: {"SadPk": int(params["Pk"])}
    shop.operations["InventoryQty"] = lambda _: {"Variants": [{"Sku": "A"}, {"Sku": "B"}]}
    run = run_tap(shop.config(), "inventory", "inventory_details", "inventory_quantities")
    assert shop.count("SearchInventory") == 1
    assert [row["Pk"] for row in run.records["inventory_details"]] == list(range(30))
    assert len(run.records["inventory_quantities"]) == 60
    kept = run.state["bookmarks"]
    assert {name for name in kept if "replication_key" in kept[name]} == {"aim_inventory"}
    # The second run reads what changed, and for the children the whole list.
    again = run_tap(
        shop.config(), "inventory", "inventory_details", "inventory_quantities", state=run.state
    )
    assert "inventory" not in again.records
    assert again.records["inventory_details"] == run.records["inventory_details"]
    bounds = shop.asked("SearchInventory", "ChangedDate")[1:]
    assert [bound is None for bound in bounds] == [False, True]


def test_children_that_run_side_by_side_share_the_listing_too(shop: Shop) -> None:
    shop.operations["SearchInventory"] = listing("Records", [{"Pk": n} for n in range(30)])
    shop.operations["InventoryDetail"] = lambda params: {"SadPk": int(params["Pk"])}
    shop.operations["InventoryQty"] = lambda _: {"Variants": [{"Sku": "A"}]}
    shop.operations["InventoryImage"] = lambda _: {"Images": []}
    streams = ("inventory_details", "inventory_quantities", "inventory_images")
    run = run_tap(shop.config(max_concurrency=4), *streams)
    assert (run.code, len(run.records["inventory_details"])) == (0, 30)
    assert shop.count("SearchInventory") == 1


def test_children_are_read_side_by_side_in_order(shop: Shop) -> None:
    shop.operations["SearchCustomers"] = listing("Customers", [{"Acct": n} for n in range(40)])
    shop.operations["CustomerInfo"] = lambda params: {"Emails": [{"Email": params["Acct"]}]}
    one = run_tap(shop.config(), "customer_info")
    many = run_tap(shop.config(max_concurrency=8), "customer_info")
    assert one.records == many.records
    assert [row["Acct"] for row in many.records["customer_info"]] == list(range(40))


def test_calls_at_once_stay_within_the_setting() -> None:
    shop = Shop()
    shop.operations["SearchCustomers"] = listing("Customers", [{"Acct": n} for n in range(20)])
    shop.operations["CustomerInfo"] = lambda _: {"Emails": []}

    def slow(request: t.Any) -> Reply:
        reply = shop.answer(request)
        return Reply(reply.status, reply.body, delay=0.01)

    for limit in (1, 3):
        with running_stub(slow) as stub:
            shop.url = stub.url
            more = {} if limit == 1 else {"max_concurrency": limit}
            assert run_tap(shop.config(**more), "customer_info").code == 0
            assert stub.most_in_flight == limit


def test_a_fault_in_one_child_does_not_stop_the_others(shop: Shop) -> None:
    shop.operations["SearchCustomers"] = listing("Customers", [{"Acct": n} for n in range(30)])
    shop.operations["CustomerInfo"] = lambda params: (
        error("Object reference not set") if params["Acct"] in {"3", "20"} else {"Emails": []}
    )
    run = run_tap(shop.config(max_concurrency=4), "customer_info", "locations")
    assert run.code == 1
    assert len(run.records["customer_info"]) == 28
    assert "2 of its records or lists could not be read" in run.error
    assert "Acct 3: " in run.error


def test_a_parent_deleted_meanwhile_is_no_failure_and_one_still_listed_is(shop: Shop) -> None:
    people = [{"Acct": n} for n in range(5)]
    shop.operations["SearchCustomers"] = listing("Customers", people)
    shop.operations["CustomerInfo"] = lambda params: (
        error("Customer not found") if params["Acct"] == "3" else {"Emails": []}
    )
    run = run_tap(shop.config(), "customer_info")
    assert run.code == 1
    assert "Acct 3: it is listed, but CustomerInfo does not know it" in run.error
    assert len(run.records["customer_info"]) == 4

    def info(params: Params) -> ListedRow:
        if params["Acct"] != "3":
            return {"Emails": []}
        people[:] = [row for row in people if row["Acct"] != 3]
        return error("Customer not found")

    shop.operations["CustomerInfo"] = info
    run = run_tap(shop.config(), "customer_info")
    assert (run.code, len(run.records["customer_info"])) == (0, 4)


def test_a_refused_login_ends_a_child_stream(shop: Shop) -> None:
    shop.operations["SearchCustomers"] = listing("Customers", [{"Acct": n} for n in range(30)])
    shop.special = lambda name, _: Reply(403) if name == "CustomerInfo" else None
    run = run_tap(shop.config(), "customer_info")
    assert run.code == 1
    assert "lacks the permission" in run.error
    assert shop.count("CustomerInfo") < 6


def test_a_token_that_keeps_dying_loses_no_child(shop: Shop) -> None:
    shop.operations["SearchCustomers"] = listing("Customers", [{"Acct": n} for n in range(25)])
    shop.operations["CustomerInfo"] = lambda _: {"Emails": []}
    shop.lifetime = 4
    run = run_tap(shop.config(), "customer_info")
    assert run.code == 0
    assert len(run.records["customer_info"]) == 25
    assert shop.logins > 5


def test_instruments_are_asked_for_by_teacher_else_by_plan_else_at_large(shop: Shop) -> None:
    def instruments(params: Params) -> ListedRow:
        by = params.get("TeacherId") or params.get("PlanCode") or "all"
        return {"Instruments": [{"Sku": by, "InstrumentName": "Flute"}]}

    shop.operations["C2BGetInstrumentInfo"] = instruments
    shop.operations["C2BGetTeacherInfo"] = listing("Teachers", [{"Id": 1}, {"Id": 2}])
    shop.operations["C2BGetPlanInfo"] = listing("Plans", [{"Id": 9, "Code": "P"}])
    run = run_tap(shop.config(), "rental_instruments")
    assert [row["Sku"] for row in run.records["rental_instruments"]] == ["1", "2"]
    assert run.records["rental_instruments"][0]["TeacherId"] == 1
    shop.operations["C2BGetTeacherInfo"] = listing("Teachers", [])
    run = run_tap(shop.config(), "rental_instruments")
    assert run.records["rental_instruments"] == [
        {"PlanCode": "P", "Sku": "P", "InstrumentName": "Flute"}
    ]
    shop.operations["C2BGetPlanInfo"] = listing("Plans", [])
    run = run_tap(shop.config(), "rental_instruments")
    assert [row["Sku"] for row in run.records["rental_instruments"]] == ["all"]


def test_access_tokens_are_read_for_the_accounts_named_and_hidden_from_logs(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.operations["CustomerAccessToken"] = lambda params: {
        "Token": f"secret-of-{params['Acct']}",
        "AccountManagementUrl": f"https://pay.example/{params['Acct']}?t=x",
    }
    wanted = {"accounts": [7, 8, 7], "mode": "UPDATE_CARD", "item_key": 55}
    with caplog.at_level(logging.DEBUG):
        run = run_tap(shop.config(customer_access_tokens=wanted), "customer_access_tokens")
    assert run.code == 0
    assert run.records["customer_access_tokens"] == [
        {
            "Acct": acct,
            "Mode": "UPDATE_CARD",
            "ItemKey": 55,
            "Token": f"secret-of-{acct}",
            "AccountManagementUrl": f"https://pay.example/{acct}?t=x",
        }
        for acct in (7, 8)
    ]
    assert shop.asked("CustomerAccessToken", "ItemKey") == ["55", "55"]
    assert redact("got secret-of-7") == "got *****"
    assert "secret-of-8" not in caplog.text


def test_mode_and_item_key_are_optional(shop: Shop) -> None:
    shop.operations["CustomerAccessToken"] = lambda _: {"Token": "secret-9"}
    config = shop.config(customer_access_tokens={"accounts": [9]})
    run = run_tap(config, "customer_access_tokens")
    assert run.records["customer_access_tokens"] == [
        {"Acct": 9, "Mode": None, "ItemKey": None, "Token": "secret-9"}
    ]
    assert shop.calls[-1] == ("CustomerAccessToken", {"Acct": "9"})


def test_an_account_that_is_not_known_is_named(shop: Shop) -> None:
    shop.operations["CustomerAccessToken"] = lambda params: (
        error("Account not found") if params["Acct"] == "8" else {"Token": "secret-7"}
    )
    config = shop.config(customer_access_tokens={"accounts": [8, 7]})
    run = run_tap(config, "customer_access_tokens")
    assert run.code == 1
    assert len(run.records["customer_access_tokens"]) == 1
    assert "Acct 8" in run.error


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (
            {"accounts": [1], "mode": "DELETE_CARD"},
            f"aim.customer_access_tokens.mode' must be one of: {', '.join(MODES)}",
        ),
        ({"mode": "UPDATE_CARD"}, "aim.customer_access_tokens.accounts' is missing"),
        ({"accounts": [1], "item": 4}, "unknown setting 'aim.customer_access_tokens.item'"),
        ({"accounts": ["x"]}, "aim.customer_access_tokens.accounts[0]' must be of type integer"),
    ],
)
def test_wrong_settings_of_access_tokens_are_named(tokens: ListedRow, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        catalog_of({"customer_access_tokens": tokens})
    assert message in str(caught.value)


def test_secrets_are_marked_in_the_config_schema() -> None:
    block = TapErp.config_jsonschema["properties"]["aim"]["properties"]
    assert {name for name, setting in block.items() if setting.get("secret")} == {
        "api_key",
        "password",
    }
    assert block["format"]["enum"] == ["json", "xml"]
    assert block["max_concurrency"]["default"] == 1
