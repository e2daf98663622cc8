"""What every vendor's resource has in common."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from erp_vendors.success import Given


class Need(t.NamedTuple):
    """Properties of which a write must carry at least one.

    Attributes:
        names: The properties.
        when: Property whose presence asks for it; empty for always.
    """

    names: tuple[str, ...]
    when: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One entity of a vendor: how it is read, and how it is written.

    Attributes:
        name: Resource name; the stream is `<vendor>_<name>`.
        path: Path it is read at; empty when it cannot be read.
        primary_keys: Properties that identify a record.
        replication_key: Property that says when a record changed, or None.
        documented: The vendor's documents name the path; otherwise it is a guess (INF), and a
            site without it is no failure.
        write_path: Path it is written at, or None when it cannot be written.
        rows_in: Member of an answer that holds the list of records, as the settings state it; a
            member of a member with a dot between. Empty where the list is bare.
        schema: JSON schema from the settings or the vendor's OpenAPI file, which replaces that of
            `schemas/`.
        write_schema: JSON schema of what is written, from the vendor's OpenAPI file.
        answer_schema: JSON schema of the answer to a write that has worked, from the same file.
        needs: What a write must carry beyond the `required` of its schema; a property named here
            is asked for by its need alone.
        may_be_empty: An empty list means that there is nothing, and not a lost permission.
        is_snapshot: It lists what is going on; what is done with is not in it any more.
        references: Properties that name a record of another resource, each with that resource and
            the property that identifies it there.
        success: What an answer to a write looks like when it has worked, as the settings state it.
    """

    name: str
    path: str = ""
    primary_keys: tuple[str, ...] = ()
    replication_key: str | None = None
    documented: bool = False
    write_path: str | None = None
    rows_in: str = ""
    schema: t.Mapping[str, t.Any] | None = None
    write_schema: t.Mapping[str, t.Any] | None = None
    answer_schema: t.Mapping[str, t.Any] | None = None
    success: tuple[Given, ...] = ()
    needs: tuple[Need, ...] = ()
    may_be_empty: bool = False
    is_snapshot: bool = False
    references: t.Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths to try, first one first."""
        return (self.path,)


AnyResource = t.TypeVar("AnyResource", bound=Resource)
