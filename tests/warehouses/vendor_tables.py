"""What a vendor has, by stream: the sandbox's own rows, which no code of the tap has touched."""

from __future__ import annotations

import typing as t

from erp_sandbox import jsontext

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from erp_sandbox.testing import RunningSandbox

Message = dict[str, t.Any]

SNAPSHOTS = {
    "aim_active_employees",
    "aim_security_override_requests",
    "aim_store_transfers",
    "aim_transfer_lines",
}
"""Their rows vanish by being done with, so a loader keeps them."""
UNPROVEN = {"aim_rental_instruments"}
"""Asked for by teachers or by plans, whichever there are: no reading covers another one's rows."""
DERIVED = {
    "aimsio_job_orders": {
        *("jobClientGuid", "jobClientName", "jobPriceBookGuid", "jobAssigneeFullName"),
        *("jobAssigneeUserName", "jobCrewList", "jobEquipmentList", "jobNRBList"),
    },
    "aimsio_employees": {"employeeTradeGuid"},
    "aim_rental_instruments": {"TeacherId"},
}
"""Columns that the vendor makes of other records each time it is asked; they are not compared."""
UNSHOWN = {
    "aim_contracts": {"WebRef"},
    "aim_inventory": {"Detail"},
    "aim_serials": {"SaqPk", "LocPk", "Location"},
}
"""Columns that the sandbox keeps and the vendor's answers do not have."""
_PARENTS = {
    "shipping_addresses": ("Acct", "_acct", "customers", "Acct"),
    "customer_purchase_orders": ("Acct", "_acct", "customers", "Acct"),
    "transfer_lines": ("RefNumber", "_ref", "store_transfers", "RefNumber"),
    "serials": ("Pk", "SadPk", "inventory", "Pk"),
    "inventory_images": ("Pk", "_item", "inventory", "Pk"),
}
"""AIM's children: the column of the key, where the row has it, and whose key it is."""
_NO_DATE = "0001-01-01T00:00:00"
_BLANKS = {
    "active_employees": {"TimeIn": _NO_DATE},
    "sales": {"StartDate": _NO_DATE},
    "scheduled_returns": {"ScheduledReturnDate": _NO_DATE},
    "rental_instruments": {"Sku": "", "InstrumentName": ""},
}
"""What stands in a key that AIM leaves out (docs/vendors, AIM)."""


def vendor_tables(sandbox: RunningSandbox, vendor: str) -> dict[str, list[Message]]:
    """The rows of each stream; hidden members, which begin with `_`, are left out.

    Args:
        sandbox: Plays the vendor.
        vendor: Its name.
    """
    rows = {name: sandbox.rows(vendor, name) for name in sandbox.report(vendor)["rows"]}
    made = dict(_MORE.get(vendor, _plain)(rows))
    host = f"{sandbox.url}/{vendor}"
    return {
        f"{vendor}_{name}": [
            {key: value for key, value in row.items() if not _unshown(vendor, name, key)}
            for row in _shown(table, host)
        ]
        for name, table in made.items()
    }


def as_json(row: Message) -> str:
    """A row as JSON, with all digits."""
    return jsontext.dumps(row).decode()


def _unshown(vendor: str, name: str, column: str) -> bool:
    return column in UNSHOWN.get(f"{vendor}_{name}", ())


def _shown(value: t.Any, host: str) -> t.Any:
    if isinstance(value, dict):
        own = value.items()
        return {
            key: _shown(inner, host)
            for key, inner in own
            # A child's own member for its parent is no hidden one.
            if not key.startswith("_") or key == "_customer_id"
        }
    if isinstance(value, list):
        return [_shown(inner, host) for inner in value]
    # AIMS360 keeps its links without the host that it is called by.
    is_link = isinstance(value, str) and value.startswith("/documentmanagement/")
    return f"{host}/west{value}" if is_link else value


