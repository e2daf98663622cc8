"""Aimsio's records by business key: the API gives an index of ids and single records only."""

from __future__ import annotations

import threading
import typing as t

from erp_vendors.errors import DataError
from erp_vendors.http import ordered_map

if t.TYPE_CHECKING:
    from erp_vendors.aimsio import AimsioClient, AimsioResource
    from erp_vendors.aimsio.client import IndexEntry
    from target_erp.delivery.outcome import Body
    from target_erp.sinks.keys import Key

    Found = tuple[str, Body]


class Records:
    """The full records of one entity, read as far as somebody searched.

    A search reads the newest ones first and ends where it finds something; what was read is kept
    by id and `updatedAt`, so that a later search asks only for what changed.
    """

    def __init__(
        self,
        client: AimsioClient,
        resource: AimsioResource,
        key_of: t.Callable[[Body], Key],
        workers: int,
    ) -> None:
        """Nothing is read yet.

        Args:
            client: The account.
            resource: An entity that has an index.
            key_of: The keys of a record.
            workers: Calls at once.
        """
        self._client = client
        self._resource = resource
        self._key_of = key_of
        self._workers = workers
        self._read: dict[IndexEntry, Body] = {}
        self._places: dict[tuple[str, str], IndexEntry] = {}
        self._unread: list[IndexEntry] | None = None
        self._lock = threading.Lock()

    def find(self, key: Key, *, fresh: bool) -> Found | None:
        """The record that carries one of some keys.

        Args:
            key: The keys, best one first.
            fresh: Look at the index anew.

        Returns:
            Its id in the index and the record; None if no record has them.

        Raises:
            DataError: If the index is broken, so that an absence would prove nothing.
            ErpError: If the vendor cannot be asked.
        """
        with self._lock:
            if fresh or self._unread is None:
                self._look(again=fresh)
            while True:
                entry = next((self._places[pair] for pair in key if pair in self._places), None)
                if entry is not None:
                    return str(entry.id), self._read[entry]
                if not self._unread:
                    return None
                self._read_some()

    def _look(self, *, again: bool) -> None:
        index = self._client.index(self._resource, again=again)
        if index.faults:
            msg = f"aimsio: a search would prove nothing: {index.faults[0]}"
            raise DataError(msg)
        entries = set(index.entries)
        # Without a stamp nobody knows whether a record has changed.
        self._read = {
            entry: row
            for entry, row in self._read.items()
            if entry in entries and entry.updated_at is not None
        }
        self._places = {}
        for entry, row in self._read.items():
            self._note(entry, row)
        unread = entries - self._read.keys()
        # The newest ones are taken from the end.
        self._unread = sorted(
            unread,
            key=lambda entry: (
                entry.updated_at is None,
                entry.updated_at or 0,
                str(entry.id),
            ),
        )

    def _read_some(self) -> None:
        unread = self._unread or []
        some, self._unread = unread[-self._workers :], unread[: -self._workers]
        outcomes = ordered_map(
            lambda entry: self._client.detail(self._resource, entry.id),
            reversed(some),
            workers=self._workers,
        )
        for outcome in outcomes:
            if outcome.error is not None:
                # What this round did not read, the next search will.
                self._unread += [entry for entry in some if entry not in self._read]
                raise outcome.error
            if outcome.result is not None:
                self._read[outcome.item] = outcome.result
                self._note(outcome.item, outcome.result)

    def _note(self, entry: IndexEntry, row: Body) -> None:
        for pair in self._key_of(row):
            self._places.setdefault(pair, entry)
