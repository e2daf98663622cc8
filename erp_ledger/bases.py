"""What a writer last knew of the fields of a record: keyed hashes, and no contents."""

from __future__ import annotations

import secrets
import typing as t

from erp_ledger.partitions import Partitions, stored
from erp_ledger.store import Change

_PUT = """INSERT INTO erp_bases (partition, key, base) VALUES {rows}
    ON CONFLICT (partition, key) DO UPDATE SET base = excluded.base"""
_DROP = "DELETE FROM erp_bases WHERE partition = ? AND key IN (VALUES {rows})"
_MAKE_KEY = "INSERT INTO erp_base_key (number, secret) VALUES (1, ?) ON CONFLICT DO NOTHING"
_KEY_BYTES = 32


class Bases(Partitions):
    """The bases of records, by account, stream and business key."""

    _base_key: bytes = b""

    def base_key(self, *, make: bool = True) -> bytes:
        """The key of this ledger's field hashes: random, made once.

        Args:
            make: Make it if there is none yet; else the result is empty then.

        Raises:
            LedgerError: If the store fails.
        """
        if not self._base_key:
            rows = self._read_key()
            if not rows and make:
                self._store.apply([Change(_MAKE_KEY, "", [(secrets.token_bytes(_KEY_BYTES),)])])
                rows = self._read_key()  # another run may have been faster
            self._base_key = bytes(rows[0][0]) if rows else b""
        return self._base_key

    def bases(self, account: str, stream: str, keys: t.Collection[str]) -> dict[str, bytes]:
        """The bases of some records; those without one are left out.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys, any number.
        """
        rows = self._rows_of(account, stream, "erp_bases", "key, base", keys)
        return {key: bytes(base) for key, (base,) in rows.items()}

    def has_bases(self, account: str, stream: str) -> bool:
        """Whether any record of a sink has a base.

        Args:
            account: Whose data it is.
            stream: Sink name.
        """
        partition = self._partition(account, stream, make=False)
        found = "SELECT 1 FROM erp_bases WHERE partition = ? LIMIT 1"
        return partition is not None and bool(self._store.read(found, (partition,)))

    def based(self, account: str, stream: str, bases: t.Mapping[str, bytes]) -> list[Change]:
        """The changes that write the bases of records, in place of earlier ones, for `commit`.

        Args:
            account: Whose data it is.
            stream: Sink name.
            bases: By business key; an empty one is dropped.
        """
        partition = self.partition(account, stream)
        kept = [(partition, stored(key), bytearray(base)) for key, base in bases.items() if base]
        gone = [(stored(key),) for key, base in bases.items() if not base]
        changes = [Change(_PUT, "(?, ?, ?)", list(kept))] if kept else []
        return [*changes, Change(_DROP, "(?)", list(gone), (partition,))] if gone else changes

    def _read_key(self) -> list[tuple[t.Any, ...]]:
        return self._store.read("SELECT secret FROM erp_base_key WHERE number = 1", ())
