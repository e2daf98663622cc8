"""CIMcloud: batches with one aggregate answer (cimcloud.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.cimcloud.search import exact
from erp_vendors.cimcloud.settings import SYNCHRONOUS_RECORDS
from erp_vendors.errors import DataError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.door import Door, without_nulls
from target_erp.sinks.garbled import is_readable
from target_erp.sinks.keys import no_key, references_of, with_given

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
    """Writes one Standard resource.

    A POST is an upsert on a column that is the table's primary or user key (6.1): one that the
    table names, or `primary_keys` in the settings. A column that only the SCHEMA message names may
    be none, and then a second POST would make a second row: such rows go out one a call, once the
    site has them only with PUT, which never creates, and after a lost answer they are looked up.
    """

    vendor = "cimcloud"
    secrets = SECRET_COLUMNS

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"cimcloud_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        natural = resource.natural_keys
        own = not set(resource.primary_keys) <= set(natural)
        self.upsert = own or bool(natural)
        if own:
            self.keys, self._together = with_given((), resource.primary_keys)
        else:
            self.keys, self._together = with_given(natural, () if natural else tuple(keys))
        self.findable = bool(resource.path) and bool(self.keys or self._together)
        self.batch_size = client.block.get("batch_size") if self.upsert else 1
        self.after = tuple(f"cimcloud_{name}" for name in resource.after)
        # A path holds one key.
        self.deletable = bool(client.block.get("delete_path")) and bool(self.keys)
        self._only_updates = client.block.get("write_method") == "PUT"
        self._send_nulls = client.block.get("null_values") == "send"
        # The types of the columns are assumed, and flags come as text (8).
        self._door = Door.of(
            self.vendor, resource, secrets=self.secrets, scalars=not resource.special
        )
        if self.findable and not self.upsert:
            logger.info(
                "%s: whether %s is a key of the site's table is not known, so rows go out one a "
                "call; if it is, name it in cimcloud.resources as primary_keys",
                self.stream,
                " and ".join(self.keys or self._together),
            )
        if self.batch_size > SYNCHRONOUS_RECORDS:
            logger.warning(
                "%s: batches of more than %d are queued by the vendor, which does not say what "
                "becomes of them (cimcloud.batch_size)",
                self.stream,
                SYNCHRONOUS_RECORDS,
            )

    def prepare(self, record: Body) -> Prepared:
        """Check that a row is flat and what the table takes; see `Writer.prepare`."""
        nested = [name for name, value in record.items() if isinstance(value, (dict, list))]
        if nested:
            msg = (
                f"{', '.join(nested)}: nested values are not taken; lines are a stream of their own"
            )
            raise RefusedError(msg, reason="nested")
        key = self.identify(record)
        if (self.keys or self._together) and not key:
            raise no_key(self.keys, self._together)
        left_out = SYSTEM_COLUMNS | ({self.resource.surrogate} if len(key) > 1 else set())
        body = {
            name: value
            for name, value in record.items()
            if name not in left_out and (value is not None or self._send_nulls)
        }
        self._door.check(body)
        return Prepared(key, body, references_of(self.vendor, self.resource, body))

    def repeats(self, write: Write) -> bool:
        """A PUT changes nothing more the second time, whatever the key is."""
        return self.upsert or self._is_update(write)

    def send(self, writes: list[Write]) -> None:
        """POST or PUT a batch and check the aggregate answer; see `Writer.send`."""
        bodies = [write.body for write in writes]
        method = "PUT" if self._is_update(writes[0]) else "POST"
        repeatable = self.repeats(writes[0])
        answer = self.client.write(self.resource, bodies, repeatable=repeatable, method=method)
        if repeatable and not is_readable(answer):
            # Perhaps something between here and the vendor has said it: once more.
            answer = self.client.write(self.resource, bodies, repeatable=True, method=method)
        if len(bodies) > SYNCHRONOUS_RECORDS:
            logger.info("%s: %d rows queued: %s", self.stream, len(bodies), answer.text[:300])
            return
        created, updated = _counts(answer, len(bodies), self._absence() if method == "PUT" else "")
        # An update may count in one of the two or in both (6.2, UNK).
        news = {(len(bodies), 0): True, (0, len(bodies)): False, (len(bodies), len(bodies)): False}
        for write in writes:
            write.created = news.get((created, updated))
            if write.key and not self.upsert:
                # From now on it is known to be there, and only PUT is used for it.
                write.vendor_id = write.key[0][1]

    def delete(self, write: Write) -> None:
        """Delete a row as `delete_path` says; see `Writer.delete`."""
        try:
            answer = self.client.delete(self.resource, *write.key[0])
        except ValueError as error:
            raise RefusedError(str(error), reason="no_search") from None
        said = None if answer is None else _parse(answer)
        if answer is not None and isinstance(said, dict) and said.get("success") is False:
            raise _refused(answer, str(said.get("message") or "the vendor did not delete it"))

    def find(self, write: Write, *, fresh: bool) -> str | None:  # noqa: ARG002
        """The row's key, if the site has it; see `Writer.find`."""
        try:
            row = self._look(write)
        except RefusedError as error:
            raise DataError(str(error)) from None
        return None if row is None else write.key[0][1]

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        return self._look(write) if write.key else None

    def _absence(self) -> str:
        """What it means that a PUT found nothing."""
        if self._only_updates:
            return "PUT only updates (cimcloud.write_method), and the site has no such row"
        names = " and ".join(self.keys or self._together)
        return (
            f"it was written before, and PUT does not find it by {names}: either it is gone, or "
            "that is no key of the site's table (name its key as primary_keys in "
            "cimcloud.resources)"
        )

    def _is_update(self, write: Write) -> bool:
        return self._only_updates or (not self.upsert and write.vendor_id is not None)

    def _look(self, write: Write) -> Body | None:
        """The row with the write's best key."""
        names, value = write.key[0]
        columns = names.split(",")
        values = [value] if len(columns) == 1 else [str(write.record[name]) for name in columns]
        try:
            search = exact(columns[0], values[0])
        except ValueError as error:
            raise RefusedError(str(error), reason="no_search") from None
        others = 0
        for page in self.client.pages(self.resource, search):
            for row in page:
                first, *rest = (
                    _same(row.get(name), wanted)
                    for name, wanted in zip(columns, values, strict=True)
                )
                if first and all(rest):
                    return row
                others += not first
        if others:
            # An ignored searchstring shows other rows, and then an absence proves nothing.
            msg = f"cimcloud: a search for {columns[0]} in {self.resource.path} shows other rows"
            raise DataError(msg)
        return None


