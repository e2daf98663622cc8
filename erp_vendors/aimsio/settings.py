"""The `aimsio` block."""

from __future__ import annotations

from erp_vendors.openapi.pattern import Pattern
from erp_vendors.settings import Setting, connection_settings, null_values
from erp_vendors.vendor import CustomSink, Vendor, client_in

VENDOR = "aimsio"

HOSTS = {"portal": "https://portal.aimsio.com", "sandbox": "https://sandbox.aimsio.com"}
"""Hosts by environment (aimsio.md 1, DOC)."""

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "environment",
        "string",
        "Environment",
        "Aimsio's production system (portal) or its sandbox.",
        "portal",
        options=tuple(HOSTS),
    ),
    Setting("api_url", "string", "API address", "Address instead of the environment's own."),
    Setting("username", "string", "User name", "An Aimsio admin user with API permission."),
    Setting("password", "string", "Password", "That user's password.", secret=True),
    Setting(
        "batch_size",
        "integer",
        "Batch size",
        "Records per write call. The vendor does not say how many it takes.",
        20,
        schema={"minimum": 1},
    ),
    Setting(
        "job_order_children",
        "string",
        "Job order children",
        "What to do with the NRB, crew and equipment records that a job order carries when it is "
        "read: leave them out of the write (drop), or send them to their own endpoints (send).",
        "drop",
        options=("drop", "send"),
    ),
    Setting(
        "partial_updates",
        "boolean",
        "Partial updates",
        "Let records pass that lack properties which Aimsio documents as required: to change a few "
        "properties of records that exist, where your account takes that.",
        False,  # noqa: FBT003
    ),
    # Whether an omitted property is kept or cleared is unknown (aimsio.md 6), so a null that the
    # source states is passed on.
    null_values("send", "Whether a null clears a property is not documented."),
    # Limits: aimsio.md 5.1 (DOC).
    *connection_settings(per_second=10, in_flight=10),
)

AIMSIO = Vendor(
    name=VENDOR,
    title="Aimsio",
    settings=SETTINGS,
    client=client_in("erp_vendors.aimsio.client", "AimsioClient"),
    logins=(("username", "password"),),
    # The list is an index of ids, and a GET per record has the rows (aimsio.md 4.1, DOC); keys and
    # stamps are named after the entity (3, DOC).
    openapi=Pattern(
        prefix="/rest/api/standard/v1",
        detail_rows=True,
        keys=("{entity}Guid",),
        stamps=("{entity}UpdatedAt",),
        lists="an index GET `/rest/api/standard/v1/X` with GET `/X/{guid}`, whose answer is a row",
    ),
    custom_sink=CustomSink(
        how="POST `{name}List`, one record a call", lost="looked for through `path`"
    ),
)
