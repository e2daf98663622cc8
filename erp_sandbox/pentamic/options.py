"""What can be set about the played Pentamic, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option


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
