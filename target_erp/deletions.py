"""Deletions: only of what the target itself has written, only where allowed, never from nothing.

The input is read to its end before the first write (the guard that deletions need asks for that).
In this first reading each record is noted under all names that it carries, whatever becomes of it:
a record that is refused, that waits or that a stream map leaves out is in the input. Only then is
it known what is gone.
"""

from __future__ import annotations

import collections
import logging
import typing as t

from erp_ledger import RecordStatus
from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from target_erp.delivery import RefusedError, Write
from target_erp.marks import TOMBSTONE
from target_erp.planning.planner import allowance
from target_erp.presence import Presence
from target_erp.writers.keys import key_of, no_key

if t.TYPE_CHECKING:
    from erp_ledger import Ledger
    from target_erp.columns import Taken
    from target_erp.delivery import Writer
    from target_erp.writers.keys import Key

logger = logging.getLogger("target-erp")

NO_DELETE = "no_delete"
"""Class of the refusal of a deletion that the settings do not allow."""


class Deletions:
    """Knows which sinks delete, and what the input has of them.

    Attributes:
        streams: The sinks that may delete.
        waiting: Why the deletions of a sink were put off, by sink.
        broken: The input could not be read to its end, so nothing is known to be gone.
    """

    def __init__(
        self,
        streams: t.Iterable[str],
        guard: int | str | None,
        names: t.Mapping[str, str] | None = None,
    ) -> None:
        """Read the settings.

        Args:
            streams: The `deletes` setting.
            guard: The setting `guards.max_deletes`.
            names: The `streams` setting: sinks by the names that the input uses for them.

        Raises:
            ConfigError: If deletions are allowed without a guard.
        """
        self.streams = frozenset(streams)
        if self.streams and guard is None:
            msg = (
                "config: 'deletes' needs guards.max_deletes, the largest number or share of "
                "records that a run may delete"
            )
            raise ConfigError(msg)
        strangers = sorted(s for s in self.streams if s.partition("_")[0] not in VENDORS)
        if strangers:
            msg = f"config: 'deletes' names {', '.join(strangers)}, and no sink is called so"
            raise ConfigError(msg)
        self._guard = guard
        self._allowed = float("inf")
        self._planned: collections.Counter[str] = collections.Counter()
        self._others = 0
        self.waiting: dict[str, str] = {}
        self.broken = False
        self._unreadable: dict[str, str] = {}
        self._presence = {stream: Presence() for stream in self.streams}
        for stream, sink in (names or {}).items():
            # A stream that is missing from this input shows nothing of what it wrote before.
            if sink in self._presence:
                self._presence[sink].feeds[stream] = False

    def check(self, writer: Writer) -> None:
        """Whether a sink can do what the settings ask of it.

        Raises:
            ConfigError: If its records cannot be deleted.
        """
        if writer.stream in self.streams and not writer.deletable:
            msg = f"config: 'deletes' names {writer.stream}, whose records cannot be deleted"
            raise ConfigError(msg)

    def note_schema(self, writer: Writer, stream: str) -> None:
        """Note that a stream of the input writes to a sink.

        Args:
            writer: The sink.
            stream: Name of the stream in the input.
        """
        if writer.stream in self.streams:
            self._presence[writer.stream].feeds.setdefault(stream, False)
            self._presence[writer.stream].announced.add(stream)

    def note(
        self,
        writer: Writer,
        taken: Taken,
        number: int,
        earlier_keys: t.Iterable[t.Sequence[str]] = (),
        stream: str = "",
        *,
        tombstone: bool = False,
    ) -> None:
        """Note that the input has a record, whatever becomes of it.

        Args:
            writer: Its sink.
            taken: The record, as its sink takes it.
            number: Its place in the input.
            earlier_keys: Key properties that its stream had before.
            stream: Name of its stream in the input; empty if it came inside another record.
            tombstone: Its source has deleted it.
        """
        if writer.stream in self.streams:
            presence, record = self._presence[writer.stream], taken.record
            names = _names(writer.identify(record))
            if taken.hides_key(writer.identify):
                self.note_unreadable(writer, f"record {number} hides its key: {taken.refusal}")
            names += [name for keys in earlier_keys for name in _names(key_of(record, (), keys))]
            presence.note(names, tombstone=tombstone)
            if not tombstone:
                presence.filled.add(stream)
            presence.last_at = number

    def note_unreadable(self, writer: Writer, why: str) -> None:
        """Note that the input has a record of which nobody can tell which one it is.

        Args:
            writer: Its sink.
            why: The reason.
        """
        if writer.stream in self.streams:
            self._unreadable.setdefault(writer.stream, why)

    def note_version(self, writer: Writer, stream: str, number: int) -> None:
        """Note that the input has declared a stream complete (ACTIVATE_VERSION).

        Args:
            writer: Its sink.
            stream: Name of the stream in the input.
            number: Number of records in the input so far.
        """
        if writer.stream in self.streams:
            presence = self._presence[writer.stream]
            presence.feeds[stream] = True
            presence.complete_at = number

    def is_complete(self, writer: Writer, number: int) -> bool:
        """Whether nothing more of a sink comes in the input.

        Args:
            writer: The sink.
            number: Number of records in the input so far.
        """
        presence = self._presence[writer.stream]
        return number >= max(presence.complete_at, presence.last_at)

    def tombstone(self, writer: Writer, write: Write) -> None:
        """Turn a record that its source has deleted into a deletion.

        Args:
            writer: Its sink.
            write: The record; it gets its key in any case.

        Raises:
            RefusedError: If the sink does not delete, or nothing identifies the record.
        """
        write.key, write.deletes = writer.identify(write.record), True
        self.allow(writer)
        if not write.key:
            raise no_key(writer.keys)

    def allow(self, writer: Writer) -> None:
        """Whether a record may be deleted because its source has deleted it.

        Args:
            writer: Its sink.

        Raises:
            RefusedError: If the sink does not delete.
        """
        if writer.stream not in self.streams:
            msg = (
                f"its source has deleted it ({TOMBSTONE}), and {writer.stream} is not among the "
                "streams that may delete (setting 'deletes')"
            )
            raise RefusedError(msg, reason=NO_DELETE)

    def is_deleted(self, ledger: Ledger, writer: Writer, write: Write) -> bool:
        """Whether a deletion would find nothing to do; tells it in the order of the input.

        Args:
            ledger: The ledger.
            writer: The sink.
            write: The deletion.
        """
        presence, names = self._presence[writer.stream], _names(write.key)
        if not presence.has(names):
            return False  # no tombstone: the ledger has said that the vendor has it

        def deleted_before() -> bool:
            line = ledger.look(writer.account, writer.stream, write.identity)
            return line is not None and line.status is RecordStatus.DELETED

        return not presence.bury(names, deleted_before=deleted_before)

    def settle_guard(self, planned: int, total: int) -> None:
        """Note what the guard allows of an input that has been read to its end.

        Args:
            planned: Deletions of the whole plan.
            total: Records of the whole plan.
        """
        self._others = planned - self._planned.total()
        self._allowed = allowance("guards.max_deletes", self._guard, total)

    def keep_guard(self, ledger: Ledger, writer: Writer) -> None:
        """Count again before the first deletion: meanwhile another run may have written.

        Raises:
            ConfigError: If more would be deleted than the guard allows.
        """
        self._planned[writer.stream] = sum(1 for _ in self.gone(ledger, writer, 0))
        found = self._planned.total() + self._others
        if found > self._allowed:
            msg = (
                f"guards.max_deletes allows {self._guard} of the records, but now there are "
                f"{found} to delete, because the ledger has changed since the input was read; "
                f"nothing of {writer.stream} was deleted"
            )
            raise ConfigError(msg)

    def note_missed(self, writer: Writer, columns: t.Iterable[frozenset[str]]) -> None:
        """Note what identifies records of the input that did not get through.

        Args:
            writer: Their sink.
            columns: The columns of each one's keys; none if it carries no key.
        """
        self._presence[writer.stream].missed.update(columns)

    def put_off(self, writer: Writer, *, silent: bool = False) -> bool:
        """Whether nothing of a sink may be deleted in this run.

        Args:
            writer: The sink.
            silent: Do not say why.
        """
        stream, presence = writer.stream, self._presence[writer.stream]
        if self.broken:
            return True  # the run fails, and says why
        incomplete = ", ".join(
            sorted(
                name
                for name, whole in presence.feeds.items()
                if not whole or name in presence.announced - presence.filled
            )
        )
        why, wait, nameless = "", False, frozenset() in presence.missed
        if not presence.live:
            why = "the new version of the table is empty, which deletes nothing"
        elif incomplete:
            why = (
                f"nothing is deleted, because the input has no complete version of {incomplete} "
                "that holds a record, "
                "whose records go there, too"
            )
        elif nameless or stream in self._unreadable:
            why, wait = self._unreadable.get(stream, "a record that was refused has no key"), True
        if not silent:
            if wait:
                self._wait(stream, why)
            elif why:
                logger.warning("%s: %s", stream, why)
        return bool(why)

    def tell_waiting(self, writer: Writer, *, silent: bool = False) -> None:
        """Say which deletions wait, once all others of a sink are made.

        Args:
            writer: The sink.
            silent: Do not say it.
        """
        columns = self._presence[writer.stream].unlike
        if columns and not silent:
            named = " and ".join(sorted(columns))
            self._wait(writer.stream, f"a record that did not get through carries only {named}")

    def _wait(self, stream: str, why: str) -> None:
        self.waiting[stream] = why
        logger.warning(
            "%s: deletions wait, because %s: nobody can tell which record it is", stream, why
        )

    def gone(self, ledger: Ledger, writer: Writer, number: int) -> t.Iterator[Write]:
        """Deletions of what the vendor has from us and the input did not have.

        Args:
            ledger: The ledger.
            writer: The sink.
            number: Place in the input.
        """
        presence = self._presence[writer.stream]
        there = Presence()
        # One record may have several lines, of which the vendor's id tells that they are one: its
        # business key has changed, and the input knows it by the new one.
        for key, aliases, vendor_id in ledger.names_of(writer.account, writer.stream):
            if vendor_id is not None and presence.has((key, *aliases)):
                there.note([f"id={vendor_id}"], tombstone=False)
        for key, aliases, vendor_id in ledger.names_of(writer.account, writer.stream):
            # A record may be known by its business key, and come with the vendor's id.
            ids = () if vendor_id is None else (f"{name}={vendor_id}" for name in writer.keys)
            same = vendor_id is not None and there.has([f"id={vendor_id}"])
            if same or presence.has((key, *aliases, *ids)):
                continue
            pairs = tuple(_pair(name) for name in (key, *aliases))
            columns = {name for name, _ in pairs} | set(writer.keys[:1] if vendor_id else ())
            unlike = next((other for other in presence.missed if not other & columns), None)
            if unlike is not None:
                # One that did not get through has no column in common with it: it may be this one.
                presence.unlike = unlike
            else:
                yield Write(
                    number,
                    writer.stream,
                    dict(pairs),
                    pairs,
                    deletes=True,
                    vendor_id=vendor_id,
                )

    @property
    def waits(self) -> str:
        """What to say at the end of the run; empty if no deletion waits."""
        return "; ".join(f"deletions of {name} wait: {why}" for name, why in self.waiting.items())


def _names(key: Key) -> list[str]:
    return [f"{name}={value}" for name, value in key]


def _pair(name: str) -> tuple[str, str]:
    column, _, value = name.partition("=")
    return column, value
