"""Pentamic: POST creates, PUT replaces, and nothing upserts (pentamic.md 6)."""

from __future__ import annotations

import typing as t

from erp_vendors.errors import DataError
from erp_vendors.pentamic import answers
from erp_vendors.pentamic.auth import RECORD_ERRORS, UNKNOWN_ID, RefusedRecordError, is_code
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.answers import Answers, UnclearError
from target_erp.delivery.documented import Documented
from target_erp.delivery.model import ABSENT, Finding, LookUpResult
from target_erp.delivery.policy import ALL_ABILITIES
from target_erp.delivery.unclear_answer import speaks_of_trouble
from target_erp.delivery.writer import OLDEST_READ, Statement
from target_erp.writers.answer_check import by_schema, either, row_of
from target_erp.writers.keys import Keys, beside_match, no_key
from target_erp.writers.pentamic_list import CustomerList
from target_erp.writers.write_validator import WriteValidator, without_nulls

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.errors import CallError
    from erp_vendors.http import Answer
    from erp_vendors.pentamic.client import PentamicClient
    from erp_vendors.pentamic.resources import PentamicResource
    from target_erp.delivery.model import Body
    from target_erp.writers.keys import Key

_ID = "id"
"""The vendor's id of a customer, which stands in the path of an update (6, DOC)."""
_NATURAL = "taxCode"
_TELLING = ("taxCode", "name")
"""Properties in which an answer must be what was sent; both are required (8.1, DOC)."""


