"""AIM: one operation per action, names of their own when writing, no upsert (aim.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors import schemas
from erp_vendors.aim.answers import is_word_about_record
from erp_vendors.aim.resources import RESOURCES
from erp_vendors.aim.write_specs import WRITE_SPECS
from erp_vendors.errors import ErpError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.answers import Answers
from target_erp.delivery.model import ABSENT, Finding, LookUpResult, Reference
from target_erp.delivery.writer import NOT_READ
from target_erp.writers.aim_alike import is_given
from target_erp.writers.aim_answers import accepted, is_documented, is_scalar, told_account
from target_erp.writers.aim_customers import customer, existing_account
from target_erp.writers.aim_lookups import look_up_of, statement_of
from target_erp.writers.aim_members import as_number, documented_of, joined, renamed
from target_erp.writers.aim_secrets import SECRETS, UNQUOTED
from target_erp.writers.answer_check import by_schema, either, row_of
from target_erp.writers.keys import no_key
from target_erp.writers.write_validator import WriteValidator, without_nulls

if t.TYPE_CHECKING:
    from erp_vendors.aim.client import AimClient
    from erp_vendors.aim.operations import AimWriteSpec, Operation
    from erp_vendors.errors import CallError
    from erp_vendors.schemas import Schema
    from target_erp.delivery.model import Body

logger = logging.getLogger("target-erp.aim")

_READ_KEYS = {resource.name: resource.primary_keys for resource in RESOURCES}
_ACCT = "Acct"
_NO_ID = "untold"
"""Id of a record that was created, and whose own id AIM did not tell."""
_NO_ACCOUNT = (
    "AIM has it, but did not tell its Acct when it was created, and shows no customer, or several, "
    "of its name, e-mail and telephone; give the record its Acct to change it"
)


class AimWriter(Writer):
    """Writes the records of one sink, each with one call."""

    vendor = "aim"
    upsert = False
    by_contents = True
    # Whether UpdateCustomer keeps what it does not name is not known (6, UNK).
    replaces = True
    secrets = SECRETS
    answers: Answers

    def __init__(
        self,
        client: AimClient,
        sink: AimWriteSpec,
        keys: t.Sequence[str],
        schema: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """Prepare a sink.

        Args:
            client: Calls the shop's server.
            sink: How its records are written.
            keys: Key properties of the SCHEMA message.
            schema: JSON schema of a body (default: the one of `schemas/`).
        """
        self.client, self.sink = client, sink
        self.stream = f"aim_{sink.name}"
        self.workers = client.transport.budget.limits.in_flight
        # What the user's own operations write is not looked for.
        self._look_ups = {
            operation: look_up_of(operation) for operation in sink.operations if sink in WRITE_SPECS
        }
        self.can_look_up = any(self._look_ups.values())
        made = any(operation.makes for operation in sink.operations)
        # Where the id alone is enough for an update, every record can be changed.
        updated = any(
            not operation.makes and operation.when == (sink.vendor_id,)
            for operation in sink.operations
        )
        self.create_only = made and not updated
        if self.create_only and self.can_look_up:
            self.abilities = frozenset({"create_only"})
        self.inability = (
            "AIM shows what it has of customers alone; of other records, and only of those that "
            "can be looked for, whether they are there"
        )
        resource = client.resources.get(sink.name)
        self.statement = statement_of(sink)
        if resource and resource.answer_schema:
            more = f"{self.statement.success}; or an object that fits the OpenAPI file's schema"
            self.statement = self.statement._replace(success=more)
        self.answers = Answers(
            self.stream,
            documented=either(
                lambda _, said, __: is_documented(said),
                by_schema(resource.answer_schema if resource else None),
            ),
            given=resource.success if resource else (),
        )
        # Keys of the user's own are further ones: those that AIM documents stay.
        self._site_keys = [tuple(keys)]
        if resource and resource.primary_keys != _READ_KEYS.get(sink.name, ()):
            self._site_keys.append(resource.primary_keys)
        self._given_keys = tuple(keys)
        self._send_nulls = client.block.get("null_values") == "send"
        self._schema: Schema = dict(schema or schemas.load("aim", f"write/{sink.name}"))
        self.documented = documented_of(sink, self._schema, resource)
        self._validators = {
            operation: WriteValidator(self._schema, needs=operation.needs, secrets=UNQUOTED)
            for operation in sink.operations
        }
        # Whether the ledger knows a customer's account shows only when it is sent.
        self._validator = WriteValidator(self._schema, secrets=UNQUOTED, partial=True)
        self._warned: set[str] = set()
        self._tried: set[int] = set()

    def prepare(self, record: Body) -> Prepared:
        """Give members their names for writing, and check them; see `Writer.prepare`."""
        if self.sink.read_only and record.get(self.sink.read_only) not in (None, ""):
            msg = (
                f"it has a {self.sink.read_only}, so it exists, and AIM has no operation to change "
                "it; leave that member out to add a new one"
            )
            raise RefusedError(msg, reason="exists")
        if record.get("DuplicateCheckMode") == "CHECKONLY":
            msg = "DuplicateCheckMode CHECKONLY only looks and writes nothing (use SKIP or CHECK)"
            raise RefusedError(msg, reason="writes_nothing")
        body = self._body(record)
        operation = self._operation(body)
        parent = self._parent(operation, body)
        key = self.identify(record)
        if (
            not (key or parent or self.sink.weak_keys)
            and self.sink.keys
            and len(self.sink.operations) == 1
        ):
            raise no_key([" and ".join(names) for names in self.sink.keys])
        filled = {parent.fill: 0} if parent else {}
        known = bool(key) and bool(self.sink.vendor_id)
        self._check(operation, {**body, **filled}, self._validator if known else None)
        return Prepared(key, body, (parent,) if parent else ())

    def identify(self, record: t.Mapping[str, t.Any]) -> tuple[tuple[str, str], ...]:
        """Every key that a record carries, best one first; see `Writer.identify`."""
        body = self._body(record)
        found = [pair for names in self.sink.keys if (pair := joined(names, body))]
        given = [pair for names in self._site_keys if (pair := joined(names, record))]
        found = [*given, *found] if self.sink.weak_keys else [*found, *given]
        parent = None if found else self._parent(self._operation(body), body)
        if parent and len(parent.keys) == 1:
            # Until its account is known, its customer's key stands for it.
            name, _, value = parent.keys[0].partition("=")
            for names in self.sink.keys:
                others = tuple(other for other in names if other != parent.fill)
                pair = joined((name, *others), {**body, name: value})
                found += [pair] if pair else []
        return self._matched(body, tuple(dict.fromkeys(found)))

    def cannot_change(self, write: Write) -> bool:
        """Whether the operation that fits this record makes one; see `Writer.cannot_change`."""
        return self.create_only and bool(self._operation(self.members_of(write)).makes)

    def is_idempotent(self, write: Write) -> bool:
        """Whether the operation that fits this record may be executed twice."""
        return self._operation(self.members_of(write)).is_idempotent

    def is_refusal(self, error: CallError) -> bool:
        """Whether a 404 or 405 comes in AIM's form, and is about the record."""
        return is_word_about_record(error)

    def send(self, writes: list[Write]) -> None:
        """Call the operation that fits; see `Writer.send`."""
        (write,) = writes
        if self.lacks_account(write):
            write.vendor_id = self._account_again(write.body)
        body = self.members_of(write)
        operation = self._operation(body)
        self._check_operation(operation, write, body)
        taken = self._taken(operation, body)
        self._tried.add(write.number)
        query = {name: value for name, value in taken.items() if name in operation.query}
        rest = {name: value for name, value in taken.items() if name not in operation.query}
        answer = self.client.write_operation(
            operation.name,
            method=operation.method,
            query=query,
            body={operation.wrapper: [rest]} if operation.wrapper else rest,
            repeatable=operation.is_idempotent,
        )
        said = accepted(self.answers, answer, write, operation, rest)
        self._tried.discard(write.number)
        write.created = operation.makes
        if operation.payment and str(said.get(operation.payment)).lower() == "true":
            logger.warning(
                "%s: %s: AIM wants a payment for it (%s) and probably waits for that",
                self.stream,
                write.identity or f"record {write.number}",
                operation.payment,
            )
        write.vendor_id = self._id(operation, write, said, body)

    def find(self, write: Write, *, fresh: bool) -> LookUpResult:  # noqa: ARG002
        """Ask the read that shows such records; see `Writer.find`."""
        # What this run has made is a control: it is looked for as it was when it was new.
        made = write.created is True
        if not made and self.lacks_account(write):
            account = existing_account(self.client, write.body)
            return LookUpResult.found(account) if account else LookUpResult.cannot_tell(_NO_ACCOUNT)
        members = write.body if made else self.members_of(write)
        operation = self._operation(members)
        if not operation.makes and not write.doubtful and write.number not in self._tried:
            # A change that was never sent is not there, whatever there is of earlier ones.
            return ABSENT
        look_up = self._look_ups.get(operation)
        if look_up is None:
            return LookUpResult.cannot_tell(f"no read shows what {operation.name} has done")
        lacking = [name for name in look_up.needs if not is_given(members.get(name))]
        if lacking:
            return LookUpResult.cannot_tell(f"it has no {' and no '.join(lacking)} to ask for")
        known = write.vendor_id if made and write.vendor_id != _NO_ID else None
        return look_up.find(self.client, members, known)

    def control(self) -> bool:
        """Whether a record that AIM lists is found in the same way; see `Writer.control`."""
        look_ups = [one for one in self._look_ups.values() if one and one.control]
        return any(one.control(self.client) for one in look_ups if one.control)

    def same_look_up(self, write: Write, control: Write) -> bool:
        """Whether both are asked for by the same members; see `Writer.same_look_up`."""
        one, other = (self._operation(each.body) for each in (write, control))
        look_up = self._look_ups.get(one)
        return (
            one is other
            and control.created is True
            and all(
                is_given(write.body.get(name)) is is_given(control.body.get(name))
                for name in (look_up.members if look_up else ())
            )
        )

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`; AIM's look-ups use other names, so only what exists is told."""
        operation = self._operation(self.members_of(write))
        found = self.lacks_account(write) and existing_account(self.client, write.body)
        if operation.is_idempotent or found:
            return dict.fromkeys(write.body, NOT_READ)
        if not write.parents:
            self._check(operation, self.members_of(write))
            look = self.find(write, fresh=False) if self.can_look_up else ABSENT
            return write.body if look.finding is Finding.FOUND else row_of(look)
        return None

    def _body(self, record: t.Mapping[str, t.Any]) -> Body:
        body = renamed(record, self.sink.names)
        return body if self._send_nulls else without_nulls(body)

    def members_of(self, write: Write) -> Body:
        """The members of a record, with the vendor's id of it where that is known.

        Args:
            write: The record.
        """
        own, known = self.sink.vendor_id, write.vendor_id
        if not own or not known or known == _NO_ID:
            return write.body
        # What AIM answered with outranks a reference of the record's own.
        if write.body.get(own) and not any(one.answers == own for one in self.sink.operations):
            return write.body
        is_text = "string" in self._schema.get("properties", {}).get(own, {}).get("type", ())
        number = known.isdecimal() and not is_text
        return {**write.body, own: int(known) if number else known}

    def _operation(self, body: Body) -> Operation:
        return next(
            operation
            for operation in self.sink.operations
            if all(body.get(name) not in (None, "") for name in operation.when)
            and not any(body.get(name) for name in operation.without)
        )

    def _check_operation(self, operation: Operation, write: Write, body: Body) -> None:
        """Refuse what would make a record a second time, or belong to nobody."""
        if operation.makes and write.vendor_id is not None:
            msg = f"AIM has it ({write.vendor_id}), and no operation changes it"
            if self.lacks_account(write):
                msg = _NO_ACCOUNT
            raise RefusedError(msg, reason="exists")
        acct = str(body.get(operation.customer) or "")
        if acct == _NO_ID:
            msg = (
                "AIM did not tell the account of the customer that it belongs to; give the record "
                f"its {operation.customer}"
            )
            raise RefusedError(msg, reason="no_account")
        self._check(operation, body)

    def _check(
        self, operation: Operation, body: Body, validator: WriteValidator | None = None
    ) -> None:
        kinds = self._schema.get("properties", {})
        asked = {
            name: as_number(value, kinds.get(name, {})) if name in operation.query else value
            for name, value in body.items()
            if not operation.members or name in operation.members
        }
        (validator or self._validators[operation]).check(asked)

    def _taken(self, operation: Operation, body: Body) -> Body:
        for name in operation.replaces:
            if name in body:
                self._once(name, f"{operation.name} replaces the whole list of {name}")
        if not operation.members:
            return body
        others = sorted(set(body) - operation.members)
        if others:
            text = f"{operation.name} does not take {', '.join(others)}; they are left out"
            self._once(operation.name, text)
        return {name: value for name, value in body.items() if name in operation.members}

    def _parent(self, operation: Operation, body: Body) -> Reference | None:
        """The customer of a record that names it by its business key.

        Whatever else the record holds may be that key: the ledger knows the customer's own.
        """
        member = operation.customer
        if not member or any(body.get(name) for name in (member, *operation.unless)):
            return None
        taken = operation.members or self._schema.get("properties", {})
        own = self._given_keys if len(self._given_keys) == 1 else ()
        names = tuple(
            f"{name}={value}"
            for name, value in body.items()
            if name not in taken and name not in own and is_scalar(value)
        )
        return Reference("aim_customers", names, member) if names else None

    def _id(self, operation: Operation, write: Write, said: Body, body: Body) -> str | None:
        """The id of a record that was written: told by AIM, known before, or its own key."""
        told = said.get(operation.answers) if operation.answers else None
        if is_scalar(told) and told != 0:
            return str(told)
        member = self.sink.vendor_id
        if not member:
            own = write.key[0][1] if write.key else None
            return own if operation.makes else write.vendor_id
        given = body.get(member)
        known = None if write.vendor_id == _NO_ID else write.vendor_id
        known = known or (None if given in (None, "") else str(given))
        return known or (self._account(said, body) if member == _ACCT else _NO_ID)

    def lacks_account(self, write: Write) -> bool:
        """Whether it is a customer that AIM has, and whose account nobody was told."""
        return (
            self.sink.vendor_id == _ACCT and write.vendor_id == _NO_ID and not write.body.get(_ACCT)
        )

    def _account_again(self, body: Body) -> str:
        """The account of a customer that was created earlier without being told it."""
        try:
            return existing_account(self.client, body) or _NO_ID
        except ErpError as error:
            self._once("account", f"the account of a customer is not known: {error}")
            return _NO_ID

    def _account(self, said: Body, body: Body) -> str:
        """The account of a customer that was created."""
        account = told_account(said, body, self.sink.vendor_id)
        if account is not None:
            return account
        try:
            return customer(self.client, body, None).vendor_id or _NO_ID
        except ErpError as error:
            self._once("account", f"the account of a new customer is not known: {error}")
            return _NO_ID

    def _once(self, what: str, text: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            logger.warning("%s: %s", self.stream, text)
