"""Compares the code's calls with the operations that the vendors' documents name."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from erp_vendors.vendors import VENDORS
from tools.coverage.data import VendorData, data_of, operations
from tools.coverage.entries import Entry, Use, entries_and_uses

ROLES = ("login", "connection test")
"""What operations are used for besides streams and sinks."""


@dataclasses.dataclass
class Row:
    """An operation of a vendor's documents.

    Attributes:
        operation: Methods and path; a name in angle brackets where no path is public.
        mark: How sure the documents are of it.
        reason: Why nothing calls it.
        covers: What calls it.
        guesses: Paths that it is looked for at besides.
    """

    operation: str
    mark: str
    reason: str
    covers: list[str] = dataclasses.field(default_factory=list)
    guesses: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Found:
    """What the page says.

    Attributes:
        entries: Streams and sinks by vendor and name.
        rows: Operations by vendor.
        problems: What must not be: gaps, and data that is out of step; a line each.
    """

    entries: dict[str, dict[str, Entry]]
    rows: dict[str, list[Row]]
    problems: list[str]


def find() -> Found:
    """Ask the code what it has, and compare it with the vendors' operations; calls nobody."""
    entries, uses = entries_and_uses()
    found = Found(entries, {}, [])
    for vendor in VENDORS:
        found.rows[vendor] = _rows(found, vendor, uses[vendor], data_of(vendor))
    return found


def plain(operation: str) -> set[str]:
    """The calls that an operation may be, a method each, whatever its parameters are called.

    Args:
        operation: Methods with commas between them, and a path.
    """
    methods, _, path = operation.partition(" ")
    path = re.sub(r"\{[^}]*\}", "{}", path)
    return {f"{method} {path}" for method in methods.split(",")}


def _rows(found: Found, vendor: str, uses: t.Iterable[Use], data: VendorData) -> list[Row]:
    """The operations of one vendor; notes in `found` what does not fit together."""
    rows = [
        Row(entry["operation"], entry["mark"], reason=data.reason(entry["operation"]))
        for entry in operations(vendor)
    ]
    by_call = {call: row for row in rows for call in plain(row.operation)}
    by_name = {row.operation: row for row in rows}
    problems = _cover(by_call, uses, data.guesses)
    for role, names in data.used.items():
        if role not in (*ROLES, *found.entries[vendor]):
            problems.append(f"'{role}' is neither a role nor a stream")
        for row in filter(None, map(by_name.get, names)):
            row.covers.append(role if role in ROLES else f"stream `{role}`")
    for names in (*data.used.values(), *data.left_out.values()):
        problems += [
            f"'{name}' is no operation of tests/operations" for name in names if name not in by_name
        ]
    for row in rows:
        if not row.covers and not row.reason:
            problems.append(f"{row.operation}: neither covered nor left out for a reason")
        if row.covers and row.reason:
            problems.append(f"{row.operation}: left out, but covered by {', '.join(row.covers)}")
    found.problems += [f"{vendor}: {problem}" for problem in problems]
    return rows


def _cover(
    by_call: t.Mapping[str, Row], uses: t.Iterable[Use], guesses: t.Mapping[str, str]
) -> list[str]:
    """Note in each row what calls it; returns what is wrong with the calls."""
    problems: list[str] = []
    needed: set[str] = set()
    for use in uses:
        (call,) = plain(use.operation)
        method, _, path = call.partition(" ")
        row = by_call.get(call)
        if row is None and not use.documented and use.resource in guesses:
            needed.add(use.resource)
            row = by_call.get(f"{method} {guesses[use.resource]}")
            if row is not None:
                row.guesses.append(path)
        if row is None:
            problems.append(f"{use.name}: no document names '{call}', and no guess explains it")
        else:
            row.covers.append(use.name)
    problems += [f"'{name}' is no guess" for name in guesses if name not in needed]
    return problems
