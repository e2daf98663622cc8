"""What a vendor's own users do to its records meanwhile: insert, change, delete."""

from __future__ import annotations

import copy
import decimal
import re
import time
import typing as t

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox

Message = dict[str, t.Any]

#: An item of AIM has stock from the beginning, and a serial's key stands inside of it as well; the
#: others have no stamp of a change.
NO_INSERT = {
    ("aim", "inventory"),
    ("aim", "serials"),
    ("aim", "instructor_invoices"),
    ("aims360", "background_jobs"),
}
DATED = {
    *("aim_invoices", "aim_delivery_tickets", "aim_scheduled_returns", "aim_instructor_invoices"),
}
"""Their bookmark is a date of the record's, which a change leaves as it is, and which may be past
when the record is made: only a reading in full sees that."""
_KEYS = {
    ("aim", "active_employees"): ("EmployeeName",),
    ("aim", "contracts"): ("Sub",),
    ("aim", "delivery_tickets"): ("RefNumber",),
    ("aim", "rental_instruments"): ("Sku",),
    ("aim", "sales"): ("SaqPk",),
    ("aim", "scheduled_returns"): ("Sub",),
    ("aim", "web_orders"): ("WebOrder",),
    ("aims360", "orders"): ("order",),
    ("pentamic", "customer_invoices"): ("id",),
}
"""Columns of a stream's key where the sandbox knows the rows by another one; so are CIMcloud's."""
EXACT = decimal.Decimal("1234567890123.123456789")
"""More digits than a float holds."""
_FREE = re.compile(r"(?i)(name|desc|description|notes?|comments?|nm)$")
"""Columns that hold what a user likes."""


def meddle(
    sandbox: RunningSandbox,
    vendor: str,
    keys: t.Mapping[str, list[str]],
    resources: t.Container[str] | None = None,
) -> None:
    """Delete, change and insert a row of every resource.

    Args:
        sandbox: Plays the vendor.
        vendor: Its name.
        keys: Key properties by stream.
        resources: Those to change; None for all.
    """
    for name, count in sandbox.report(vendor)["rows"].items():
        if count < 3 or not (resources is None or name in resources):
            continue
        rows = sandbox.rows(vendor, name)
        key = key_of(sandbox, vendor, name, rows)
        own = keys.get(f"{vendor}_{name}", [])
        sandbox.delete(vendor, name, rows[0][key])
        sandbox.change(vendor, name, rows[1][key], _changes(rows[1], {key, *own}))
        if (vendor, name) in NO_INSERT:
            continue
        names = own if vendor == "cimcloud" else _KEYS.get((vendor, name), ())
        changes = _new_keys(rows[2], names)
        if name == "contracts":
            changes["_key"] = f"{rows[2]['Acct']}-{changes['Sub']}"
        new = sandbox.insert(vendor, name, {**copy.deepcopy(rows[2]), key: None, **changes})
        sandbox.change(vendor, name, new[key], {})  # its stamp is now


def _new_keys(row: Message, names: t.Iterable[str]) -> Message:
    """Values of key columns that no other row has."""
    now = time.time_ns()
    return {
        name: row[name] + now % 10**12 if isinstance(row[name], int) else f"{row[name]}-{now}"
        for name in names
    }


def _changes(row: Message, keys: set[str]) -> Message:
    """New values for a text and a number of a row, where it has some that mean nothing else."""
    texts = [n for n, v in row.items() if isinstance(v, str) and _FREE.search(n) and n not in keys]
    numbers = [n for n, v in row.items() if isinstance(v, decimal.Decimal)]
    text = {name: f"changed \u00e9 {time.time_ns()}" for name in texts[:1]}
    return {**text, **dict.fromkeys(numbers[:1], EXACT)}


def key_of(sandbox: RunningSandbox, vendor: str, name: str, rows: list[Message]) -> str:
    """The column by which the sandbox knows the rows of a resource."""
    if "_key" in rows[0]:
        return "_key"
    for column, value in rows[0].items():
        if isinstance(value, (str, int)) and not isinstance(value, bool):
            try:
                found = [sandbox.row(vendor, name, row[column]) == row for row in rows]
            except LookupError:
                continue
            if all(found):
                return column
    msg = f"no key of {vendor}/{name}"
    raise AssertionError(msg)
