"""What is written, and what became of it."""

from __future__ import annotations

import dataclasses
import enum
import typing as t

from erp_ledger.record import Known, RecordStatus, digest_of
from erp_vendors.errors import DataError, ErpError

if t.TYPE_CHECKING:
    from erp_ledger.intents import Intent

Body = dict[str, t.Any]
Key = tuple[tuple[str, str], ...]


def one_text(values: t.Iterable[object]) -> str:
    """The values of a key of several properties as one text, which no other values make.

    Args:
        values: The values; commas come between them, and a backslash before a comma or a backslash
            inside of one of several.
    """
    texts = list(map(str, values))
    if len(texts) > 1:
        texts = [text.replace("\\", "\\\\").replace(",", "\\,") for text in texts]
    return ",".join(texts)


def values_in(value: str) -> list[str]:
    """The values that `one_text` made one text of.

    Args:
        value: The text, of several values.
    """
    found, characters = [""], iter(value)
    for one in characters:
        if one == ",":
            found.append("")
        else:
            found[-1] += next(characters, "") if one == "\\" else one
    return found


GOT_THROUGH = ("created", "updated", "written", "deleted")
"""Values of the outcomes that the vendor has executed in this run."""

_DELETED = b"deleted"


class Outcome(enum.Enum):
    """The end of one record."""

    CREATED = "created"
    """The vendor has it, and had no version of it before."""
    UPDATED = "updated"
    """The vendor has this version of it, and had another one before."""
    WRITTEN = "written"
    """The vendor has it; nobody can tell whether it was created or updated."""
    DELETED = "deleted"
    """The vendor does not have it any more."""
    UNCHANGED = "unchanged"
    """The vendor has had it since before; it was not sent."""
    SKIPPED = "skipped"
    """The mode of its sink forbids it: it is to be created, or it is there. It is no rejection."""
    NOT_APPROVED = "not_approved"
    """The plan that is applied does not have it; it was not sent, and STATE stays before it."""
    REFUSED = "refused"
    """It cannot be written as it is; it stands in the dead letters."""
    WAITING = "waiting"
    """A record that it refers to did not get through; it stands in the dead letters until then."""
    UNKNOWN = "unknown"
    """It was sent, the answer is lost, and sending it again could double it."""


UNSUCCESSFUL = frozenset({Outcome.NOT_APPROVED, Outcome.REFUSED, Outcome.WAITING, Outcome.UNKNOWN})
"""A run with one of these ends has not succeeded."""


class UntoldError(DataError):
    """A look-up has not failed, but does not tell whether the vendor has a record."""


