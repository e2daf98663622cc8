"""What an AIM write operation is, and what a sink makes of several (aim.md 6): no upsert."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from erp_vendors.resource import Need


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One write operation.

    Attributes:
        name: Operation, as in `AddCustomer`.
        method: HTTP method.
        query: Members that the documents put into the URL; the others go into the body.
        members: All members that it takes; empty where the vendor's page is cut and more exist.
        wrapper: Member that holds the record as the one item of a list; empty if it is the body.
        is_idempotent: Executing it twice is the same as once.
        when: Members that choose this operation among those of a sink: all of them must be there.
        without: Members that rule it out.
        replaces: Members that replace a whole list at the vendor, which the log says once.
        needs: Members that the documents require (6, 8.2).
        makes: It makes something new (True), changes what is there (False), or may do both (None).
            What was made by one that makes is not sent again: no operation changes it.
        answers: Member of the answer that names what was made.
        customer: Member that names the customer it belongs to.
        unless: Members that may stand in for the customer's.
    """

    name: str
    method: str = "POST"
    query: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    wrapper: str = ""
    is_idempotent: bool = False
    when: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    makes: bool | None = None
    answers: str = ""
    customer: str = ""
    unless: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AimWriteSpec:
    """How records of one sink are written.

    Attributes:
        name: Sink, without the vendor.
        operations: The first one that fits a record is used.
        keys: Members that identify a record together; several tuples are alternatives.
        weak_keys: They are the vendor's own, or not chosen to identify anything: the key
            properties of the SCHEMA message come first.
        names: What a member is called when it is read, and when it is written; a dot leads into an
            object on either side.
        read_only: Member that only a record of the vendor's has, where there is no operation to
            change such a record.
        vendor_id: Member that an update takes the vendor's id in, and a creation may answer with.
    """

    name: str
    operations: tuple[Operation, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    weak_keys: bool = False
    names: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    read_only: str = ""
    vendor_id: str = ""
