"""One record's line in the ledger."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import typing as t

from erp_vendors.http import codec


class Mark(str, enum.Enum):
    """What the ledger knows of the newest version of a record."""

    INTENT = "intent"
    """It was about to be sent; nobody noted what came of it."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger.

    Attributes:
        key: Business key, as `name=value`.
        digest: Hash of the body that was sent.
        mark: What is known.
        vendor_id: The vendor's own id, if it was learned.
        attempts: Number of times it was sent.
        run: Run that wrote this line.
        first_at: UTC time of the first line of this key (ISO 8601).
        last_at: UTC time of this line.
        body: The body as JSON text, kept only while the outcome is unknown.
    """

    key: str
    digest: str
    mark: Mark
    vendor_id: str | None = None
    attempts: int = 0
    run: str = ""
    first_at: str = ""
    last_at: str = ""
    body: str | None = None


def digest_of(body: t.Mapping[str, t.Any]) -> str:
    """A hash of what would be sent: two bodies with one hash are the same body.

    Args:
        body: The body; the order of its properties does not count.
    """
    return hashlib.blake2b(codec.encode_sorted(body), digest_size=16).hexdigest()
