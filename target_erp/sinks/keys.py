"""Business keys of records, and what records refer to."""

from __future__ import annotations

import typing as t

from target_erp.delivery import RefusedError
from target_erp.delivery.outcome import Key, Reference, key_of

if t.TYPE_CHECKING:
    from erp_vendors.resource import Resource

__all__ = ["Key", "key_of", "no_key", "references_of", "with_given"]


def with_given(
    names: t.Iterable[str], given: t.Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of a vendor's table with those that the user names.

    Args:
        names: Properties of which each identifies a record, best one first.
        given: Properties that identify it together, as far as the user knows.

    Returns:
        What `key_of` takes: the names, and the properties that make a key only together.
    """
    if len(given) > 1:
        return tuple(names), tuple(given)
    return tuple(dict.fromkeys((*names, *given))), ()


def no_key(names: t.Iterable[str], together: t.Sequence[str] = ()) -> RefusedError:
    """The refusal of a record without any of its keys.

    Args:
        names: Properties that would have done.
        together: Properties that would have done together.
    """
    names = [*names, *([" and ".join(together)] if together else [])]
    msg = f"it has no {' or '.join(names)}, so the vendor could not tell which record it is"
    return RefusedError(msg, reason="no_key")


def references_of(
    vendor: str, resource: Resource, record: t.Mapping[str, t.Any]
) -> tuple[Reference, ...]:
    """The records of other sinks that a record names by their business keys.

    Args:
        vendor: Vendor block name.
        resource: The record's resource.
        record: The record.
    """
    return tuple(
        Reference(f"{vendor}_{parent}", (f"{key}={record[name]}",))
        for name, (parent, key) in resource.references.items()
        if record.get(name) not in (None, "")
    )
