"""What can be set about the played AIMS360, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option
from erp_sandbox.variants import Variant, each

REFUSABLE = ("$count", "$expand", "$filter", "$orderby", "$select", "$top")
REGIONS = ("west", "east")


@dataclass
class Aims360Options:
    """Options of the played AIMS360; DOC, INF and UNK are the sheet's marks."""

    access_token: str = option("sandbox.access.token", "token made in the ERP; it never expires")
    client_id: str = option("5A4D0B0C-0000-4000-8000-00000000C11E", "client id (a GUID, DOC)")
    client_secret: str = option("sandbox-secret", "primary client secret")
    secondary_secret: str = option("sandbox-secret-2", "secondary client secret")
    username: str = option("sandbox-user", "operator")
    password: str = option("sandbox-password", "the operator's password")
    region: str = option("west", "region of the tenant: west or east", REGIONS)
    token_seconds: float = option(0.0, "life of a granted token in seconds (DOC 0 = for ever)")
    token_error_status: int = option(400, "status of a refused login (UNK)")
    auth_status: int = option(401, "status for a bad token (UNK; 403 in a text of 2016)")
    calls_per_minute: int = option(200, "calls in any 60 seconds (DOC 200; rolling is INF)")
    overload_every: int = option(0, "every n-th call is answered as overload; 0 = none")
    overload_status: int = option(
        400, "status of overload: 400 Request_ProcessingFailed (OBS), 429 or 503 (INF)"
    )
    page_size: int = option(100, "rows without pagesize (DOC 100 for jobs, else UNK)")
    max_page_size: int = option(250, "most rows of a page (INF 250)")
    page_over: str = option(
        "cut", "a pagesize over that: cut (the most rows) or refused (400) (UNK)",
        ("cut", "refused"),
    )  # fmt: skip
    past_end: str = option("empty", "a $skip past the end: empty (INF) or 404", ("empty", "404"))
    order: str = option(
        "none", "order without $orderby (UNK): none, key or modified", ("none", "key", "modified")
    )
    next_link: str = option(
        "misleading",
        "@odata.nextLink: misleading (DOC: on every page that has rows, and at a host that is not "
        "reachable), true (only when more rows follow) or none",
        ("misleading", "true", "none"),
    )
    refuse: tuple[str, ...] = option(
        (), f"query options answered with 400 (UNK): {', '.join(REFUSABLE)}", REFUSABLE
    )
    ignore: tuple[str, ...] = option(
        (), f"query options without effect (UNK): {', '.join(REFUSABLE)}", REFUSABLE
    )
    date_zone: str = option(
        "any", "zone of moments in $filter: any (Z or an offset, OBS), utc (Z only) or none "
        "(INF: must be absent)", ("any", "utc", "none"),
    )  # fmt: skip
    rows: str = option(
        "value", "lists: value (OData, OBS) or array (bare, as the document list is)",
        ("value", "array"),
    )  # fmt: skip
    order_key: str = option(
        "both", "keys of an order when read: order (OBS), orderID (INF) or both",
        ("both", "order", "orderID"),
    )  # fmt: skip
    client_in: str = option(
        "both", "where a login holds the client: form (OBS), basic (DOC that Swagger does so) or "
        "both (INF)", ("both", "form", "basic"),
    )  # fmt: skip
    unstamped: tuple[str, ...] = option(
        (), "resources without lastModifiedOn (INF that all but warehouses, currencies have it)"
    )
    styles_list: bool = option(default=True, text="the list /styles/v1.0/styles exists (INF)")
    document_list: str = option(
        "array", "shape of the document list: array (DOC) or odata (by its path)",
        ("array", "odata"),
    )  # fmt: skip
    order_status: int = option(200, "status of a created order (any 2xx)")
    duplicate_orders: str = option(
        "accept", "a second order with a thirdPartyOrderID: accept or refuse (UNK)",
        ("accept", "refuse"),
    )  # fmt: skip
    refuse_nulls: bool = option(
        default=False, text="an order with a null property is refused (OBS: absent, not null)"
    )
    submit_status: int = option(200, "status of a submitted or rerun job (UNK)")
    queue_seconds: float = option(0.1, "seconds that a job is Queued (UNK)")
    run_seconds: float = option(0.2, "seconds that it is in progress (UNK)")
    stale_seconds: float = option(
        0.1, "seconds after a rerun in which the old Completed still shows (INF)"
    )
    in_progress: str = option(
        "Inprogress", "spelling of that status: Inprogress (DOC) or InProgress (OBS)",
        ("Inprogress", "InProgress"),
    )  # fmt: skip
    failing_views: tuple[str, ...] = option((), "views whose jobs end as Failed")
    unknown_view: str = option(
        "refuse", "a job for a view that is not there: refuse (400) or fail later (UNK)",
        ("refuse", "fail"),
    )  # fmt: skip
    rerun_allowed: bool = option(default=True, text="canReRun of a new job is Yes")
    inline_rows: int = option(0, "JSON results up to so many rows come as In-line JSON (UNK)")
    purge_days: float = option(30.0, "days until a job and its output are gone (DOC 30)")
    publish_link: str = option(
        "document",
        "where publishLink leads: document (DOC: Private needs the bearer, Public ignores it) or "
        "storage (another path that refuses an Authorization header)",
        ("document", "storage"),
    )
    csv_dates: str = option("us", "dates in CSV and JSON output: us or iso (UNK)", ("us", "iso"))
    csv_bom: bool = option(default=False, text="CSV output begins with a byte order mark (UNK)")


