"""Aimsio: `{entity}List` bodies, upserts on a business key (aimsio.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.errors import MissingResourceError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.aimsio_records import Records
from target_erp.sinks.door import Door, without_nulls
from target_erp.sinks.garbled import is_readable
from target_erp.sinks.keys import no_key, references_of, with_given

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aimsio import AimsioClient, AimsioResource
    from erp_vendors.http import Answer

    Body = dict[str, t.Any]

logger = logging.getLogger("target-erp.aimsio")

_CHILDREN = {
    # Stream of an embedded record, by the start of its property names, or of the array's name.
    "nrb": "aimsio_nrbs",
    "nonrecurring": "aimsio_nrbs",
    "crew": "aimsio_employees",
    "employ": "aimsio_employees",
    "equipment": "aimsio_equipment",
}


class AimsioWriter(Writer):
    """Writes one Aimsio entity.

    A POST is an upsert on the business keys that the vendor documents (6). A resource whose key
    only the user knows is written one record a call, and after a lost answer it is looked up.
    """

    vendor = "aimsio"

    def __init__(
        self, client: AimsioClient, resource: AimsioResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"aimsio_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.after = tuple(f"aimsio_{name}" for name in resource.after)
        natural = resource.natural_keys
        # Where the documents name the keys, a key of the user's own is no other way to say it.
        given: tuple[str, ...] = ()
        if not natural:
            given = tuple(keys) or resource.primary_keys
        elif resource.assumed_keys and not set(keys) <= set(natural):
            given = tuple(keys)
        self.keys, self._together = with_given(natural, given)
        self.upsert = bool(natural) and not given
        self.batch_size = client.block.get("batch_size") if self.upsert else 1
        self.findable = bool(resource.path)
        self._send_nulls = client.block.get("null_values") == "send"
        self._door = Door.of(self.vendor, resource, partial=client.block.get("partial_updates"))
        self._records = Records(client, resource, self.identify, self.workers)
        self._answers_text = False
        self._warned: set[str] = set()

    def prepare(self, record: Body) -> Prepared:
        """Leave out what only the GET schema has, and check the rest; see `Writer.prepare`."""
        key = self.identify(record)
        if not key:
            raise no_key(self.keys, self._together)
        body = {
            name: value for name, value in record.items() if not self._is_read_only(name, value)
        }
        if not self._send_nulls:
            body = without_nulls(body)
        self._door.check(body)
        return Prepared(key, body, references_of(self.vendor, self.resource, body))

    def repeats(self, write: Write) -> bool:
        """Without a proven key, only a record that the vendor has may be sent again."""
        return self.upsert or write.vendor_id is not None

    def send(self, writes: list[Write]) -> None:
        """POST a batch; see `Writer.send`."""
        repeatable = all(self.repeats(write) for write in writes)
        bodies = [write.body for write in writes]
        answer = self.client.post(self.resource, bodies, repeatable=repeatable)
        if repeatable and not self._answers_text and not is_readable(answer):
            # What a POST answers is unknown (5.2). Perhaps it is text; perhaps something between
            # here and the vendor has said it: once more, and if it says so again, it is text.
            answer = self.client.post(self.resource, bodies, repeatable=True)
            self._answers_text = not is_readable(answer)
        _check(answer)

    def find(self, write: Write, *, fresh: bool) -> str | None:
        """The guid or id of the record with this key; see `Writer.find`."""
        found = self._look(write, fresh=fresh)
        return None if found is None else found[0]

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        found = self._look(write, fresh=False)
        return None if found is None else found[1]

    def _look(self, write: Write, *, fresh: bool) -> tuple[str, Body] | None:
        for value in (value for name, value in write.key if _is_id(name)):
            row = self.client.detail(self.resource, value)
            if row is not None:
                return value, row
        others = tuple(pair for pair in write.key if not _is_id(pair[0]))
        return self._records.find(others, fresh=fresh) if others else None

    def _is_read_only(self, name: str, value: object) -> bool:
        if name not in self.resource.read_only:
            return False
        if name.endswith("FormData") and value and name not in self._warned:
            self._warned.add(name)
            logger.warning(
                "%s: %s is read-only and left out; Aimsio takes custom fields through its "
                "CustomFieldDataList schema only",
                self.stream,
                name,
            )
        return True


class JobOrderWriter(AimsioWriter):
    """Writes job orders without the NRB, crew and equipment records they carry when read."""

    def prepare(self, record: Body) -> Prepared:
        """Take embedded records out, and pass them on if the setting says so."""
        prepared = super().prepare(record)
        send = self.client.block.get("job_order_children") == "send"
        for name, value in list(prepared.body.items()):
            stream = _child_stream(name, value)
            if stream is None:
                continue
            del prepared.body[name]
            if send:
                # An NRB names its job, which must exist; crew and equipment come first.
                place = prepared.behind if stream == "aimsio_nrbs" else prepared.before
                place.extend((stream, child) for child in value)
        return prepared


class StatusWriter(AimsioWriter):
    """Changes the status of invoices and timecards, which a POST must not create (6, DOC)."""

    def __init__(
        self, client: AimsioClient, resource: AimsioResource, keys: t.Sequence[str]
    ) -> None:
        super().__init__(client, resource, keys)
        self.upsert = True
        self.batch_size = client.block.get("batch_size")
        self.keys = tuple(dict.fromkeys((*resource.natural_keys, *keys, "guid", "id")))
        self._together = ()
        self._existing: set[str] | None = None

    def prepare(self, record: Body) -> Prepared:
        """Keep key and status; refuse what would create a record."""
        key = self.identify(record)
        if not key or not self._exists(key):
            msg = (
                f"{self.resource.name} cannot be created through the API, only the status of "
                "existing ones can be changed, and no existing one has this key"
            )
            raise RefusedError(msg, reason="would_create")
        keys = {name: record[name] for name, _ in key}
        status = {name: value for name, value in record.items() if "status" in name.lower()}
        if not status:
            msg = "it carries no status, and only the status can be changed"
            raise RefusedError(msg, reason="no_status")
        body = {**keys, **status}
        self._door.check(body)
        return Prepared(key, body)

    def _look(self, write: Write, *, fresh: bool) -> tuple[str, Body] | None:  # noqa: ARG002
        rows = ((value, self.client.detail(self.resource, value)) for _, value in write.key)
        return next(((value, row) for value, row in rows if row is not None), None)

    def _exists(self, key: tuple[tuple[str, str], ...]) -> bool:
        if self._existing is None:
            try:
                index = self.client.index(self.resource)
            except MissingResourceError:
                logger.warning("%s: no index here, so the vendor must tell", self.stream)
                return True
            self._existing = {str(entry.id) for entry in index.entries}
        return any(value in self._existing for _, value in key)


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of an Aimsio resource.

    Args:
        plugin: The target, with an `aimsio` block.
        name: Resource name.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such resource or it cannot be written.
    """
    client: AimsioClient = plugin.client("aimsio")
    resource = client.resources.get(name)
    if resource is None or resource.write_path is None:
        return None
    if resource.status_only:
        return StatusWriter(client, resource, keys)
    return (JobOrderWriter if name == "job_orders" else AimsioWriter)(client, resource, keys)


def _is_id(name: str) -> bool:
    """Whether a property holds what the index lists and a single record is asked for by."""
    return name == "id" or name.lower().endswith("guid")


def _child_stream(name: str, value: object) -> str | None:
    """The stream that an embedded array of a job order belongs to.

    The arrays' names are not public (aimsio.md 8.4), so their content decides, and the name where
    they are empty.
    """
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    names = [key for item in value for key in item] or [name.removeprefix("job")]
    for start, stream in _CHILDREN.items():
        if any(key.lower().startswith(start) for key in names):
            return stream
    return None


def _check(answer: Answer) -> None:
    """Refusals inside a 2xx: the answer's shape is unknown, so only clear signs count (5.2)."""
    try:
        body = answer.json()
    except ValueError:
        return
    if not isinstance(body, dict):
        return
    problems = body.get("errors") or body.get("error")
    if body.get("success") is False or problems:
        msg = f"the vendor answered {answer.status} with: {answer.text[:300]}"
        raise RefusedError(
            msg,
            reason="refused",
            status=answer.status,
            answer=answer.text,
            attempts=answer.attempts,
        )
