"""Aimsio's records by business key: the API gives an index of ids and single records only."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
import typing as t

from erp_vendors.errors import DataError, MissingResourceError
from erp_vendors.http import ordered_map
from target_erp.delivery import RefusedError
from target_erp.delivery.model import NOT_SHOWN, LookUpResult
from target_erp.delivery.unclear_answer import speaks_of_trouble
from target_erp.delivery.writer import OLDEST_READ
from target_erp.writers.keys import beside_match

if t.TYPE_CHECKING:
    from erp_vendors.aimsio import AimsioClient, AimsioResource
    from erp_vendors.aimsio.client import IndexEntry
    from target_erp.delivery.model import Body
    from target_erp.writers.keys import Key


logger = logging.getLogger("target-erp.aimsio")

_WORTH_SAYING = 100
"""Records that are read without a word."""


class AimsioMatch(t.NamedTuple):
    """A record that was searched for.

    Attributes:
        id: Its id in the index.
        row: The record.
        changed: Whether it has changed since `Records.mark`; None if nobody can tell.
    """

    id: str
    row: Body
    changed: bool | None


class Wanted(t.NamedTuple):
    """A record that is asked for before it is written.

    Attributes:
        ids: What may be its id in the index.
        key: Its keys, best one first.
        is_read: Whether its contents are needed, given the stamp that the index has for it.
    """

    ids: tuple[str, ...]
    key: Key
    is_read: t.Callable[[int | None], bool]


class AimsioRecords:
    """The full records of one entity, read as far as somebody searched.

    A search reads the newest ones first and ends where it finds something; what was read is kept
    by id and `updatedAt`, so that a later search asks only for what changed. That the index is
    whole is assumed (4.1, UNK), so finding nothing proves nothing by itself.
    """

    def __init__(
        self,
        client: AimsioClient,
        resource: AimsioResource,
        identify: t.Callable[[Body], Key],
        is_id: t.Callable[[str], bool],
        workers: int,
    ) -> None:
        """Make the look-ups of one resource.

        Args:
            client: The account.
            resource: An entity that has an index.
            identify: The keys of a record.
            is_id: Whether a property holds what the index lists.
            workers: Calls at once.
        """
        self._client = client
        self._resource = resource
        self._identify = identify
        self._is_id = is_id
        self._workers = workers
        self._read: dict[IndexEntry, Body] = {}
        self._places: dict[tuple[str, str], IndexEntry] = {}
        self._unread: list[IndexEntry] | None = None
        self._unusable: dict[IndexEntry, str] = {}
        self._marked: dict[str, int | None] | None = None
        self._entries: dict[str, IndexEntry] = {}
        self._own: dict[tuple[str, str], Body] = {}
        self._several: dict[tuple[str, str], list[IndexEntry]] = {}
        self._looked_at = float("-inf")
        self._announced = False
        self._lock = threading.Lock()

    def mark(self) -> None:
        """Remember the index as it is now.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        with self._lock:
            try:
                index = self._client.index(self._resource, again=True)
            except MissingResourceError:
                return  # there is no index here
            self._marked = {str(entry.id): entry.updated_at for entry in index.entries}
            self._unread = None

    def unmark(self) -> None:
        """Forget what `mark` has remembered: from now on the answers to writes are understood."""
        self._marked = None

    def find(self, key: Key, *, fresh: bool) -> AimsioMatch | None:
        """The record that carries one of some keys.

        Args:
            key: The keys, best one first.
            fresh: Look at the index anew. After `mark`, only what has changed since is read then:
                a record that has not was not written.

        Returns:
            The record; None if none of those that were read has them.

        Raises:
            DataError: If the index or a record is broken, so that an absence would prove nothing.
            ErpError: If the vendor cannot be asked.
        """
        with self._lock:
            if fresh or self._unread is None:
                self._look(again=fresh)
            unread = self._unread or []
            if fresh and self._marked is not None:
                unread = [entry for entry in unread if self._has_changed(entry) is not False]
            while True:
                entry = next((self._places[pair] for pair in key if pair in self._places), None)
                if entry is not None:
                    return AimsioMatch(str(entry.id), self._read[entry], self._has_changed(entry))
                if not unread:
                    self._prove_absence(key)
                    return None
                some, unread = unread[-self._workers :], unread[: -self._workers]
                self._read_some(some)

    def currents(
        self, wanted: t.Sequence[Wanted], match_on: tuple[str, ...]
    ) -> list[LookUpResult | RefusedError]:
        """What the vendor has of some records.

        The index is read at most once a minute. A record whose id it has is read if its contents
        are needed; for others the table is read, as far as it has not been.

        Args:
            wanted: The records.
            match_on: The business key of the sync, if that is the key.

        Raises:
            DataError: If the index or a record is broken.
            ErpError: If the vendor cannot be asked.
        """
        with self._lock:
            if self._unread is None or time.monotonic() - self._looked_at > OLDEST_READ:
                self._look(again=self._looked_at > 0)
            known = [self._entry_of(one) for one in wanted]
            details = [
                entry
                for one, entry in zip(wanted, known, strict=True)
                if entry is not None and entry not in self._read and one.is_read(entry.updated_at)
            ]
            self._read_all(list(dict.fromkeys(details)))
            found: list[LookUpResult | RefusedError] = []
            for one, entry in zip(wanted, known, strict=True):
                if entry is not None:
                    found.append(self._shown(one, entry))
                else:
                    found.append(self._search(one, match_on))
            return found

    def note_written(self, bodies: t.Iterable[Body]) -> None:
        """Note what this run has written, as what is kept is older.

        Args:
            bodies: What was sent.
        """
        with self._lock:
            for body in bodies:
                pairs = self._identify(body)
                entry = next((self._places[pair] for pair in pairs if pair in self._places), None)
                ids = (self._entries.get(value) for name, value in pairs if self._is_id(name))
                entry = entry or next((one for one in ids if one is not None), None)
                if entry is None:
                    self._own.update(dict.fromkeys(pairs, body))
                elif entry in self._read:
                    self._read[entry] = {**self._read[entry], **body}
                    self._note(entry, self._read[entry])

    def _entry_of(self, one: Wanted) -> IndexEntry | None:
        return next((self._entries[value] for value in one.ids if value in self._entries), None)

    def _shown(self, one: Wanted, entry: IndexEntry) -> LookUpResult:
        row = self._read.get(entry)
        if row is None and entry in self._unusable:
            return LookUpResult.cannot_tell(self._unusable[entry])
        needed = one.is_read(entry.updated_at)
        found = LookUpResult.found(str(entry.id), row if needed else None)
        return dataclasses.replace(found, stamp=entry.updated_at)

    def _search(self, one: Wanted, match_on: tuple[str, ...]) -> LookUpResult | RefusedError:
        """A record by its keys; the table is read until it is found, or as a whole."""
        self._announce()
        keys = one.key[:1] if match_on else one.key
        while True:
            entry = next((self._places[pair] for pair in keys if pair in self._places), None)
            unread = self._unread or []
            if not unread or (entry is not None and not match_on):
                break
            self._read_some(unread[-self._workers :])
        several = self._several.get(one.key[0], []) if match_on and one.key else []
        if several:
            (name, value), ids = one.key[0], ", ".join(str(entry.id) for entry in several[:5])
            msg = f"{len(several)} records have the {name} {value} ({ids}); name one by its guid"
            return RefusedError(msg, reason="ambiguous")
        if entry is not None:
            found = LookUpResult.found(str(entry.id), self._read[entry])
            return dataclasses.replace(found, stamp=entry.updated_at)
        own = next((self._own[pair] for pair in keys if pair in self._own), None)
        if own is not None:
            return LookUpResult.found("", own)
        other = next((pair for pair in one.key if pair in self._places), None)
        if other is not None:
            return beside_match(*other, match_on)
        try:
            self._prove_absence(keys)
        except DataError as error:
            return LookUpResult.cannot_tell(str(error))
        return NOT_SHOWN

    def _read_all(self, some: list[IndexEntry]) -> None:
        for start in range(0, len(some), self._workers):
            self._read_some(some[start : start + self._workers])

    def _announce(self) -> None:
        """Say how long it takes to read what has not been read."""
        left = len(self._unread or ())
        if left >= _WORTH_SAYING and not self._announced:
            self._announced = True
            rate = self._client.transport.budget.limits.per_second
            logger.warning(
                "aimsio_%s: records whose guid is not known are looked for in the whole table, "
                "once: %d calls, about %.0f minutes",
                self._resource.name,
                left,
                max(1.0, left / rate / 60),
            )

    def changed(self, key: str) -> bool | None:
        """Whether a record has changed since `mark`; None if nobody can tell.

        Args:
            key: Its id in the index.

        Raises:
            ErpError: If the vendor cannot be asked.
        """
        if self._marked is None:
            return None
        index = self._client.index(self._resource, again=True)
        entry = next((entry for entry in index.entries if str(entry.id) == key), None)
        return None if entry is None else self._has_changed(entry)

    def newest(self) -> Key:
        """The keys of the newest record of the index; none if there is none.

        Raises:
            DataError: If that record cannot be read.
            ErpError: If the vendor cannot be asked.
        """
        entries = self._client.index(self._resource).entries
        entry = max(entries, key=lambda entry: entry.updated_at or 0, default=None)
        row = None if entry is None else self._client.detail(self._resource, entry.id)
        return () if row is None else self._identify(row)

    def check(self, row: Body, key: str) -> None:
        """Let a record pass that was asked for by an id of the index.

        Args:
            row: The record.
            key: The id.

        Raises:
            DataError: If it is no record, or another one.
        """
        shown = self._identify(row)
        ids = {value for name, value in shown if self._is_id(name)}
        if ids and key not in ids:
            msg = f"aimsio: GET {self._resource.path}/{key} answers with another record"
            raise DataError(msg)
        # Details may lack what the index has, such as the guid.
        if not shown and (not row or speaks_of_trouble(row, ())):
            msg = f"aimsio: GET {self._resource.path}/{key} answers with something else"
            raise DataError(msg)

    def _has_changed(self, entry: IndexEntry) -> bool | None:
        marked = self._marked
        if marked is None or entry.updated_at is None:
            return None
        if str(entry.id) not in marked:
            return True
        before = marked[str(entry.id)]
        return None if before is None else before != entry.updated_at

    def _look(self, *, again: bool) -> None:
        index = self._client.index(self._resource, again=again)
        if index.faults:
            self._unread = None
            msg = f"aimsio: a search would prove nothing: {index.faults[0]}"
            raise DataError(msg)
        entries = set(index.entries)
        self._entries = {str(entry.id): entry for entry in index.entries}
        self._looked_at = time.monotonic()
        # Without a stamp nobody knows whether a record has changed.
        self._read = {
            entry: row
            for entry, row in self._read.items()
            if entry in entries and entry.updated_at is not None
        }
        self._places, self._unusable, self._own, self._several = {}, {}, {}, {}
        for entry, row in self._read.items():
            self._note(entry, row)
        # The newest ones are taken from the end.
        self._unread = sorted(
            entries - self._read.keys(),
            key=lambda entry: (entry.updated_at is None, entry.updated_at or 0, str(entry.id)),
        )

    def _read_some(self, some: list[IndexEntry]) -> None:
        outcomes = ordered_map(
            lambda entry: self._client.detail(self._resource, entry.id),
            reversed(some),
            workers=self._workers,
        )
        # What is not read in this round, the next search will.
        done = set()
        try:
            for outcome in outcomes:
                if outcome.error is not None:
                    raise outcome.error
                entry, row = outcome.item, outcome.result
                done.add(entry)
                if row is None:
                    # In the index, but not to be had: gone since, or asked for in a wrong way.
                    self._unusable[entry] = f"the record {entry.id} cannot be read"
                    continue
                try:
                    self.check(row, str(entry.id))
                except DataError as error:
                    self._unusable[entry] = str(error)
                    continue
                self._read[entry] = row
                self._note(entry, row)
        finally:
            self._unread = [entry for entry in self._unread or () if entry not in done]

    def _note(self, entry: IndexEntry, row: Body) -> None:
        for pair in self._identify(row):
            first = self._places.setdefault(pair, entry)
            if first is not entry:
                several = self._several.setdefault(pair, [first])
                if entry not in several:
                    several.append(entry)

    def _prove_absence(self, key: Key) -> None:
        if self._unusable:
            msg = f"aimsio: a search proves nothing: {next(iter(self._unusable.values()))}"
            raise DataError(msg)
        names = {name for name, _ in key}
        if self._places and not any(name in names for name, _ in self._places):
            msg = f"aimsio: a search proves nothing: no record shows {' or '.join(sorted(names))}"
            raise DataError(msg)
