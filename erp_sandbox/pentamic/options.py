"""What can be set about the played Pentamic, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option
from erp_sandbox.variants import Variant, each


@dataclass
class PentamicOptions:
    """Options of the played Pentamic; DOC, INF and UNK are the sheet's marks."""

    client_id: str = option("sandbox-client", "client_id of the integration")
    client_secret: str = option("sandbox-secret", "its client_secret")
    scope: str = option("pa-api", "scope assigned to the client")
    token_seconds: float = option(3600.0, "life of a token in seconds (DOC 3600)")
    token_error_status: int = option(400, "status of a token error (UNK; INF 400)")
    tax_code: str = option(
        "unquoted",
        "taxCode in answers: unquoted (DOC, illegal JSON with a leading zero), string or int (the "
        "zero is lost); which one is live is UNK",
        ("unquoted", "string", "int"),
    )
    accept_tax_code: str = option(
        "any",
        "taxCode in requests: any, string (a JSON string) or number (UNK)",
        ("any", "string", "number"),
    )
    put: str = option(
        "clear", "an address or phone left out of a PUT: clear or keep (UNK)", ("clear", "keep")
    )
    methods: tuple[str, ...] = option(
        ("GET", "POST", "PUT", "DELETE"),
        "verbs that the client may use; another one is 403 without a code (INF)",
        ("GET", "POST", "PUT", "DELETE"),
    )
    invoice_ids: str = option(
        "global", "id of an invoice: unique in all or within its customer (UNK)",
        ("global", "customer"),
    )  # fmt: skip
    invoice_key: str = option(
        "id", "column with the id of an invoice: id (INF), invoiceId or none",
        ("id", "invoiceId", "none"),
    )  # fmt: skip
    order_by: str = option(
        "accepted", "orderBy of the customer list: accepted (DOC), refused (400) or ignored",
        ("accepted", "refused", "ignored"),
    )  # fmt: skip
    formats: str = option(
        "json", "form of answers: json (DOC primary; XML by the Accept header is INF) or xml "
        "(whatever that header says)",
        ("json", "xml"),
    )  # fmt: skip
    slash: str = option(
        "optional", "slash at the end of a path: optional (DOC both spellings) or required (else "
        "404)",
        ("optional", "required"),
    )  # fmt: skip


VARIANTS = (
    Variant(
        "tax_code", "3 UNK", "taxCode in answers: bare digits with the zero, text, or a number",
        each("tax_code", "unquoted", "string", "int"),
    ),
    Variant(
        "order_by", "4.2 INF", "orderBy of the customer list",
        each("order_by", "accepted", "refused", "ignored"),
    ),
    Variant(
        "invoice_ids", "8.2 UNK", "ids of invoices are unique in all or within a customer",
        each("invoice_ids", "global", "customer"),
    ),
    Variant(
        "invoice_key", "7 INF", "column that identifies an invoice",
        each("invoice_key", "id", "invoiceId", "none"),
    ),
    Variant(
        "formats", "3 UNK", "form of answers to a caller that takes JSON",
        each("formats", "json", "xml"),
    ),
    Variant(
        "slash", "1 DOC", "slash at the end of a path; the documents write both",
        each("slash", "optional", "required"),
    ),
)  # fmt: skip
