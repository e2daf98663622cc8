"""What can be set about the played AIMS360, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option

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
