"""How AIM's resources are kept: keys, lookups and the type of their rows (7)."""

from __future__ import annotations

from erp_sandbox.aim.seed import CHANGED
from erp_sandbox.store import TableShape

_TABLES: tuple[tuple[str, str, str, str, str], ...] = (
    # Resource, type of a row, primary key, business key, columns that are looked up.
    ("inventory", "SearchInventoryApiResult", "Pk", "", "Model Sku"),
    ("inventory_quantities", "", "SaqPk", "", "SadPk Sku"),
    ("serials", "", "SasPk", "", "SadPk Serial"),
    ("inventory_images", "ImageInfo", "UriPk", "", "_item"),
    ("ecommerce_products", "E3PartyRecord", "AeId", "", ""),
    ("invoices", "InvoiceInfo", "InvoiceNumber", "", "SoldToAcct"),
    ("contracts", "ContractInfo", "_key", "", "Acct WebRef"),
    ("service_tickets", "TicketInfo", "RefNumber", "_web_ref", "SoldToCustomerAcct"),
    ("customers", "CustomerSearchRecord", "Acct", "Email", ""),
    ("shipping_addresses", "ShipToInfo", "Id", "", "_acct"),
    ("customer_purchase_orders", "CustomerPo", "PONumber", "", "_acct"),
    ("categories", "CategoryInfo", "CategoryNumber", "", ""),
    ("locations", "LocationInfo", "Id", "", ""),
    ("sales", "SaleRecord", "_key", "", ""),
    ("store_transfers", "Transfer", "RefNumber", "", ""),
    ("transfer_lines", "TransferLineItem", "_key", "", "_ref"),
    ("auto_price_rules", "AutoPriceRecord", "Id", "", ""),
    ("web_orders", "CustomerWebOrder", "_key", "WebOrder", ""),
    ("delivery_tickets", "DeliveryTicket", "_key", "", "RefNumber"),
    ("scheduled_returns", "ContractScheduledReturnInfo", "_key", "", ""),
    ("contract_defaults", "ContractDefaultInfo", "Id", "", ""),
    ("contract_statuses", "ContractStatusInfo", "Id", "", ""),
    ("rental_plans", "C2BPlanGeneric", "Id", "", ""),
    ("rental_districts", "C2BDistrictGeneric", "Id", "", ""),
    ("rental_schools", "C2BSchoolGeneric", "Id", "", ""),
    ("rental_teachers", "C2BTeacherGeneric", "Id", "", ""),
    ("rental_instruments", "C2BInstrumentGeneric", "_key", "", ""),
    ("instructor_invoices", "InstructorInvoice", "InvoiceRef", "", ""),
    ("active_employees", "ActiveEmployeeInfo", "_key", "", ""),
    ("security_override_requests", "SecurityOverrideRequestInfo", "RequestId", "", ""),
    # Only written; no operation is known that reads them.
    ("external_ids", "", "_key", "", ""),
    ("inventory_scans", "", "_key", "", ""),
    ("lessons", "", "_key", "RefNumber", ""),
    ("ap_invoices", "", "_key", "", ""),
    ("time_clock", "", "_key", "", ""),
)

KINDS = {name: kind for name, kind, *_ in _TABLES if kind}
"""Type of each resource's rows."""

SHAPES = [
    TableShape(name, key, ((business,),) if business else (), CHANGED, tuple(lookups.split()))
    for name, _, key, business, lookups in _TABLES
]
"""All resources; the hidden change stamp is what ChangedDate looks at."""
