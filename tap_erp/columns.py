"""How the columns of records are announced that no document names."""

from __future__ import annotations

import copy
import decimal
import typing as t

from erp_vendors.elements import NoRecord
from erp_vendors.schemas import ANYTHING

if t.TYPE_CHECKING:
    from erp_vendors.schemas import Schema

Rows = t.Iterable[t.Mapping[str, t.Any]]
Kinds = t.AbstractSet[str]
"""Names of JSON types: what the values of a column were; empty if it was always null."""


def learn(schema: Schema, rows: Rows, *, stable: bool) -> None:
    """Add the columns of some rows to a schema; columns it has stay as they are.

    Args:
        schema: A stream's schema, changed in place.
        rows: Rows as the vendor sent them.
        stable: As for `widened`.
    """
    for column, kinds in kinds_of(rows).items():
        if column not in schema["properties"]:
            schema["properties"][column] = widened(None, kinds, stable=stable)


def kinds_of(rows: Rows) -> dict[str, Kinds]:
    """The JSON types of the values of each column, without null."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if isinstance(row, NoRecord):
            continue
        for column, value in row.items():
            kinds = found.setdefault(column, set())
            if value is not None:
                kinds.add(_kind(value))
    return dict(found)


def types_of(columns: t.Mapping[str, Schema]) -> dict[str, Kinds]:
    """The JSON types that columns may hold, of those columns whose schema says it by `type`."""
    said = {name: column.get("type") for name, column in columns.items()}
    return {
        name: frozenset([types] if isinstance(types, str) else types)
        for name, types in said.items()
        if types is not None
    }


def misfit(row: t.Mapping[str, t.Any], types: t.Mapping[str, Kinds]) -> str | None:
    """The first column of a row whose value is of none of the types that it may have.

    Args:
        row: A row as the vendor sent it. Null fits everywhere.
        types: What `types_of` gives.
    """
    for name, fit in types.items():
        value = row.get(name)
        if value is None or (kind := _kind(value)) in fit:
            continue
        if not (kind == "integer" and "number" in fit):
            return name
    return None


def widened(known: Schema | None, kinds: Kinds, *, stable: bool) -> Schema:
    """The schema of a column that fits its values.

    Args:
        known: What was announced so far; None for a new column.
        kinds: JSON types of values that are about to be emitted.
        stable: A new column is announced as `ANYTHING`, which no value to come makes different; so
            is one that loaders hold as text, when something else comes. Otherwise columns are
            announced by the types that were seen.

    Returns:
        The same object as `known` if it does.
    """
    if known is None:
        if stable:
            return copy.deepcopy(ANYTHING)
        # A column that was always null is text until a row says otherwise.
        return {"type": [*sorted(_fewest(kinds or {"string"})), "null"]}
    said = known.get("type")
    if said is None:
        return known
    types = [said] if isinstance(said, str) else list(said)
    new = sorted(_fewest({*types, *kinds}) - {*types})
    if not new:
        return known
    if stable and "string" in types:
        kept: Schema = {key: known[key] for key in ("title", "description") if key in known}
        return {**kept, **copy.deepcopy(ANYTHING)}
    return {**known, "type": [*new, *types]}


def _fewest(kinds: Kinds) -> set[str]:
    """The types without those that another one includes."""
    return {*kinds} - {"integer"} if "number" in kinds else {*kinds}


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, decimal.Decimal)):
        return "number"
    if isinstance(value, dict):
        return "object"
    return "array" if isinstance(value, list) else "string"
