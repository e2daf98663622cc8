"""AIMS360: records can be created, and nothing else (aims360.md 6)."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import uuid

from erp_vendors.aims360.auth import OVERLOAD
from erp_vendors.aims360.client import refuses_query
from erp_vendors.errors import CallError, DataError, Phase
from erp_vendors.http import codec
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.answers import Answers
from target_erp.delivery.documented import Documented, write_schema
from target_erp.delivery.model import NOT_SHOWN, Finding, LookUpResult
from target_erp.delivery.unclear_answer import speaks_of_trouble
from target_erp.delivery.writer import Statement
from target_erp.writers.answer_check import by_schema, either, row_of, shows_key
from target_erp.writers.keys import Keys, beside_match, no_key
from target_erp.writers.write_validator import WriteValidator, without_nulls

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aims360.client import Aims360Client
    from erp_vendors.aims360.resources import Aims360Resource
    from erp_vendors.http import Answer
    from target_erp.delivery.model import Body
    from target_erp.writers.keys import Key

REFERENCE = "thirdPartyOrderID"
"""The caller's own number of an order: the one thing it can be found by (6.1)."""
_NUMBER = "order"
_SERVER_ERROR = 500
_NO_SUCH_VERB = "UnsupportedHttpVerb"
"""The code that is about the address, whatever the record is (5.3, DOC)."""
_CARD, _CARD_ON_FILE = "creditCard", "creditCardID"
_LISTED = 5
_GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class CreateWriter(Writer):
    """Creates the records of one resource, each of them once."""

    vendor = "aims360"
    upsert = False
    # What is there cannot be changed through the API.
    create_only = True
    secrets = frozenset({_CARD})
    answers: Answers

    def __init__(
        self, client: Aims360Client, resource: Aims360Resource, keys: t.Sequence[str]
    ) -> None:
        self.client = client
        self.resource = resource
        self.stream = f"aims360_{resource.name}"
        self.workers = client.transport.budget.limits.in_flight
        self._keys = self._alternatives(keys)
        self.keys = self._keys.single
        # The vendor knows no idempotency key; whether it refuses a second one is unknown (6.1).
        self.can_look_up = self.check_before_create = bool(resource.path and self._keys)
        if self.can_look_up:
            self.abilities = frozenset({"create_only", "match_on"})
        self.inability = "what is there cannot be changed through the API (aims360.md 6)"
        self._send_nulls = client.block.get("null_values") == "send"
        self.documented = Documented.of(
            self.vendor,
            resource,
            keys=self._alternatives(()).alternatives,
            names=resource.spare_keys,
            left_out=_card_data(self.vendor, resource),
        )
        self._validator = WriteValidator.of(self.vendor, resource, secrets=self.secrets)
        self._not_shown_by: dict[tuple[str, ...], None] = {}
        self.answers = Answers(
            self.stream,
            documented=either(self._is_documented, by_schema(resource.answer_schema)),
            given=resource.success,
        )
        self.statement = self._statement()

    def identify(self, record: t.Mapping[str, t.Any]) -> Key:
        """The keys that a record carries, best one first."""
        return self._matched(record, self._keys.of(record))

    def _alternatives(self, keys: t.Sequence[str]) -> Keys:
        """What identifies a record: the vendor may give some of it only when it is created."""
        spare = ((name,) for name in self.resource.spare_keys)
        return Keys(self.resource.primary_keys, *spare, keys)

    def prepare(self, record: Body) -> Prepared:
        """See `Writer.prepare`; absent fields are left out, not sent as null (6.1)."""
        key = self.identify(record)
        if not key and self._keys:
            raise no_key(self._keys)
        body = dict(record) if self._send_nulls else without_nulls(record)
        self._validator.check(body)
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
        try:
            answer = self.client.create(self.resource, write.body)
        except CallError as error:
            if OVERLOAD in error.body and error.status is not None and error.status < _SERVER_ERROR:
                # It may have been executed before the vendor gave up (5.2, OBS).
                raise CallError(
                    str(error), phase=Phase.SENT, body=error.body, attempts=error.attempts
                ) from None
            raise
        said = self.answers.check(answer, writes)
        write.created = True if self._is_documented(answer, said, writes) else None
        known = self._id_in(said) if isinstance(said, dict) else None
        write.vendor_id = known or (write.key[0][1] if write.key else None)

    def is_refusal(self, error: CallError) -> bool:
        """Whether the answer is the vendor's error object (5.2); see `Writer.is_refusal`."""
        try:
            said = codec.decode(error.body.encode())
        except ValueError:
            return False
        problem = said.get("error") if isinstance(said, dict) else None
        code = problem.get("code") if isinstance(problem, dict) else None
        return isinstance(code, str) and code not in {"", _NO_SUCH_VERB}

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:  # noqa: ARG002
        """The vendor's id of the record with one of these keys; see `Writer.find`.

        Its contents do not matter: what is there cannot be changed, and is shown in another form.
        """
        look = self._look(write)
        return dataclasses.replace(look, row=None) if look.row else look

    def _look(self, write: Write) -> LookUpResult:
        look = None
        for key, value in self._asked(write):
            names = tuple(key.split(","))
            one = self._search(names, {name: write.record.get(name, value) for name in names})
            if one.finding is Finding.FOUND:
                match_on = self.policy.match_on
                if match_on and names != match_on:
                    raise beside_match(key, value, match_on)
                return one
            if one.finding is Finding.NOT_SHOWN:
                self._not_shown_by[names] = None
            look = one if look is None or one.finding is Finding.NOT_SHOWN else look
        return look or LookUpResult.cannot_tell("it has no key")

    def _asked(self, write: Write) -> Key:
        """The keys that it is looked for by; the vendor may know nothing of the source's own."""
        own = {",".join(names) for names in self._alternatives(()).alternatives}
        own.add(",".join(self.policy.match_on))
        return tuple(pair for pair in write.key if pair[0] in own) or write.key[:1]

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`."""
        if not self.can_look_up or not write.key:
            return None
        return row_of(self._look(write))

    def is_empty(self) -> bool:
        """See `Writer.is_empty`."""
        page = self.client.page(self.resource)
        return not page.rows and page.total == 0

    def control(self) -> bool:
        """Whether a listed record is found by each key that showed nothing; see `Writer.control`.

        Without any record in the list, none is there.
        """
        try:
            page = self.client.page(self.resource)
            if not page.rows:
                return page.total == 0
            rows = page.rows
            if page.total is not None and page.total > len(rows):
                # Older ones may not have this key.
                last = max(page.total - len(rows), 0)
                rows = [*rows, *self.client.page(self.resource, last).rows]
        except DataError:
            return False
        asked = tuple(self._not_shown_by) or self._keys.alternatives[:1]
        return all(self._is_shown(names, rows) for names in asked)

    def _is_shown(self, names: tuple[str, ...], rows: t.Sequence[Body]) -> bool:
        """Whether one of the listed records is found by some of its properties."""
        row = next((row for row in reversed(rows) if Keys(names).of(row)), None)
        if row is None:
            return False
        return self._search(names, {name: row[name] for name in names}).finding is Finding.FOUND

    def _is_documented(
        self,
        answer: Answer,  # noqa: ARG002
        said: object,
        writes: t.Sequence[Write],
    ) -> bool:
        """Whether an answer shows the record by its key, at its top."""
        return (
            isinstance(said, dict)
            and shows_key(said, writes[0])
            and not speaks_of_trouble(said, writes)
        )

    def _id_in(self, row: Body) -> str | None:
        """The vendor's name of a record."""
        names = (*self.resource.primary_keys, *self.resource.spare_keys)
        return next((str(row[name]) for name in names if row.get(name) is not None), None)

    def _search(self, names: tuple[str, ...], wanted: Body) -> LookUpResult:
        """Look for a record with some values; the first is asked for, the others are compared.

        That the filter works is assumed (6.1, INF), so nothing that it shows is an absence yet.
        """
        name = names[0]
        try:
            rows = self.client.find(self.resource, name, _literal(name, wanted[name]))
        except (DataError, TypeError) as error:
            return LookUpResult.cannot_tell(str(error), unreadable=True)
        except CallError as error:
            if (
                error.unreachable
                or (error.status or 0) >= _SERVER_ERROR
                or not refuses_query(error)
            ):
                raise
            return LookUpResult.cannot_tell(
                f"the vendor does not take a search for {name}: {error}"
            )
        found = [row for row in rows if all(_same(row.get(n), v) for n, v in wanted.items())]
        is_full = len(rows) >= self.client.page_size
        if len(found) > 1 and names == self.policy.match_on:
            ids = ", ".join(str(self._id_in(row)) for row in found[:_LISTED])
            values = ", ".join(str(value) for value in wanted.values())
            msg = f"{len(found)} {self.resource.name} have the {','.join(names)} {values} ({ids})"
            raise RefusedError(msg, reason="ambiguous")
        if found and not is_full:
            return LookUpResult.found(self._id_in(found[0]) or str(wanted[name]), found[0])
        # A server that ignores the filter answers with others, and then an absence proves nothing.
        if is_full or any(not _same(row.get(name), wanted[name]) for row in rows):
            return LookUpResult.cannot_tell(
                f"aims360: a search for {name} shows other {self.resource.name}"
            )
        return NOT_SHOWN

    def _statement(self) -> Statement:
        success = "an object that shows the record's key (6.1, INF); else it is learned"
        if self.resource.answer_schema is not None:
            success = f"an object that fits the OpenAPI file's schema; or {success}"
        return Statement(success, *self._asking())

    def _asking(self) -> tuple[str, str]:
        if not self.can_look_up:
            return "cannot be asked", "nothing"
        keys = " or ".join(f"`{' and '.join(names)}`" for names in self._keys.alternatives)
        absence = (
            "no record, and a listed one is found by the same filter; or the list says that it is "
            "empty"
        )
        return f"`$filter` by {keys} (6.1, INF)", absence


def _card_data(vendor: str, resource: Aims360Resource) -> frozenset[str]:
    """Properties of a card that must not be sent: all but the id of one that is on file."""
    schema, _ = write_schema(vendor, resource)
    card = schema.get("properties", {}).get(_CARD, {})
    return frozenset(
        f"{_CARD}.{name}" for name in card.get("properties", {}) if name != _CARD_ON_FILE
    )


class OrderWriter(CreateWriter):
    """Creates orders, which are known by the caller's own number."""

    def _alternatives(self, keys: t.Sequence[str]) -> Keys:
        """The vendor's number is given when the order is created."""
        own = self.resource.primary_keys
        return Keys(() if own == (_NUMBER,) else own, (REFERENCE,), keys)

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

    def _is_documented(
        self,
        answer: Answer,  # noqa: ARG002
        said: object,
        writes: t.Sequence[Write],
    ) -> bool:
        """Whether an answer has the number of the new order (6.1, OBS)."""
        if not isinstance(said, dict):
            return False
        number = said.get(_NUMBER)
        reference = writes[0].record.get(REFERENCE)
        return (
            isinstance(number, (str, int))
            and not isinstance(number, bool)
            and bool(str(number).strip("0 "))
            and not speaks_of_trouble({**said, "message": None}, writes)
            and _same(said.get(REFERENCE) or reference, reference)
        )

    def _statement(self) -> Statement:
        success = "an object with the number of the new order in `order` (6.1, OBS(v))"
        if self.resource.answer_schema is not None:
            success += "; or one that fits the OpenAPI file's schema"
        return Statement(success, *self._asking())


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
