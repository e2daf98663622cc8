"""AIMS360's one write: ``POST /orders/v1.0/order`` (6.1, 8.9)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from erp_sandbox.aims360.resources import LINE, RESOURCES
from erp_sandbox.aims360.values import refusal
from erp_sandbox.exchange import json_answer

if TYPE_CHECKING:
    from erp_sandbox.aims360.options import Aims360Options
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall
    from erp_sandbox.store import Row
    from erp_sandbox.vendor import SandboxVendor

_COLUMNS = next(item.columns for item in RESOURCES if item.name == "orders")
_OWN = frozenset({"orderID", "order", "customerAccount", "lastModifiedOn", "lineItems"})
"""Columns that the server fills."""
_BAD = "InvalidInput"


def create(vendor: SandboxVendor, options: Aims360Options, call: SandboxCall) -> SandboxAnswer:
    """Create one order and return its number; a repeated order becomes a second one (6.1)."""
    try:
        row = _row(vendor, options, call)
    except Exception:
        call.count("refused")
        raise
    vendor.collections["orders"].put(row)
    call.count("created")
    return json_answer({"order": row["order"]}, options.order_status)


def _row(vendor: SandboxVendor, options: Aims360Options, call: SandboxCall) -> Row:
    try:
        body = call.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise refusal(400, _BAD, "The body must be a JSON object.")
    if options.refuse_nulls and _holds_null(body):
        raise refusal(400, _BAD, "A property is null.")
    orders, customers = vendor.collections["orders"], vendor.collections["customers"]
    # Which properties are mandatory is UNK; these two are needed in practice (INF).
    customer = customers.get(str(body.get("customerID", "")).lower())
    if customer is None:
        raise refusal(400, _BAD, f"customerID {body.get('customerID')} was not found.")
    lines = body.get("lineItems")
    if not isinstance(lines, list) or not lines:
        raise refusal(400, _BAD, "lineItems is required.")
    if body.get("status", "Open") not in {"Open", "Hold", None}:
        raise refusal(400, _BAD, "status must be Open or Hold.")
    reference = body.get("thirdPartyOrderID")
    if (
        reference
        and options.duplicate_orders == "refuse"
        and orders.find(("thirdPartyOrderID",), (reference,))
    ):
        raise refusal(409, "ResourceAlreadyExists", f"thirdPartyOrderID {reference} exists.")
    today = vendor.bench.clock.utc().date().isoformat()
    row: Row = {
        "orderID": str(uuid.uuid4()),
        "order": f"{_next_number(vendor):06d}",
        "customerAccount": customer["customerAccount"],
        "entered": today,
        "start": today,
        "complete": today,
        "status": "Open",
        "packingRuleType": "Default",
        "freightCollect": False,
        "cod": False,
        "priority": 5,
    }
    for name, value in body.items():
        # Both spellings of the store ids are taken as they come (8.9: conflict); unknown
        # properties are dropped (UNK).
        if name in _COLUMNS and name not in _OWN and value is not None:
            row[name] = _checked(name, str(_COLUMNS[name]), value)
    row["customerID"] = customer["customerID"]
    row["lastModifiedOn"] = vendor.stamp()
    row["lineItems"] = [_line(vendor, line) for line in lines]
    return row


def _next_number(vendor: SandboxVendor) -> int:
    numbers = [row["order"] for row in vendor.collections["orders"]]
    return max((int(number) for number in numbers if str(number).isdigit()), default=100_000) + 1


def _line(vendor: SandboxVendor, line: object) -> Row:
    if not isinstance(line, dict):
        raise refusal(400, _BAD, "A line item must be an object.")
    for name, table in (("styleColorID", "style_colors"), ("warehouseID", "warehouses")):
        key = line.get(name)
        found = key is not None and str(key).lower() in vendor.collections[table]
        if not found and (key is not None or name == "styleColorID"):
            raise refusal(400, _BAD, f"{name} {key} was not found.")
    sizes, prepack = line.get("sizes") or [], line.get("prepack") or {}
    if not isinstance(sizes, list) or not all(isinstance(size, dict) for size in sizes):
        raise refusal(400, _BAD, "sizes must be an array of objects.")
    packed = isinstance(prepack, dict) and prepack.get("prepackID")
    for size in sizes:
        # The quantity may be left out with a prepack only (DOC in 8.9's note).
        quantity = size.get("orderQuantity")
        if not isinstance(quantity, int) and not (packed and quantity is None):
            raise refusal(400, _BAD, "orderQuantity must be an integer.")
    shown: Row = {"lineItemID": str(uuid.uuid4())}
    for name, value in line.items():
        if name in LINE and name not in {"lineItemID", "allocations"} and value is not None:
            shown[name] = _checked(name, str(LINE[name]), value)
    return {**shown, "allocations": []}


def _checked(name: str, kind: str, value: Any) -> Any:  # noqa: ANN401 - as it came
    """Return a written value, checked by the kind of its column."""
    good = {
        "text": isinstance(value, str),
        "guid": isinstance(value, str),
        "date": isinstance(value, str) and len(value) == len("2026-01-01"),
        "bool": isinstance(value, bool),
        "number": not isinstance(value, (bool, str, list, dict)),
    }.get(kind, True)
    if not good:
        raise refusal(400, _BAD, f"{name} is not valid.")
    return value.lower() if kind == "guid" else value


def _holds_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_null(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_null(item) for item in value)
    return value is None
