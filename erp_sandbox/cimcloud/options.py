"""What can be set about the played CIMcloud, mostly points that the vendor leaves open."""

from __future__ import annotations

from dataclasses import dataclass

from erp_sandbox.config import option
from erp_sandbox.variants import Variant, each

REFUSABLE = (
    "us-dates",
    "iso-dates",
    "date-functions",
    "encoded-slashes",
    "raw-slashes",
    "page-after-date",
    "page-after-search",
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
        "empty", "a page past the end: empty (array), 404, 400 or repeat (the last page) (UNK)",
        ("empty", "404", "400", "repeat"),
    )  # fmt: skip
    page_zero: str = option("first", "page 0: first (DOC) or 404", ("first", "404"))
    order: str = option(
        "key",
        "order of the rows (UNK): key, modified (newest first; rows move while they are read) or "
        "created",
        ("key", "modified", "created"),
    )
    refuse: tuple[str, ...] = option(
        (), f"forms of a searchstring to refuse: {', '.join(REFUSABLE)} (all UNK)", REFUSABLE
    )
    ignore: tuple[str, ...] = option(
        (), "forms of a page number to pass over: page-after-date (UNK)", ("page-after-date",)
    )
    misread_date: str = option(
        "refuse", "a date in a searchstring that the site does not take: refuse (an error), "
        "no-rows or all-rows (UNK)", ("refuse", "no-rows", "all-rows"),
    )  # fmt: skip
    inclusive: bool = option(default=True, text="bounds of searches are inclusive (INF)")
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
    unique_user_keys: bool = option(
        default=True, text="ref_id, username and sku are unique in the rows made (DOC, INF)"
    )
    stamp_column: str = option(
        "last_modify_date",
        "column with the last change of tables other than accounts: last_modify_date (INF), "
        "modified_date or none (then create_date is missing, too)",
        ("last_modify_date", "modified_date", "none"),
    )
    guessed_paths: str = option(
        "snake",
        "paths of the tables that no page names (INF): snake (order_details, and what resembles "
        "it), camel (orderDetails) or singular (order_detail)",
        ("snake", "camel", "singular"),
    )
    rows: str = option(
        "array", "rows of Standard resources: array (INF) or wrapped (the member data)",
        ("array", "wrapped"),
    )  # fmt: skip


VARIANTS = (
    Variant(
        "date_literal", "4.3 UNK", "form of dates in searchstrings (us: raw, and all others)",
        {
            "us": {},
            "us-encoded": {"refuse": ("raw-slashes", "iso-dates")},
            "iso": {"refuse": ("us-dates",)},
            "none": {"refuse": ("us-dates", "iso-dates", "date-functions")},
            "us-only": {"refuse": ("encoded-slashes", "iso-dates", "time-of-day")},
        },
    ),
    Variant(
        "misread_date", "4.3 UNK", "what a date that is not taken does",
        each("misread_date", "refuse", "no-rows", "all-rows"),
    ),
    Variant(
        "past_end", "4.1 UNK", "a page past the end",
        {
            "empty": {"past_end": "empty"},
            "not-found": {"past_end": "404"},
            "bad-request": {"past_end": "400"},
            "repeat": {"past_end": "repeat"},
        },
    ),
    Variant(
        "page_zero", "4.1 DOC", "page 0",
        {"first": {"page_zero": "first"}, "not-found": {"page_zero": "404"}},
    ),
    Variant(
        "search_page", "4.1 DOC", "a page number after a searchstring",
        {"accepted": {}, "refused": {"refuse": ("page-after-search",)}},
    ),
    Variant(
        "date_page", "4.3 UNK", "a page number after a date",
        {
            "accepted": {},
            "refused": {"refuse": ("page-after-date",)},
            "no-rows": {"refuse": ("page-after-date",), "misread_date": "no-rows"},
            "all-rows": {"refuse": ("page-after-date",), "misread_date": "all-rows"},
            "ignored": {"ignore": ("page-after-date",)},
        },
    ),
    Variant(
        "search_bound", "4.2 INF", "bounds of searches",
        {"inclusive": {"inclusive": True}, "exclusive": {"inclusive": False}},
    ),
    Variant(
        "stamp_column", "4.3 INF", "change stamp of the tables other than accounts",
        each("stamp_column", "last_modify_date", "modified_date", "none"),
    ),
    Variant(
        "stamp_format", "3 UNK", "form of dates in rows",
        each("stamp_format", "iso", "iso-ms", "iso-z", "sql", "us"),
    ),
    Variant(
        "clock", "3 UNK", "time zone of dates in rows and of <<date>>: 0, -5 or 9 hours from UTC",
        {
            "utc": {"utc_offset_hours": 0.0},
            "eastern": {"utc_offset_hours": -5.0},
            "ahead": {"utc_offset_hours": 9.0},
        },
    ),
    Variant(
        "guessed_paths", "7.4 INF", "paths of the tables that no page names",
        each("guessed_paths", "snake", "camel", "singular"),
    ),
    Variant(
        "rows", "3 INF", "rows of Standard resources: a bare array, or the member data",
        each("rows", "array", "wrapped"),
    ),
    Variant(
        "unique_key", "7.4 INF", "ref_id, username and sku are unique, or only the 32-hex keys",
        {"documented": {"unique_user_keys": True}, "other": {"unique_user_keys": False}},
    ),
    Variant("order", "4.1 UNK", "order of rows", each("order", "key", "modified", "created")),
    Variant("auth", "2.1 DOC", "type of the authorization", {
        answer: {"auth_type": answer} for answer in ("both", "bearer", "basic")
    }),
    Variant(
        "denied", "5.2 UNK", "status of a table that is not granted (see --cimcloud-resources)",
        {str(status): {"denied_status": status} for status in (403, 401, 404)},
    ),
)  # fmt: skip