class PentamicWriter(Writer):
    """Writes one resource: a record with an id, or with a known tax code, is updated."""

    vendor = "pentamic"
    upsert = False
    # A second POST makes a second customer, so the list is read first (6, INF).
    check_before_create = True
    deletable = True
    # Name and tax code are required again, so a PUT probably replaces (6, INF).
    replaces = True
    answers: Answers
    _telling: tuple[str, ...]

    def __init__(
        self, client: PentamicClient, resource: PentamicResource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"pentamic_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        own = resource.primary_keys
        known = Keys(own or (_ID,))
        if resource.name == "customers":
            self.natural, self._telling = _NATURAL, _TELLING
            # A key that is named for reading takes nothing away from the documented ones.
            known = Keys(own, (_ID,), (_NATURAL,))
            extra = own if len(own) == 1 and own != (_NATURAL,) else ()
            self._ids = tuple(dict.fromkeys((_ID, *extra)))
        else:
            self.natural = ""
            self._ids = own if len(own) == 1 else (_ID,)
        self._keys = Keys(*known.alternatives, keys)
        if not self.natural:
            self._telling = tuple(name for name in self._keys.single if name not in self._ids)
        self._own_id = _ID if self.natural else self._ids[0]
        self.keys = self._keys.single
        # What is listed per parent is not listed whole.
        self.can_look_up = self.check_before_create = bool(resource.path) and not resource.is_child
        self.abilities = ALL_ABILITIES if self.can_look_up else frozenset()
        self._send_nulls = client.block.get("null_values") == "send"
        self.documented = Documented.of(self.vendor, resource, keys=known.alternatives)
        self._validator = WriteValidator.of(self.vendor, resource)
        self._listing = CustomerList(
            f"pentamic: GET {resource.path}",
            lambda again: client.rows(resource, again=again),
            self._keys_in,
            self._id_in,
        )
        self._in_file = by_schema(resource.answer_schema)
        self.answers = Answers(
            self.stream,
            documented=either(self._is_record, self._as_the_file_says),
            given=resource.success,
        )
        self.statement = self._statement()

    def identify(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries, best one first."""
        return self._matched(record, self._keys.of(record))

    def prepare(self, record: Body) -> Prepared:
        """Check the record; see `Writer.prepare`."""
        key = self.identify(record)
        if not key:
            raise no_key(self._keys)
        body = dict(record) if self._send_nulls else without_nulls(record)
        # The id goes into the path (6), where its type does not show.
        self._validator.check(
            {name: value for name, value in body.items() if name not in self._ids}
        )
        return Prepared(key, body)

    def cannot_create(self, write: Write) -> str:
        """A record with an id cannot be created, because the vendor alone gives ids (6, DOC)."""
        key = self._id(write)
        if key is None or not self.can_look_up:
            return ""
        return f"the vendor has no record with the id {key}, and gives new ones their ids"

    def is_idempotent(self, write: Write) -> bool:
        """An update may be repeated, a creation may not."""
        return self._id(write) is not None

    def send(self, writes: list[Write]) -> None:
        """Create or update one record; see `Writer.send`."""
        (write,) = writes
        key = self._id(write)
        body = self._body(write)
        if key is not None:
            method, answer = "PUT", self.client.update(self.resource, key, body)
        else:
            method, answer = "POST", self.client.create(self.resource, body)
        said = answers.properties_of(answer.body)
        code = said.get("error")
        if isinstance(code, str) and code in RECORD_ERRORS and self._new_id(said) is None:
            msg = f"{code}: {RECORD_ERRORS[code]}"
            raise RefusedError(msg, reason="refused", status=answer.status, answer=answer.text)
        try:
            self.answers.check(answer, writes, method=method)
        except UnclearError:
            self._listing.forget()
            raise
        # Anything else than the record itself proves neither.
        write.created = key is None if self._is_record(answer, said, writes) else None
        write.vendor_id = key or self._new_id(said)
        named = next((name for name in self._ids if name in dict(write.key)), self._ids[0])
        self._listing.add({**body, named: write.vendor_id})

    def is_refusal(self, error: CallError) -> bool:
        """Whether the answer has one of the vendor's codes (5.2); see `Writer.is_refusal`."""
        return is_code(answers.properties_of(error.body.encode()).get("error"))

    def delete(self, write: Write) -> None:
        """Delete one record by its id, or the one with its tax code; see `Writer.delete`."""
        key = self._id(write)
        if key is None:
            look = (
                self.find(write, fresh=False)
                if self.can_look_up
                else LookUpResult.cannot_tell("it has no id")
            )
            if look.finding is Finding.CANNOT_TELL:
                msg = f"it is not known which record it is ({look.why})"
                raise RefusedError(msg, reason="no_look_up")
            key = look.vendor_id
        if key is None:
            return
        write.vendor_id = key
        try:
            answer = self.client.delete(self.resource, key)
        except RefusedRecordError as error:
            if error.code != UNKNOWN_ID:
                raise
        else:
            # What it answers is not described (6), so the list proves it until that is learned.
            try:
                self.answers.check(answer, [write], method="DELETE")
            except UnclearError:
                self._listing.remove(key)
                self._listing.forget()
                raise
        self._listing.remove(key)

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:
        """The one record with this id or business key; see `Writer.find`.

        Raises:
            RefusedError: If several have this business key.
        """
        key = write.key
        if write.deletes and write.vendor_id is not None:
            key = ((self._ids[0], write.vendor_id),)
        return self._find(key, fresh=fresh)

    def _find(self, key: Key, *, fresh: bool = False) -> LookUpResult:
        def keys() -> Key:
            return tuple((name, self._plain(name, value)) for name, value in key)

        try:
            found = self._listing.find(keys, fresh=fresh)
        except DataError as error:
            return LookUpResult.cannot_tell(str(error), unreadable=True)
        if len(found) > 1:
            name, value = key[0]
            ids = ", ".join(str(self._id_in(row)) for row in found)
            msg = f"{len(found)} records have the {name} {value} ({ids}); name one by its id"
            raise RefusedError(msg, reason="ambiguous")
        return LookUpResult.found(self._id_in(found[0]) or "", found[0]) if found else ABSENT

    def currents(
        self,
        writes: t.Sequence[Write],
        *,
        contents: bool,  # noqa: ARG002
    ) -> list[LookUpResult | RefusedError]:
        """See `Writer.currents`: the list is kept, and read anew when it is a minute old."""
        self._listing.renew(OLDEST_READ)
        found: list[LookUpResult | RefusedError] = []
        for write in writes:
            known = None if self.policy.match_on else self._id(write)
            key = write.key if known is None else ((self._ids[0], known),)
            try:
                found.append(self._match(key) if self.policy.match_on else self._find(key))
            except RefusedError as error:
                found.append(error)
        return found

    def _match(self, key: Key) -> LookUpResult:
        """Look by the key of the sync alone; the others only tell whether it is somebody else's."""
        look = self._find(key[:1])
        for name, value in key[1:] if look.finding is Finding.ABSENT else ():
            if self._find(((name, value),)).finding is Finding.FOUND:
                raise beside_match(name, value, self.policy.match_on)
        return look

    def anchor(self, row: Body) -> Body:
        """See `Writer.anchor`."""
        key = self._id_in(row)
        return {} if key is None else {self._ids[0]: key}

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        return row_of(self.find(write, fresh=False)) if self.can_look_up else None

    def _is_record(self, answer: Answer, said: object, writes: t.Sequence[Write]) -> bool:  # noqa: ARG002
        """Whether an answer is the record that was sent (6, DOC of customers)."""
        (write,) = writes
        row = answers.properties_of(answer.body)  # as lenient as the vendor's samples ask for
        wanted = self._id(write)
        is_it = self._new_id(row) is not None if wanted is None else wanted in self._ids_in(row)
        if not is_it or speaks_of_trouble(row, writes):
            return False
        alike = {
            name: self._is_same(name, row[name], _text(value))
            for name, value in self._body(write).items()
            if row.get(name) is not None and not isinstance(value, (dict, list))
        }
        telling = [alike[name] for name in self._telling if name in alike]
        return all(telling) and any(telling or alike.values())

    def _as_the_file_says(
        self,
        answer: Answer,
        said: object,
        writes: t.Sequence[Write],
    ) -> bool:
        """Whether an answer fits the OpenAPI file, and is not about another record."""
        if self._in_file is None or not self._in_file(answer, said, writes):
            return False
        shown = self._ids_in(said) if isinstance(said, dict) else []
        wanted = self._id(writes[0])
        return wanted is None or not shown or wanted in shown

    def _body(self, write: Write) -> Body:
        """What is sent: the record without the id, which is in the path."""
        ids = dict(write.key).keys() & set(self._ids)
        path = next((name for name in self._ids if name in ids), "")
        gone = {path, self._own_id}
        return {name: value for name, value in write.body.items() if name not in gone}

    def _id(self, write: Write) -> str | None:
        """The id that an update names."""
        key = dict(write.key)
        return next((key[name] for name in self._ids if name in key), write.vendor_id)

    def _id_in(self, row: Body) -> str | None:
        """The vendor's id of a record."""
        return next(iter(self._ids_in(row)), None)

    def _ids_in(self, row: Body) -> list[str]:
        values = (row.get(name) for name in self._ids)
        return [str(value) for value in values if value not in (None, "") and not _is_nested(value)]

    def _new_id(self, said: Body) -> str | None:
        """The id that the vendor gave; without one the next run finds it by tax code."""
        key = self._id_in(said)
        return None if key is None or not key.strip("0 ") else key

    def _keys_in(self, row: Body) -> tuple[tuple[str, str], ...]:
        return tuple((name, self._plain(name, value)) for name, value in self.identify(row))

    def _is_same(self, name: str, shown: object, value: str) -> bool:
        """Whether an answer shows what was sent; zeros that a number cannot hold do not count."""
        number = name == self.natural and isinstance(shown, int)
        text = _text(shown)
        return text == value or (number and text == value.lstrip("0"))

    def _plain(self, name: str, value: str) -> str:
        """A key as it can be compared: 0016 and 16 are two tax codes, for they are text.

        A server that sends numbers in valid JSON has lost the zeros, and so has one to which they
        are sent as numbers (pentamic.md 3).
        """
        if name != self.natural:
            return value
        numbers = self.client.numbers.get(self.resource.name, ())
        lost = name in numbers or self.client.block.get("tax_code_as") == "number"
        value = value.strip()
        return value.lstrip("0") if lost else value

    def _statement(self) -> Statement:
        success = "the record, with its id and as it was sent (6, DOC of customers)"
        if self.resource.answer_schema is not None:
            success += "; or an object that fits the OpenAPI file's schema"
        success += "; of a DELETE it is learned (9, UNK)"
        if not self.can_look_up:
            return Statement(success, "cannot be asked", "nothing")
        keys = " or ".join(f"`{name}`" for name in self.keys)
        whole = "the list, which is whole (4.1, DOC by omission) and sound, has no such record"
        return Statement(success, f"the list, by {keys}", whole)


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


def _is_nested(value: object) -> bool:
    return isinstance(value, (bool, dict, list))


def _text(value: object) -> str:
    return " ".join(str(value).split()).casefold()
