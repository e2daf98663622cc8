"""Makes CIMcloud's records."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from erp_sandbox import awkward
from erp_sandbox.cimcloud.resources import CREATED, MODIFIED
from erp_sandbox.cimcloud.values import moment_text, money

if TYPE_CHECKING:
    import random

    from erp_sandbox.cimcloud.options import CimcloudOptions
    from erp_sandbox.cimcloud.resources import SandboxCimcloudResource
    from erp_sandbox.store import Row
    from erp_sandbox.vendor import Workbench

LAST_CHANGE = datetime(2026, 6, 30, 12, 0, 0)  # noqa: DTZ001 - the vendor has no zone
"""No seeded record changed later; UTC."""
REPEATED = ("accounts", "customers", "products")
"""Resources whose documented user key may be no key of theirs (7.4: their primary key is UNK)."""
FIRST_ORDER = 100_001
_HISTORY = ("Open", "Complete", "Backordered", "Cancelled")
_LINES = 2


class CimcloudSeed:
    """Makes rows for one site.

    Args:
        bench: Size and seed.
        resources: The resources, with the keys they have in this run.
        options: Time zone of the stamps, and whether user keys are unique.
    """

    def __init__(
        self,
        bench: Workbench,
        resources: dict[str, SandboxCimcloudResource],
        options: CimcloudOptions,
    ) -> None:
        self._bench = bench
        self._last = LAST_CHANGE + timedelta(hours=options.utc_offset_hours)
        self._unique = options.unique_user_keys
        self._resources = resources
        self._made: dict[str, list[Row]] = {}

    def make(self) -> dict[str, list[Row]]:
        """Return the rows of every resource, parents first."""
        for name, resource in self._resources.items():
            source = self._bench.random(f"cimcloud/{name}")
            rows = self._made[name] = []
            for number in range(self._bench.size):
                row = self._plain(resource, source, number)
                row.update(getattr(self, f"_{name}")(source, number))
                if not self._unique and name in REPEATED and number % 5 == 1:
                    (column,) = resource.user_key
                    row[column] = rows[-1][column]
                rows.append(row)
        return self._made

    def _plain(self, resource: SandboxCimcloudResource, source: random.Random, number: int) -> Row:
        """Return a row filled by the kinds of its columns."""
        row: Row = {}
        for column, kind in resource.columns.items():
            value: object = None
            if kind == "key":
                value = f"{source.getrandbits(128):032X}"
            elif kind == "flag":
                value = "0" if number % 6 == 5 else "1"  # noqa: PLR2004 - once in six
            elif kind == "int":
                value = source.randrange(1, 50)
            elif kind == "number":
                value = Decimal(source.randrange(0, 100_000)) / 100
            elif kind == "money":
                value = money(awkward.money(source, number))
            elif kind == "date":
                value = moment_text(self._last - timedelta(days=source.randrange(400)))
            elif number % 2:
                value = ""  # absent text is "" or null, both in the same table (3)
            row[column] = value
        # Of every five rows the last three share a stamp.
        step = number - number % 5 + min(number % 5, 2)
        changed = self._last - timedelta(hours=7 * (self._bench.size - step), seconds=step * 13)
        row[MODIFIED] = moment_text(changed)
        row[CREATED] = moment_text(changed - timedelta(days=source.randrange(0, 700)))
        if number % 20 == 11:  # noqa: PLR2004 - once in twenty
            row[CREATED] = "1969-12-31T23:59:59"
        return row

    def _any(self, resource: str, source: random.Random) -> Row:
        return source.choice(self._made[resource])

    def _parent(self, resource: str, number: int) -> Row:
        """Return the header of a line; every header of the first half has two lines."""
        return self._made[resource][number // _LINES]

    def _place(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "address": awkward.text(source, awkward.STREETS, number),
            "city": awkward.text(source, awkward.CITIES, number),
            "state": source.choice(("AB", "TX", "QC")),
            "zip": f"{number % 100_000:05d}",
            "country": source.choice(("CA", "US")),
        }

    def _accounts(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "ref_id": f"W{number + 1:06d}" if number % 9 == 8 else f"00-TEST{number + 1:03d}",  # noqa: PLR2004
            "num": f"{number + 1:05d}",
            "nm": awkward.text(source, awkward.COMPANIES, number),
            "phone": f"403-555-{number % 10_000:04d}",
            "terms_code": source.choice(("00", "01", "N30")),
            "notes": awkward.pick(source, awkward.NOTES, number),
            **self._place(source, number),
        }

    def _customers(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "username": f"buyer{number + 1}@example.com",
            "a_id": self._any("accounts", source)["ref_id"],
            "c_f_nm": awkward.text(source, awkward.FIRST_NAMES, number),
            "c_l_nm": awkward.text(source, awkward.LAST_NAMES, number),
            "c_em": f"buyer{number + 1}@example.com",
            "c_add1": awkward.text(source, awkward.STREETS, number),
            "c_city": awkward.text(source, awkward.CITIES, number),
            "c_zip": f"{number % 100_000:05d}",
            "change_pw": "False",
        }

    def _products(self, source: random.Random, number: int) -> dict[str, Any]:
        special = {3: "A/B-10", 7: "SKU (blue)", 12: "O'RING-5", 18: 'PIPE-1"', 25: "Ø-20"}
        sku = special.get(number, awkward.code("SKU", number))
        return {
            "sku": sku,
            "nm": f"{source.choice(('Clamp', 'Gasket', 'Vanne', 'ポンプ'))} {number + 1}",
            "ds": awkward.pick(source, awkward.HTML, number),
            "product_class": source.choice(("STD", "NET")),
            "search_terms": awkward.pick(source, awkward.NOTES, number),
            "thumb": f"images/{number + 1}_t.jpg",
            "StandardUnitOfMeasure": "EACH",
        }

    def _shipping_addresses(self, source: random.Random, number: int) -> dict[str, Any]:
        # The code is unique within an account only: 0001 exists many times.
        return {
            "a_id": self._made["accounts"][number // 2]["ref_id"],
            "location_code": f"{number % 2 + 1:04d}",
            "nm": awkward.text(source, awkward.COMPANIES, number),
            **self._place(source, number),
        }

    def _orders(self, source: random.Random, number: int) -> dict[str, Any]:
        customer = self._any("customers", source)
        return {
            "c_ordnum": FIRST_ORDER + number,
            "a_id": customer["a_id"],
            "c_id": customer[self._resources["customers"].key],
            "exported": 1 if number % 2 else 0,
            "po_number": source.choice(("", "00042", "PO #7/8")),
            "Header_WS_ID": f"{source.getrandbits(128):032X}",
            "CouponData_Amount": Decimal("0.0000"),
            "CouponData_UserCode": "",
            "CouponData_ItemCode": None,
            "GiftCard_DepositAmt": Decimal("0.0000"),
            "GiftCard_UserCode": "",
            "GiftCard_ItemCode": "/GIFT",
            "OrderComment_Text": awkward.pick(source, awkward.NOTES, number),
        }

    def _item(self, source: random.Random) -> dict[str, Any]:
        product = self._any("products", source)
        return {"sku": product["sku"], "ds": product["nm"]}

    def _order_details(self, source: random.Random, number: int) -> dict[str, Any]:
        order = self._parent("orders", number)
        return {
            "o_key": order[self._resources["orders"].key],
            "c_ordnum": order["c_ordnum"],
            "line_number": number % _LINES + 1,
            **self._item(source),
        }

    def _payments(self, source: random.Random, number: int) -> dict[str, Any]:
        order = self._made["orders"][number]
        return {
            "o_key": order[self._resources["orders"].key],
            "c_ordnum": order["c_ordnum"],
            "transaction_id": f"{number + 1:012d}",
            "payment_type": source.choice(("CC", "TERMS")),
        }

    def _inventory_levels(self, _: random.Random, number: int) -> dict[str, Any]:
        return {"sku": self._parent("products", number)["sku"], "warehouse": f"{number % 2:03d}"}

    def _product_prices(self, _: random.Random, number: int) -> dict[str, Any]:
        return {
            "sku": self._parent("products", number)["sku"],
            "price_level": f"{number % 2 + 1}",
            "min_qty": 1,
        }

    def _invoice_payments(self, _: random.Random, number: int) -> dict[str, Any]:
        return {"reference": f"PAY-{number + 1:06d}", "invoice_no": f"{number + 1:07d}"}

    def _order_history(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "order_no": f"S{number + 1:06d}",
            "a_id": self._any("accounts", source)["ref_id"],
            "status": _HISTORY[number % len(_HISTORY)],
            "comment": awkward.pick(source, awkward.NOTES, number),
        }

    def _order_history_lines(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "order_no": self._parent("order_history", number)["order_no"],
            "line_number": number % _LINES + 1,
            **self._item(source),
        }

    def _shipments(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "shipment_no": f"SH-{number + 1:05d}",
            "order_no": self._any("order_history", source)["order_no"],
            "carrier_code": source.choice(("UPS", "FEDEX")),
            "tracking_no": f"{source.randrange(10**20):020d}",
        }

    def _invoices(self, source: random.Random, number: int) -> dict[str, Any]:
        order = self._any("order_history", source)
        return {
            "invoice_no": f"{number + 1:07d}",
            "order_no": order["order_no"],
            "a_id": order["a_id"],
            "status": source.choice(("Open", "Paid")),
        }

    def _invoice_lines(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "invoice_no": self._parent("invoices", number)["invoice_no"],
            "line_number": number % _LINES + 1,
            **self._item(source),
        }

    def _credits(self, source: random.Random, number: int) -> dict[str, Any]:
        return {
            "credit_no": f"CM-{number + 1:05d}",
            "a_id": self._any("accounts", source)["ref_id"],
            "reason": awkward.pick(source, awkward.NOTES, number),
        }
