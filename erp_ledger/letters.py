"""What a dead letter says of its record: what it is called, and when it was refused."""

from __future__ import annotations

import hashlib
import typing as t

from erp_vendors.http import codec
from erp_vendors.masking import is_masked

_ID_BYTES = 6


def last_at(letter: t.Mapping[str, t.Any]) -> str:
    """When a record was refused last (ISO 8601).

    Args:
        letter: A dead letter.
    """
    return str(letter["last_at"])


def identity(letter: t.Mapping[str, t.Any]) -> str:
    """The business key that the ledger knows a record by; empty if it has none.

    That may be one that this version of the record did not carry.

    Args:
        letter: A dead letter.
    """
    return next(iter(keys_of(letter)), "")


def handle(letter: t.Mapping[str, t.Any]) -> str:
    """What people call a record by: its business key; without one, a text of its letter's own.

    Args:
        letter: A dead letter.
    """
    # Records that differ in what was masked are different records.
    told = letter if is_masked(letter["record"]) else letter["record"]
    return identity(letter) or f"record:{_hash(told)}"


def keys_of(letter: t.Mapping[str, t.Any]) -> list[str]:
    """The business keys of a record, as the ledger has them; none if it has none.

    Args:
        letter: A dead letter.
    """
    names = [f"{name}={value}" for name, value in letter["key"].items()]
    own = letter.get("identity")
    return list(dict.fromkeys([own, *names])) if own and names else names


def _hash(value: t.Mapping[str, t.Any]) -> str:
    return hashlib.blake2b(codec.encode_sorted(value), digest_size=_ID_BYTES).hexdigest()
