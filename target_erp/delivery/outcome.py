"""What is written, and what became of it."""

from __future__ import annotations

import abc
import dataclasses
import enum
import typing as t

from erp_vendors.errors import ConfigError, ErpError
from target_erp.ledger.entry import Known, Mark, digest_of

if t.TYPE_CHECKING:
    from erp_vendors.http import Transport
    from target_erp.ledger.intents import Intent

Body = dict[str, t.Any]

GOT_THROUGH = ("created", "updated", "deleted")
"""Values of the outcomes that the vendor has executed in this run."""

_DELETED = b"deleted"


class Outcome(enum.Enum):
    """The end of one record."""

    CREATED = "created"
    """The vendor has it, and had no version of it before as far as is known."""
    UPDATED = "updated"
    """The vendor has this version of it."""
    DELETED = "deleted"
    """The vendor does not have it any more."""
    UNCHANGED = "unchanged"
    """The vendor has had it since before; it was not sent."""
    REFUSED = "refused"
    """It cannot be written as it is; it stands in the dead letters."""
    WAITING = "waiting"
    """A record that it refers to did not get through; it stands in the dead letters until then."""
    UNKNOWN = "unknown"
    """It was sent, the answer is lost, and sending it again could double it."""


class RefusedError(ErpError):
    """A record, or a batch that holds one, cannot be written.

    Attributes:
        reason: Class of the refusal, one word.
        status: HTTP status, or None when nothing was sent.
        answer: The vendor's answer.
        attempts: Attempts made.
        request: Method and address of the call, secrets masked.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "invalid",
        status: int | None = None,
        answer: str = "",
        attempts: int = 0,
        request: str = "",
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.answer = answer
        self.attempts = attempts
        self.request = request

    def masked(self, hide: t.Callable[[str], str]) -> RefusedError:
        """The same refusal with its texts changed.

        Args:
            hide: Masks secrets in a text.
        """
        return RefusedError(
            hide(str(self)),
            reason=self.reason,
            status=self.status,
            answer=hide(self.answer),
            attempts=self.attempts,
            request=hide(self.request),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """A record of another sink that a record refers to.

    Attributes:
        stream: The other record's sink.
        keys: What its line in the ledger may be called, as `name=value`, best one first.
        fill: Member of the body that takes the vendor's id of the other record; empty if the
            reference goes out as it is.
    """

    stream: str
    keys: tuple[str, ...]
    fill: str = ""


@dataclasses.dataclass(slots=True)
class Prepared:
    """A record turned into what its vendor takes.

    Attributes:
        key: Names and values of the properties that identify it, best ones first.
        body: What is sent.
        parents: Records of other sinks that it refers to.
        before: Records of other streams (stream, record) to be written before it.
        behind: Records of other streams to be written after it.
    """

    key: tuple[tuple[str, str], ...]
    body: Body
    parents: tuple[Reference, ...] = ()
    before: list[tuple[str, Body]] = dataclasses.field(default_factory=list)
    behind: list[tuple[str, Body]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Write:
    """One record on its way.

    Attributes:
        number: Its place in the input.
        stream: Sink it goes to.
        record: The record as it came.
        key: See `Prepared`.
        body: See `Prepared`.
        parents: See `Prepared`.
        deletes: The record is to be deleted.
        created: Whether the vendor made it anew; None if the answer does not say.
        vendor_id: The vendor's own id, from the ledger or from an answer.
        known: What the ledger knew of it when it came.
        wants: Parents (`stream` and business key with a tab between) that the ledger does not
            know: if the record is refused, it waits for them.
        sent_before: Epoch milliseconds of this version, if it is replayed; a newer one wins.
        intent: What the ledger has it under while it is being sent.
        attempts: Times it was sent since its line in the ledger was written.
    """

    number: int
    stream: str
    record: Body
    key: tuple[tuple[str, str], ...] = ()
    body: Body = dataclasses.field(default_factory=dict)
    parents: tuple[Reference, ...] = ()
    deletes: bool = False
    created: bool | None = None
    vendor_id: str | None = None
    known: Known | None = None
    wants: tuple[str, ...] = ()
    sent_before: int | None = None
    intent: Intent | None = None
    attempts: int = 0
    _digest: bytes = b""
    _identity: str = ""

    @property
    def label(self) -> str:
        """The record's name in messages."""
        key = ", ".join(f"{name}={value}" for name, value in self.key)
        return f"{self.stream} record {self.number}" + (f" ({key})" if key else "")

    @property
    def identity(self) -> str:
        """The best of its keys, which is the same in every run."""
        if not self._identity:
            name, value = self.key[0]
            self._identity = f"{name}={value}"
        return self._identity

    @property
    def digest(self) -> bytes:
        """Hash of the body."""
        if not self._digest:
            self._digest = _DELETED if self.deletes else digest_of(self.body)
        return self._digest

    def fill(self, member: str, value: str) -> None:
        """Put the vendor's id of a parent into the body.

        Args:
            member: Member of the body.
            value: The id; it becomes a number if it looks like one.
        """
        number = value.isdecimal() and (value == "0" or value[0] != "0")
        self.body = {**self.body, member: int(value) if number else value}
        self._digest = b""

    @property
    def doubtful(self) -> bool:
        """An earlier attempt may have got through, and nobody knows."""
        return self.known is not None and self.known.mark in {Mark.INTENT, Mark.UNKNOWN}


