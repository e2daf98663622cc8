"""The tap's own settings; those of the vendors are in `erp_vendors`."""

from __future__ import annotations

from erp_vendors.settings import Setting

SETTINGS = (
    Setting(
        "start_date",
        "string",
        "Start date",
        "Without a bookmark, records that changed before this date (ISO 8601) are not read.",
    ),
    Setting(
        "lookback_seconds",
        "integer",
        "Lookback",
        "Seconds before the bookmark in which each run looks for records that arrived late. What "
        "was emitted from there before is not emitted again.",
        3600,
        schema={"minimum": 0},
    ),
)
