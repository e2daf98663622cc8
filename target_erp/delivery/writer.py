"""How one vendor resource is written: what each sink implements."""

from __future__ import annotations

import abc
import typing as t

from erp_vendors.errors import ConfigError
from target_erp.delivery.model import LookUpResult, RefusedError, one_text
from target_erp.delivery.policy import Ability, Mode, SinkPolicy

if t.TYPE_CHECKING:
    from erp_vendors.errors import CallError
    from erp_vendors.http import Transport
    from target_erp.delivery.answers import Answers
    from target_erp.delivery.documented import Documented
    from target_erp.delivery.model import Body, Key, Prepared, Write


NOT_READ = "not read"
"""Old value in a plan where a look-up shows only that a record is there."""
OLDEST_READ = 60.0
"""Seconds for which a list that one call reads is kept, when the policy of a sink asks for it."""


class Statement(t.NamedTuple):
    """What is known about a sink's answers and look-ups, for the table in `docs/vendors/`.

    Attributes:
        success: What an answer looks like when a write has worked, with its source and mark; or
            that it is learned.
        look_up: How a record is looked for; or that it cannot be.
        absence: What proves that a record is not there.
    """

    success: str
    look_up: str
    absence: str


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
        can_look_up: `find` can tell whether the vendor has a record.
        by_contents: `find` compares all that a record holds, so it needs no key.
        check_before_create: Ask before a record is sent for which the ledger has no line.
        create_only: What is there cannot be changed, or not by every record: `cannot_change`.
        deletable: Records can be deleted (`delete`).
        after: Sinks whose records must be settled before one of this sink is sent.
        secrets: Properties that must not be shown in dead letters.
        transport: Makes its calls; None where nothing is called.
        answers: What an answer looks like when a write has worked.
        statement: The same in words, for the documentation.
        documented: What documents know of its records; None if nothing is said of them.
        policy: What the settings allow a record to change.
        abilities: What a policy may ask of this sink.
        inability: Why it may not ask for more, for people.
        replaces: An update replaces the whole record, or may: what is to stay has to be sent.
        carries_unknown: What no document names is sent back, too (`unknown_properties`).
        shows_all: A look-up shows each property that the vendor keeps; else nulls may be left out,
            and some properties are never shown.
        needed_to_create: Properties of which a new record must have one, so that the vendor knows
            it again; none if it may lack them.
        stamp: Property that says when the vendor changed a record last, in the records that it
            shows; empty if there is none.
    """

    stream: str
    vendor: str
    account: str = ""
    workers: int = 1
    batch_size: int = 1
    keys: tuple[str, ...] = ()
    upsert: bool = True
    can_look_up: bool = False
    by_contents: bool = False
    check_before_create: bool = False
    create_only: bool = False
    deletable: bool = False
    after: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()
    transport: Transport | None = None
    answers: Answers | None = None
    statement: Statement = Statement("", "", "")
    documented: Documented | None = None
    policy: SinkPolicy = SinkPolicy()
    abilities: frozenset[Ability] = frozenset()
    inability: str = "nothing shows what the vendor has"
    replaces: bool = False
    carries_unknown: bool = True
    shows_all: bool = False
    needed_to_create: tuple[str, ...] = ()
    stamp: str = ""
    _together: tuple[str, ...] = ()
    """Properties that identify a record only together; see `key_of`."""

    def identify(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries, best one first, whether it can be written or not.

        Args:
            record: The record as it came. Nothing about it is checked, and nothing is raised.
        """
        return self._matched(record, key_of(record, self.keys, self._together))

    def _matched(self, record: t.Mapping[str, t.Any], key: Key) -> Key:
        """Keys with the business key of this sync (`match_on`) in front of the others."""
        names = self.policy.match_on
        if not names:
            return key
        first = key_of(record, names) if len(names) == 1 else key_of(record, (), names)
        return (*first, *(pair for pair in key if pair not in first))

    def columns_of(self, record: t.Mapping[str, t.Any]) -> frozenset[str]:
        """The columns of the keys that a record carries.

        Args:
            record: The record as it came.
        """
        return frozenset(name for name, _ in self.identify(record))

    @abc.abstractmethod
    def prepare(self, record: Body) -> Prepared:
        """Turn a record into what the vendor takes.

        Raises:
            RefusedError: If it cannot be written.
        """

    @abc.abstractmethod
    def send(self, writes: list[Write]) -> None:
        """Write a batch; returning means that the vendor has all of it.

        Args:
            writes: One to `batch_size` records with different keys; `vendor_id` may be set on them.

        Raises:
            RefusedError: If at least one of them was refused, in the vendor's form of a refusal.
            UnclearError: If the answer is not known to mean success (`answers.check`).
            ErpError: If the call failed.
        """

    def is_refusal(self, error: CallError) -> bool:  # noqa: ARG002
        """Whether an answer of 404 or 405 is the vendor's word about this record.

        Otherwise it is about the address, and meets every record alike.

        Args:
            error: What came of the call.
        """
        return False

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

    def cannot_change(self, write: Write) -> bool:  # noqa: ARG002
        """Whether this record cannot change what is there: that it is there is enough.

        Args:
            write: The record, recognised; `vendor_id` may be set on it.
        """
        return self.create_only

    def cannot_create(self, write: Write) -> str:  # noqa: ARG002
        """Why a record that the vendor does not have cannot be created; empty if it can.

        Args:
            write: The record; `vendor_id` may be set on it.
        """
        return ""

    def is_idempotent(self, write: Write) -> bool:  # noqa: ARG002
        """Whether sending this record twice is the same as sending it once.

        Args:
            write: The record; `vendor_id` may be set on it.
        """
        return self.upsert

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:
        """Ask the vendor for a record by its business key.

        Args:
            write: The record.
            fresh: What was learned earlier in this run does not count.

        Raises:
            RefusedError: If several records have this key.
            ErpError: If the vendor cannot be asked.
        """
        raise NotImplementedError

    def control(self) -> bool:
        """Whether the look-up proves to work: a record that the vendor lists is looked for by it.

        It is asked where `find` gave NOT_SHOWN and this run has written no record that could be
        looked for.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        return False

    def same_look_up(self, write: Write, control: Write) -> bool:  # noqa: ARG002
        """Whether finding one record proves that the look-up would find another one.

        Args:
            write: The record that was not seen.
            control: A record that this run has written.
        """
        return True

    def mark(self) -> None:  # noqa: B027 - most sinks need no mark
        """Remember what the vendor has now, so that `find` tells what has changed since.

        Called before the first records are sent whose answers are not understood.

        Raises:
            ErpError: If the vendor cannot be asked.
        """

    def currents(
        self,
        writes: t.Sequence[Write],
        *,
        contents: bool,  # noqa: ARG002
    ) -> list[LookUpResult | RefusedError]:
        """What the vendor has of some records, asked for together where its API can do that.

        What is read may be kept for the run, or for a part of it; `docs/writing.md` says for how
        long. What this writer has written since is taken into account.

        Args:
            writes: The records; `vendor_id` may be set on them.
            contents: They are needed; if not, it is enough to tell whether a record is there and
                when it changed last.

        Returns:
            For each record what was seen, or why it cannot be told which one it is.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        found: list[LookUpResult | RefusedError] = []
        for write in writes:
            try:
                found.append(self.find(write, fresh=False))
            except RefusedError as error:
                found.append(error)
        return found

    def is_empty(self) -> bool:
        """Whether the vendor lists no record at all, so that no look-up could find one.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        return False

    def cannot_match(self, names: t.Sequence[str]) -> str:  # noqa: ARG002
        """Why records cannot be looked up by some properties; empty if they can.

        Args:
            names: The properties that are the business key together.
        """
        return ""

    def anchor(self, row: Body) -> Body:  # noqa: ARG002
        """The members by which the vendor knows which record is meant, beyond `vendor_id`.

        Args:
            row: The vendor's version of the record.
        """
        return {}

    def own_key(self, row: Body) -> Key:
        """Which record of the vendor a row is: what anchors it, and its best key.

        Args:
            row: The vendor's version of the record.
        """
        keys, match = self.identify(row), ",".join(self.policy.match_on)
        best = (tuple(pair for pair in keys if pair[0] != match) or keys)[:1]
        return tuple(
            {**{n: str(value) for n, value in self.anchor(row).items()}, **dict(best)}.items()
        )

    def carried(self, row: Body) -> Body:
        """The members of a vendor's record that an update sends back as they are.

        No document is complete, so members that none of them names are among these; members that
        they name for reading alone are not.

        Args:
            row: The vendor's version of the record.
        """
        if self.documented is None:
            return {}
        takes = self.documented.takes
        return {
            name: value
            for name, value in row.items()
            if value is not None
            and name != self.stamp
            and takes(name, unknown=self.carries_unknown)
        }

    def shows(self, row: Body, name: str) -> bool:
        """Whether a look-up shows a property, be it empty.

        Args:
            row: What was shown.
            name: The property.
        """
        if name in row or self.shows_all or self.documented is None:
            return name in row
        return any(name in schema.get("properties", {}) for schema in self.documented.read[:1])

    def stamp_of(self, record: t.Mapping[str, t.Any]) -> object:
        """When a record changed last, as the vendor or the record itself says; None if neither.

        Args:
            record: The record as it came, or as the vendor shows it.
        """
        return record.get(self.stamp) if self.stamp else None

    @property
    def updates_only(self) -> bool:
        """Whether the settings forbid to create a record."""
        return self.policy.mode is Mode.UPDATE_ONLY

    def current(self, write: Write) -> Body | None:  # noqa: ARG002
        """The vendor's present version of a record, for a plan.

        Returns:
            Its properties under the names that are used when writing; None if it would be created.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        msg = f"{self.stream}: this vendor cannot be asked for a record, so it cannot be planned"
        raise ConfigError(msg)


def key_of(
    record: t.Mapping[str, t.Any], names: t.Iterable[str], together: t.Sequence[str] = ()
) -> Key:
    """The keys that a record carries.

    Args:
        record: The record.
        names: Properties of which each identifies it, best one first.
        together: Properties that identify it only together, such as several key properties of a
            SCHEMA message; they make one key, with commas between names and values.

    Returns:
        Names and values of those that are there and not empty.
    """
    found = []
    for name in names:
        value = record.get(name)
        if value is not None and value != "":
            found.append((name, str(value)))
    if together:
        values = [record.get(name) for name in together]
        if all(value not in (None, "") for value in values):
            found.append((",".join(together), one_text(values)))
    return tuple(found)
