"""What the code assumes of a vendor where its documents leave a point open."""

from __future__ import annotations

import dataclasses
import enum
import typing as t


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """A point that a fact sheet marks as inferred (INF) or unknown (UNK) and that the code needs.

    Attributes:
        name: Name, unique within the vendor.
        section: Section of the vendor's fact sheet, as in `4.3`; several are separated by commas.
        text: What the code takes to be so, one sentence.
        default: The assumed answer, a word or two.
        told_by: How reads tell what is so; empty if they cannot.
        untold: Why reads cannot tell; empty if they can.
        setting: What changes it, or what the code does instead of having a setting.
        writes: It is about writes.
        trial: The smallest safe write that would tell, for an assumption about writes.
    """

    name: str
    section: str
    text: str
    default: str
    told_by: str = ""
    untold: str = ""
    setting: str = ""
    writes: bool = False
    trial: str = ""


class VerdictState(enum.Enum):
    """What an examination says of an assumption."""

    HOLDS = "holds"
    DIFFERS = "differs"
    UNTOLD = "cannot be told from reads"


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What an examination found out about an assumption.

    Attributes:
        name: Name of the assumption.
        state: Whether it holds.
        seen: What the vendor did, or why nothing can be said; one line.
        stream: Resource that it is about; empty for the vendor as a whole.
        settings: Keys of the vendor's block that fit what was seen.
        entry: Keys of the resource's entry in `resources` that fit what was seen.
    """

    name: str
    state: VerdictState
    seen: str
    stream: str = ""
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    entry: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)


def doctor_hint(vendor: str, name: str) -> str:
    """The end of a warning about what `erp doctor` would have found.

    Args:
        vendor: The vendor.
        name: Name of the assumption.
    """
    return f"`erp doctor --vendor {vendor}` says what fits ({name})"
