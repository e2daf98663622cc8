"""A write's life in the ledger: its intent before it is sent, and its receipt afterwards."""

from __future__ import annotations

import typing as t

from erp_ledger import LedgerRecord, RecordStatus
from erp_ledger.field_hashes import FieldHashes, either
from erp_vendors.http import codec
from erp_vendors.masking import hidden_in

if t.TYPE_CHECKING:
    from erp_ledger import Change, Intent, Ledger
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer

    Ended = tuple[Writer, t.Sequence[Write], RecordStatus]

_GOT_THROUGH = frozenset({RecordStatus.ACCEPTED, RecordStatus.DELETED})


class Journal:
    """Notes what one run sends; safe to use from many threads.

    Attributes:
        ledger: The ledger.
        run: The run.
        resync: Records are sent although the ledger has them as they are.
    """

    def __init__(self, ledger: Ledger, run: str, *, resync: bool = False) -> None:
        self.ledger = ledger
        self.run = run
        self.resync = resync
        self._failing: dict[str, dict[str, int]] = {}
        self._based: dict[tuple[str, str], bool] = {}

    def failing(self, writer: Writer) -> dict[str, int]:
        """Earlier runs in which the vendor failed with records while others got through, by key."""
        if writer.stream not in self._failing:
            self._failing[writer.stream] = self.ledger.failing(writer.account, writer.stream)
        return self._failing[writer.stream]

    def strike(self, writer: Writer, keys: t.Sequence[str]) -> dict[str, int]:
        """Note that the vendor failed with records in this run, while others got through.

        Args:
            writer: The sink.
            keys: What they are counted under.

        Returns:
            The numbers of runs, this one included.
        """
        return self.ledger.strike(writer.account, writer.stream, keys, self.run)

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
            self._move_bases(writer, new)
            lines = {write.identity: write.digest for write in new}
            partition = writer.account, writer.stream
            bases = {write.identity: write.base for write in new if write.base is not None}
            intent = self.ledger.intend(*partition, self.run, lines, changes, bases=bases)
            for write in new:
                write.intent = intent
        else:
            self.ledger.commit(changes)
        _forget(write for _, some, _ in ended for write in some)

    def _move_bases(self, writer: Writer, writes: t.Sequence[Write]) -> None:
        """Set the bases of records that are about to be sent and for which no look-up was made."""
        blind = [write for write in writes if write.base is None and not write.deletes]
        partition = writer.account, writer.stream
        if not blind or not self._keeps_bases(*partition):
            return
        hashes = FieldHashes(self.ledger.base_key())
        known = self.ledger.bases(*partition, [write.identity for write in blind])
        for write in blind:
            own = write.body if write.incoming is None else write.incoming
            # An update may send back values of the vendor's that the record itself does not have.
            sent = {n: v for n, v in write.body.items() if n in own and own[n] == v}
            write.before = known.get(write.identity, b"")
            write.base = hashes.after(write.before, sent)

    def _keeps_bases(self, account: str, stream: str) -> bool:
        if (account, stream) not in self._based:
            self._based[account, stream] = self.ledger.has_bases(account, stream)
        return self._based[account, stream]

    def withdraw(self, writes: t.Sequence[Write]) -> None:
        """Note that records were not sent after all."""
        for intent, some in _by_intent(writes).items():
            self.ledger.withdraw(intent, [write.identity for write in some])
            _forget(some)

    def receipt(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        status: RecordStatus,
        parent: str | None = None,
    ) -> None:
        """Note what came of records.

        Args:
            writer: How they were written.
            writes: The records.
            status: What is known now.
            parent: What they wait for.
        """
        self.ledger.commit(self._receipt(writer, writes, status, parent))
        _forget(writes)

    def _receipt(
        self,
        writer: Writer,
        writes: t.Sequence[Write],
        status: RecordStatus,
        parent: str | None = None,
    ) -> list[Change]:
        keeps = status is RecordStatus.UNKNOWN or parent is not None
        entries = [
            LedgerRecord(
                write.identity,
                write.digest,
                status,
                write.vendor_id or (write.seen.vendor_id if write.seen is not None else None),
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
        partition = writer.account, writer.stream
        changes = self.ledger.receipt(*partition, entries, _by_intent(writes))
        bases = _bases(writes, status)
        if bases:
            changes += self.ledger.based(*partition, bases)
        if status not in _GOT_THROUGH:
            return changes
        over = [entry.key for entry in entries if entry.key in self.failing(writer)]
        return [*changes, *self.ledger.cleared(*partition, over)] if over else changes


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


def _bases(writes: t.Sequence[Write], status: RecordStatus) -> dict[str, bytes]:
    """What the writer knows of the fields of records after they have come to an end."""
    found = {}
    for write in writes:
        if write.base is None or not write.key:
            continue
        if status in _GOT_THROUGH:
            found[write.identity] = write.base
        elif status is RecordStatus.UNKNOWN or write.unsure:
            found[write.identity] = either(write.before, write.base)
    return found


def _kept(writer: Writer, write: Write, parent: str | None) -> str | None:
    """The contents that a later run needs, as JSON; None if they hold a secret."""
    body = write.body if write.incoming is None else write.incoming
    contents = body if parent is None else write.record
    if any(hidden_in(contents, writer.secrets)):
        return None
    return codec.encode(contents).decode()
