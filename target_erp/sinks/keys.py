"""Business keys of records."""

from __future__ import annotations

import typing as t

from target_erp.delivery import RefusedError


def key_of(record: t.Mapping[str, t.Any], names: t.Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The keys that a record carries.

    Args:
        record: The record.
        names: Properties to look for, best one first.

    Returns:
        Names and values of those that are there and not empty.
    """
    found = []
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            found.append((name, str(value)))
    return tuple(found)


def no_key(names: t.Iterable[str]) -> RefusedError:
    """The refusal of a record without any of its keys.

    Args:
        names: Properties that would have done.
    """
    msg = f"it has no {' or '.join(names)}, so the vendor could not tell which record it is"
    return RefusedError(msg, reason="no_key")
