"""What can be set about the played AIM, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option
from erp_sandbox.variants import Variant, each

MODULES = (
    "inventory", "customer", "contracts", "service-tickets", "lessons", "third-party", "vortx",
    "suppliers", "active-e",
)  # fmt: skip
"""The active-e modules of 2 that the played operations need."""


@dataclass
class AimOptions:
    """Options of the played AIM; DOC, INF and UNK are the sheet's marks."""

    api_key: str = option("sandbox-key", "ApiKey issued by the vendor")
    app_id: str = option("sandbox-app", "AppId, the integration's own name")
    username: str = option("sandbox-user", "employee login")
    password: str = option("sandbox-password", "password of the employee and of all customers")
    token_seconds: float = option(3600.0, "life of both tokens in seconds (UNK)")
    domain_slash: bool = option(default=True, text="NewEndpointDomain ends with a slash (OBS)")
    security_oauth: bool = option(
        default=False, text="Security returns a new OAuthToken and a Domain, to be preferred (INF)"
    )
    error_style: str = option(
        "status",
        "errors of operations: status (OBS: inside HTTP 200) or servicestack (INF: HTTP 400 with "
        "ResponseStatus)",
        ("status", "servicestack"),
    )
    auth_style: str = option(
        "servicestack",
        "errors of tokens and logins: servicestack (HTTP 401) or status (INF both)",
        ("servicestack", "status"),
    )
    unlicensed: tuple[str, ...] = option(
        (), f"modules that the shop lacks: {', '.join(MODULES)}", MODULES
    )
    unknown_path: str = option(
        "status", "an unknown path: status (INF: the envelope in HTTP 200) or 404",
        ("status", "404"),
    )  # fmt: skip
    remaining: str = option(
        "present", "RemainingRecords of paged answers: present (DOC), absent or zero (always 0)",
        ("present", "absent", "zero"),
    )  # fmt: skip
    max_records: int = option(
        0, "most rows of a page, whatever RecordCount says; 0 = no such (UNK)"
    )
    customers_list: str = option("Customers", "list member of SearchCustomers (UNK)")
    customers_paged: bool = option(
        default=True, text="SearchCustomers takes StartOffset and RecordCount (INF)"
    )
    order: str = option("none", "order of rows (none is stated): none or key", ("none", "key"))
    inclusive: bool = option(default=True, text="date bounds are inclusive (UNK)")
    utc_offset_hours: float = option(0.0, "time zone of the shop (UNK; dates have no zone)")
    empty_dates: str = option(
        "minimum", "an empty DateTime? in JSON: minimum (DOC 0001-01-01) or omit (INF)",
        ("minimum", "omit"),
    )  # fmt: skip
    formats: str = option(
        "both", "formats that are served: both (DOC), json or xml; another one is answered in that",
        ("both", "json", "xml"),
    )  # fmt: skip
    product_key: str = option(
        "Pk", "what identifies a row of GetActiveE3Party (UNK): Pk (all three are unique), AeId or "
        "Sku (the others repeat)", ("Pk", "AeId", "Sku"),
    )  # fmt: skip
    contract_key: str = option(
        "acct-sub", "what identifies a contract (UNK): acct-sub or id (a member Id; Acct and Sub "
        "repeat)", ("acct-sub", "id"),
    )  # fmt: skip
    show_nulls: bool = option(default=False, text="JSON prints null members (INF omitted)")
    update: str = option(
        "keep", "members left out of UpdateCustomer: keep or blank (UNK)", ("keep", "blank")
    )
    add_customer: str = option(
        "record", "AddCustomer answers with the new record or with Status only (UNK)",
        ("record", "status"),
    )  # fmt: skip
    duplicate_orders: str = option(
        "accept", "a second web order with an OrderNumber: accept or refuse (UNK)",
        ("accept", "refuse"),
    )  # fmt: skip
    payment_required: bool = option(
        default=False, text="C2BPostContract answers PaymentRequired true (DOC that it may)"
    )
    picks: str = option(
        "replace", "a second report of picks: replaces the quantities or adds to them (UNK)",
        ("replace", "add"),
    )  # fmt: skip
    ticket_texts: str = option(
        "own", "where tickets show the texts of PostServiceTicket: own (INF: members of that name),"
        " services (inside Services) or none (UNK)",
        ("own", "services", "none"),
    )  # fmt: skip
    ticket_reference: bool = option(
        default=True, text="RefNumber finds a ticket by its online reference (UNK)"
    )


VARIANTS = (
    Variant(
        "remaining", "4.1 DOC", "RemainingRecords: true, absent, or 0 though more rows follow",
        each("remaining", "present", "absent", "zero"),
    ),
    Variant(
        "max_records", "9 UNK", "most rows of a page, whatever RecordCount says",
        {"unlimited": {"max_records": 0}, "20": {"max_records": 20}},
    ),
    Variant(
        "bounds", "4.3 UNK", "date bounds",
        {"inclusive": {"inclusive": True}, "exclusive": {"inclusive": False}},
    ),
    Variant(
        "errors", "5.2 OBS", "errors of operations: Status in HTTP 200, or ResponseStatus in 400",
        each("error_style", "status", "servicestack"),
    ),
    Variant(
        "auth_errors", "5.2 INF", "errors of tokens and logins: HTTP 401, or Status in HTTP 200",
        each("auth_style", "servicestack", "status"),
    ),
    Variant(
        "unknown_path", "5.2 INF", "an unknown path: the envelope in HTTP 200, or 404",
        {"status": {"unknown_path": "status"}, "not-found": {"unknown_path": "404"}},
    ),
    Variant(
        "formats", "3.1 DOC", "formats that are served; another one is answered in that",
        each("formats", "both", "json", "xml"),
    ),
    Variant(
        "clock", "3.1 INF", "local time of the shop: 0, -8 or 10 hours from UTC",
        {
            "utc": {"utc_offset_hours": 0.0},
            "west": {"utc_offset_hours": -8.0},
            "ahead": {"utc_offset_hours": 10.0},
        },
    ),
    Variant(
        "customers_list", "8.1 UNK", "list member of SearchCustomers",
        each("customers_list", "Customers", "Records", "CustomerSearchRecords"),
    ),
    Variant(
        "customers_paging", "4.1 INF", "SearchCustomers takes StartOffset and RecordCount",
        {"paged": {"customers_paged": True}, "whole": {"customers_paged": False}},
    ),
    Variant(
        "product_key", "7.1 UNK", "member that identifies a row of GetActiveE3Party",
        each("product_key", "Pk", "AeId", "Sku"),
    ),
    Variant(
        "contract_key", "7.1 UNK", "what identifies a contract",
        each("contract_key", "acct-sub", "id"),
    ),
    Variant(
        "empty_dates", "3.1 INF", "an empty DateTime? in JSON: 0001-01-01, or left out",
        each("empty_dates", "minimum", "omit"),
    ),
    Variant(
        "nulls", "3.1 INF", "null members in JSON: left out, or printed",
        {"omit": {"show_nulls": False}, "print": {"show_nulls": True}},
    ),
    Variant("order", "4.2 UNK", "order of rows", each("order", "none", "key")),
)  # fmt: skip
