"""The tap's own settings; those of the vendors are in `erp_vendors`."""

from __future__ import annotations

import typing as t

from erp_vendors.settings import Setting, object_schema
from erp_vendors.vendors import RESULTS

_LEDGER = Setting(
    "ledger",
    "string",
    "Ledger",
    "The target's setting of this name: an SQLite file or a postgresql:// URL. It is only read, "
    "and may be in use.",
    secret=True,
    must_agree=True,
)
_DEAD_LETTERS = Setting(
    "dead_letters",
    "string",
    "Dead letters",
    "The target's setting of this name: a folder.",
    "dead_letters",
    must_agree=True,
)
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
    Setting(
        RESULTS,
        "object",
        "Results",
        "What target-erp has done, as the streams erp_runs, erp_outcomes and erp_dead_letters; "
        "without this block there are none.",
        schema=object_schema((_LEDGER, _DEAD_LETTERS), required=["ledger"]),
        must_agree=True,
    ),
)


class ResultsBlock(t.NamedTuple):
    """The block `results`.

    Attributes:
        ledger: The target's ledger, and the name of the setting that says so.
        dead_letters: The target's folder of dead letters.
    """

    ledger: tuple[str, str]
    dead_letters: str


def results_block(config: t.Mapping[str, t.Any]) -> ResultsBlock:
    """Read the block `results`.

    Args:
        config: The tap's configuration, which has it.
    """
    block = config[RESULTS]
    folder = _DEAD_LETTERS.value_of(block.get(_DEAD_LETTERS.name))
    return ResultsBlock((str(block[_LEDGER.name]), f"{RESULTS}.{_LEDGER.name}"), str(folder))
