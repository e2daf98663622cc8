"""CIMcloud: batches with one aggregate answer (cimcloud.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.cimcloud.search import exact
from erp_vendors.cimcloud.settings import SYNCHRONOUS_RECORDS
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.keys import key_of, no_key

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.cimcloud import CimcloudClient, CimcloudResource
    from erp_vendors.http import Answer

    Body = dict[str, t.Any]

logger = logging.getLogger("target-erp.cimcloud")

SYSTEM_COLUMNS = frozenset({"create_date", "last_modify_date"})
"""Kept by the site; an old stamp sent back would hide the change from the next reader."""
SECRET_COLUMNS = frozenset({"pw"})
"""Never shown (8.2)."""


class CimcloudWriter(Writer):
    """Writes one Standard resource."""

    vendor = "cimcloud"
    secrets = SECRET_COLUMNS

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"cimcloud_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.keys = tuple(dict.fromkeys((*resource.natural_keys, *keys)))
        # A row that nobody has named a key for is sent alone and only once.
        self.upsert = bool(self.keys)
        self.batch_size = client.block.get("batch_size") if self.upsert else 1
        self.after = tuple(f"cimcloud_{name}" for name in resource.after)
        self._send_nulls = client.block.get("null_values") == "send"
        if self.batch_size > SYNCHRONOUS_RECORDS:
            logger.warning(
                "%s: batches of more than %d are queued by the vendor, which does not say what "
                "becomes of them (cimcloud.batch_size)",
                self.stream,
                SYNCHRONOUS_RECORDS,
            )

    def prepare(self, record: Body) -> Prepared:
        """Check that a row is flat; see `Writer.prepare`."""
        nested = [name for name, value in record.items() if isinstance(value, (dict, list))]
        if nested:
            msg = (
                f"{', '.join(nested)}: nested values are not taken; lines are a stream of their own"
            )
            raise RefusedError(msg, reason="nested")
        key = key_of(record, self.keys)
        if self.keys and not key:
            raise no_key(self.keys)
        left_out = SYSTEM_COLUMNS | ({self.resource.surrogate} if len(key) > 1 else set())
        body = {
            name: value
            for name, value in record.items()
            if name not in left_out and (value is not None or self._send_nulls)
        }
        return Prepared(key, body)

    def send(self, writes: list[Write]) -> None:
        """POST or PUT a batch and check the aggregate answer; see `Writer.send`."""
        bodies = [write.body for write in writes]
        answer = self.client.write(self.resource, bodies, repeatable=self.upsert)
        if len(bodies) <= SYNCHRONOUS_RECORDS:
            _check(answer, len(bodies))
        else:
            logger.info("%s: %d rows queued: %s", self.stream, len(bodies), answer.text[:300])

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        if not write.key:
            return None
        name, value = write.key[0]
        try:
            search = exact(name, value)
        except ValueError as error:
            raise RefusedError(str(error), reason="no_search") from None
        return next(iter(self.client.page(self.resource, search)), None)


class PassthroughWriter(CimcloudWriter):
    """Sends one nested order a call to a server function that is no upsert (11)."""

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: t.Sequence[str]
    ) -> None:
        super().__init__(client, resource, keys)
        self.upsert = False
        self.batch_size = 1

    def prepare(self, record: Body) -> Prepared:
        """Take the order as it is; see `Writer.prepare`."""
        key = key_of(record, ("order_number",))
        if not key:
            raise no_key(("order_number",))
        return Prepared(key, dict(record))

    def current(self, write: Write) -> Body | None:  # noqa: ARG002
        """None: an order that passes through cannot be read back (11)."""
        return None

    def send(self, writes: list[Write]) -> None:
        """POST the order; its answer's shape is unknown (11), so only clear signs count."""
        answer = self.client.write(self.resource, writes[0].body, repeatable=False)
        said = _parse(answer)
        if isinstance(said, dict) and said.get("success") is False:
            raise _refused(answer, "the vendor refused the order")


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of a CIMcloud resource.

    Args:
        plugin: The target, with a `cimcloud` block.
        name: Resource name.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such resource or it cannot be written.
    """
    client: CimcloudClient = plugin.client("cimcloud")
    resource = client.resources.get(name)
    if resource is None or resource.write_path is None:
        return None
    return (PassthroughWriter if resource.special else CimcloudWriter)(client, resource, keys)


def _check(answer: Answer, sent: int) -> None:
    """The aggregate answer to a synchronous write (6.2)."""
    said = _parse(answer)
    if not isinstance(said, dict):
        raise _refused(answer, "the answer is not the documented object")
    if said.get("success") is not True:
        raise _refused(answer, str(said.get("message") or "the vendor says success is not true"))
    counts = [said.get(name, 0) for name in ("importedRecords", "updatedRecords")]
    done = sum(count for count in counts if isinstance(count, int))
    # An update may count in one of them or in both (6.2, UNK), so more is no sign of trouble.
    if done < sent:
        raise _refused(answer, f"the vendor took {done} of {sent} records")


def _parse(answer: Answer) -> object:
    try:
        return answer.json()
    except ValueError:
        return None


def _refused(answer: Answer, why: str) -> RefusedError:
    return RefusedError(
        f"{why} (HTTP {answer.status}: {answer.text[:300]})",
        reason="refused",
        status=answer.status,
        answer=answer.text,
        attempts=answer.attempts,
    )
