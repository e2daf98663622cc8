"""What can be set about the played CIMcloud, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option

REFUSABLE = (
    "iso-dates",
    "encoded-slashes",
    "raw-slashes",
    "page-after-date",
    "time-of-day",
    "column-prefixes",
)


@dataclass
class CimcloudOptions:
    """Options of the played CIMcloud; DOC, INF and UNK are the sheet's marks."""

    site_name: str = option("sandbox-site", "first path segment of every call")
    auth_key: str = option("sandbox-key", "AuthKey of the authorization")
    username: str = option("sandbox-user", "AuthUserName")
    password: str = option("sandbox-password", "AuthPassword")
    auth_type: str = option(
        "both", "authorization type: bearer, basic or both", ("bearer", "basic", "both")
    )
    token_seconds: float = option(604_800.0, "life of a token in seconds (DOC 7 days)")
    refresh_seconds: float = option(2_592_000.0, "life of a refresh token (DOC 30 days)")
    old_refresh_token: str = option(
        "dies", "a refresh token after its use: dies or lives (UNK)", ("dies", "lives")
    )
    session_access: bool = option(default=True, text="GenerateCustomerSession is allowed")
    rate: float = option(2.0, "calls per second (DOC 2)")
    window_calls: int = option(100, "calls per window (DOC 100)")
    window_seconds: float = option(900.0, "length of the window in seconds (DOC 15 minutes)")
    limit_status: int = option(429, "status above the limits (INF)")
    retry_after: bool = option(default=True, text="Retry-After on a refused call (INF)")
    count_authenticate: bool = option(
        default=True, text="authenticate and refresh count toward the limits (INF)"
    )
    methods: tuple[str, ...] = option(
        ("GET", "POST", "PUT"),
        "verbs that the authorization may use (DELETE is offered, its form UNK)",
        ("GET", "POST", "PUT", "DELETE"),
    )
    resources: tuple[str, ...] = option((), "resources that it may reach; empty means all")
    denied_status: int = option(403, "status for a resource that is not granted (UNK)")
    page_size: int = option(50, "rows per page (DOC 50)")
    past_end: str = option(
        "empty", "a page past the end: empty (array) or 404 (UNK)", ("empty", "404")
    )
    order: str = option(
        "key",
        "order of the rows (UNK): key, modified (newest first; rows move while they are read) or "
        "created",
        ("key", "modified", "created"),
    )
    refuse: tuple[str, ...] = option(
        (), f"forms of a searchstring to refuse: {', '.join(REFUSABLE)} (all UNK)", REFUSABLE
    )
    search_error_status: int = option(400, "status for a bad searchstring (INF 400 or 500)")
    stamp_format: str = option(
        "iso",
        "dates in rows (UNK): iso, iso-ms, iso-z, sql or us",
        ("iso", "iso-ms", "iso-z", "sql", "us"),
    )
    utc_offset_hours: float = option(
        0.0, "time zone of row stamps and of <<date>> (UNK; INF perhaps -5)"
    )
    sync_records: int = option(10, "records handled at once; more are queued (DOC 10)")
    queue_delay: float = option(1.0, "seconds until a queued request is worked on (UNK)")
    queue_retries: int = option(5, "tries for queued lines whose header is missing (UNK)")
    queue_status: int = option(202, "status of a queued request (UNK)")
    failure_status: int = option(400, "status when success is false (UNK; 200 is possible)")
    batch: str = option(
        "each",
        "a request with a bad record: each = the good ones are kept, whole = none (UNK)",
        ("each", "whole"),
    )
    updates_count_as_imported: bool = option(
        default=False, text="an update also counts in importedRecords (UNK)"
    )
    unknown_columns: str = option(
        "store",
        "columns that the sandbox does not know: store (custom columns are normal), ignore or "
        "refuse (UNK)",
        ("store", "ignore", "refuse"),
    )
    online_orders_rows: str = option(
        "order", "OnlineOrders has a row per order or per line (UNK)", ("order", "line")
    )
    delete_form: str = option(
        "key",
        "what follows the resource in a DELETE: key = the primary key, user_key = the columns of "
        "the user key as segments, search = a searchstring that one row fits (UNK)",
        ("key", "user_key", "search"),
    )
    primary_keys: tuple[str, ...] = option(
        (), "other primary key columns (most are UNK), as RESOURCE=COLUMN,..."
    )
