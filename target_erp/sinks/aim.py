"""AIM: one operation per action, names of their own when writing, no upsert (aim.md 6)."""

from __future__ import annotations

import decimal
import logging
import typing as t

from erp_vendors import schemas
from erp_vendors.aim.operations import SINKS, AimSink, Operation, custom
from erp_vendors.errors import ErpError
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.delivery.outcome import Reference
from target_erp.sinks.aim_lookups import LOOK_UPS
from target_erp.sinks.door import Door, without_nulls
from target_erp.sinks.keys import Key, no_key

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aim.client import AimClient
    from erp_vendors.schemas import Schema
    from target_erp.delivery.outcome import Body

logger = logging.getLogger("target-erp.aim")

_SECRETS = frozenset({"CcInfo", "CardToken", "SS", "DriversLicenseInfo", "Base64Signature"})
"""Never shown: cards, social security numbers, licences, signatures."""
_UNTOLD = "untold"
"""Id of a customer that was created, and whose account AIM did not tell."""


class AimWriter(Writer):
    """Writes the records of one sink, each with one call."""

    vendor = "aim"
    upsert = False
    secrets = _SECRETS

    def __init__(
        self,
        client: AimClient,
        sink: AimSink,
        keys: t.Sequence[str],
        schema: t.Mapping[str, t.Any] | None = None,
    ) -> None:
        """Prepare a sink.

        Args:
            client: The shop.
            sink: How its records are written.
            keys: Key properties of the SCHEMA message.
            schema: JSON schema of a body (default: the one of `schemas/`).
        """
        self.client = client
        self.sink = sink
        self.stream = f"aim_{sink.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.findable = sink.name in LOOK_UPS
        made = any(operation.makes for operation in sink.operations)
        self.create_only = made and not sink.vendor_id
        self._given_keys = tuple(keys)
        self._send_nulls = client.block.get("null_values") == "send"
        self._schema: Schema = dict(schema or schemas.load("aim", f"write/{sink.name}"))
        self._doors = {
            operation: Door(self._schema, needs=operation.needs, secrets=_SECRETS)
            for operation in sink.operations
        }
        # Whether the ledger knows a customer's account shows only when it is sent.
        self._door = Door(self._schema, secrets=_SECRETS, partial=True)
        self._warned: set[str] = set()
        self._tried: set[str] = set()

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
        body = _renamed(record, self.sink.names)
        if not self._send_nulls:
            body = without_nulls(body)
        operation = self._operation(body)
        parent = self._parent(operation, body)
        key = self._key(body, record, parent)
        if (
            not (key or parent or self.sink.weak_keys)
            and self.sink.keys
            and len(self.sink.operations) == 1
        ):
            raise no_key([" and ".join(names) for names in self.sink.keys])
        filled = {parent.fill: 0} if parent else {}
        known = bool(key) and bool(self.sink.vendor_id)
        self._check(operation, {**body, **filled}, self._door if known else None)
        return Prepared(key, body, (parent,) if parent else ())

    def identify(self, record: Body) -> Key:
        """The keys by the names that are used for writing; see `Writer.identify`."""
        body = _renamed(record, self.sink.names)
        return self._key(body, record, self._parent(self._operation(body), body))

    def repeats(self, write: Write) -> bool:
        """Whether the operation that fits this record may be executed twice."""
        return self._operation(self._members(write)).repeats

    def send(self, writes: list[Write]) -> None:
        """Call the operation that fits; see `Writer.send`."""
        (write,) = writes
        body = self._members(write)
        operation = self._operation(body)
        self._admit(operation, write, body)
        taken = self._taken(operation, body)
        self._tried.add(write.identity if write.key else "")
        query = {name: value for name, value in taken.items() if name in operation.query}
        rest = {name: value for name, value in taken.items() if name not in operation.query}
        answer = self.client.call_operation(
            operation.name,
            method=operation.method,
            query=query,
            body={operation.wrapper: [rest]} if operation.wrapper else rest,
            repeatable=operation.repeats,
        )
        errors = _item_errors(answer, rest)
        if errors:
            # Some rows were refused although the answer is a success (5.2).
            msg = f"{operation.name} refuses {len(errors)} items: {str(errors)[:300]}"
            raise RefusedError(msg, reason="error_items", status=200, answer=str(errors)[:2000])
        self._tried.discard(write.identity if write.key else "")
        write.created = operation.makes
        if self.sink.vendor_id:
            write.vendor_id = write.vendor_id or self._account(answer, body)
        elif operation.makes:
            said = _found(answer, operation.answers) if operation.answers else None
            write.vendor_id = said or (write.key[0][1] if write.key else None)

    def find(self, write: Write, *, fresh: bool) -> str | None:  # noqa: ARG002
        """Ask the read that shows such records; see `Writer.find`."""
        makes = self._operation(self._members(write)).makes
        if not makes and not write.doubtful and write.identity not in self._tried:
            # A change that was never sent is not there, whatever there is of earlier ones.
            return None
        return LOOK_UPS[self.sink.name].find(self.client, self._members(write))

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`; AIM's look-ups use other names, so only what exists is told."""
        operation = self._operation(self._members(write))
        if operation.repeats:
            return dict.fromkeys(write.body, "not read")
        if not write.parents:
            self._check(operation, self._members(write))
            if self.findable and self.find(write, fresh=False) is not None:
                return write.body
        return None

    def _members(self, write: Write) -> Body:
        own, known = self.sink.vendor_id, write.vendor_id
        if own and known and known != _UNTOLD and not write.body.get(own):
            return {**write.body, own: int(known) if known.isdecimal() else known}
        return write.body

    def _operation(self, body: Body) -> Operation:
        return next(
            operation
            for operation in self.sink.operations
            if all(body.get(name) not in (None, "") for name in operation.when)
            and not any(body.get(name) for name in operation.without)
        )

    def _admit(self, operation: Operation, write: Write, body: Body) -> None:
        """Refuse what would make a record a second time, or belong to nobody."""
        if operation.makes and write.vendor_id is not None:
            msg = f"AIM has it ({write.vendor_id}), and no operation changes it"
            if self.sink.vendor_id:
                msg = (
                    f"AIM has it, but did not tell its {self.sink.vendor_id} when it was created; "
                    f"give the record its {self.sink.vendor_id} to change it"
                )
            raise RefusedError(msg, reason="exists")
        acct = str(body.get(operation.customer) or "")
        if acct == _UNTOLD:
            msg = (
                "AIM did not tell the account of the customer that it belongs to; give the record "
                f"its {operation.customer}"
            )
            raise RefusedError(msg, reason="no_account")
        self._check(operation, body)

    def _check(self, operation: Operation, body: Body, door: Door | None = None) -> None:
        kinds = self._schema.get("properties", {})
        asked = {
            name: _number(value, kinds.get(name, {})) if name in operation.query else value
            for name, value in body.items()
            if not operation.members or name in operation.members
        }
        (door or self._doors[operation]).check(asked)

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
            if name not in taken and name not in own and _is_scalar(value)
        )
        return Reference("aim_customers", names, member) if names else None

    def _key(self, body: Body, record: Body, parent: Reference | None) -> Key:
        found = [pair for names in self.sink.keys if (pair := _joined(names, body))]
        given = _joined(self._given_keys, record)
        if given:
            found = [given, *found] if self.sink.weak_keys else [*found, given]
        if not found and parent and len(parent.keys) == 1:
            # Until its account is known, its customer's key stands for it.
            name, _, value = parent.keys[0].partition("=")
            for names in self.sink.keys:
                others = tuple(other for other in names if other != parent.fill)
                pair = _joined((name, *others), {**body, name: value})
                found += [pair] if pair else []
        return tuple(dict.fromkeys(found))

    def _account(self, answer: Body, body: Body) -> str:
        """The account of a customer that was created; what is answered is not documented (8.2)."""
        member = self.sink.vendor_id
        if body.get("DuplicateCheckMode") == "CHECK":
            # Lists may hold those who are alike.
            answer = {name: value for name, value in answer.items() if not isinstance(value, list)}
        account = _found(answer, member)
        if account is None:
            try:
                account = LOOK_UPS[self.sink.name].find(self.client, body)
            except ErpError as error:
                self._once("account", f"the account of a new customer is not known: {error}")
        return account or _UNTOLD

    def _once(self, what: str, text: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            logger.warning("%s: %s", self.stream, text)


def writer(plugin: ErpPlugin, name: str, keys: t.Sequence[str]) -> Writer | None:
    """The writer of an AIM sink.

    Args:
        plugin: The target, with an `aim` block.
        name: Sink without the vendor.
        keys: Key properties of the SCHEMA message.

    Returns:
        The writer; None if there is no such sink.
    """
    client: AimClient = plugin.client("aim")
    sink = next((sink for sink in SINKS if sink.name == name), None)
    if sink is not None:
        return AimWriter(client, sink, keys)
    resource = client.resources.get(name)
    if resource is None or not resource.write_path:
        return None
    made = custom(name, resource.write_path, resource.primary_keys)
    return AimWriter(client, made, keys, resource.write_schema or resource.schema)


def _joined(names: t.Sequence[str], record: Body) -> tuple[str, str] | None:
    values = [record.get(name) for name in names]
    if not names or any(value in (None, "") for value in values):
        return None
    return ",".join(names), ",".join(map(str, values))


def _is_scalar(value: object) -> bool:
    return value != "" and isinstance(value, (str, int, decimal.Decimal)) and value is not True


def _number(value: t.Any, schema: Schema) -> t.Any:  # noqa: ANN401
    """A number that is given as text: in a URL there is no difference."""
    kinds = schema.get("type", ())
    if isinstance(value, str) and "string" not in kinds and {"integer", "number"} & set(kinds):
        try:
            number = decimal.Decimal(value)
        except decimal.InvalidOperation:
            return value
        return number if number.is_finite() else value
    return value


def _renamed(record: Body, names: t.Mapping[str, str]) -> Body:
    """A record with the names that are used for writing; those win where both are there."""
    body = {
        name: value
        for name, value in record.items()
        if name not in names and not any(old.startswith(f"{name}.") for old in names)
    }
    for old, new in names.items():
        value: t.Any = record
        for part in old.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            continue
        *outer, last = new.split(".")
        place = body
        for part in outer:
            inner = place.get(part)
            if inner and not isinstance(inner, dict):
                break  # no object, which the schema refuses
            place[part] = dict(inner or {})
            place = place[part]
        else:
            place.setdefault(last, value)
    return body


def _found(answer: t.Any, member: str) -> str | None:  # noqa: ANN401
    """A member's value anywhere in an answer whose shape is not public."""
    if isinstance(answer, dict):
        if answer.get(member) not in (None, "", 0):
            return str(answer[member])
        answer = list(answer.values())
    if isinstance(answer, list):
        return next((text for item in answer if (text := _found(item, member))), None)
    return None


def _item_errors(answer: Body, sent: Body) -> list[t.Any]:
    """Rows of an answer that say of themselves that they failed (5.2)."""
    errors = list(answer.get("ErrorItems") or ())
    images = answer.get("Images")
    if isinstance(images, list):
        # An image of old may have an error of its own, which is not about what was sent.
        ours = {None, *(sent.get("UriImagePksToDelete") or ())}
        failed = (row for row in images if isinstance(row, dict) and row.get("ErrorMessage"))
        errors += [row for row in failed if row.get("UriPk") in ours]
    return errors
