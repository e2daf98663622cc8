"""What a sink's settings allow a record to change at the vendor."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

if t.TYPE_CHECKING:
    from target_erp.delivery.model import Key

Ability = t.Literal["update_only", "create_only", "match_on", "fields", "refuse"]
"""What a sink may be able to do beyond sending records as they come."""


class Mode(str, enum.Enum):
    """Which records may be written."""

    UPSERT = "upsert"
    UPDATE_ONLY = "update_only"
    """Those that the vendor has."""
    CREATE_ONLY = "create_only"
    """Those that the vendor does not have."""


class FieldRule(str, enum.Enum):
    """When a property of a record that exists may change."""

    ALWAYS = "always"
    FILL_EMPTY = "fill_empty"
    """Where the vendor has nothing."""
    NEVER_CLEAR = "never_clear"
    """If the record has a value for it."""
    PROTECT = "protect"
    """Never."""

    def allows(self, theirs: object, ours: object) -> bool:
        """Whether a value may go out.

        Args:
            theirs: The vendor's value.
            ours: The record's value.
        """
        if self is FieldRule.FILL_EMPTY:
            return is_empty(theirs)
        if self is FieldRule.NEVER_CLEAR:
            return not is_empty(ours)
        return self is FieldRule.ALWAYS


ALL_ABILITIES: frozenset[Ability] = frozenset(t.get_args(Ability))


@dataclasses.dataclass(frozen=True, slots=True)
class SinkPolicy:
    """What holds for one sink; the default sends each record as it comes and reads nothing.

    Attributes:
        mode: Which records may be written; the others are skipped.
        match_on: Properties that are the business key of this sync together; none for the keys
            that the sink has otherwise.
        fields: Properties of an existing record that may change, each with its rule; None for all.
        refuses_conflicts: What has been changed at the vendor since it was last read or written is
            not overwritten.
        max_records: Number of the input's records that are taken; None for all.
        only: Key values of the records that are taken; None for all.
    """

    mode: Mode = Mode.UPSERT
    match_on: tuple[str, ...] = ()
    fields: t.Mapping[str, FieldRule] | None = None
    refuses_conflicts: bool = False
    max_records: int | None = None
    only: frozenset[str] | None = None

    @property
    def reads(self) -> bool:
        """Whether the vendor is asked what it has before a record goes out."""
        return bool(self.asks)

    @property
    def asks(self) -> dict[str, Ability]:
        """What the sink has to be able to do, by the key of the setting that asks for it."""
        found: dict[str, Ability] = {}
        if self.mode is Mode.UPDATE_ONLY:
            found["mode"] = "update_only"
        elif self.mode is Mode.CREATE_ONLY:
            found["mode"] = "create_only"
        if self.match_on:
            found["match_on"] = "match_on"
        if self.fields is not None:
            found["fields"] = "fields"
        if self.refuses_conflicts:
            found["on_conflict"] = "refuse"
        return found

    @property
    def is_trial(self) -> bool:
        """Whether some records of the input are left out."""
        return self.max_records is not None or self.only is not None

    def rule_for(self, name: str) -> FieldRule:
        """The rule of a property.

        Args:
            name: The property.
        """
        if self.fields is None:
            return FieldRule.ALWAYS
        return self.fields.get(name, FieldRule.PROTECT)

    def takes(self, key: Key) -> bool:
        """Whether `only` takes a record.

        Args:
            key: Its keys.
        """
        return self.only is None or any(value in self.only for _, value in key)


def is_empty(value: object) -> bool:
    """Whether a value says nothing: null, a blank text, an empty list or object."""
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {})
