"""Marks that taps and loaders leave in records, and the one by which a source says it is deleted.

No vendor knows them, so none is sent. Spreadsheets and warehouses change how they are spelled.
"""

from __future__ import annotations

import functools
import typing as t
import unicodedata

MARK = "_sdc_"
"""How the properties begin that taps and loaders leave in records."""
TOMBSTONE = "_sdc_deleted_at"
"""Property that a tap sets on a record which its source has deleted."""
_REMEMBERED = 1_000


def likeness(name: str) -> str:
    """The letters and digits of a name, small.

    Args:
        name: A column or a property.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum())


_LIKE_TOMBSTONE = likeness(TOMBSTONE)


def is_mark(name: str, *, loose: bool = False) -> bool:
    """Whether a property is a mark.

    Args:
        name: Its name.
        loose: Other spellings count as well (`match_properties: loose`).
    """
    return name.startswith(MARK) or (
        loose and (name.casefold().startswith(MARK) or likeness(name) == _LIKE_TOMBSTONE)
    )


@functools.lru_cache(_REMEMBERED)
def misspelt_tombstones(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some columns that are the tombstone in another spelling.

    Args:
        names: The columns of a record.
    """
    return tuple(name for name in names if name != TOMBSTONE and likeness(name) == _LIKE_TOMBSTONE)


def says_deleted(value: object) -> bool:
    """Whether the value of a tombstone says that the record is deleted.

    Args:
        value: The value. Blank texts and false say as little as null: spreadsheets and files have
            such a column for records that are there, too.
    """
    if isinstance(value, str):
        return bool(value.strip()) and value.strip().lower() != "false"
    return bool(value)


def is_tombstone(record: t.Mapping[str, t.Any], *, loose: bool = False) -> bool:
    """Whether a record says that its source has deleted it.

    Args:
        record: A record as it came.
        loose: Other spellings of the mark count where the documented one is not there.
    """
    if TOMBSTONE in record or not loose:
        return says_deleted(record.get(TOMBSTONE))
    return any(says_deleted(record[name]) for name in misspelt_tombstones(tuple(record)))


def misspelt(column: str) -> str:
    """Why a record is refused whose source has deleted it by a column that is no mark."""
    return (
        f"{column} says that its source has deleted it, and the mark of a deletion is {TOMBSTONE}: "
        "call the column so, or set match_properties: loose, and send the record again from its "
        "source"
    )
