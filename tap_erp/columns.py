"""Columns that are learned from rows, for resources whose columns no document names."""

from __future__ import annotations

import decimal
import typing as t

from erp_vendors.elements import NoRecord

if t.TYPE_CHECKING:
    from erp_vendors.schemas import Schema


def learn(schema: Schema, rows: t.Iterable[t.Mapping[str, t.Any]]) -> None:
    """Add the columns of some rows to a schema; columns it has stay as they are.

    Args:
        schema: A stream's schema, changed in place.
        rows: Rows as the vendor sent them.
    """
    kinds: dict[str, set[str]] = {}
    for row in rows:
        if isinstance(row, NoRecord):
            continue
        for column, value in row.items():
            kinds.setdefault(column, set()).update(_kind(value))
    for column, found in kinds.items():
        if column not in schema["properties"]:
            # A column that was empty in all rows is text until a row says otherwise.
            schema["properties"][column] = {"type": [*sorted(found or {"string"}), "null"]}


def _kind(value: object) -> set[str]:
    if value is None:
        return set()
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, (int, float, decimal.Decimal)):
        # Never integer: the next row may have a fraction.
        return {"number"}
    if isinstance(value, dict):
        return {"object"}
    return {"array"} if isinstance(value, list) else {"string"}
