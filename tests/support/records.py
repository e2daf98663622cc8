"""Records that hold all that a vendor requires."""

from __future__ import annotations

import typing as t


def passing_order(number: str) -> dict[str, t.Any]:
    """An order with all that a passthrough requires."""
    address = {
        "address1": "1 Way",
        "city": "Austin",
        "state": "TX",
        "zip": "73301",
        "country_code": "US",
    }
    return {
        "order_number": number,
        "customer": {"name": "Ann", **address},
        "shipping_address": address,
        "details": [{"sku": "S", "quantity": 1, "price": 2.5}],
    }
