"""What a sample of records says of its columns: which are unique, which say when a row changed."""

from __future__ import annotations

import copy
import datetime as dt
import decimal
import re
import typing as t

from erp_vendors.schemas import ANYTHING
from erp_vendors.stamps import from_iso, to_epoch_ms, to_iso
from tap_erp.columns import kinds_of

if t.TYPE_CHECKING:
    Row = dict[str, t.Any]

_KEY_NAME = re.compile(r"(id|key|guid|num|number|sku|code|no|pk|ref)$", re.IGNORECASE)
_HEX = "[0-9a-f]"
_SURROGATE = re.compile(f"{_HEX}{{32}}|{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}", re.IGNORECASE)
_CHANGE_NAME = re.compile(r"modif|updat|chang", re.IGNORECASE)
_NO_KEY = (dict, list, bool, float, decimal.Decimal)
_FEWEST = 2
"""Rows without which nothing can be said of uniqueness or of change."""
_EARLIEST = dt.datetime(1990, 1, 1)  # noqa: DTZ001 - stamps may have no zone
_AHEAD = dt.timedelta(days=2)
"""A change is stamped so far ahead at most, whatever the zone of the vendor's clock."""


class Stamp(t.NamedTuple):
    """A column that may say when a row changed.

    Attributes:
        column: Its name.
        newest: Its newest value, as it came.
        named_so: Its name speaks of changes.
    """

    column: str
    newest: t.Any
    named_so: bool


def unique_columns(rows: t.Sequence[Row], within: str = "") -> list[str]:
    """Columns that every row has, each with another value; the likeliest key first.

    Args:
        rows: The rows; of fewer than two nothing is known.
        within: Column together with which they are unique.
    """
    if len(rows) < _FEWEST:
        return []
    own = (within,) if within else ()
    found = [name for name in rows[0] if _is_unique(rows, (*own, name))]
    # Of several that fit, the first in the row: a table's own key stands before those of others.
    return sorted(
        found, key=lambda name: (not _is_surrogate(rows, name), _KEY_NAME.search(name) is None)
    )


def is_unique(rows: t.Sequence[Row], names: t.Sequence[str]) -> bool:
    """Whether every row has these columns, together with other values than any other row."""
    return bool(names) and _is_unique(rows, names)


def stamp_columns(rows: t.Sequence[Row], *, epoch: bool = False) -> list[Stamp]:
    """Columns that may be a bookmark: in every row a moment, not constant, and none far ahead.

    Args:
        rows: The rows; of fewer than two nothing is known.
        epoch: Moments are epoch milliseconds.

    Returns:
        The likeliest one first.
    """
    if len(rows) < _FEWEST:
        return []
    found = []
    for name in rows[0]:
        moments = [_moment(row.get(name), epoch=epoch) for row in rows]
        known = [moment for moment in moments if moment is not None]
        if len(known) < len(rows) or len(set(known)) < _FEWEST:
            continue
        newest = max(known)
        if min(known) >= _EARLIEST and newest <= _now() + _AHEAD:
            value = rows[moments.index(newest)][name]
            found.append(Stamp(name, value, _CHANGE_NAME.search(name) is not None))
    return sorted(found, key=lambda stamp: (not stamp.named_so, -_order(stamp.newest, epoch=epoch)))


def schema_of(rows: t.Iterable[Row], keys: t.Collection[str]) -> dict[str, t.Any]:
    """A JSON schema that fits the rows, and those to come; of keys it says the types.

    What the settings type stays so for good, and a few rows do not tell what a column may hold. So
    the others are announced in the form that fits all values, and the types that were seen are
    told beside it. Columns that were always null are not in it.

    Args:
        rows: The rows.
        keys: Columns of the key, which are never null.
    """
    properties: dict[str, t.Any] = {}
    for name, kinds in kinds_of(rows).items():
        types = sorted(kinds - {"integer"} if "number" in kinds else kinds)
        if types and name in keys:
            properties[name] = {"type": types}
        elif types:
            seen = f"{' or '.join(types)} in the rows that the doctor saw"
            properties[name] = {**copy.deepcopy(ANYTHING), "description": seen}
    return {"type": "object", "properties": properties}


def _is_unique(rows: t.Sequence[Row], names: t.Sequence[str]) -> bool:
    seen = set()
    for row in rows:
        values = tuple(row.get(name) for name in names)
        if any(value in (None, "") or isinstance(value, _NO_KEY) for value in values):
            return False
        seen.add(values)
    return len(seen) == len(rows)


def _is_surrogate(rows: t.Sequence[Row], name: str) -> bool:
    """Whether a column looks like one that a database fills in: a GUID, or 32 hex characters."""
    return all(_SURROGATE.fullmatch(str(row[name])) is not None for row in rows)


def _moment(value: object, *, epoch: bool) -> dt.datetime | None:
    if epoch:
        moment = to_epoch_ms(value) if isinstance(value, int) else None
        if moment is None or not 0 < moment < 1 << 43:
            return None
        return dt.datetime.fromtimestamp(moment / 1000, dt.timezone.utc).replace(tzinfo=None)
    text = to_iso(value) if isinstance(value, str) else None
    return None if text is None else from_iso(text).replace(tzinfo=None)


def _order(value: object, *, epoch: bool) -> float:
    moment = _moment(value, epoch=epoch)
    return 0.0 if moment is None else (moment - _EARLIEST).total_seconds()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
