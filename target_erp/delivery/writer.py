"""How one vendor resource is written: what each sink implements."""

from __future__ import annotations

import abc
import typing as t

from erp_vendors.errors import ConfigError

if t.TYPE_CHECKING:
    from erp_vendors.errors import CallError
    from erp_vendors.http import Transport
    from target_erp.delivery.answers import Answers
    from target_erp.delivery.documented import Documented
    from target_erp.delivery.model import Body, Key, LookUpResult, Prepared, Write


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
    _together: tuple[str, ...] = ()
    """Properties that identify a record only together; see `key_of`."""

    def identify(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries, best one first, whether it can be written or not.

        Args:
            record: The record as it came. Nothing about it is checked, and nothing is raised.
        """
        return key_of(record, self.keys, self._together)

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
            found.append((",".join(together), ",".join(map(str, values))))
    return tuple(found)
