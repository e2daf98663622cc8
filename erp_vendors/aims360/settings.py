"""The `aims360` block."""

from __future__ import annotations

from erp_vendors.openapi.pattern import Pattern
from erp_vendors.settings import Setting, connection_settings, null_values, object_schema
from erp_vendors.vendor import CustomSink, Vendor, client_in

VENDOR = "aims360"

HOSTS = {"west": "https://apiwest.aims360.rest", "east": "https://apieast.aims360.rest"}
"""Hosts by region (aims360.md 1.1, DOC)."""
VENDOR_DOMAIN = ".aims360.rest"
"""End of the name of every host of the vendor (aims360.md 1.1, DOC)."""

QUERY_OPTIONS = ("$filter", "$orderby", "$count", "$expand")
"""Those that the tap sends, if the settings do not leave some out (aims360.md 4.1, 4.2)."""
DATE_ZONES = ("utc", "offset", "none")
"""Values of `date_zone`."""

_NAME = {"minLength": 1}

EXPORT_ENTRY = (
    Setting("name", "string", "Name", "The stream is aims360_aqua_<name>.", schema=_NAME),
    Setting("source", "string", "Source", "Aqua source, as AIMS360 spells it.", schema=_NAME),
    Setting("view", "string", "View", "System or custom view of that source.", schema=_NAME),
    Setting(
        "primary_keys",
        "array",
        "Primary keys",
        "Columns that identify a row.",
        schema={"items": {"type": "string"}},
    ),
    Setting(
        "replication_key",
        "string",
        "Replication key",
        "Column that says when a row changed: rows that are not newer than those of earlier runs "
        "are left out. The export itself is always complete.",
    ),
    Setting(
        "format",
        "string",
        "Format",
        "What AIMS360 is asked for; csv takes less memory, but has text only.",
        "json",
        options=("json", "csv"),
    ),
)

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "region",
        "string",
        "Region",
        "Where the tenant lives; AIMS360's support knows.",
        "west",
        options=tuple(HOSTS),
    ),
    Setting("api_url", "string", "API address", "Address instead of the region's own."),
    Setting(
        "access_token",
        "string",
        "Access token",
        "Made in the ERP: User Settings > API > Generate Access Token. Instead of the four "
        "credentials below, or beside them until it expires.",
        secret=True,
    ),
    Setting("client_id", "string", "Client id", "From System Settings > AIMS360 API."),
    Setting("client_secret", "string", "Client secret", "Primary or secondary one.", secret=True),
    Setting("username", "string", "User name", "An active operator with API permission."),
    Setting("password", "string", "Password", "That operator's password.", secret=True),
    Setting(
        "client_secret_in",
        "string",
        "Client secret in",
        "Where the login carries client id and secret: in its form, or as HTTP Basic.",
        "form",
        options=("form", "basic"),
    ),
    Setting(
        "page_size",
        "integer",
        "Page size",
        "Records per page.",
        250,
        schema={"minimum": 1},
    ),
    Setting(
        "query_options",
        "array",
        "Query options",
        "Those that the tenant takes; all, if this is not set. Without $filter each run reads "
        "whole tables, and without $expand records come without their children.",
        schema={"items": {"type": "string", "enum": list(QUERY_OPTIONS)}},
    ),
    Setting(
        "date_zone",
        "string",
        "Zone of dates",
        "How $filter names the zone of a moment, which is UTC: by a Z, by +00:00, or not at all.",
        "utc",
        options=DATE_ZONES,
    ),
    Setting(
        "calls_per_minute",
        "integer",
        "Calls per minute",
        "The limit that System Settings > AIMS360 API shows.",
        200,
        schema={"minimum": 1},
        must_agree=True,
    ),
    Setting(
        "aqua_exports",
        "array",
        "Aqua exports",
        "Views to read through background jobs, each as a stream of its own; "
        "`python -m erp_vendors.aims360.views` lists the vendor's.",
        schema={"items": object_schema(EXPORT_ENTRY, required=["name", "source", "view"])},
    ),
    Setting(
        "aqua_publish_scope",
        "string",
        "Publish scope",
        "Who may fetch the output of an export: only this login, everybody in the organization, or "
        "everybody who knows the link.",
        "Private",
        options=("Private", "PeopleInOrganization", "Public"),
    ),
    Setting(
        "aqua_poll_seconds",
        "number",
        "Poll interval",
        "Seconds before a job is looked at for the first time; the interval grows tenfold.",
        2,
        schema={"exclusiveMinimum": 0},
    ),
    Setting(
        "aqua_timeout_seconds",
        "number",
        "Job deadline",
        "Seconds after which a job that still runs is left to the next run.",
        3600,
        schema={"exclusiveMinimum": 0},
    ),
    Setting(
        "aqua_max_bytes",
        "integer",
        "Largest export",
        "Bytes of an export that are read at most, after decompression; it lies in a temporary "
        "file while it is read.",
        1 << 32,
        schema={"minimum": 1},
    ),
    Setting(
        "aqua_rerun",
        "boolean",
        "Run jobs again",
        "Let the job of the previous run do its work again instead of making a new one.",
        True,  # noqa: FBT003
    ),
    Setting(
        "discover_columns",
        "boolean",
        "Discover columns",
        "At discovery, read the first page of each resource and run each Aqua export to learn "
        "their columns.",
        False,  # noqa: FBT003
    ),
    null_values("drop", "AIMS360's own clients leave them out (aims360.md 6.1)."),
    # Calls per second and at once: what the vendor's staff allow themselves (aims360.md 5.1, OBS).
    *connection_settings(per_second=5, in_flight=5),
)

WINDOW_SECONDS = 62.0
"""Length of the window for `calls_per_minute`: whether the vendor counts rolling or clock minutes
is unknown (5.1, UNK), and two seconds make up for what calls spend on their way."""

AIMS360 = Vendor(
    name=VENDOR,
    title="AIMS360",
    settings=SETTINGS,
    client=client_in("erp_vendors.aims360.client", "Aims360Client"),
    logins=(("access_token",), ("client_id", "client_secret", "username", "password")),
    # OData lists (aims360.md 3, DOC); the stamp is assumed (7.1, INF).
    openapi=Pattern(
        wrappers=("value",),
        stamps=("lastModifiedOn",),
        lists="OData, rows in `value`, or a bare array",
    ),
    custom_sink=CustomSink(
        again="refused: nothing changes what exists", lost="looked for through `path`, or parked"
    ),
)
