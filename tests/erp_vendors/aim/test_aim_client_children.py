from __future__ import annotations

import typing as t
from decimal import Decimal

import pytest

from erp_vendors.aim import NotLicensedError
from erp_vendors.aim.answers import UnknownRecordError
from erp_vendors.errors import DataError
from tests.erp_vendors.aim.shop import error, listing, stock_error
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from erp_vendors.aim import AimClient
    from tests.erp_vendors.aim.shop import ListedRow, Params, Shop


@pytest.fixture
def client(shop: Shop) -> AimClient:
    return shop.client()


def read(client: AimClient, name: str, since: str | None = None) -> list[ListedRow]:
    return [row.record for row in client.rows(client.resources[name], since)]


def test_the_keys_of_a_parent_are_read_once(client: AimClient, shop: Shop) -> None:
    shop.operations["SearchInventory"] = listing("Records", [{"Pk": n} for n in range(120)])
    resource = client.resources["inventory_details"]
    (parent,) = resource.parents
    read(client, "inventory", "2026-01-01T00:00:00")  # a part of the list
    assert list(client.keys(parent)) == [(n,) for n in range(120)]
    assert list(client.keys(parent)) == [(n,) for n in range(120)]
    assert shop.asked("SearchInventory", "StartOffset") == ["0", "99", "0", "99"]
    assert client.keys(parent, again=True)
    assert shop.count("SearchInventory") == 6


def test_a_full_reading_of_the_parent_gives_its_keys(client: AimClient, shop: Shop) -> None:
    shop.operations["ContractFullDetails"] = listing(
        "Contracts", [{"Acct": 1, "Sub": 2}, {"Acct": 1}]
    )
    read(client, "contracts")
    (parent,) = client.resources["contract_details"].parents
    assert list(client.keys(parent)) == [(1, 2), (1, None)]
    assert shop.count("ContractFullDetails") == 1


def test_keys_that_nobody_will_ask_for_are_not_kept(client: AimClient, shop: Shop) -> None:
    shop.operations["ContractFullDetails"] = listing("Contracts", [{"Acct": 1, "Sub": 2}])
    resource = client.resources["contracts"]
    assert len(list(client.rows(resource, keep_keys=False))) == 1
    (parent,) = client.resources["contract_details"].parents
    assert list(client.keys(parent)) == [(1, 2)]
    assert shop.count("ContractFullDetails") == 2


def test_an_unlicensed_parent_is_asked_for_once(client: AimClient, shop: Shop) -> None:
    shop.operations["SearchInventory"] = lambda _: error("not licensed")
    (parent,) = client.resources["inventory_details"].parents
    for _ in range(2):
        with pytest.raises(NotLicensedError):
            client.keys(parent)
    assert shop.count("SearchInventory") == 1