class RefusedError(ErpError):
    """A record, or a batch that holds one, cannot be written.

    Attributes:
        reason: Class of the refusal, one word.
        status: HTTP status, or None when nothing was sent.
        answer: The vendor's answer.
        attempts: Attempts made.
        request: Method and address of the call, secrets masked.
        conflicts: With the reason `conflict`: `base`, `theirs` and `ours` of each field.
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
        conflicts: t.Mapping[str, Body] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.answer = answer
        self.attempts = attempts
        self.request = request
        self.conflicts = conflicts or {}

    @property
    def may_have_run(self) -> bool:
        """True when an attempt before the refusal may have been executed."""
        return self.attempts > 1

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
            conflicts=self.conflicts,
        )


class Finding(enum.Enum):
    """What asking the vendor for a record has shown."""

    FOUND = "found"
    ABSENT = "absent"
    """Proven: a documented key or filter was asked, or a whole list that is documented as such."""
    NOT_SHOWN = "not shown"
    """Nothing was seen by a look-up that is not documented: it proves an absence only if the same
    look-up finds a record that is known to be there (a control), and shows no other."""
    CANNOT_TELL = "cannot tell"
    """Nobody can tell: the answer shows neither."""


@dataclasses.dataclass(frozen=True, slots=True)
class LookUpResult:
    """What a look-up has shown.

    Attributes:
        finding: See `Finding`.
        vendor_id: With FOUND: the vendor's id of it, or the business key where there is no other.
        row: With FOUND: the vendor's version under the names that are used when writing, as far as
            they are known; None where the look-up shows no contents.
        changed: With FOUND: whether it has changed since `Writer.mark` was called; None if nobody
            can tell.
        why: With CANNOT_TELL: one line for people.
        unreadable: With CANNOT_TELL: the vendor's answer makes no sense, so the vendor fails.
        stamp: With FOUND: when the record changed last, as the vendor writes it; None if the
            look-up does not tell, or `row` does.
    """

    finding: Finding
    vendor_id: str | None = None
    row: Body | None = None
    changed: bool | None = None
    why: str = ""
    unreadable: bool = False
    stamp: object = None

    @classmethod
    def found(
        cls, vendor_id: str, row: Body | None = None, *, changed: bool | None = None
    ) -> LookUpResult:
        """The vendor has it.

        Args:
            vendor_id: See the class.
            row: See the class.
            changed: See the class.
        """
        return cls(Finding.FOUND, vendor_id, row, changed)

    @classmethod
    def cannot_tell(cls, why: str, *, unreadable: bool = False) -> LookUpResult:
        """Nobody can tell.

        Args:
            why: One line for people.
            unreadable: See the class.
        """
        return cls(Finding.CANNOT_TELL, why=why, unreadable=unreadable)


ABSENT = LookUpResult(Finding.ABSENT)
NOT_SHOWN = LookUpResult(Finding.NOT_SHOWN)


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
        number: Its number from the watermark, which counts ACTIVATE_VERSION messages as well; 0 for
            a record that does not come from the input.
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
        was_there: Whether the vendor had a version of it before it was sent, as a look-up has
            proven; None if nobody knows.
        sent_before: Epoch milliseconds of this version, if it is replayed; a newer one wins.
        intent: The intent that the ledger keeps of it while it is being sent.
        attempts: Times it was sent since its line in the ledger was written.
        unsure: An attempt to send it may have been executed, whatever came of later ones.
        identity: The key under which the ledger has it; the best one that it carries.
        aliases: Its other keys that the ledger does not know yet.
        blocked_by: Number of its keys that records before it have.
        refusal: Why it is not sent at all; it is refused when it is its turn.
        held_back: The run is done with it, but STATE does not pass it: the vendor failed with it.
        seen: What the vendor had, where the policy of the sink asked for it before it is sent.
        incoming: The body before the policy made another one of it; None if it is the same.
        before: Its base (`erp_ledger.field_hashes`): hashes of its fields as this target last wrote
            or read them; empty if there is none.
        base: What the base will be when the vendor has it; None if the sink keeps none.
        version: Binds the record as it came to a line of a plan; empty where there is no plan.
        approved: The change that a line of the plan has approved; None if none has.
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
    was_there: bool | None = None
    sent_before: int | None = None
    intent: Intent | None = None
    attempts: int = 0
    unsure: bool = False
    aliases: tuple[str, ...] = ()
    blocked_by: int = 0
    refusal: RefusedError | None = None
    held_back: bool = False
    seen: LookUpResult | None = None
    incoming: Body | None = None
    before: bytes = b""
    base: bytes | None = None
    version: str = ""
    approved: str | None = None
    _digest: bytes = b""
    _identity: str = ""
    _names: tuple[str, ...] | None = None

    @property
    def label(self) -> str:
        """The record's name in messages."""
        key = ", ".join(f"{name}={value}" for name, value in self.key)
        return f"{self.stream} record {self.number}" + (f" ({key})" if key else "")

    @property
    def names(self) -> tuple[str, ...]:
        """Its keys as `name=value`, best one first."""
        if self._names is None:
            names = [f"{name}={value}" for name, value in self.key]
            self._names = tuple(names if len(names) < 2 else dict.fromkeys(names))  # noqa: PLR2004
        return self._names

    @property
    def identity(self) -> str:
        """See the class."""
        return self._identity or self.names[0]

    @identity.setter
    def identity(self, name: str) -> None:
        self._identity = name

    @property
    def digest(self) -> bytes:
        """Hash of the body as it came in, whatever a policy has made of it."""
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

    def send_instead(self, body: Body) -> None:
        """Send another body; which version it is remains what came in.

        Args:
            body: What the policy of the sink has made of it.
        """
        if body != self.body:
            _ = self.digest
            self.incoming = self.body if self.incoming is None else self.incoming
            self.body = body

    @property
    def forgotten(self) -> bool:
        """The user wants it sent although the vendor has it; which version, is forgotten."""
        return self.known is not None and not self.known.digest

    @property
    def doubtful(self) -> bool:
        """An earlier attempt may have got through, and nobody knows."""
        return self.known is not None and self.known.status in {
            RecordStatus.INTENT,
            RecordStatus.UNKNOWN,
        }


def same_value(old: object, new: object) -> bool:
    """Whether a vendor's value is the one that was sent, as far as its form tells.

    1.50 and 1.5 are one amount; "1" and 1 are one flag to a vendor that sends both.

    Args:
        old: The vendor's value.
        new: The value that was sent.
    """
    return old == new or (
        not isinstance(old, (dict, list)) and old is not None and str(old) == str(new)
    )
