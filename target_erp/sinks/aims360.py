"""AIMS360: records can be created, and nothing else (aims360.md 6)."""

from __future__ import annotations

import logging
import re
import typing as t
import uuid

from erp_vendors.errors import CallError, DataError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.door import Door, without_nulls
from target_erp.sinks.garbled import is_readable, lost_answer
from target_erp.sinks.keys import no_key, with_given

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aims360.client import Aims360Client
    from erp_vendors.aims360.resources import Aims360Resource
    from target_erp.delivery.outcome import Body

logger = logging.getLogger("target-erp.aims360")

REFERENCE = "thirdPartyOrderID"
"""The caller's own number of an order: the one thing it can be found by (6.1)."""
_NUMBER = "order"
_CARD, _CARD_ON_FILE = "creditCard", "creditCardID"
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class CreateWriter(Writer):
    """Creates the records of one resource, each of them once."""

    vendor = "aims360"
    upsert = False
    # What is there cannot be changed through the API.
    create_only = True
    secrets = frozenset({_CARD})

    def __init__(
        self, client: Aims360Client, resource: Aims360Resource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"aims360_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        own, given = resource.primary_keys, tuple(keys)
        if len(own) > 1 or not given:
            self.keys, self._together = with_given((), own)
        else:
            self.keys, self._together = with_given(own, given)
        # The vendor knows no idempotency key; whether it refuses a second one is unknown (6.1).
        self.findable = self.look_first = bool(resource.path and (self.keys or self._together))
        self._send_nulls = client.block.get("null_values") == "send"
        self._door = Door.of(self.vendor, resource, secrets=self.secrets)
        self._warned = False

    def prepare(self, record: Body) -> Prepared:
        """See `Writer.prepare`; absent fields are left out, not sent as null (6.1)."""
        key = self.identify(record)
        if not key and (self.keys or self._together):
            raise no_key(self.keys, self._together)
        body = dict(record) if self._send_nulls else without_nulls(record)
        self._door.check(body)
        return Prepared(key, body)

    def send(self, writes: list[Write]) -> None:
        """Create one record; see `Writer.send`."""
        (write,) = writes
        if write.vendor_id is not None:
            name = write.key[0][0] if write.key else "key"
            msg = (
                f"one with this {name} exists ({write.vendor_id}); records of AIMS360 can be "
                "created through the API, but not changed"
            )
            raise RefusedError(msg, reason="exists")
        answer = self.client.create(self.resource, write.body)
        write.created = True
        if not is_readable(answer) and self.findable:
            # The documented answer is JSON (6.1), so nobody knows what this one means.
            raise lost_answer(self.stream, answer)
        try:
            said = answer.json()
        except ValueError:
            said = None
        known = self._id_in(said) if isinstance(said, dict) else None
        write.vendor_id = known or (write.key[0][1] if write.key else None)

    def find(self, write: Write, *, fresh: bool) -> str | None:
        """The vendor's id of the record with this key; see `Writer.find`."""
        row = self._look(write, fresh=fresh)
        return None if row is None else self._id_in(row) or write.key[0][1]

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        return self._look(write, fresh=False) if self.findable and write.key else None

    def _id_in(self, row: Body) -> str | None:
        """The vendor's name of a record."""
        names = (*self.resource.primary_keys, *self.resource.spare_keys)
        return next((str(row[name]) for name in names if row.get(name) is not None), None)

    def _look(self, write: Write, *, fresh: bool) -> Body | None:
        names = write.key[0][0].split(",")
        wanted = {name: write.record.get(name, write.key[0][1]) for name in names}
        name = names[0]
        try:
            rows = self._rows_with(name, wanted[name])
        except (CallError, DataError) as error:
            if fresh or (isinstance(error, CallError) and error.status is None):
                raise
            # The filter is assumed (6.1, INF). Where it does not work, only the ledger protects.
            if not self._warned:
                self._warned = True
                logger.warning("%s: cannot look for %s first: %s", self.stream, name, error)
            return None
        found = (row for row in rows if all(_same(row.get(n), v) for n, v in wanted.items()))
        return next(found, None)

    def _rows_with(self, name: str, value: object) -> list[Body]:
        rows = self.client.find(self.resource, name, _literal(name, value))
        # A server that ignores the filter answers with others, and then an absence proves nothing.
        others = [row for row in rows if not _same(row.get(name), value)]
        if others or len(rows) >= self.client.page_size:
            msg = f"aims360: a search for {name} shows other {self.resource.name}"
            raise DataError(msg)
        return rows


class OrderWriter(CreateWriter):
    """Creates orders, which are known by the caller's own number."""

    def __init__(
        self, client: Aims360Client, resource: Aims360Resource, keys: t.Sequence[str]
    ) -> None:
        super().__init__(client, resource, ())
        self.keys, self._together = with_given((REFERENCE,), tuple(keys))

    def prepare(self, record: Body) -> Prepared:
        """Refuse what exists, and what nobody could find again; see `Writer.prepare`."""
        if record.get(_NUMBER) not in (None, ""):
            msg = (
                f"it has the number {record[_NUMBER]}, so it exists; AIMS360 orders can be created "
                "through the API, but not changed"
            )
            raise RefusedError(msg, reason="exists")
        if not self.identify(record):
            msg = (
                f"it has no {REFERENCE}, so nobody could tell afterwards whether it was created; "
                "give it one"
            )
            raise RefusedError(msg, reason="no_key")
        card = record.get(_CARD)
        if isinstance(card, dict) and any(
            value not in (None, "") for name, value in card.items() if name != _CARD_ON_FILE
        ):
            msg = f"{_CARD}: card data is not sent; name a card on file by its {_CARD_ON_FILE}"
            raise RefusedError(msg, reason="card")
        return super().prepare(record)


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of an AIMS360 resource.

    Args:
        plugin: The target, with an `aims360` block.
        name: Resource name.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such resource or it cannot be written.
    """
    client: Aims360Client = plugin.client("aims360")
    resource = client.resources.get(name)
    if resource is None or resource.write_path is None:
        return None
    return (OrderWriter if name == "orders" else CreateWriter)(client, resource, keys)


def _literal(name: str, value: t.Any) -> t.Any:  # noqa: ANN401
    """A value for a filter: GUIDs, which the properties called ...ID hold, have no quotes (3)."""
    is_guid = name != REFERENCE and name.lower().endswith("id") and isinstance(value, str)
    return uuid.UUID(value) if is_guid and _GUID.fullmatch(value) else value


def _same(found: object, wanted: object) -> bool:
    return str(found).strip().casefold() == str(wanted).strip().casefold()
