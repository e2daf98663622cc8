"""Aimsio: `{entity}List` bodies, upserts on a business key (aimsio.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.assumption import doctor_hint
from erp_vendors.errors import DataError, MissingResourceError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.answers import Answers
from target_erp.delivery.change_stamps import is_same_version
from target_erp.delivery.documented import Documented
from target_erp.delivery.model import NOT_SHOWN, LookUpResult
from target_erp.delivery.policy import ALL_ABILITIES
from target_erp.delivery.writer import Statement
from target_erp.writers.aimsio_records import AimsioRecords, Wanted
from target_erp.writers.answer_check import by_schema, row_of
from target_erp.writers.keys import Keys, no_key, references_of
from target_erp.writers.write_validator import WriteValidator, without_nulls

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aimsio import AimsioClient, AimsioResource
    from erp_vendors.http import Answer
    from target_erp.writers.keys import Key

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
    # Whether a POST keeps what it does not name is not known (6, UNK).
    replaces = True
    answers: Answers

    def __init__(
        self, client: AimsioClient, resource: AimsioResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"aimsio_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.after = tuple(f"aimsio_{name}" for name in resource.after)
        natural, own = resource.natural_keys, resource.primary_keys
        # Where the documents name the keys, one of the user's own tells no new record from an old.
        self._needed = () if resource.assumed_keys or resource.status_only else natural
        own = () if set(own) <= set(natural) else own
        given = () if self._needed or set(keys) <= set(natural) else tuple(keys)
        self._keys = self._alternatives(own, given)
        self.keys = self._keys.single
        self.upsert = bool(self._needed) or (bool(natural) and not own and not given)
        self.batch_size = client.block.get("batch_size") if self.upsert else 1
        self.can_look_up = bool(resource.path)
        self.abilities = ALL_ABILITIES if self.can_look_up else frozenset()
        self.needed_to_create = self._needed
        self.stamp = resource.replication_key or ""
        self._send_nulls = client.block.get("null_values") == "send"
        self._validator = WriteValidator.of(
            self.vendor, resource, partial=client.block.get("partial_updates")
        )
        self.documented = Documented.of(
            self.vendor,
            resource,
            keys=self._alternatives(own, ()).alternatives,
            left_out=resource.read_only,
        )
        self._records = AimsioRecords(client, resource, self.identify, self._is_id, self.workers)
        self._warned: set[str] = set()
        self.answers = Answers(
            self.stream, documented=by_schema(resource.answer_schema), given=resource.success
        )
        self.statement = self._statement()

    def identify(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries, best one first."""
        return self._matched(record, self._keys.of(record))

    def _alternatives(self, own: t.Sequence[str], given: t.Sequence[str]) -> Keys:
        """What identifies a record: keys of the settings, of the documents, of the SCHEMA."""
        return Keys(own, *((name,) for name in self.resource.natural_keys), given)

    def prepare(self, record: Body) -> Prepared:
        """Leave out what only the GET schema has, and check the rest; see `Writer.prepare`."""
        key = self.identify(record)
        needed = () if self.policy.match_on else self._needed
        if not key or (needed and not any(name in needed for name, _ in key)):
            raise no_key(self._needed or self._keys)
        body = {
            name: value for name, value in record.items() if not self._is_read_only(name, value)
        }
        if not self._send_nulls:
            body = without_nulls(body)
        # What the vendor's record will tell need not be there yet.
        told = dict.fromkeys(self._needed, "0") if self.policy.match_on else {}
        self._validator.check({**told, **body})
        return Prepared(key, body, references_of(self.vendor, self.resource, body))

    def is_idempotent(self, write: Write) -> bool:
        """Without a proven key, only a record that the vendor has may be sent again."""
        return self.upsert or write.vendor_id is not None

    def send(self, writes: list[Write]) -> None:
        """POST a batch; see `Writer.send`."""
        repeatable = all(self.is_idempotent(write) for write in writes)
        bodies = [write.body for write in writes]
        answer = self.client.post(self.resource, bodies, repeatable=repeatable)
        _raise_refusal(answer)
        self.answers.check(answer, writes)
        self._records.unmark()
        if self.policy.reads:
            self._records.note_written(bodies)

    def mark(self) -> None:
        """Remember the index; see `Writer.mark`."""
        if self.can_look_up:
            self._records.mark()

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:
        """The guid or id of the record with this key; see `Writer.find`."""
        try:
            return self._look(write, fresh=fresh)
        except DataError as error:
            return LookUpResult.cannot_tell(str(error))

    def currents(
        self, writes: t.Sequence[Write], *, contents: bool
    ) -> list[LookUpResult | RefusedError]:
        """See `Writer.currents`: the index, and single records that are kept."""
        return self._records.currents(
            [self._wanted(write, contents=contents) for write in writes], self.policy.match_on
        )

    def _wanted(self, write: Write, *, contents: bool) -> Wanted:
        ids = [value for name, value in write.key if self._is_id(name)]
        if write.vendor_id:
            ids.append(write.vendor_id)
        return Wanted(
            () if self.policy.match_on else tuple(ids),
            write.key,
            lambda stamp: contents or not is_same_version(stamp, self.stamp_of(write.record)),
        )

    def is_empty(self) -> bool:
        """See `Writer.is_empty`."""
        index = self.client.index(self.resource)
        return not index.entries and not index.faults

    def anchor(self, row: Body) -> Body:
        """See `Writer.anchor`: the guid, or else a key by which a POST upserts."""
        names = (self.resource.guid, *self.resource.natural_keys, *self.resource.primary_keys)
        known = ((name, row[name]) for name in names if row.get(name) not in (None, ""))
        return dict([pair]) if (pair := next(known, None)) else {}

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        return row_of(self.find(write, fresh=False)) if self.can_look_up else None

    def control(self) -> bool:
        """Whether the newest record of the index is found by its keys; see `Writer.control`."""
        try:
            key = self._records.newest()
            return bool(key) and self._records.find(key, fresh=False) is not None
        except DataError:
            return False

    def _look(self, write: Write, *, fresh: bool) -> LookUpResult:
        for value in (value for name, value in write.key if self._is_id(name)):
            row = self.client.detail(self.resource, value)
            if row is not None:
                self._records.check(row, value)
                return LookUpResult.found(value, row, changed=self._records.changed(value))
        others = tuple(pair for pair in write.key if not self._is_id(pair[0]))
        found = self._records.find(others, fresh=fresh) if others else None
        return (
            NOT_SHOWN
            if found is None
            else LookUpResult.found(found.id, found.row, changed=found.changed)
        )

    def _is_id(self, name: str) -> bool:
        """Whether a property holds what the index lists and a single record is asked for by."""
        natural = self.resource.natural_keys
        is_guid = name.lower().endswith("guid") and (name in natural or not natural)
        return name in {"id", "guid"} or is_guid

    def _statement(self) -> Statement:
        success = "learned (5.2, UNK)"
        if self.resource.answer_schema is not None:
            success = "an answer that fits the OpenAPI file's schema; else it is learned"
        if not self.can_look_up:
            return Statement(success, "cannot be asked", "nothing")
        keys = " or ".join(f"`{' and '.join(names)}`" for names in self._keys.alternatives)
        return Statement(
            success,
            f"the index and single records, newest first (4.1, DOC), by {keys}",
            "no record of a sound index, and its newest one is found (that it is whole: 4.1, UNK)",
        )

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

    def carried(self, row: Body) -> Body:
        """See `Writer.carried`."""
        own = super().carried(row)
        return {name: v for name, v in own.items() if _child_stream(name, v) is None}

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

    # A POST changes nothing but the status.
    replaces = False

    def __init__(
        self, client: AimsioClient, resource: AimsioResource, keys: t.Sequence[str]
    ) -> None:
        super().__init__(client, resource, keys)
        self.upsert = True
        self.batch_size = client.block.get("batch_size")
        self.abilities -= {"create_only"}
        self.inability = "its records cannot be created, only their status can be changed"
        self._existing: set[str] | None = None

    def _alternatives(self, own: t.Sequence[str], given: t.Sequence[str]) -> Keys:
        """As of any entity, and by what the index lists."""
        known = super()._alternatives(own, given).alternatives
        return Keys(*known, ("guid",), ("id",))

    def prepare(self, record: Body) -> Prepared:
        """Keep key and status; refuse what would create a record."""
        key = self.identify(record)
        if not self.updates_only and not self._exists(key):
            msg = (
                f"{self.resource.name} cannot be created through the API, only the status of "
                "existing ones can be changed, and no existing one has this key"
            )
            raise RefusedError(msg, reason="would_create")
        keys = {part: record[part] for name, _ in key for part in name.split(",")}
        status = {name: value for name, value in record.items() if "status" in name.lower()}
        if not status:
            msg = "it carries no status, and only the status can be changed"
            raise RefusedError(msg, reason="no_status")
        body = {**keys, **status}
        self._validator.check(body)
        return Prepared(key, body)

    def _is_id(self, name: str) -> bool:  # noqa: ARG002
        """Any key may be what the index lists: nothing else tells that a record exists."""
        return True

    def _exists(self, key: Key) -> bool:
        ids = {value for _, value in key}
        if not ids:
            return False
        if self._existing is None:
            try:
                index = self.client.index(self.resource)
            except MissingResourceError:
                logger.warning(
                    "%s: no index here, so the vendor must tell; %s",
                    self.stream,
                    doctor_hint(self.vendor, "paths"),
                )
                return True
            if index.faults and ids.isdisjoint(str(entry.id) for entry in index.entries):
                msg = f"whether it exists cannot be told: {index.faults[0]}"
                raise RefusedError(msg, reason="no_look_up")
            self._existing = {str(entry.id) for entry in index.entries}
        return not ids.isdisjoint(self._existing)


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


def _raise_refusal(answer: Answer) -> None:
    """Raise a list of errors inside a 2xx; what else a refusal looks like is unknown (5.2)."""
    try:
        said = answer.json()
    except ValueError:
        return
    if isinstance(said, dict) and isinstance(said.get("errors"), list) and said["errors"]:
        msg = f"the vendor answered {answer.status} with: {answer.text[:300]}"
        raise RefusedError(
            msg,
            reason="refused",
            status=answer.status,
            answer=answer.text,
            attempts=answer.attempts,
        )