CHILDREN: list[tuple[str, tuple[t.Any, ...], str, Params, ListedRow, list[ListedRow]]] = [
    (
        "inventory_details",
        (7,),
        "InventoryDetail",
        {"Pk": "7", "PkType": "SAD", "IncludeSerialInfo": "true"},
        {"SadPk": 7, "Weight": Decimal("1.50")},
        [{"Pk": 7, "SadPk": 7, "Weight": Decimal("1.50")}],
    ),
    (
        "inventory_quantities",
        (7,),
        "InventoryQty",
        {"Pk": "7"},
        {"Variants": [{"Sku": "A"}, {"AeVariantName": "red"}]},
        [{"Pk": 7, "Sku": "A"}, {"Pk": 7, "AeVariantName": "red", "Sku": ""}],
    ),
    (
        "inventory_images",
        (7,),
        "InventoryImage",
        {"ItemPk": "7"},
        {"Images": [{"UriPk": 3}, {"Url": "x"}, {"Url": "y"}]},
        [
            {"Pk": 7, "UriPk": 3},
            {"Pk": 7, "Url": "x", "UriPk": -2},
            {"Pk": 7, "Url": "y", "UriPk": -3},
        ],
    ),
    (
        "customer_info",
        (5,),
        "CustomerInfo",
        {"Acct": "5"},
        {"Emails": []},
        [{"Acct": 5, "Emails": []}],
    ),
    (
        "customer_history",
        (5,),
        "History360",
        {
            "CustomerAccount": "5",
            **dict.fromkeys(
                (
                    "IncludeInvoices",
                    "IncludeOrders",
                    "IncludeWorkOrders",
                    "IncludeContracts",
                    "IncludeClosed",
                ),
                "true",
            ),
        },
        {"Orders": [{"Id": 1}]},
        [{"Acct": 5, "Orders": [{"Id": 1}]}],
    ),
    (
        "shipping_addresses",
        (5,),
        "ShippingAddressLookup",
        {"Acct": "5"},
        {"ShipTos": [{"Id": 1}, {"Id": 2}]},
        [{"Acct": 5, "Id": 1}, {"Acct": 5, "Id": 2}],
    ),
    (
        "customer_purchase_orders",
        (5,),
        "ListCustomerPOs",
        {"CustomerAcct": "5", "IncludeExpired": "true"},
        {"POs": [{"PO": "a"}]},
        [{"Acct": 5, "PO": "a"}],
    ),
    (
        "customer_purchase_orders",
        (5,),
        "ListCustomerPOs",
        {"CustomerAcct": "5", "IncludeExpired": "true"},
        {},
        [],
    ),
    (
        "transfer_lines",
        ("T 1",),
        "TransferDetails",
        {"RefNumber": "T 1", "Mode": "All"},
        {"TransferInfo": {"RefNumber": "T 1"}, "LineItems": [{"Sku": "A"}]},
        [{"RefNumber": "T 1", "Sku": "A"}],
    ),
    (
        "contract_details",
        (1001, 2),
        "GetContractDetails",
        {"Ref": "1001", "Sub": "2"},
        {"AccountSub": "1001-2"},
        [{"Acct": 1001, "Sub": 2, "AccountSub": "1001-2"}],
    ),
    (
        "web_order_status",
        ("W1",),
        "ECommerceOrderStatus",
        {"OrderNumber": "W1"},
        {"OrderStatus": "S"},
        [{"WebOrder": "W1", "OrderStatus": "S"}],
    ),
    (
        "rental_instruments",
        (9,),
        "C2BGetInstrumentInfo",
        {"TeacherId": "9"},
        {"Instruments": [{"InstrumentName": "Flute"}]},
        [{"TeacherId": 9, "InstrumentName": "Flute", "Sku": ""}],
    ),
]


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize("number", range(len(CHILDREN)))
def test_a_child_is_asked_for_by_its_parents_key_and_carries_it(
    shop: Shop, number: int, format_: str
) -> None:
    name, key, operation, params, answer, expected = CHILDREN[number]
    client = shop.client(format=format_)
    shop.operations[operation] = lambda _: answer
    resource = client.resources[name]
    assert client.child(resource, resource.parents[0], key) == expected
    assert shop.calls[-1] == (operation, params)


def test_a_record_that_is_not_known_is_told_apart(client: AimClient, shop: Shop) -> None:
    resource = client.resources["customer_info"]
    for reply in (
        Reply(body=error("Customer not found")),
        Reply(404),
        stock_error(400, "No such account"),
    ):
        shop.special = lambda name, _, reply=reply: reply if name == "CustomerInfo" else None  # type: ignore[misc]
        with pytest.raises(UnknownRecordError, match="CustomerInfo"):
            client.child(resource, resource.parents[0], (5,))


def test_an_order_is_looked_for_in_all_kinds(client: AimClient, shop: Shop) -> None:
    shop.operations["ECommerceOrderStatus"] = lambda params: (
        {"OrderStatus": "S"} if params.get("OrderType") == "A" else error("Order not found")
    )
    resource = client.resources["web_order_status"]
    assert client.child(resource, resource.parents[0], ("W1",)) == [
        {"WebOrder": "W1", "OrderStatus": "S"}
    ]
    assert shop.asked("ECommerceOrderStatus", "OrderType") == [None, "C", "E", "A"]
    shop.operations["ECommerceOrderStatus"] = lambda _: error("Order not found")
    with pytest.raises(UnknownRecordError):
        client.child(resource, resource.parents[0], ("W1",))


SHOWN = {"SasPk": 81, "Serial": "0081", "OurPrice": Decimal("12.50"), "Location": "01"}
"""A serial in the details of an item; members beyond the public page are kept (10)."""


