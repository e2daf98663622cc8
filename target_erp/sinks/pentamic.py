"""Pentamic: POST creates, PUT replaces, and nothing upserts (pentamic.md 6)."""

from __future__ import annotations

import threading
import typing as t

from erp_vendors.pentamic import answers
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.keys import key_of, no_key

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.pentamic.client import PentamicClient
    from erp_vendors.pentamic.resources import PentamicResource
    from target_erp.delivery.outcome import Body

_NATURAL = "taxCode"


class PentamicWriter(Writer):
    """Writes one resource: a record with an id, or with a known tax code, is updated."""

    vendor = "pentamic"
    upsert = False
    findable = True
    # A second POST makes a second customer, so the list is read first (6, INF).
    look_first = True

    def __init__(
        self, client: PentamicClient, resource: PentamicResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"pentamic_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.keys = tuple(dict.fromkeys((resource.key, _NATURAL, *keys)))
        self._rows: list[Body] | None = None
        self._lock = threading.Lock()

    def prepare(self, record: Body) -> Prepared:
        """See `Writer.prepare`."""
        key = key_of(record, self.keys)
        if not key:
            raise no_key(self.keys)
        return Prepared(key, dict(record))

    def repeats(self, write: Write) -> bool:
        """An update may be repeated, a creation may not."""
        return self._id(write) is not None

    def send(self, writes: list[Write]) -> None:
        """Create or update one record; see `Writer.send`."""
        (write,) = writes
        body = {name: value for name, value in write.body.items() if name != self.resource.key}
        key = self._id(write)
        if key is not None:
            self.client.update(self.resource, key, body)
            write.vendor_id = key
        else:
            write.vendor_id = self._id_in(self.client.create(self.resource, body).body)

    def find(self, write: Write, *, fresh: bool) -> str | None:
        """The id of the one customer with this id or tax code; see `Writer.find`.

        Raises:
            RefusedError: If several have this tax code.
        """
        rows = self._list(fresh=fresh)
        key, code = dict(write.key).get(self.resource.key), dict(write.key).get(_NATURAL)
        if key is not None:
            found = [row for row in rows if str(row.get(self.resource.key)) == key]
        else:
            found = [row for row in rows if _plain(row.get(_NATURAL)) == _plain(code)]
        if len(found) > 1:
            ids = ", ".join(str(row.get(self.resource.key)) for row in found)
            msg = f"{len(found)} records have the {_NATURAL} {code} ({ids}); name one by its id"
            raise RefusedError(msg, reason="ambiguous")
        return str(found[0].get(self.resource.key)) if found else None

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        key = self.find(write, fresh=False)
        rows = self._list(fresh=False)
        return next((row for row in rows if str(row.get(self.resource.key)) == key), None)

    def _id(self, write: Write) -> str | None:
        return dict(write.key).get(self.resource.key) or write.vendor_id

    def _id_in(self, body: bytes) -> str | None:
        """The id that the vendor gave; without one the next run finds it by tax code."""
        key = answers.properties_of(body).get(self.resource.key)
        return None if key is None else str(key)

    def _list(self, *, fresh: bool) -> list[Body]:
        with self._lock:
            if self._rows is None or fresh:
                rows = self.client.rows(self.resource, again=fresh)
                self._rows = [row for row in rows if isinstance(row, dict)]
            return self._rows


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


def _plain(code: object) -> str:
    # A server that sends numbers has lost the zeros (pentamic.md 3).
    return str(code).strip().lstrip("0")
