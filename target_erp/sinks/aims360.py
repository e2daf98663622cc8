"""AIMS360: orders can be created, and nothing else (aims360.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.errors import CallError, DataError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.keys import key_of

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aims360.client import Aims360Client
    from erp_vendors.aims360.resources import Aims360Resource
    from target_erp.delivery.outcome import Body

logger = logging.getLogger("target-erp.aims360")

REFERENCE = "thirdPartyOrderID"
"""The caller's own number of an order: the one thing it can be found by (6.1)."""
_NUMBER = "order"


class OrderWriter(Writer):
    """Creates orders, each of them once."""

    vendor = "aims360"
    upsert = False
    findable = True
    # The vendor knows no idempotency key; whether it refuses a second order is unknown (6.1).
    look_first = True
    create_only = True

    def __init__(
        self, client: Aims360Client, resource: Aims360Resource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"aims360_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.keys = tuple(dict.fromkeys((REFERENCE, *keys)))

    def prepare(self, record: Body) -> Prepared:
        """Leave out what is null, as absent fields are not sent (6.1); see `Writer.prepare`."""
        if record.get(_NUMBER) not in (None, ""):
            msg = (
                f"it has the number {record[_NUMBER]}, so it exists; AIMS360 orders can be created "
                "through the API, but not changed"
            )
            raise RefusedError(msg, reason="exists")
        key = key_of(record, self.keys)
        if not key:
            msg = (
                f"it has no {REFERENCE}, so nobody could tell afterwards whether it was created; "
                "give it one"
            )
            raise RefusedError(msg, reason="no_key")
        return Prepared(key, _without_nulls(record))

    def send(self, writes: list[Write]) -> None:
        """Create one order; see `Writer.send`."""
        (write,) = writes
        if write.vendor_id is not None:
            msg = (
                f"an order with this {REFERENCE} exists ({write.vendor_id}); AIMS360 orders can be "
                "created through the API, but not changed"
            )
            raise RefusedError(msg, reason="exists")
        answer = self.client.create(self.resource, write.body)
        try:
            said = answer.json()
        except ValueError:
            return
        number = said.get(_NUMBER) if isinstance(said, dict) else None
        write.vendor_id = None if number is None else str(number)

    def find(self, write: Write, *, fresh: bool) -> str | None:
        """The number of the order with this reference; see `Writer.find`."""
        row = self._look(write, fresh=fresh)
        return None if row is None else str(row.get(_NUMBER) or row.get("orderID") or REFERENCE)

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        return self._look(write, fresh=False)

    def _look(self, write: Write, *, fresh: bool) -> Body | None:
        name, value = write.key[0]
        try:
            rows = self.client.find(self.resource, name, value)
        except (CallError, DataError) as error:
            if fresh or (isinstance(error, CallError) and error.status is None):
                raise
            # The filter is assumed (6.1, INF). Where it does not work, only the ledger protects.
            logger.warning("%s: cannot look for %s first: %s", self.stream, name, error)
            return None
        # A server that ignores the filter answers with other orders.
        return next((row for row in rows if str(row.get(name)) == value), None)


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
    return OrderWriter(client, resource, keys)


def _without_nulls(value: t.Any) -> t.Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