@pytest.mark.parametrize("format_", ["json", "xml"])
@pytest.mark.parametrize(
    "details",
    [
        {"VariantDetails": [{"SkuPk": 70, "Sku": "007", "Serials": [SHOWN, {"SasPk": 82}]}]},
        {"VariantDetails": [{"SkuPk": 70, "Sku": "007", "Info": {"Rows": [SHOWN, {"SasPk": 82}]}}]},
    ],
    ids=["in a list", "deeper"],
)
def test_serials_come_with_the_details(shop: Shop, format_: str, details: ListedRow) -> None:
    client = shop.client(format=format_)
    shop.operations["InventoryDetail"] = lambda params: {
        "SadPk": int(params["Pk"]),
        "Model": "0700",
        **details,
    }
    resource = client.resources["serials"]
    of_item = {"Pk": 7, "SadPk": 7, "Model": "0700", "SkuPk": 70, "SKU": "007"}
    assert client.child(resource, resource.parents[0], (7,)) == [
        {**of_item, "SasPk": 81, "Serial": "0081", "Details": SHOWN},
        {**of_item, "SasPk": 82, "Details": {"SasPk": 82}},
    ]
    assert shop.asked("InventoryDetail", "IncludeSerialInfo") == ["true"]
    assert shop.count("SerialDetail") == 0


@pytest.mark.parametrize("row", [{}, {"SasPk": 0}, {"SasPk": None}, {"Serial": "1"}], ids=repr)
def test_an_item_without_serials_takes_one_call(shop: Shop, row: ListedRow) -> None:
    client = shop.client()
    shop.operations["InventoryDetail"] = lambda _: {"SadPk": 7, "VariantDetails": [row]}
    resource = client.resources["serials"]
    assert client.child(resource, resource.parents[0], (7,)) == []
    assert shop.count("InventoryDetail") == 1
    assert shop.count("SerialDetail") == 0


@pytest.mark.parametrize("format_", ["json", "xml"])
def test_each_serial_is_asked_for_where_the_settings_want_it(shop: Shop, format_: str) -> None:
    client = shop.client(format=format_, serial_details=True)
    shop.operations["InventoryDetail"] = lambda params: {
        "SadPk": int(params["Pk"]),
        "VariantDetails": [{"SkuPk": 70, "Serials": [{"SasPk": 81}, {"SasPk": 82}]}, {"SasPk": 81}],
    }
    shop.operations["SerialDetail"] = lambda params: {
        "SasPk": int(params["Pk"]),
        "Serial": f"SN{params['Pk']}",
        "SadPk": 7,
    }
    resource = client.resources["serials"]
    assert client.child(resource, resource.parents[0], (7,)) == [
        {"Pk": 7, "SasPk": 81, "Serial": "SN81", "SadPk": 7},
        {"Pk": 7, "SasPk": 82, "Serial": "SN82", "SadPk": 7},
    ]
    assert shop.asked("InventoryDetail", "IncludeSerialInfo") == ["true"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"SasPk": 9, "SadPk": 7}, [{"Pk": 7, "SasPk": 9, "SadPk": 7}]),
        ({"SasPk": 9}, [{"Pk": 7, "SasPk": 9}]),
        # The serial with that key belongs to another record.
        ({"SasPk": 7, "SadPk": 3}, []),
        ({}, []),
        (error("Serial not found"), []),
    ],
)
def test_serials_that_the_details_do_not_name(
    shop: Shop, answer: ListedRow, expected: list[ListedRow]
) -> None:
    client = shop.client(serial_details=True)
    shop.operations["InventoryDetail"] = lambda _: {"SadPk": 7}
    shop.operations["SerialDetail"] = lambda _: answer
    resource = client.resources["serials"]
    assert client.child(resource, resource.parents[0], (7,)) == expected


def test_a_part_of_a_parents_list_is_no_list(client: AimClient, shop: Shop) -> None:
    shop.operations["InventoryQty"] = lambda _: {
        "Variants": [{"Sku": "A"}],
        "RemainingRecords": 3,
    }
    resource = client.resources["inventory_quantities"]
    with pytest.raises(DataError, match="more records than its answer holds"):
        client.child(resource, resource.parents[0], (1,))
