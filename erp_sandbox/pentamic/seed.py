"""Makes Pentamic's records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erp_sandbox import awkward

if TYPE_CHECKING:
    from erp_sandbox.store import Row
    from erp_sandbox.vendor import Workbench

FIRST_ID = 102_568
"""The sheet's sample (8.1)."""
FIRST_INVOICE = 5_001
INVOICES_PER_CUSTOMER = (1, 0, 3, 0, 2, 0)
"""Invoices of a customer, in turn; on average one."""


def customers(bench: Workbench) -> list[Row]:
    """Return the customers: tax codes of 10 or 13 digits, most with leading zeros."""
    source = bench.random("pentamic/customers")
    rows: list[Row] = []
    for number in range(bench.size):
        code = f"01{number * 7919 % 10**8:08d}" if number % 4 else f"{3_600_000_000 + number}"
        if number % 9 == 5:  # noqa: PLR2004 - once in nine
            code = f"00{number:08d}001"
        rows.append(
            {
                "id": FIRST_ID + number,
                "name": awkward.text(source, awkward.COMPANIES, number),
                "taxCode": code,
                "address": awkward.pick(source, (*awkward.STREETS, None, "Số 1, phố Huế"), number),
                "phone": None if number % 8 == 3 else f"0{912_000_000 + number}",  # noqa: PLR2004
            }
        )
    return rows


def invoices(bench: Workbench, owners: list[Row], numbering: str) -> list[Row]:
    """Return the customers' invoices; their columns are made up (8.2: UNK).

    Args:
        bench: Size and seed.
        owners: The customers.
        numbering: ``global`` or ``customer``, see the option ``invoice_ids``.
    """
    source = bench.random("pentamic/customer_invoices")
    rows: list[Row] = []
    for number, owner in enumerate(owners):
        for line in range(INVOICES_PER_CUSTOMER[number % len(INVOICES_PER_CUSTOMER)]):
            count = len(rows)
            rows.append(
                {
                    "_key": f"{owner['id']}-{line + 1}",
                    "_customer_id": owner["id"],
                    "id": FIRST_INVOICE + count if numbering == "global" else line + 1,
                    "invoiceNo": f"{count + 1:07d}",
                    "amount": awkward.money(source, count),
                    "vat": None if count % 7 == 2 else awkward.money(source, count + 5),  # noqa: PLR2004
                    "note": awkward.pick(source, awkward.NOTES, count),
                }
            )
    return rows
