"""The `aimsio` block."""

from __future__ import annotations

from erp_vendors.settings import Setting, connection_settings

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
    # Limits: aimsio.md 5.1 (DOC).
    *connection_settings(per_second=10, in_flight=10),
)
