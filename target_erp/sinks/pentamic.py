"""Pentamic: POST creates, PUT replaces, and nothing upserts (pentamic.md 6)."""

from __future__ import annotations

import threading
import time
import typing as t

from erp_vendors.errors import DataError
from erp_vendors.pentamic import answers
from erp_vendors.pentamic.auth import UNKNOWN_ID, RefusedRecordError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.door import Door, without_nulls
from target_erp.sinks.garbled import lost_answer
from target_erp.sinks.keys import no_key, with_given

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.pentamic.client import PentamicClient
    from erp_vendors.pentamic.resources import PentamicResource
    from target_erp.delivery.outcome import Body

    _Rows = dict[tuple[str, str], list[Body]]

_NATURAL = "taxCode"


class PentamicWriter(Writer):
    """Writes one resource: a record with an id, or with a known tax code, is updated."""

    vendor = "pentamic"
    upsert = False
    # A second POST makes a second customer, so the list is read first (6, INF).
    look_first = True
    deletable = True

    def __init__(
        self, client: PentamicClient, resource: PentamicResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"pentamic_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.natural = _NATURAL if resource.name == "customers" else ""
        own = tuple(name for name in (resource.key, self.natural) if name)
        self.keys, self._together = with_given(own, tuple(keys))
        # What is listed per parent is not listed whole.
        self.findable = self.look_first = bool(resource.path) and not resource.is_child
        self._send_nulls = client.block.get("null_values") == "send"
        self._door = Door.of(self.vendor, resource)
        self._listing = _Listing(
            resource.key, lambda again: client.rows(resource, again=again), self._keys_in
        )

    def prepare(self, record: Body) -> Prepared:
        """Check the record; see `Writer.prepare`."""
        key = self.identify(record)
        if not key:
            raise no_key(self.keys, self._together)
        body = dict(record) if self._send_nulls else without_nulls(record)
        # The id goes into the path (6), where its type does not show.
        self._door.check({name: value for name, value in body.items() if name != self.resource.key})
        return Prepared(key, body)

    def repeats(self, write: Write) -> bool:
        """An update may be repeated, a creation may not."""
        return self._id(write) is not None

    def send(self, writes: list[Write]) -> None:
        """Create or update one record; see `Writer.send`."""
        (write,) = writes
        body = {name: value for name, value in write.body.items() if name != self.resource.key}
        key = self._id(write)
        write.created = key is None
        if key is not None:
            self.client.update(self.resource, key, body)
            write.vendor_id = key
        else:
            answer = self.client.create(self.resource, body)
            if answer.body.strip() and not answers.properties_of(answer.body) and self.findable:
                # The answer is the customer (6, DOC), so nobody knows what this one means.
                raise lost_answer(self.stream, answer)
            write.vendor_id = self._id_in(answer.body)
        self._listing.add({**body, self.resource.key: write.vendor_id})

    def delete(self, write: Write) -> None:
        """Delete one record by its id, or the one with its tax code; see `Writer.delete`."""
        key = self._id(write)
        if key is None and self.findable:
            key = self.find(write, fresh=False)
        if key is None:
            return
        try:
            self.client.delete(self.resource, key)
        except RefusedRecordError as error:
            if error.code != UNKNOWN_ID:
                raise
        self._listing.remove(key)

    def find(self, write: Write, *, fresh: bool) -> str | None:
        """The id of the one record with this id or business key; see `Writer.find`.

        Raises:
            RefusedError: If several have this business key.
        """
        row = self._look(write, fresh=fresh)
        return None if row is None else str(row[self.resource.key])

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        return self._look(write, fresh=False) if self.findable else None

    def _look(self, write: Write, *, fresh: bool) -> Body | None:
        name, value = write.key[0]
        found = self._listing.find((name, self._plain(name, value)), fresh=fresh)
        if len(found) > 1:
            ids = ", ".join(str(row.get(self.resource.key)) for row in found)
            msg = f"{len(found)} records have the {name} {value} ({ids}); name one by its id"
            raise RefusedError(msg, reason="ambiguous")
        if found and found[0].get(self.resource.key) is None:
            msg = f"pentamic: the record with the {name} {value} has no {self.resource.key}"
            raise DataError(msg)
        return found[0] if found else None

    def _id(self, write: Write) -> str | None:
        return dict(write.key).get(self.resource.key) or write.vendor_id

    def _id_in(self, body: bytes) -> str | None:
        """The id that the vendor gave; without one the next run finds it by tax code."""
        key = answers.properties_of(body).get(self.resource.key)
        return None if key is None else str(key)

    def _keys_in(self, row: Body) -> tuple[tuple[str, str], ...]:
        return tuple((name, self._plain(name, value)) for name, value in self.identify(row))

    def _plain(self, name: str, value: str) -> str:
        # A server that sends numbers has lost the zeros (pentamic.md 3).
        return value.strip().lstrip("0") if name == self.natural else value


class _Listing:
    """A whole list, by the keys of its records."""

    def __init__(
        self,
        key: str,
        read: t.Callable[[bool], list[t.Any]],
        keys_in: t.Callable[[Body], tuple[tuple[str, str], ...]],
    ) -> None:
        """Nothing is read yet.

        Args:
            key: The id of a record.
            read: Reads the list; with True not from what was read before.
            keys_in: The keys of a record, comparable.
        """
        self._key = key
        self._read = read
        self._keys_in = keys_in
        self._rows: dict[tuple[str, str], list[Body]] | None = None
        self._begun = 0.0
        self._lock = threading.Lock()

    def find(self, key: tuple[str, str], *, fresh: bool) -> list[Body]:
        """The records with a key.

        Args:
            key: Name and value.
            fresh: They must stand in a list that was asked for after this moment; those who wait
                for the same list share it.
        """
        now = time.monotonic()
        with self._lock:
            if self._rows is None or (fresh and self._begun < now):
                begun = time.monotonic()
                # What was read before this writer wrote is no answer any more.
                rows = self._read(fresh or self._begun > 0)
                self._rows, self._begun = {}, begun
                for row in rows:
                    if isinstance(row, dict):
                        self._note(self._rows, row)
            return list(self._rows.get(key, ()))

    def add(self, row: Body) -> None:
        """Note a record that was written, so that the next one with its key is not created.

        Args:
            row: The record with its id; without one, the list has to be read anew.
        """
        with self._lock:
            if self._rows is not None and row.get(self._key) is not None:
                self._drop(self._rows, row[self._key])
                self._note(self._rows, row)
            else:
                self._rows = None

    def remove(self, value: str) -> None:
        """Forget a record that was deleted.

        Args:
            value: Its id.
        """
        with self._lock:
            if self._rows is not None:
                self._drop(self._rows, value)

    def _note(self, rows: _Rows, row: Body) -> None:
        for key in self._keys_in(row):
            rows.setdefault(key, []).append(row)

    def _drop(self, rows: _Rows, value: object) -> None:
        for old in list(rows.get((self._key, str(value)), ())):
            for place in self._keys_in(old):
                rows[place] = [row for row in rows[place] if row is not old]


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of a Pentamic resource.

    Args:
        plugin: The target, with a `pentamic` block.
        name: Resource name.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such resource or it cannot be written.
    """
    client: PentamicClient = plugin.client("pentamic")
    resource = client.resources.get(name)
    if resource is None or resource.write_path is None:
        return None
    return PentamicWriter(client, resource, keys)
