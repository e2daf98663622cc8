"""Deletions: only of what the target itself has written, only where allowed, never from nothing."""

from __future__ import annotations

import hashlib
import logging
import typing as t

from erp_vendors.errors import ConfigError
from target_erp.delivery import RefusedError, Write
from target_erp.sinks.keys import key_of, no_key

if t.TYPE_CHECKING:
    from target_erp.delivery import Writer
    from target_erp.ledger import Ledger

logger = logging.getLogger("target-erp")

TOMBSTONE = "_sdc_deleted_at"
"""Property that a tap sets on a record which its source has deleted."""


class Mirror:
    """Knows which sinks delete, and what the input has shown of them."""

    def __init__(self, streams: t.Iterable[str], guard: int | str | None) -> None:
        """Read the settings.

        Args:
            streams: The `deletes` setting.
            guard: The setting `guards.max_deletes`.

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
        self._seen: dict[str, set[int]] = {name: set() for name in self.streams}

    def check(self, writer: Writer) -> None:
        """Whether a sink can do what the settings ask of it.

        Args:
            writer: The sink.

        Raises:
            ConfigError: If its records cannot be deleted.
        """
        if writer.stream in self.streams and not writer.deletable:
            msg = f"config: 'deletes' names {writer.stream}, whose records cannot be deleted"
            raise ConfigError(msg)

    def see(self, write: Write) -> None:
        """Note that the input has a record, so that it is not gone.

        Args:
            write: The record, prepared.
        """
        if write.stream in self._seen and write.key:
            self._seen[write.stream].add(_short(write.identity))

    def tombstone(self, writer: Writer, write: Write) -> None:
        """Turn a record that its source has deleted into a deletion.

        Args:
            writer: Its sink.
            write: The record.

        Raises:
            RefusedError: If the sink does not delete, or nothing identifies the record.
        """
        if writer.stream not in self.streams:
            msg = (
                f"its source has deleted it ({TOMBSTONE}), and {writer.stream} is not among the "
                "streams that may delete (setting 'deletes')"
            )
            raise RefusedError(msg, reason="no_delete")
        write.key = key_of(write.record, writer.keys)
        if not write.key:
            raise no_key(writer.keys)
        write.deletes = True

    def gone(self, ledger: Ledger, writer: Writer, number: int) -> t.Iterator[Write]:
        """Deletions of what the vendor has from us and the input did not have.

        Args:
            ledger: The ledger.
            writer: The sink.
            number: Place in the input.
        """
        seen = self._seen[writer.stream]
        if not seen:
            logger.warning(
                "%s: the new version of the table is empty, which deletes nothing", writer.stream
            )
            return
        for key, vendor_id in ledger.held_keys(writer.account, writer.stream):
            if _short(key) not in seen:
                name, _, value = key.partition("=")
                yield Write(
                    number,
                    writer.stream,
                    {name: value},
                    ((name, value),),
                    deletes=True,
                    vendor_id=vendor_id,
                )


def _short(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
