"""Business keys of records, and what records refer to."""

from __future__ import annotations

import typing as t

from target_erp.delivery import RefusedError
from target_erp.delivery.model import Key, Reference, one_text, values_in
from target_erp.delivery.writer import key_of

if t.TYPE_CHECKING:
    from erp_vendors.resource import Resource

__all__ = ["Key", "Keys", "beside_match", "key_of", "no_key", "references_of"]


class Keys:
    """What identifies the records of a sink: several alternatives, the best one first."""

    def __init__(self, *alternatives: t.Sequence[str]) -> None:
        """Name them.

        Args:
            *alternatives: Properties that identify a record together; empty ones do not count.
        """
        self.alternatives = tuple(dict.fromkeys(tuple(names) for names in alternatives if names))

    @property
    def single(self) -> tuple[str, ...]:
        """Properties of which each identifies a record alone."""
        return tuple(names[0] for names in self.alternatives if len(names) == 1)

    @property
    def sizes(self) -> set[int]:
        """Numbers of properties that identify a record together."""
        return set(map(len, self.alternatives))

    def __bool__(self) -> bool:
        return bool(self.alternatives)

    def __str__(self) -> str:
        return " or ".join(" and ".join(names) for names in self.alternatives)

    def of(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries.

        Returns:
            Names and values, with commas between those that identify it together.
        """
        found = []
        for names in self.alternatives:
            values = [record.get(name) for name in names]
            if not any(value in (None, "") or isinstance(value, (dict, list)) for value in values):
                found.append((",".join(names), one_text(values)))
        return tuple(found)


def columns_of(record: t.Mapping[str, t.Any], key: str, value: str) -> list[tuple[str, str]]:
    """The columns of a key and their values.

    Args:
        record: The record, if it is known; of one that is to be deleted there may be no more than
            its keys.
        key: Names with commas between them.
        value: Their values, likewise.

    Raises:
        ValueError: If nobody can tell where one value ends.
    """
    names = key.split(",")
    values = [str(record[name]) for name in names if record.get(name) is not None]
    if len(values) < len(names):
        values = [value] if len(names) == 1 else values_in(value)
    if len(values) != len(names):
        msg = f"its {key} is {value}, where a value holds a comma: nobody can tell which is which"
        raise ValueError(msg)
    return list(zip(names, values, strict=True))


def no_key(names: Keys | t.Iterable[str]) -> RefusedError:
    """The refusal of a record without any of its keys.

    Args:
        names: What would have done.
    """
    either = names if isinstance(names, Keys) else " or ".join(names)
    msg = f"it has no {either}, so the vendor could not tell which record it is"
    return RefusedError(msg, reason="no_key")


def beside_match(key: str, value: str, match_on: t.Sequence[str]) -> RefusedError:
    """The refusal of a record whose other key the vendor has, but not with the key of the sync.

    Args:
        key: Name of the other key.
        value: Its value.
        match_on: Properties that are the key of the sync.
    """
    keys = ", ".join(match_on)
    msg = f"the vendor has a record with the {key} {value}, but with another {keys}"
    return RefusedError(msg, reason="ambiguous")


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
