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
    Setting(
        "activate_version",
        "boolean",
        "Activate version",
        "A stream that was read completely ends with an ACTIVATE_VERSION message, on which a "
        "loader marks or removes the rows that were not in it. Off: no record carries a version.",
        True,  # noqa: FBT003
    ),
    Setting(
        "reconcile_days",
        "number",
        "Reconcile",
        "Days after which a stream with a bookmark is read in full again, so that deletions show; "
        "0 for each run. Without it such streams show no deletions.",
        schema={"minimum": 0},
    ),
    Setting(
        "undocumented_columns",
        "string",
        "Undocumented columns",
        "stable announces a column that no document names so that it fits whatever comes, and no "
        "loader ever has to alter it (it becomes text there); as_seen announces it by the types of "
        "its values, which loaders may have to alter when others come.",
        "stable",
        options=("stable", "as_seen"),
    ),
)
