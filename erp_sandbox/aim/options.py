"""What can be set about the played AIM, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option

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
    remaining: bool = option(default=True, text="paged answers have RemainingRecords (DOC)")
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