def _plain(rows: dict[str, list[Message]]) -> Iterator[tuple[str, list[Message]]]:
    yield from rows.items()


def _aimsio(rows: dict[str, list[Message]]) -> Iterator[tuple[str, list[Message]]]:
    yield from rows.items()
    keys = {
        "Company": ("companies", "company"),
        "BillableItem": ("billable_items", "billableItem"),
        "Equipment": ("equipment", "equipment"),
        "Employee": ("employees", "employee"),
        "Invoice": ("invoices", "invoice"),
        "JobOrder": ("job_orders", "job"),
        "NonRecurringBillableItem": ("nrbs", "nrb"),
        "PriceBook": ("price_books", "priceBook"),
        "Timecard": ("timecards", "timecard"),
        "User": ("users", "user"),
        "PayrollPeriod": ("payroll_periods", "payrollPeriod"),
    }
    yield (
        "object_index",
        [
            {
                "entity": entity,
                "id": str(row.get(f"{prefix}Guid") or row[f"{prefix}Id"]),
                "updatedAt": row[f"{prefix}UpdatedAt"],
            }
            for entity, (name, prefix) in keys.items()
            for row in rows[name]
        ],
    )


def _aim(rows: dict[str, list[Message]]) -> Iterator[tuple[str, list[Message]]]:
    rows["inventory"] = [row for row in rows["inventory"] if not row.get("_deleted")]
    for name, table in rows.items():
        if name in {"inventory_quantities", *_UNREAD}:
            continue
        made = table
        if name in _PARENTS:
            column, source, parent, key = _PARENTS[name]
            known = {row[key] for row in rows[parent]}
            made = [{**row, column: row[source]} for row in table if row[source] in known]
        if name == "active_employees":
            made = [{**row, "Mode": row["_mode"]} for row in table]
        if name == "rental_instruments":
            teachers = {row["Id"] for row in rows["rental_teachers"]}
            shown = [row for row in table if not row.get("_out_of_stock")]
            made = [row for row in shown if row["_teacher"] in teachers]
        blanks = _BLANKS.get(name, {})
        yield (
            name,
            [{**row, **{c: v for c, v in blanks.items() if row.get(c) is None}} for row in made],
        )
    items = {row["Pk"] for row in rows["inventory"]}
    pairs = {(row["SadPk"], row["Sku"] or "") for row in rows["inventory_quantities"]}
    stock = [{"Pk": item, "Sku": sku} for item, sku in sorted(pairs) if item in items]
    yield "inventory_quantities", stock
    kept = ("Pk", "Model", "Description", "Category", "CategoryDescription", "SelectionCode")
    yield "inventory_details", [{name: row[name] for name in kept} for row in rows["inventory"]]
    yield "customer_info", [{"Acct": row["Acct"], "Customer": row} for row in rows["customers"]]
    yield "customer_history", [{"Acct": row["Acct"]} for row in rows["customers"]]
    yield (
        "contract_details",
        [
            {
                "Acct": row["Acct"],
                "Sub": row["Sub"],
                "StudentName": row["Student"],
                "SchoolName": row["School"],
                "PaymentAmount": row["PaymentAmount"],
            }
            for row in rows["contracts"]
        ],
    )
    yield (
        "web_order_status",
        [
            {"WebOrder": row["WebOrder"], "OrderStatus": "C" if row.get("_picked") else "O"}
            for row in rows["web_orders"]
        ],
    )


def _pentamic(rows: dict[str, list[Message]]) -> Iterator[tuple[str, list[Message]]]:
    known = {row["id"] for row in rows["customers"]}
    yield "customers", rows["customers"]
    invoices = rows["customer_invoices"]
    yield "customer_invoices", [row for row in invoices if row["_customer_id"] in known]


_UNREAD = ("external_ids", "inventory_scans", "lessons", "ap_invoices", "time_clock")
_MORE = {"aim": _aim, "aimsio": _aimsio, "pentamic": _pentamic}
