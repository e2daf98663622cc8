"""Recognises records: by any of their keys, the ledger tells what is known of them."""

from __future__ import annotations

import typing as t

from erp_ledger import RecordStatus
from target_erp.delivery.decide import REFUSED_OR_WAITING, is_unchanged

if t.TYPE_CHECKING:
    from erp_ledger import Known, Ledger
    from target_erp.delivery.journal import Journal
    from target_erp.delivery.model import RefusedError, Write
    from target_erp.delivery.references import References
    from target_erp.delivery.writer import Writer


def recognise(ledger: Ledger, writer: Writer, writes: t.Sequence[Write]) -> None:
    """Tell records what the ledger knows of them.

    A record is the one that the ledger has under the best of its keys that is known there. A
    further name of a line does not count if the record carries the line's own property with another
    value: then it is another record, which has taken over that name.

    Args:
        ledger: The ledger.
        writer: How they are written.
        writes: The records; `known`, `identity`, `aliases` and `vendor_id` are set on them.
    """
    names = list(dict.fromkeys(name for write in writes for name in write.names))
    if not names:
        return
    partition = writer.account, writer.stream
    known = ledger.look_many(*partition, names)
    aliased = ledger.aliased(*partition, [n for n in names if n not in known])
    lines = {key for key in aliased.values() if key not in known}
    if lines:
        known |= ledger.look_many(*partition, lines)
    for write in writes:
        if write.key:
            _recognise(write, known, aliased)


def _recognise(write: Write, known: t.Mapping[str, Known], aliased: t.Mapping[str, str]) -> None:
    for name in write.names:
        line = name if name in known else aliased.get(name, "")
        if line in known and (line == name or not _contradicts(write, line)):
            write.identity, write.known = line, known[line]
            write.vendor_id = write.vendor_id or known[line].vendor_id
            break
    write.aliases = tuple(
        name
        for name in write.names
        if name != write.identity and name not in known and aliased.get(name) != write.identity
    )


def _contradicts(write: Write, line: str) -> bool:
    column = line.partition("=")[0]
    return any(name.partition("=")[0] == column and name != line for name in write.names)


class SortedOut(t.NamedTuple):
    """What becomes of records that have come.

    Attributes:
        send: They have to be sent.
        unchanged: The vendor has them as they are.
        refused: They cannot be sent, and why.
    """

    send: list[Write]
    unchanged: list[Write]
    refused: list[tuple[Write, RefusedError]]


def sort_out(
    journal: Journal, references: References, writer: Writer, writes: list[Write]
) -> SortedOut:
    """Decide what becomes of records of one sink, and note what the ledger learns by that.

    Args:
        journal: Where receipts go.
        references: Knows the records that they refer to.
        writer: How they are written.
        writes: The records.
    """
    recognise(journal.ledger, writer, writes)
    orphans = references.resolve(writer, writes) if any(write.parents for write in writes) else {}
    sorted_out = SortedOut([], [], [])
    for place, write in enumerate(writes):
        error = write.refusal or orphans.get(place)
        if write.refusal is None and is_unchanged(write, resync=journal.resync):
            sorted_out.unchanged.append(write)
        elif error is not None:
            sorted_out.refused.append((write, error))
        else:
            sorted_out.send.append(write)
    # The version that was refused meanwhile is not the newest one any more.
    back = [
        write
        for write in sorted_out.unchanged
        if write.known and write.known.status in REFUSED_OR_WAITING
    ]
    if back:
        journal.receipt(writer, back, RecordStatus.ACCEPTED)
    names = [(alias, write.identity) for write in sorted_out.unchanged for alias in write.aliases]
    if names:
        journal.ledger.commit(journal.ledger.named(writer.account, writer.stream, names))
    return sorted_out
