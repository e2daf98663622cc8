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
        without: Members that rule this operation out.
        replaces: Members that replace a whole list at the vendor, which the log says once.
        needs: Members that the documents require (6, 8.2).
        makes: It creates a record (True), changes one (False), or may do either (None). A record
            that was created is sent again where an operation fits it that changes one.
        answers: Member of the answer that names the record which was created.
        payment: Member of the answer that is true where the record waits for a payment.
        customer: Member that names the customer to whom the record belongs.
        unless: Members of which any may be given in place of `customer`.
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
    payment: str = ""
    customer: str = ""
    unless: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AimWriteSpec:
    """How records of one sink are written.

    Attributes:
        name: Sink, without the vendor.
        operations: The first one that fits a record is used.
        keys: Members that identify a record together; several tuples are alternatives.
        weak_keys: The keys are the vendor's own numbers, or were not chosen to identify a record:
            the key properties of the SCHEMA message come before them.
        names: What a member is called when it is read, and when it is written; a dot leads into an
            object on either side.
        read_only: Member that only a record read from the vendor has. A record that has it is
            refused, because it exists and no operation changes it.
        vendor_id: Member that an update takes the vendor's id in, and a creation may answer with.
    """

    name: str
    operations: tuple[Operation, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    weak_keys: bool = False
    names: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    read_only: str = ""
    vendor_id: str = ""

    @property
    def members(self) -> frozenset[str]:
        """All members that AIM's documents name for these operations."""
        of_operations = (
            name
            for one in self.operations
            for name in (*one.query, *one.members, *one.when, *one.without)
        )
        of_keys = (name for names in self.keys for name in names)
        own = (name for name in (self.read_only, self.vendor_id) if name)
        return frozenset({*of_operations, *of_keys, *own})

    @property
    def making(self) -> Operation:
        """The operation that makes a record; the last one if none does."""
        return next((one for one in self.operations if one.makes), self.operations[-1])
