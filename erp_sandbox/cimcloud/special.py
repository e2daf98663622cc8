"""The Complex OnlineOrders and the Special orderpassthrough (10 and 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from erp_sandbox.cimcloud.resources import CREATED, MODIFIED
from erp_sandbox.store import TableShape

if TYPE_CHECKING:
    from erp_sandbox.cimcloud.resources import SandboxCimcloudResource
    from erp_sandbox.store import Collection, Row

PASSTHROUGH = TableShape(
    "order_passthrough", "passthrough_id", (("order_number",),), None, (), ("orderpassthrough",)
)
"""Orders received by orderpassthrough; kept for the report, readable by no vendor call."""

_PLACE = ("address1", "city", "state", "zip", "country_code")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "customer": ("name", *_PLACE),
    "shipping_address": _PLACE,
}
_LINE = ("sku", "quantity", "price")


class OnlineOrders:
    """Makes the joined rows of OnlineOrders.

    Args:
        collections: All of the site's collections.
        resources: All of its resources.
    """

    def __init__(
        self, collections: dict[str, Collection], resources: dict[str, SandboxCimcloudResource]
    ) -> None:
        self._collections = collections
        self._resources = resources

    def joined(self, order: Row, *, lines: bool) -> list[Row]:
        """Return an order joined with account, customer, address and payment.

        Args:
            order: Row of ``orders``.
            lines: True for a row per line (the columns of the line prefixed), False for one row.
        """
        resource = self._resources["orders"]
        row = {
            name: value
            for name, value in order.items()
            if name not in {CREATED, MODIFIED, "exported"}
        }
        if resource.key != "o_key":
            row["o_key"] = row.pop(resource.key)  # this column's name is documented (10)
        account = self._collections["accounts"].first("ref_id", order.get("a_id")) or {}
        customer = self._collections["customers"].get(order.get("c_id")) or {}
        addresses = self._collections["shipping_addresses"]
        ship = addresses.find(("a_id", "location_code"), (order.get("a_id"), "0001"))
        paid = self._collections["payments"].find(("o_key",), (row["o_key"],))
        row["Account_nm"] = account.get("nm")
        row["Customer_username"] = customer.get("username")
        row["ShipTo_address"] = ship[0].get("address") if ship else None
        row["Payment_transaction_id"] = paid[0].get("transaction_id") if paid else None
        if not lines:
            return [row]
        details = self._collections["order_details"].find(("o_key",), (row["o_key"],))
        return [
            {
                **row,
                "Detail_line_number": line.get("line_number"),
                "Detail_sku": line.get("sku"),
                "Detail_quantity": line.get("quantity"),
                "Detail_price": line.get("price"),
            }
            for line in details or [{}]
        ]


def passthrough_errors(order: Any) -> list[str]:  # noqa: ANN401 - JSON is whatever was sent
    """Return what is wrong with an order; arrays of orders are UNK and refused (11)."""
    if not isinstance(order, dict):
        return ["the body must be one order object"]
    errors = [] if _given(order.get("order_number")) else ["order_number is required"]
    for name, fields in _REQUIRED.items():
        part = order.get(name)
        if not isinstance(part, dict):
            errors.append(f"{name} is required")
            continue
        errors += [f"{name}.{item} is required" for item in fields if not _given(part.get(item))]
    details = order.get("details")
    if not isinstance(details, list) or not details:
        return [*errors, "details is required"]
    for number, line in enumerate(details):
        if not isinstance(line, dict):
            errors.append(f"details[{number}] must be an object")
            continue
        errors += [
            f"details[{number}].{item} is required" for item in _LINE if not _given(line.get(item))
        ]
    return errors


def _given(value: object) -> bool:
    return value is not None and value != ""