def _taken(name: str, *answers: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return answers to whether a query option is accepted, refused or ignored."""
    values: dict[str, dict[str, tuple[str, ...]]] = {
        "accepted": {},
        "refused": {"refuse": (name,)},
        "ignored": {"ignore": (name,)},
    }
    return {answer: values[answer] for answer in answers}


VARIANTS = (
    Variant(
        "filter", "4.2 OBS", "$filter (that of jobs and documents is documented, and stays)",
        _taken("$filter", "accepted", "refused", "ignored"),
    ),
    Variant(
        "order_by", "4.1 INF", "$orderby", _taken("$orderby", "accepted", "refused", "ignored")
    ),
    Variant("count", "4.1 OBS", "$count", _taken("$count", "accepted", "refused")),
    Variant("expand", "4.2 OBS", "$expand", _taken("$expand", "accepted", "refused")),
    Variant(
        "date_zone", "4.3 INF", "zone of dates in $filter: Z or an offset, Z only, or none",
        {
            "any": {"date_zone": "any"},
            "utc-only": {"date_zone": "utc"},
            "none-only": {"date_zone": "none"},
        },
    ),
    Variant(
        "page_limit", "4.1 INF", "most rows of a page",
        {str(rows): {"max_page_size": rows} for rows in (250, 100, 1000)},
    ),
    Variant(
        "page_over", "4.1 UNK", "a pagesize over the most rows", each("page_over", "cut", "refused")
    ),
    Variant(
        "past_end", "4.1 INF", "a $skip past the end",
        {"empty": {"past_end": "empty"}, "not-found": {"past_end": "404"}},
    ),
    Variant(
        "stamps", "4.3 INF", "resources that have lastModifiedOn",
        {
            "all": {},
            "purchase-orders": {"unstamped": ("orders", "style_colors", "styles", "customers")},
        },
    ),
    Variant(
        "styles_list", "7.1 INF", "the list /styles/v1.0/styles",
        {"present": {"styles_list": True}, "absent": {"styles_list": False}},
    ),
    Variant(
        "order_key", "7.1 INF", "keys that an order carries when read",
        each("order_key", "both", "order", "orderID"),
    ),
    Variant(
        "rows", "3 OBS", "lists: the member value, or a bare array", each("rows", "value", "array")
    ),
    Variant(
        "secret_in", "2 INF", "where a login holds client id and secret",
        each("client_in", "both", "form", "basic"),
    ),
    Variant(
        "order", "4.1 UNK", "order of rows without $orderby",
        each("order", "none", "key", "modified"),
    ),
    Variant(
        "next_link", "4.1 DOC", "@odata.nextLink: on every page and unreachable, true, or absent",
        each("next_link", "misleading", "true", "none"),
    ),
    Variant(
        "document_list", "3 DOC", "shape of the document list",
        each("document_list", "array", "odata"),
    ),
)  # fmt: skip
