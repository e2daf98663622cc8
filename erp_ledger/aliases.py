"""Records that are known by several business keys."""

from __future__ import annotations

import collections
import typing as t

from erp_ledger.partitions import Partitions, stored
from erp_ledger.store import Change

_ALIAS = """INSERT INTO erp_aliases (partition, alias, key) VALUES {rows}
    ON CONFLICT (partition, alias) DO UPDATE SET key = excluded.key
    WHERE erp_aliases.key <> excluded.key"""
_AT_ONCE = 1_000
"""Records that are read together."""


class Aliases(Partitions):
    """Further business keys (aliases) of the ledger's records."""

    def __init__(self, *args: t.Any) -> None:  # noqa: ANN401 - as its base
        super().__init__(*args)
        self._has_aliases: dict[int, bool] = {}

    def aliased(self, account: str, stream: str, keys: t.Collection[str]) -> dict[str, str]:
        """Which of some keys are further names of lines that have another key.

        It costs nothing as long as no line of the stream has further names. What another process
        adds meanwhile may be missed, so only who has the lease may rely on it.

        Args:
            account: Whose data it is.
            stream: Sink name.
            keys: Business keys, any number.

        Returns:
            Key of the line, by the name that was asked for; other names are left out.
        """
        partition = self._partition_of(account, stream)
        if partition is None or not keys:
            return {}
        if partition not in self._has_aliases:
            rows = self._store.read(
                "SELECT 1 FROM erp_aliases WHERE partition = ? LIMIT 1", (partition,)
            )
            self._has_aliases.setdefault(partition, bool(rows))
        if not self._has_aliases[partition]:
            return {}
        found = self._rows_of(account, stream, "erp_aliases", "alias, key", keys)
        return {alias: key for alias, (key,) in found.items()}

    def named(self, account: str, stream: str, names: t.Iterable[tuple[str, str]]) -> list[Change]:
        """The changes that write further names of lines, for `commit`.

        Args:
            account: Whose data it is.
            stream: Sink name.
            names: Pairs of a further name and the key of its line.
        """
        return self._named(self.partition(account, stream), names)

    def names_of(
        self, account: str, stream: str
    ) -> t.Iterator[tuple[str, tuple[str, ...], str | None]]:
        """All names of each record that the vendor has from us.

        Records may change while this is read; each is given at most once.

        Args:
            account: Whose data it is.
            stream: Sink name.

        Yields:
            Key of the line, its further names, and the vendor's id if it was learned. The keys
            come in the order that the store has for texts.
        """
        partition = self._partition_of(account, stream)
        last: str | None = None
        while partition is not None:
            after = ("", ()) if last is None else ("AND key > ? ", (last,))
            rows = self._store.read(
                "SELECT key, vendor_id FROM erp_records WHERE partition = ? "  # noqa: S608
                f"AND (status = 'accepted' OR held IS NOT NULL) {after[0]}"
                f"ORDER BY key LIMIT {_AT_ONCE}",
                (partition, *after[1]),
            )
            if not rows:
                return
            last = rows[-1][0]
            aliases = self._aliases_of(partition, [key for key, _ in rows])
            for key, vendor_id in rows:
                yield key, tuple(aliases.get(key, ())), vendor_id

    def _aliases_of(self, partition: int, keys: list[str]) -> dict[str, list[str]]:
        condition, values = self._store.among("key", keys)
        rows = self._store.read(
            f"SELECT key, alias FROM erp_aliases WHERE partition = ? AND {condition} "  # noqa: S608
            "ORDER BY alias",
            (partition, *values),
        )
        found: dict[str, list[str]] = collections.defaultdict(list)
        for key, alias in rows:
            found[key].append(alias)
        return found

    def _named(self, partition: int, names: t.Iterable[tuple[str, str]]) -> list[Change]:
        """The changes of the store that keep pairs of alias and key."""
        rows = [(partition, stored(alias), stored(key)) for alias, key in names if alias != key]
        if not rows:
            return []
        self._has_aliases[partition] = True
        return [Change(_ALIAS, "(?, ?, ?)", list(dict.fromkeys(rows)))]