class PassthroughWriter(CimcloudWriter):
    """Sends one nested order a call to a server function that is no upsert (11)."""

    def __init__(
        self, client: CimcloudClient, resource: CimcloudResource, keys: t.Sequence[str]
    ) -> None:
        super().__init__(client, resource, keys)
        self.upsert = False
        self.findable = self.deletable = False
        self.keys, self._together = ("order_number",), ()
        self.batch_size = 1

    def prepare(self, record: Body) -> Prepared:
        """Take the order as it is; see `Writer.prepare`."""
        key = self.identify(record)
        if not key:
            raise no_key(self.keys)
        body = dict(record) if self._send_nulls else without_nulls(record)
        self._door.check(body)
        return Prepared(key, body)

    def repeats(self, write: Write) -> bool:  # noqa: ARG002
        """Never: a second execution may make a second order."""
        return False

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


def _counts(answer: Answer, sent: int, absence: str) -> tuple[int, int]:
    """Rows created and updated, as the aggregate answer to a synchronous write tells (6.2)."""
    said = _parse(answer)
    if not isinstance(said, dict):
        raise _refused(answer, "the answer is not the documented object")
    if said.get("success") is not True:
        raise _refused(answer, str(said.get("message") or "the vendor says success is not true"))
    counts = (said.get(name, 0) for name in ("importedRecords", "updatedRecords"))
    created, updated = (count if isinstance(count, int) else 0 for count in counts)
    # An update may count in one of them or in both (6.2, UNK), so more is no sign of trouble.
    if created + updated < sent:
        why = f"the vendor took {created + updated} of {sent} records"
        if absence and sent == 1:
            why += f"; {absence}"
        raise _refused(answer, why)
    return created, updated


def _same(found: object, wanted: str) -> bool:
    # The usual collation of such a site's database takes no notice of case.
    return str(found).strip().casefold() == wanted.strip().casefold()


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
