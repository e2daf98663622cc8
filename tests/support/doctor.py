"""Examinations by `erp doctor` inside a test, and the configuration that fits what was found."""

from __future__ import annotations

import copy
import typing as t

from demo.sandbox import DemoSandbox, block
from erp_cli.doctor.examination import examine, plan
from erp_vendors.assumption import VerdictState
from erp_vendors.vendors import VENDORS
from tests.tap_erp.running import make_tap

if t.TYPE_CHECKING:
    from erp_cli.doctor.examination import Report
    from erp_sandbox.testing import RunningSandbox
    from erp_vendors.assumption import Verdict
    from tests.tap_erp.running import Run

Config = dict[str, t.Any]
Key = tuple[t.Any, ...]


def config_of(sandbox: RunningSandbox, vendor: str, **more: t.Any) -> Config:
    """The configuration that leads to a vendor of a sandbox, with further settings of its block."""
    played = DemoSandbox(sandbox.url).vendors()[vendor]
    fast = {"requests_per_second": 5000}
    return {vendor: {**block(VENDORS[vendor], played), **fast, **more}}


def examined(
    config: Config, vendor: str, *streams: str, deep: bool = False, most: int | None = None
) -> Report:
    """Examine one vendor of a configuration.

    Args:
        config: Configuration of the tap.
        vendor: Name of the vendor block.
        *streams: Streams to look at; none for all.
        deep: Look more closely.
        most: Calls at most; None for the vendor's own number.
    """
    return examine(plan(make_tap(config), vendor, streams, deep=deep, most=most))


def found(report: Report, name: str, stream: str | None = None) -> list[Verdict]:
    """What a report says of an assumption.

    Args:
        report: The report.
        name: Name of the assumption.
        stream: Resource that it is about; None for all.
    """
    findings = [one for one in report.findings if one.name == name]
    return [one for one in findings if stream is None or one.stream == stream]


def differing(report: Report) -> list[str]:
    """Names of the assumptions that do not hold."""
    return [one.name for one in report.findings if one.state is VerdictState.DIFFERS]


def applied(config: Config, report: Report) -> Config:
    """A configuration with the settings of a report."""
    config = copy.deepcopy(config)
    block = config[report.vendor]
    entries: dict[str, dict[str, t.Any]] = {}
    for name, entry in report.learned.items():
        entries.setdefault(name, {}).update(entry)
    for name, sample in report.samples.items():
        if sample.entry:
            entries.setdefault(name, {}).update(sample.entry)
    for finding in report.findings:
        block.update(finding.settings)
        if finding.entry:
            entries.setdefault(finding.stream, {}).update(finding.entry)
    given = {entry["name"]: entry for entry in block.get("resources", [])}
    for name, entry in entries.items():
        given[name] = {**entry, **given.get(name, {}), "name": name}
    if given:
        block["resources"] = list(given.values())
    return config


def proposes_nothing(report: Report) -> bool:
    """Whether a report sets nothing but the columns of what no document describes."""
    return not (
        differing(report)
        or any(finding.settings or finding.entry for finding in report.findings)
        or any(sample.entry for sample in report.samples.values())
        or any(entry.keys() - {"schema"} for entry in report.learned.values())
    )


def values(rows: t.Iterable[t.Mapping[str, t.Any]], *names: str) -> list[Key]:
    """The values of some columns of all rows, as text, sorted; one entry a row.

    Args:
        rows: The rows.
        *names: The columns.
    """
    return sorted(tuple(str(row.get(name)) for name in names) for row in rows)


def keys_of(run: Run, stream: str) -> tuple[str, ...]:
    """The key properties that a run announces for a stream."""
    schemas = [
        message
        for message in run.messages
        if message["type"] == "SCHEMA" and message["stream"] == stream
    ]
    return tuple(schemas[-1]["key_properties"])


def sandbox_values(sandbox: RunningSandbox, vendor: str, resource: str, *names: str) -> list[Key]:
    """As `values`, of a sandbox's own rows."""
    return values(sandbox.rows(vendor, resource), *names)