class Writer(abc.ABC):
    """How one vendor resource is written.

    Attributes:
        stream: Name of its sink.
        vendor: Its vendor block.
        account: Whose data it writes, for the ledger.
        workers: Calls at once.
        batch_size: Largest number of records in a call.
        keys: Properties that identify a record, best one first.
        upsert: Sending a record twice is the same as sending it once.
        findable: The vendor can be asked whether it has a record (`find`).
        look_first: Ask before a record is sent for which the ledger has no line.
        create_only: What is there cannot be changed; that it is there is enough.
        deletable: Records can be deleted (`delete`).
        after: Sinks whose records must be settled before one of this sink is sent.
        secrets: Properties that must not be shown in dead letters.
        transport: Makes its calls; None where nothing is called.
    """

    stream: str
    vendor: str
    account: str = ""
    workers: int = 1
    batch_size: int = 1
    keys: tuple[str, ...] = ()
    upsert: bool = True
    findable: bool = False
    look_first: bool = False
    create_only: bool = False
    deletable: bool = False
    after: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    transport: Transport | None = None

    @abc.abstractmethod
    def prepare(self, record: Body) -> Prepared:
        """Turn a record into what the vendor takes.

        Args:
            record: The record.

        Raises:
            RefusedError: If it cannot be written.
        """

    def identify(self, record: t.Mapping[str, t.Any]) -> tuple[tuple[str, str], ...]:
        """The keys that a record carries, as far as they can be told; never raises.

        Args:
            record: The record, which need not be one that can be written.

        Returns:
            As `Prepared.key`; empty if nothing identifies it.
        """
        from target_erp.sinks.keys import key_of  # noqa: PLC0415 - imports this package

        return key_of(record, self.keys)

    @abc.abstractmethod
    def send(self, writes: list[Write]) -> None:
        """Write a batch; returning means that the vendor has all of it.

        Args:
            writes: One to `batch_size` records with different keys; `vendor_id` may be set on them.

        Raises:
            RefusedError: If at least one of them was refused.
            ErpError: If the call failed.
        """

    def delete(self, write: Write) -> None:
        """Delete one record; returning means that the vendor does not have it any more.

        Args:
            write: The record; `vendor_id` may be set on it. It may be gone already.

        Raises:
            RefusedError: If the vendor refuses.
            ErpError: If the call failed.
        """
        raise NotImplementedError

    def spent(self) -> tuple[int, float]:
        """Calls of the current thread so far, and seconds it waited for the vendor's limits."""
        return self.transport.budget.spent() if self.transport else (0, 0.0)

    def repeats(self, write: Write) -> bool:  # noqa: ARG002
        """Whether sending this record twice is the same as sending it once.

        Args:
            write: The record; `vendor_id` may be set on it.
        """
        return self.upsert

    def find(self, write: Write, *, fresh: bool) -> str | None:
        """Ask the vendor for a record by its business key.

        Args:
            write: The record.
            fresh: What was learned earlier in this run does not count.

        Returns:
            The vendor's id of it (the business key where there is no other); None if it has none.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        raise NotImplementedError

    def current(self, write: Write) -> Body | None:  # noqa: ARG002
        """The vendor's present version of a record, for a plan.

        Args:
            write: The record.

        Returns:
            Its properties under the names that are used when writing; None if it would be created.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        msg = f"{self.stream}: this vendor cannot be asked for a record, so it cannot be planned"
        raise ConfigError(msg)
