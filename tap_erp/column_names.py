"""Names of columns at which loaders stop, and the stream map that gives the columns others.

What was tried, and with which loaders: docs/warehouses.md.
"""

from __future__ import annotations

import collections
import typing as t

_LONGEST = 63
"""Bytes of a name that PostgreSQL keeps."""
_POSTGRES, _DUCKDB = "target-postgres", "target-duckdb"


class NameFault(t.NamedTuple):
    """A kind of name that loaders cannot take.

    Attributes:
        what: What is said of the columns.
        loaders: Which loaders stop there, or overwrite the values.
    """

    what: str
    loaders: str


_EMPTY = NameFault("have an empty name", f"{_POSTGRES} and {_DUCKDB} stop there")
_LONG = NameFault(f"have a name of more than {_LONGEST} bytes", f"{_POSTGRES} stops there")
_QUOTED = NameFault('have a " in their name', f"{_DUCKDB} stops there")
_LOADERS_OWN = NameFault(
    "have a name that begins with _sdc_, as loaders name their own columns",
    f"{_POSTGRES} stops there or overwrites the values",
)
_TWINS = NameFault(
    "have a name that another column has in other upper and lower case", f"{_DUCKDB} stops there"
)


def refused(names: t.Iterable[str]) -> dict[NameFault, list[str]]:
    """The names of a stream's columns that loaders cannot take, each of the first kind that fits.

    Args:
        names: All names. Of two that differ in case alone, the later one counts.
    """
    found: dict[NameFault, list[str]] = collections.defaultdict(list)
    met: set[str] = set()
    for name in names:
        if kind := _kind(name, met):
            found[kind].append(name)
        met.add(name.lower())
    return dict(found)


def _kind(name: str, met: t.Container[str]) -> NameFault | None:
    if not name:
        return _EMPTY
    if name.lower().startswith("_sdc_"):
        return _LOADERS_OWN
    if len(name.encode()) > _LONGEST:
        return _LONG
    if '"' in name:
        return _QUOTED
    return _TWINS if name.lower() in met else None


def renaming(columns: t.Iterable[str], names: t.Iterable[str]) -> dict[str, str | None]:
    """The stream map that gives columns names which loaders take.

    The values become texts, because a map announces a column that it makes as text.

    Args:
        columns: Names that loaders cannot take.
        names: The names of all columns.
    """
    taken = {name.lower() for name in names}
    entries: dict[str, str | None] = {}
    for column in columns:
        new = _free(column, taken)
        taken.add(new.lower())
        value = f"record.get({column!r})"
        entries[new] = f"str(record[{column!r}]) if {value} is not None else None"
        entries[column] = None
    return entries


def _free(column: str, taken: t.Container[str]) -> str:
    base = column.replace('"', "_").lstrip("_") or "unnamed"
    number, new = 1, _cut(base, "")
    while new.lower() in taken:
        number += 1
        new = _cut(base, f"_{number}")
    return new


def _cut(base: str, end: str) -> str:
    return base.encode()[: _LONGEST - len(end)].decode(errors="ignore") + end
