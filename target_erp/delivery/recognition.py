"""Recognises records: by any of their keys, the ledger tells what is known of them."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from erp_ledger import Known
    from target_erp.delivery.journal import Journal
    from target_erp.delivery.model import Write
    from target_erp.delivery.writer import Writer


def recognise(journal: Journal, writer: Writer, writes: t.Sequence[Write]) -> None:
    """Tell records what the ledger knows of them.

    A record is the one that the ledger has under the best of its keys that is known there. A
    further name of a line does not count if the record carries the line's own property with another
    value: then it is another record, which has taken over that name.

    Args:
        journal: The ledger.
        writer: How they are written.
        writes: The records; `known`, `identity`, `aliases` and `vendor_id` are set on them.
    """
    names = list(dict.fromkeys(name for write in writes for name in write.names))
    if not names:
        return
    known = journal.known(writer.account, writer.stream, names)
    aliased = journal.aliased(writer.account, writer.stream, [n for n in names if n not in known])
    lines = {key for key in aliased.values() if key not in known}
    if lines:
        known |= journal.known(writer.account, writer.stream, list(lines))
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
