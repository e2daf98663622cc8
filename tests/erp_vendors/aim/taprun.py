"""Runs of the tap on AIM's streams."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import typing as t
from unittest import mock

from erp_plugin.cli import ExitCode
from tests.tap_erp.running import make_tap, parsed

ListedRow = dict[str, t.Any]


def catalog_of(config: ListedRow) -> ListedRow:
    """The tap's catalog for an `aim` block."""
    catalog: ListedRow = make_tap({"aim": config}).catalog_dict
    return catalog


class Run(t.NamedTuple):
    """What a run of the tap said; streams without `aim_`."""

    code: int
    error: str
    records: dict[str, list[ListedRow]]
    state: ListedRow


@functools.cache
def whole_catalog(relevant: str) -> str:
    return json.dumps(catalog_of(json.loads(relevant)))


def run_tap(
    config: ListedRow, *streams: str, state: ListedRow | None = None, method: str | None = None
) -> Run:
    """Run the tap on some streams.

    Args:
        config: The `aim` block, or the whole configuration.
        *streams: Names of streams without `aim_`.
        state: State of the run before.
        method: Replication method that the catalog asks for.
    """
    config = config if "aim" in config else {"aim": config}
    names = ("resources", "customer_access_tokens")
    relevant = {name: config["aim"][name] for name in names if name in config["aim"]}
    catalog = json.loads(whole_catalog(json.dumps(relevant)))
    for entry in catalog["streams"]:
        root = next(item for item in entry["metadata"] if not item["breadcrumb"])
        root["metadata"]["selected"] = entry["tap_stream_id"].removeprefix("aim_") in streams
        if method:
            entry["replication_method"] = method
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code, failure = 0, ""
    # Pauses between attempts are over at once.
    with mock.patch("erp_vendors.http.budget.Clock.sleep"), contextlib.redirect_stdout(out):
        tap = make_tap(config, catalog=catalog, state=state)
        try:
            tap.sync_all()
        except ExitCode as ending:
            code, failure = ending.code, str(ending)
    out.flush()
    records: dict[str, list[ListedRow]] = {}
    for message in parsed(out.buffer.getvalue().splitlines()):
        if message["type"] == "RECORD":
            name = message["stream"].removeprefix("aim_")
            records.setdefault(name, []).append(message["record"])
        elif message["type"] == "STATE":
            state = message["value"]
    return Run(code, failure, records, state or {})


def bookmark(run: Run, stream: str) -> t.Any:
    return run.state.get("bookmarks", {}).get(f"aim_{stream}", {}).get("replication_key_value")
