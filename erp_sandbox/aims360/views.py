"""Aqua views: what an export holds, and how it is written out (10, 11)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from erp_sandbox import awkward, jsontext
from erp_sandbox.aims360.seed import LAST_CHANGE
from erp_sandbox.aims360.values import ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from erp_sandbox.store import Collection, Row
    from erp_sandbox.vendor import Workbench

Cells: TypeAlias = list[list[Any]]
_PAD = 24
_MATERIALS = ('Zipper 5"', "Thread, waxed", "Knopf Ø 10", "Label\nwoven", "  Elastic")  # fmt: skip


@dataclass(frozen=True)
class View:
    """One source with its views.

    Attributes:
        source: ``exportDataSettings.source``.
        names: View names and which rows each keeps.
        captions: Grid captions; blanks are normal, and one may occur twice (11.2).
        rows: Returns each row as its cells, with the record that decides which views show it.
    """

    source: str
    names: Mapping[str, Callable[[Row], bool]]
    captions: tuple[str, ...]
    rows: Callable[[Mapping[str, Collection], Workbench], list[tuple[Row, list[Any]]]]


def _all(_: Row) -> bool:
    return True


def _customers(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    return [
        (
            row,
            [
                row["customerAccount"], row.get("customerName"), row.get("city"),
                "Yes" if row.get("active") else "No", row.get("creditLimit"),
                _moment(row["lastModifiedOn"]), row["customerID"],
            ],
        )
        for row in tables["customers"]
    ]  # fmt: skip


def _styles(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    return [
        (
            row,
            [
                row["style"], row["description"], row["color"], row["colorDescription"],
                size["sizeName"], size["upc"], row["wholesalePrice"], row["styleColorID"],
            ],
        )
        for row in tables["style_colors"]
        for size in row.get("sizes") or ()
    ]  # fmt: skip


def _orders(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    return [
        (
            row,
            [
                row["order"], row.get("customerAccount"), row.get("customerPurchaseOrder"),
                row.get("status"), _date(row.get("entered")), _date(row.get("start")),
                _date(row.get("complete")), row.get("notes"), len(row.get("lineItems") or ()),
            ],
        )
        for row in tables["orders"]
    ]  # fmt: skip


def _order_lines(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    found = []
    for row in tables["orders"]:
        for line in row.get("lineItems") or ():
            color = tables["style_colors"].get(line.get("styleColorID")) or {}
            sizes = line.get("sizes") or ()
            cells = [
                row["order"], row.get("customerAccount"), color.get("style"), color.get("color"),
                line.get("price"), sum(size.get("orderQuantity") or 0 for size in sizes),
                line.get("lineNote"),
            ]  # fmt: skip
            found.append((row, cells))
    return found


def _po_lines(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    found = []
    for row in tables["purchase_orders"]:
        for line in row.get("stylePOLines") or ():
            cells = [
                row["purchaseOrderNo"], row["vendor"], "S", _moment(row["lastModifiedOn"]), None,
                line["style"], line["color"], "SM", line["price"], line["orderQty"],
                0, line["styleColorID"],
            ]  # fmt: skip
            found.append((row, cells))
    return found


def _material_lines(
    tables: Mapping[str, Collection], bench: Workbench
) -> list[tuple[Row, list[Any]]]:
    source = bench.random("aims360/materials")
    return [
        (
            row,
            [
                row["purchaseOrderNo"], _moment(row["lastModifiedOn"]), row["vendor"], "M",
                f"{number:06d}", _MATERIALS[number % len(_MATERIALS)], source.randrange(1, 900),
            ],
        )
        for number, row in enumerate(tables["purchase_orders"])
        if row["type"] == "Material"
    ]  # fmt: skip


def _purchase_orders(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    return [
        (
            row,
            [
                row["purchaseOrderNo"], row["vendor"], row["type"], row["status"],
                _moment(row["lastModifiedOn"]),
            ],
        )
        for row in tables["purchase_orders"]
    ]  # fmt: skip


def _warehouses(tables: Mapping[str, Collection], _: Workbench) -> list[tuple[Row, list[Any]]]:
    return [
        (row, [row["warehouseName"], row.get("state"), "Yes" if number % 2 == 0 else "No"])
        for number, row in enumerate(tables["warehouses"])
    ]


def _made_up(
    name: str, maker: Callable[[Any, int], list[Any]]
) -> Callable[[Mapping[str, Collection], Workbench], list[tuple[Row, list[Any]]]]:
    def rows(_: Mapping[str, Collection], bench: Workbench) -> list[tuple[Row, list[Any]]]:
        source = bench.random(f"aims360/aqua/{name}")
        return [({"number": number}, maker(source, number)) for number in range(bench.size)]

    return rows


def _invoice(source: Any, number: int) -> list[Any]:  # noqa: ANN401 - random.Random
    balance = Decimal(0) if number % 3 else awkward.money(source, number)
    return [
        f"{700_001 + number}", awkward.code("ACCT", number),
        awkward.text(source, awkward.COMPANIES, number),
        LAST_CHANGE.replace(tzinfo=None) - timedelta(days=number),
        awkward.money(source, number), balance, awkward.pick(source, awkward.NOTES[:8], number),
    ]  # fmt: skip


def _allocation(source: Any, number: int) -> list[Any]:  # noqa: ANN401 - random.Random
    start = LAST_CHANGE.replace(tzinfo=None) - timedelta(days=number)
    return [
        f"{10_001 + number % 7}", "PO" if number % 2 else "Order", source.choice(("", "PO, 7")),
        awkward.text(source, awkward.COMPANIES, number), awkward.code("ACCT", number),
        f"{100_001 + number}", awkward.code("ST", number % 9), "001", source.randrange(1, 99),
        "Net 30", start, start + timedelta(days=30), start + timedelta(days=1), None,
    ]  # fmt: skip


VIEWS = (
    View(
        "Customers",
        {
            "All Customers": _all,
            "Active Customers": lambda row: bool(row.get("active")),
            "Inactive Customers": lambda row: not row.get("active"),
        },
        ("Account", "Customer Name", "City", "Active", "Credit Limit", "Last Modified",
         "CustomerID"),
        _customers,
    ),
    View(
        "Styles UPC", {"All Styles": _all, "UPC Browse": _all},
        ("Style", "Style Description", "Color", "Color Description", "Size", "UPC", "Price",
         "StyleColorID"),
        _styles,
    ),
    View(
        "Orders",
        {
            "All Orders": _all,
            "Open Orders": lambda row: row.get("status") == "Open",
            "Hold Orders": lambda row: row.get("status") == "Hold",
        },
        ("Order", "Account", "Customer PO", "Status", "Entered", "Start Date", "Complete",
         "Notes", "Lines"),
        _orders,
    ),
    View(
        "Orders", {"All Orders-Line Details": _all},
        ("Order", "Account", "Style", "Color", "Price", "Order Qty", "Line Note"), _order_lines,
    ),
    View(
        "Purchase Orders",
        {"All PO's": _all, "Open PO's": lambda row: row["status"] == "Open"},
        ("PurchaseOrderNo", "Vendor", "POType", "Status", "IssuedDate"), _purchase_orders,
    ),
    # The two views of 11.2 are custom ones; here they have the names of system views (INF).
    View(
        "Purchase Orders", {"Style PO's-Line Details": _all},
        ("PurchaseOrderNo", "Vendor", "POType", "IssuedDate", "PO Cancel", "Style", "Color",
         "Size", "Price", "Order Qty", "Total Received Qty", "StyleColorID"),
        _po_lines,
    ),
    View(
        "Purchase Orders", {"Material PO's-Line Details": _all},
        ("PurchaseOrderNo", "IssuedDate", "Vendor", "POType", "Material Item",
         "Material Description", "Order Qty"),
        _material_lines,
    ),
    View("Warehouses", {"All WareHouses": _all}, ("Warehouse", "State", "Active"), _warehouses),
    View(
        "Seasons", {"All Seasons": _all}, ("Season", "Season Description"),
        _made_up("seasons", lambda source, number: [
            f"{number:02d}", source.choice(("Spring", "Été", "Fall, late")),
        ]),
    ),
    View(
        "Invoices",
        {"All Invoices": _all, "Zero Balance": lambda row: row["number"] % 3 != 0},
        ("Invoice", "Account", "Customer Name", "Invoice Date", "Amount", "Balance", "Note"),
        _made_up("invoices", _invoice),
    ),
    View("Vendors", {"All": _all, "Active": lambda _: False}, ("Vendor", "Name", "Terms"),
         _made_up("vendors", lambda source, number: [
             awkward.code("V", number), awkward.text(source, awkward.COMPANIES, number), None,
         ])),
    # A report in the vendor's clients; the same header comes twice (11.2).
    View(
        "Allocation Batches", {"All Batches": _all},
        ("WIPReference", "RecordType", "CustomerPurchaseOrder", "CustomerName", "Account", "Order",
         "Style", "Color", "Allocatedqty", "TermDescription", "Start Date", "Complete",
         "Start Date", "Complete"),
        _made_up("allocations", _allocation),
    ),
)  # fmt: skip


def find(source: str, name: str) -> View | None:
    """Return a view by source and name; the spelling must be exact (INF, 11.1)."""
    for view in VIEWS:
        if view.source == source and name in view.names:
            return view
    return None


def _moment(text: str) -> datetime:
    return datetime(1, 1, 1) + timedelta(microseconds=ticks(text) // 10)  # noqa: DTZ001 - shown without zone


def _date(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text[:10], "%Y-%m-%d")  # noqa: DTZ007 - a date


def _shown(value: object, dates: str) -> object:
    if not isinstance(value, datetime):
        return value
    if dates == "iso":
        return value.isoformat(timespec="seconds")
    clock = f"{value.hour % 12 or 12}:{value:%M:%S %p}"
    return f"{value.month}/{value.day}/{value.year} {clock}"


def cells(
    view: View, name: str, tables: Mapping[str, Collection], bench: Workbench, dates: str
) -> Cells:
    """Return the cells of a view, dates as text."""
    test = view.names[name]
    return [
        [_shown(value, dates) for value in row]
        for thing, row in view.rows(tables, bench)
        if test(thing)
    ]


def as_json(view: View, rows: Cells) -> bytes:
    """Return JSON output: ``totalRecordCount`` and ``data`` (OBS(v), 10).

    Amounts come as strings, as they may (11.2); of two equal captions the last stays.
    """
    data = [
        {
            caption: str(value) if isinstance(value, Decimal) else value
            for caption, value in zip(view.captions, row, strict=True)
        }
        for row in rows
    ]
    return jsontext.dumps({"totalRecordCount": len(data), "data": data})


def as_csv(view: View, rows: Cells, *, bom: bool) -> bytes:
    """Return CSV output: captions first, some texts padded with blanks, null as nothing (11.2)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(view.captions)
    for number, row in enumerate(rows):
        padded = [
            value.ljust(_PAD) if isinstance(value, str) and (number + place) % 3 == 0 else value
            for place, value in enumerate(row)
        ]
        writer.writerow(["" if value is None else value for value in padded])
    return ("\ufeff" if bom else "").encode() + out.getvalue().encode()
