"""What the delivery writes into the ledger, and reads from it."""

from __future__ import annotations

import typing as t

from erp_vendors.http import codec
from target_erp.ledger import Entry, Mark

if t.TYPE_CHECKING:
    from target_erp.delivery.outcome import Write, Writer
    from target_erp.ledger import Ledger


class Journal:
    """The ledger as one run sees it."""

    def __init__(self, ledger: Ledger, run: str) -> None:
        self._ledger = ledger
        self._run = run

    def look(self, writer: Writer, write: Write) -> Entry | None:
        """The line of a record; None for a record without a key.

        Args:
            writer: How it is written.
            write: The record.
        """
        if not write.key:
            return None
        return self._ledger.look(writer.account, write.stream, write.identity)

    def unknown(self, writer: Writer) -> list[Entry]:
        """Records that earlier runs left without an outcome and whose body is known.

        Args:
            writer: The sink.
        """
        entries = self._ledger.open_entries(writer.account, writer.stream)
        return [entry for entry in entries if entry.mark is Mark.UNKNOWN and entry.body]

    def intend(self, writer: Writer, writes: t.Iterable[Write]) -> None:
        """Note that records are about to be sent."""
        self._note(writer, writes, Mark.INTENT, attempts=1)

    def receipt(self, writer: Writer, writes: t.Iterable[Write], mark: Mark) -> None:
        """Note what came of records."""
        self._note(writer, writes, mark, attempts=0)

    def _note(self, writer: Writer, writes: t.Iterable[Write], mark: Mark, attempts: int) -> None:
        entries = [
            Entry(
                key=write.identity,
                digest=write.digest,
                mark=mark,
                vendor_id=write.vendor_id,
                attempts=attempts,
                run=self._run,
                body=codec.encode(write.body).decode() if mark is Mark.UNKNOWN else None,
            )
            for write in writes
            if write.key
        ]
        if entries:
            self._ledger.write(writer.account, writer.stream, entries)
