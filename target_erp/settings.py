"""The target's own settings; those of the vendors are in `erp_vendors`."""

from __future__ import annotations

import dataclasses

from erp_vendors.settings import Setting, object_schema
from target_erp.column_settings import COLUMN_SETTINGS
from target_erp.policy_settings import POLICY_SETTINGS
from target_erp.webhook import WEBHOOK_SETTINGS

SETTINGS = (
    Setting(
        "on_reject",
        "string",
        "On rejection",
        "What a rejected record does: fail (the rest is still written, exit code 3), stop (the "
        "first one ends the run, exit code 3), continue (exit code 0 within max_rejects, else 3).",
        "fail",
        options=("fail", "stop", "continue"),
        must_agree=True,
    ),
    Setting(
        "max_rejects",
        "integer",
        "Allowed rejections",
        "With on_reject continue: rejected records that still count as success, as a number or as "
        "a percentage of the input such as 5%. Without it there is no bound.",
        schema={"or_string": True},
        must_agree=True,
    ),
    Setting(
        "unknown_streams",
        "string",
        "Unknown streams",
        "What a stream does that no sink knows: error ends the run, skip leaves it out.",
        "error",
        options=("error", "skip"),
        must_agree=True,
    ),
    Setting(
        "streams",
        "object",
        "Stream names",
        'Sink by foreign stream name, such as {"hr_staff": "aimsio_employees"}.',
        schema={"additionalProperties": {"type": "string"}},
        must_agree=True,
    ),
    *COLUMN_SETTINGS,
    Setting(
        "sinks",
        "object",
        "Sinks",
        "What holds for one sink alone, such as "
        '{"aimsio_employees": {"match_properties": "loose", "mode": "update_only"}}: settings for '
        "columns, and what may change at the vendor (mode, match_on, fields, on_conflict, "
        "max_records, only).",
        schema={
            "additionalProperties": object_schema(
                dataclasses.replace(setting, default=None)
                for setting in (*COLUMN_SETTINGS, *POLICY_SETTINGS)
            )
        },
        must_agree=True,
    ),
    Setting(
        "dead_letters",
        "string",
        "Dead letters",
        "Folder for records that could not be written.",
        "dead_letters",
        must_agree=True,
    ),
    Setting(
        "dry_run",
        "boolean",
        "Dry run",
        "Write nothing: read the vendor and show what would be created, updated and refused.",
        False,  # noqa: FBT003
        must_agree=True,
    ),
    Setting(
        "plan_file",
        "string",
        "Plan file",
        "Where a dry run writes its plan, one JSON line per record; none for nowhere.",
        "erp_plan.jsonl",
        or_none=True,
        must_agree=True,
    ),
    Setting(
        "apply",
        "string",
        "Apply a plan",
        "An approved plan (the plan_file of a dry run with the same input): only what is in it and "
        "unchanged on both sides is written. All else is not sent, and STATE does not pass it.",
        must_agree=True,
    ),
    Setting(
        "plan_max_hours",
        "number",
        "Largest age of a plan",
        "Hours for which a plan can be applied.",
        24,
        schema={"exclusiveMinimum": 0},
        must_agree=True,
    ),
    Setting(
        "guards",
        "object",
        "Guards",
        "Stop before the first write if the plan is larger: numbers of records, or percentages of "
        "the input such as 5%. The input is read to its end before anything is written.",
        schema=object_schema(
            Setting(name, "integer", name, f"Largest number of {what}.", schema={"or_string": True})
            for name, what in (
                ("max_creates", "records to create"),
                ("max_updates", "records to update"),
                ("max_deletes", "records to delete"),
            )
        ),
        must_agree=True,
    ),
    Setting(
        "deletes",
        "array",
        "Streams with deletions",
        "Sinks whose records are deleted at the vendor when the input says so, by _sdc_deleted_at "
        "or by ACTIVATE_VERSION. Needs guards.max_deletes.",
        schema={"items": {"type": "string"}},
        must_agree=True,
    ),
    Setting(
        "ledger",
        "string",
        "Ledger",
        "Where the target notes what it sent and what came of it: an SQLite file, or a "
        "postgresql:// URL for runs on several machines.",
        "erp_ledger.sqlite",
        secret=True,
        must_agree=True,
    ),
    Setting(
        "report_file",
        "string",
        "Report file",
        "Where each run leaves its report, a JSON object; none for nowhere. The ledger keeps the "
        "reports of all runs.",
        "erp_run.json",
        or_none=True,
    ),
    Setting(
        "resync",
        "boolean",
        "Resync",
        "Send records although they count as unchanged, because somebody changed them at the "
        "vendor; what cannot be changed there is still looked for first.",
        False,  # noqa: FBT003
        must_agree=True,
    ),
    Setting(
        "checkpoint_seconds",
        "number",
        "Checkpoint interval",
        "Seconds between two STATE messages at least; before each, all records so far are settled.",
        10,
        schema={"minimum": 0},
    ),
    *WEBHOOK_SETTINGS,
)
