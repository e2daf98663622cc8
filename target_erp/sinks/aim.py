"""AIM: one operation per action, names of their own when writing, no upsert (aim.md 6)."""

from __future__ import annotations

import logging
import typing as t

from erp_vendors.aim.answers import UnknownRecordError
from erp_vendors.aim.operations import SINKS, AimSink, Operation
from target_erp.delivery import Prepared, RefusedError, Write, Writer
from target_erp.sinks.keys import no_key

if t.TYPE_CHECKING:
    from erp_plugin import ErpPlugin
    from erp_vendors.aim.client import AimClient
    from target_erp.delivery.outcome import Body

logger = logging.getLogger("target-erp.aim")

_SECRETS = frozenset({"CcInfo", "CardToken", "SS", "DriversLicenseInfo", "Base64Signature"})
"""Never shown: cards, social security numbers, licences, signatures."""


class AimWriter(Writer):
    """Writes the records of one sink, each with one call."""

    vendor = "aim"
    upsert = False
    secrets = _SECRETS

    def __init__(self, client: AimClient, sink: AimSink, keys: t.Sequence[str]) -> None:
        self.client = client
        self.sink = sink
        self.stream = f"aim_{sink.name}"
        self.workers = client.transport.budget.limits.in_flight
        self.findable = bool(sink.look_up)
        self.create_only = self.findable
        self._given_keys = tuple(keys)
        self._warned: set[str] = set()

    def prepare(self, record: Body) -> Prepared:
        """Give members their names for writing; see `Writer.prepare`."""
        if self.sink.read_only and record.get(self.sink.read_only) not in (None, ""):
            msg = (
                f"it has a {self.sink.read_only}, so it exists, and AIM has no operation to change "
                "it; leave that member out to add a new one"
            )
            raise RefusedError(msg, reason="exists")
        body = _renamed(record, self.sink.names)
        key = self._key(body, record)
        if not key and self.sink.keys and len(self.sink.operations) == 1:
            raise no_key([" and ".join(names) for names in self.sink.keys])
        return Prepared(key, body)

    def repeats(self, write: Write) -> bool:
        """Whether the operation that fits this record may be executed twice."""
        return self._operation(self._members(write)).repeats

    def send(self, writes: list[Write]) -> None:
        """Call the operation that fits; see `Writer.send`."""
        (write,) = writes
        body = self._members(write)
        operation = self._operation(body)
        taken = self._taken(operation, body)
        query = {name: value for name, value in taken.items() if name in operation.query}
        rest = {name: value for name, value in taken.items() if name not in operation.query}
        answer = self.client.call_operation(
            operation.name,
            method=operation.method,
            query=query,
            body={operation.wrapper: [rest]} if operation.wrapper else rest,
            repeatable=operation.repeats,
        )
        errors = answer.get("ErrorItems")
        if errors:
            # Some rows were refused although the answer is a success (5.2).
            msg = f"{operation.name} refuses {len(errors)} items: {str(errors)[:300]}"
            raise RefusedError(msg, reason="error_items", status=200, answer=str(errors)[:2000])
        if self.sink.vendor_id:
            write.vendor_id = _found(answer, self.sink.vendor_id) or write.vendor_id

    def find(self, write: Write, *, fresh: bool) -> str | None:  # noqa: ARG002
        """The business key, if the look-up knows it; see `Writer.find`."""
        resource = self.client.resources[self.sink.look_up]
        (parent, *_) = resource.parents
        value = write.key[0][1]
        try:
            rows = self.client.child(resource, parent, (value,))
        except UnknownRecordError:
            return None
        # An answer without anything about the record is no answer about it.
        said = (row[name] for row in rows for name in row if name not in parent.fields)
        return value if any(said) else None

    def current(self, write: Write) -> Body | None:
        """See `Writer.current`; AIM's look-ups use other names, so only what exists is told."""
        if self.findable and self.find(write, fresh=False) is not None:
            return write.body
        return dict.fromkeys(write.body, "not read") if self.repeats(write) else None

    def _members(self, write: Write) -> Body:
        if self.sink.vendor_id and write.vendor_id and not write.body.get(self.sink.vendor_id):
            return {**write.body, self.sink.vendor_id: write.vendor_id}
        return write.body

    def _operation(self, body: Body) -> Operation:
        return next(
            operation
            for operation in self.sink.operations
            if all(body.get(name) not in (None, "") for name in operation.when)
            and not any(body.get(name) for name in operation.without)
        )

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

    def _key(self, body: Body, record: Body) -> tuple[tuple[str, str], ...]:
        found = []
        for names in self.sink.keys:
            values = [body.get(name) for name in names]
            if all(value not in (None, "") for value in values):
                found.append((",".join(names), ",".join(map(str, values))))
        given = [(name, str(record[name])) for name in self._given_keys if record.get(name)]
        if given:
            found.append(
                (",".join(name for name, _ in given), ",".join(value for _, value in given))
            )
        return tuple(found)

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
    sink = next((sink for sink in SINKS if sink.name == name), None)
    return None if sink is None else AimWriter(plugin.client("aim"), sink, keys)


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
            place[part] = dict(place.get(part) or {})
            place = place[part]
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
