"""Pentamic's lists: one answer holds everything, and nothing else can be asked (pentamic.md 4)."""

from __future__ import annotations

import threading
import time
import typing as t

from erp_vendors.errors import DataError

if t.TYPE_CHECKING:
    from target_erp.delivery.model import Body
    from target_erp.writers.keys import Key

    _Rows = dict[tuple[str, str], list[Body]]


class CustomerList:
    """A whole list, by the keys of its records."""

    def __init__(
        self,
        where: str,
        read: t.Callable[[bool], list[t.Any]],
        keys_in: t.Callable[[Body], Key],
        id_in: t.Callable[[Body], str | None],
    ) -> None:
        """Make the list; it is read when it is first asked for.

        Args:
            where: Names the list in messages.
            read: Reads it; with True not from what was read before.
            keys_in: The keys of a record, comparable.
            id_in: The vendor's id of a record.
        """
        self._where = where
        self._read = read
        self._keys_in = keys_in
        self._id_in = id_in
        self._rows: _Rows | None = None
        self._by_id: dict[str, Body] = {}
        self._size = 0
        self._names: frozenset[str] = frozenset()
        self._fault = ""
        self._written: set[str] = set()
        self._begun = 0.0
        self._lock = threading.Lock()

    def find(self, keys: t.Callable[[], Key], *, fresh: bool) -> list[Body]:
        """The records that have the best of some keys that any has.

        Args:
            keys: Gives the keys once the list is read, best one first, comparable; a record with
                another value of a better one is none.
            fresh: They must stand in a list that was asked for after this moment; those who wait
                for the same list share it.

        Raises:
            DataError: If there are none, and the list does not prove it.
            ErpError: If the vendor cannot be asked.
        """
        now = time.monotonic()
        with self._lock:
            if self._rows is None or (fresh and self._begun < now):
                begun = time.monotonic()
                # What was read before this writer wrote is no answer any more.
                self._take(self._read(fresh or self._begun > 0))
                self._begun = begun
            key = keys()
            for place, pair in enumerate(key):
                found = [
                    row for row in (self._rows or {}).get(pair, ()) if self._is(row, key[:place])
                ]
                if found:
                    return found
            self._prove_absence(key)
            return []

    def add(self, row: Body) -> None:
        """Note a record that was written, so that the next one with its key is not created.

        Args:
            row: The record with its id; without one, the list has to be read anew.
        """
        key = self._id_in(row)
        with self._lock:
            if key is not None:
                self._written.add(key)
            if self._rows is not None and key is not None:
                self._drop(self._rows, key)
                self._note(self._rows, row, key)
            else:
                self._rows = None

    def remove(self, key: str) -> None:
        """Forget a record that was deleted.

        Args:
            key: Its id.
        """
        with self._lock:
            self._written.discard(key)
            if self._rows is not None:
                self._drop(self._rows, key)

    def forget(self) -> None:
        """Forget the list that was read, because it is out of date."""
        with self._lock:
            self._rows = None

    def _take(self, rows: list[t.Any]) -> None:
        found: _Rows = {}
        self._by_id = {}
        for row in rows:
            key = self._id_in(row) if isinstance(row, dict) else None
            if key is not None:
                self._note(found, row, key)
        self._names = frozenset(name for name, _ in found)
        self._fault = ""
        lacking = sum(not isinstance(row, dict) or self._id_in(row) is None for row in rows)
        if lacking:
            self._fault = f"{lacking} of its {len(rows)} elements have no id"
        elif not self._written <= self._by_id.keys():
            self._fault = "it lacks a record that this run has written"
        elif not rows and self._size:
            self._fault = "it is empty, and was not before"
        self._rows, self._size = found, len(rows)

    def _is(self, row: Body, better: Key) -> bool:
        known = dict(self._keys_in(row))
        return all(known.get(name, value) == value for name, value in better)

    def _prove_absence(self, key: Key) -> None:
        if self._fault:
            msg = f"{self._where}: the list proves no absence: {self._fault}"
            raise DataError(msg)
        if self._size and not any(name in self._names for name, _ in key):
            names = " or ".join(name for name, _ in key)
            msg = f"{self._where}: the list proves no absence: none of its records shows {names}"
            raise DataError(msg)

    def _note(self, rows: _Rows, row: Body, key: str) -> None:
        self._by_id[key] = row
        for place in self._keys_in(row):
            rows.setdefault(place, []).append(row)

    def _drop(self, rows: _Rows, key: str) -> None:
        old = self._by_id.pop(key, None)
        for place in self._keys_in(old) if old is not None else ():
            rows[place] = [row for row in rows[place] if row is not old]
