"""The `cimcloud` block."""

from __future__ import annotations

from erp_vendors.openapi.pattern import Pattern
from erp_vendors.settings import Setting, connection_settings, null_values
from erp_vendors.vendor import CustomSink, Vendor, client_in

VENDOR = "cimcloud"

SETTINGS: tuple[Setting, ...] = (
    Setting("api_url", "string", "API address", "Host.", "https://api.cimcloud.com"),
    Setting("site_name", "string", "Site name", "First path segment, as CIMcloud spells it."),
    Setting(
        "auth_type",
        "string",
        "Authorization type",
        "Type of the App Authorization: Default (bearer) or Basic (basic).",
        "bearer",
        options=("bearer", "basic"),
    ),
    Setting("auth_key", "string", "AuthKey", "Key of the App Authorization.", secret=True),
    Setting("username", "string", "User name", "AuthUserName of the App Authorization."),
    Setting("password", "string", "Password", "AuthPassword.", secret=True),
    Setting(
        "date_format",
        "string",
        "Date format",
        "Form of dates in searchstrings, from YYYY, MM, M, DD, D, HH, mm and ss. "
        "Everything else is sent as written, %2F too. The word none: the site cannot search by "
        "date, so each run reads whole tables and compares the stamps itself.",
        "M/D/YYYY",
        or_none=True,
    ),
    Setting(
        "session_username",
        "string",
        "Session user name",
        "Site login of a contact: products are read with the prices this customer sees.",
    ),
    Setting(
        "read_online_orders",
        "boolean",
        "Read online orders",
        "Offer cimcloud_online_orders. Reading it marks the orders as taken.",
        False,  # noqa: FBT003
        must_agree=True,
    ),
    Setting(
        "discover_columns",
        "boolean",
        "Discover columns",
        "Read the first page of each resource at discovery (one call each) to learn its columns.",
        False,  # noqa: FBT003
    ),
    Setting(
        "batch_size",
        "integer",
        "Batch size",
        "Records per write call. More than 10 are queued by the vendor, which then says nothing of "
        "their outcome.",
        10,
        schema={"minimum": 1},
    ),
    Setting(
        "write_method",
        "string",
        "Write method",
        "POST creates or updates; PUT only updates.",
        "POST",
        options=("POST", "PUT"),
        must_agree=True,
    ),
    null_values("drop", "A null that is sent may clear the field."),
    Setting(
        "delete_path",
        "string",
        "Delete path",
        "How a row is deleted, which the vendor does not document: a path after the site name with "
        "{path} (where the resource is read) and {value} (the row's key), such as {path}/{value} "
        "or {path}/searchexact~{column}~{value}. Empty: nothing is deleted.",
        must_agree=True,
    ),
    # Limits: cimcloud.md 5.1 (DOC); calls at once are not limited, and with two
    # calls a second more in flight would be of no use.
    *connection_settings(per_second=2, in_flight=4),
)

WINDOW_CALLS = 100
"""Calls per longer window (cimcloud.md 5.1, DOC)."""
WINDOW_SECONDS = 900.0
"""Length of that window in seconds."""
PAGE_ROWS = 50
"""Rows of a full page (cimcloud.md 4.1, DOC)."""
SYNCHRONOUS_RECORDS = 10
"""Largest write that is answered with its outcome (cimcloud.md 5.1, DOC)."""

CIMCLOUD = Vendor(
    name=VENDOR,
    title="CIMcloud",
    settings=SETTINGS,
    client=client_in("erp_vendors.cimcloud.client", "CimcloudClient"),
    logins=(
        ("site_name", "auth_key", "username", "password"),
        ("site_name", "auth_type", "username", "password"),  # auth_type: basic
    ),
    # Search and page are segments of the path (cimcloud.md 1.1, DOC); the stamp is assumed (4.3).
    openapi=Pattern(
        prefix="/{site_name}",
        open_end=True,
        stamps=("last_modify_date",),
        lists="`/{sitename}/x/{search}/{page}`; the site name may stand in the server's address",
    ),
    custom_sink=CustomSink(
        how="POST; rows that the site has: PUT",
        again="sent; with `primary_keys` in batches, as an upsert",
        lost="the same, or `searchexact`",
    ),
)
