"""What the delivery writes into the ledger, and reads from it."""

from __future__ import annotations

import itertools
import typing as t

from erp_ledger import LedgerRecord, RecordStatus
from erp_vendors.http import codec
from erp_vendors.masking import hidden_in
from target_erp.delivery.answers import AnswerShape

if t.TYPE_CHECKING:
    from erp_ledger import Change, Intent, Known, Ledger
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer

    Ended = tuple[Writer, t.Sequence[Write], RecordStatus]

_GOT_THROUGH = frozenset({RecordStatus.ACCEPTED, RecordStatus.DELETED})
_AT_ONCE = 500
"""Keys of one look-up."""


class Journal:
    """The ledger as one run sees it."""

    def __init__(self, ledger: Ledger, run: str) -> None:
        self._ledger = ledger
        self._failing: dict[str, dict[str, int]] = {}
        self.run = run
        self.resync = False

    def known(self, account: str, stream: str, keys: t.Sequence[str]) -> dict[str, Known]:
        """What the ledger knows of some records.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys.
        """
        if len(keys) <= _AT_ONCE:
            return self._ledger.look_many(account, stream, keys)
        found: dict[str, Known] = {}
        for start in range(0, len(keys), _AT_ONCE):
            found |= self._ledger.look_many(account, stream, keys[start : start + _AT_ONCE])
        return found

    def aliased(self, account: str, stream: str, keys: t.Sequence[str]) -> dict[str, str]:
        """The keys of lines by further keys of theirs.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys that no line has.
        """
        found: dict[str, str] = {}
        for start in range(0, len(keys), _AT_ONCE):
            found |= self._ledger.aliased(account, stream, keys[start : start + _AT_ONCE])
        return found

    def held(self, writer: Writer, number: int) -> list[str]:
        """Keys of some records that the vendor has from us.

        Args:
            writer: The sink.
            number: How many at most.
        """
        lines = self._ledger.names_of(writer.account, writer.stream)
        return [key for key, _, _ in itertools.islice(lines, number)]

    def note_names(self, writer: Writer, writes: t.Iterable[Write]) -> None:
        """Note by which further keys records came that need nothing else.

        Args:
            writer: The sink.
            writes: Records that the ledger has.
        """
        names = [(alias, write.identity) for write in writes for alias in write.aliases]
        if names:
            self._ledger.commit(self._ledger.named(writer.account, writer.stream, names))

    def teach(self, writer: Writer) -> None:
        """Tell a writer which answers have proven to mean success.

        Args:
            writer: The sink's writer.
        """
        if writer.answers is not None:
            for text in self._ledger.learned(writer.account, writer.stream):
                writer.answers.learn(AnswerShape.parse(codec.decode(text.encode())))

    def learn(self, writer: Writer, shape: AnswerShape) -> None:
        """Note that an answer has proven to mean success.

        Args:
            writer: The sink.
            shape: What it looked like.
        """
        self._ledger.learn(writer.account, writer.stream, shape.as_json(whole=True), self.run)

    def failing(self, writer: Writer) -> dict[str, int]:
        """Number of earlier runs in which the vendor failed with records while others got through.

        Args:
            writer: The sink.
        """
        if writer.stream not in self._failing:
            self._failing[writer.stream] = self._ledger.failing(writer.account, writer.stream)
        return self._failing[writer.stream]

    def strike(self, writer: Writer, keys: t.Sequence[str]) -> dict[str, int]:
        """Note that the vendor failed with records in this run, while others got through.

        Args:
            writer: The sink.
            keys: What they are counted under.

        Returns:
            The numbers of runs, this one included.
        """
        return self._ledger.strike(writer.account, writer.stream, keys, self.run)

    def unknown(self, writer: Writer) -> list[LedgerRecord]:
        """Records that earlier runs left without an outcome and whose body is known.

        Args:
            writer: The sink.
        """
        entries = self._ledger.unsettled(writer.account, writer.stream)
        return [entry for entry in entries if entry.mark is RecordStatus.UNKNOWN and entry.body]

    def waiting(self, account: str) -> list[tuple[str, LedgerRecord]]:
        """Sink and line of all records that wait for a parent.

        Args:
            account: Whose data it is.
        """
        return self._ledger.waiting(account)

    def look_waiting(self, account: str, stream: str, key: str) -> LedgerRecord | None:
        """The line of a record, if it still waits for a parent.

        Args:
            account: Whose data it is.
            stream: Sink name.
            key: Business key.
        """
        entry = self._ledger.look(account, stream, key)
        return entry if entry is not None and entry.parent else None

    def recover(self, writer: Writer) -> None:
        """Make lines of what was under way when an earlier run was cut off.

        Args:
            writer: A sink whose lease this run has.
        """
        self._ledger.recover(writer.account, writer.stream)

    def intend(
        self, writer: Writer | None, writes: t.Iterable[Write], ended: t.Sequence[Ended] = ()
    ) -> None:
        """Note that records are about to be sent, if that is not known yet.

        Args:
            writer: How they are written; None if there are none.
            writes: The records.
            ended: Other records, and what became of them: noted by the same commit.
        """
        changes = [change for some in ended for change in self._receipt(*some)]
        new = []
        for write in writes:
            write.attempts += 1
            if write.key and write.intent is None:
                new.append(write)
        if new and writer is not None:
            lines = {write.identity: write.digest for write in new}
            place = writer.account, writer.stream
            intent = self._ledger.intend(*place, self.run, lines, changes)
            for write in new:
                write.intent = intent
        else:
            self._ledger.commit(changes)
        _forget(write for _, some, _ in ended for write in some)

    def withdraw(self, writes: t.Sequence[Write]) -> None:
        """Note that records were not sent after all.

        Args:
            writes: The records.
        """
        for intent, some in _by_intent(writes).items():
            self._ledger.withdraw(intent, [write.identity for write in some])
            _forget(some)

    def receipt(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        mark: RecordStatus,
        parent: str | None = None,
    ) -> None:
        """Note what came of records.

        Args:
            writer: How they were written.
            writes: The records.
            mark: What is known now.
            parent: What they wait for.
        """
        self._ledger.commit(self._receipt(writer, writes, mark, parent))
        _forget(writes)

    def _receipt(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        mark: RecordStatus,
        parent: str | None = None,
    ) -> list[Change]:
        keeps = mark is RecordStatus.UNKNOWN or parent is not None
        entries = [
            LedgerRecord(
                write.identity,
                write.digest,
                mark,
                write.vendor_id,
                write.attempts,
                self.run,
                body=_kept(writer, write, parent) if keeps else None,
                parent=parent,
                unsure=write.unsure,
                aliases=write.aliases,
            )
            for write in writes
            if write.key
        ]
        if not entries:
            return []
        place = writer.account, writer.stream
        changes = self._ledger.receipt(*place, entries, _by_intent(writes))
        if mark not in _GOT_THROUGH:
            return changes
        over = [entry.key for entry in entries if entry.key in self.failing(writer)]
        return [*changes, *self._ledger.cleared(*place, over)] if over else changes


def _forget(writes: t.Iterable[Write]) -> None:
    """Note on the records that they are not under way any more."""
    for write in writes:
        write.intent, write.attempts = None, 0


def _by_intent(writes: t.Iterable[Write]) -> dict[Intent, list[Write]]:
    found: dict[Intent, list[Write]] = {}
    for write in writes:
        if write.intent is not None:
            found.setdefault(write.intent, []).append(write)
    return found


def _kept(writer: Writer, write: Write, parent: str | None) -> str | None:
    """The contents that a later run needs, as JSON; None if they hold a secret."""
    contents = write.body if parent is None else write.record
    if any(hidden_in(contents, writer.secrets)):
        return None
    return codec.encode(contents).decode()
