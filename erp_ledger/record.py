"""One record's line in the ledger."""

from __future__ import annotations

import enum
import hashlib
import typing as t

from erp_vendors.http import codec


class RecordStatus(str, enum.Enum):
    """What the ledger knows of the newest version of a record."""

    INTENT = "intent"
    """The record was about to be sent; what became of it was not noted."""
    ACCEPTED = "accepted"
    DELETED = "deleted"
    REFUSED = "refused"
    WAITING = "waiting"
    """The record was not sent, or was refused, because a record that it refers to is not there."""
    UNKNOWN = "unknown"


class Known(t.NamedTuple):
    """What the ledger knows of a record when a new version of it comes.

    Attributes:
        status: What became of the newest version.
        digest: Hash of that version.
        held: Hash of the version that the vendor has, where that is not the newest one. Empty
            bytes: it has some version, and nobody knows which. None: it has none as far as is
            known.
        vendor_id: The vendor's own id, if it was learned.
        failed_at: Epoch milliseconds since when the record does not get through, or None.
        last_at: Epoch milliseconds of the newest line.
    """

    status: RecordStatus
    digest: bytes
    held: bytes | None
    vendor_id: str | None
    failed_at: int | None
    last_at: int

    @property
    def is_there(self) -> bool:
        """The vendor has some version of it."""
        return self.status is RecordStatus.ACCEPTED or self.held is not None


class LedgerRecord(t.NamedTuple):
    """A line of the ledger.

    Attributes:
        key: Business key, as `name=value`.
        digest: Hash of the body that was sent.
        status: What is known.
        vendor_id: The vendor's own id, if it was learned.
        attempts: Number of times it was sent.
        run: Run that wrote this line.
        first_at: UTC time of the first line of this key (ISO 8601).
        last_at: UTC time of this line.
        body: JSON text, kept only while it is needed: the body of a record whose outcome is
            unknown, the record as it came of one that waits.
        parent: What it waits for, as `stream` and business key with a tab between; or None.
        unsure: An attempt to send this version may have been executed, whatever `status` says.
        aliases: Further business keys (`name=value`) that the record is known by. Those that were
            noted earlier stay.
    """

    key: str
    digest: bytes
    status: RecordStatus
    vendor_id: str | None = None
    attempts: int = 0
    run: str = ""
    first_at: str = ""
    last_at: str = ""
    body: str | None = None
    parent: str | None = None
    unsure: bool = False
    aliases: tuple[str, ...] = ()


def digest_of(body: t.Mapping[str, t.Any]) -> bytes:
    """A hash of what would be sent: two bodies with one hash are the same body.

    Args:
        body: The body; the order of its properties does not count.

    Returns:
        16 bytes.
    """
    return hashlib.blake2b(codec.encode_sorted(body), digest_size=16).digest()
