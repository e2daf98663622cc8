"""Aimsio's POSTs (6): one list of records, created or updated by their codes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from erp_sandbox.aimsio.entities import PAYROLL_FIELDS, Field
from erp_sandbox.exchange import Refusal, SandboxAnswer, json_answer
from erp_sandbox.store import renamed

if TYPE_CHECKING:
    from erp_sandbox.aimsio.entities import Entity
    from erp_sandbox.aimsio.options import AimsioOptions
    from erp_sandbox.aimsio.records import AimsioTables
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Collection, Row
    from erp_sandbox.vendor import SandboxVendor

_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int,),
    "number": (int, Decimal),
    "bool": (bool,),
    "object": (dict,),
    "array": (list,),
}


class BadRecord(Exception):  # noqa: N818 - becomes part of an answer
    """A record that is refused.

    Attributes:
        errors: Why, one text each.
    """

    def __init__(self, *errors: str) -> None:
        super().__init__(*errors)
        self.errors = errors


class AimsioWrites:
    """Carries out POSTs.

    Args:
        vendor: The account that is written to.
        options: Its options.
        records: Its tables, which know how one record refers to another.
    """

    def __init__(
        self, vendor: SandboxVendor, options: AimsioOptions, records: AimsioTables
    ) -> None:
        self._vendor = vendor
        self._options = options
        self._records = records

    def post(self, entity: Entity, call: SandboxCall) -> SandboxAnswer:
        """Create or update the records of a body.

        Nothing in here awaits, so no other call sees a list of which only a part is written.
        """
        records = self._body(entity, call)
        collection = self._vendor.collections[entity.resource]
        undo: list[tuple[str, Row | None]] = []
        written: list[Row] = []
        errors: list[dict[str, object]] = []
        counts = {"created": 0, "updated": 0}
        for number, record in enumerate(records):
            try:
                row, old = self._write(entity, collection, record)
            except BadRecord as bad:
                errors += [{"index": number, "message": text} for text in bad.errors]
                continue
            undo.append((str(row[entity.key]), old))
            written.append(row)
            counts["created" if old is None else "updated"] += 1
        refused = len({error["index"] for error in errors})
        if errors and self._options.batch == "whole":
            for key, old in reversed(undo):
                if old is None:
                    collection.delete(key)
                else:
                    collection.put(old)
            call.count("refused", len(records))
        else:
            for outcome, count in {**counts, "refused": refused}.items():
                if count:
                    call.count(outcome, count)
        if errors:
            raise Refusal(json_answer({"message": "Validation failed", "errors": errors}, 400))
        return self._accepted(entity, written)

    def _accepted(self, entity: Entity, written: list[Row]) -> SandboxAnswer:
        """Return the success answer; its body is UNK (5.2)."""
        if self._options.answer == "empty":
            return SandboxAnswer(200)
        if self._options.answer == "full":
            return json_answer({entity.wrapper: [renamed(row, entity.shown) for row in written]})
        names = (entity.key, *entity.identities, entity.stamp)
        return json_answer(
            {
                entity.wrapper: [
                    renamed({name: row.get(name) for name in names}, entity.shown)
                    for row in written
                ]
            }
        )

    def _body(self, entity: Entity, call: SandboxCall) -> list[Any]:
        try:
            body = call.json()
        except ValueError:
            raise Refusal(json_answer({"message": "The body is not JSON"}, 400)) from None
        records = body.get(entity.wrapper) if isinstance(body, dict) else None
        if not isinstance(records, list) or not records:
            text = f"The body must be an object with one array, {entity.wrapper}"
            raise Refusal(json_answer({"message": text}, 400))
        return records

    def _write(
        self, entity: Entity, collection: Collection, record: object
    ) -> tuple[Row, Row | None]:
        if not isinstance(record, dict):
            message = "a record must be an object"
            raise BadRecord(message)
        own = {shown: name for name, shown in entity.shown.items() if shown is not None}
        record = renamed(record, own)
        old = self._existing(entity, collection, record)
        if entity.status_only:
            row = self._status_change(entity, record, old)
        else:
            row = self._merged(entity, collection, record, old)
        row[entity.stamp] = self._vendor.stamp()
        row = self._records.derived(entity, row)
        collection.put(row)
        return row, old

    def _existing(
        self, entity: Entity, collection: Collection, record: dict[str, Any]
    ) -> Row | None:
        """Return the record that a sent one is about, or None for a new one (6)."""
        found: Row | None = None
        guid = record.get(entity.key)
        if guid:
            found = collection.get(guid)
            if found is None and not entity.own_guid:
                message = f"{entity.key} {guid}: not found; it is made by the system"
                raise BadRecord(message)
        for name in entity.identities:
            value = record.get(name)
            other = collection.first(name, value) if isinstance(value, str) and value else None
            if other is None:
                continue
            if found is None and guid:
                message = f"{name} {value}: belongs to another record"
                raise BadRecord(message)
            if found is not None and found[entity.key] != other[entity.key]:
                message = f"{name} {value}: belongs to another record"
                raise BadRecord(message)
            found = other
        return found

    def _status_change(self, entity: Entity, record: dict[str, Any], old: Row | None) -> Row:
        """Return an invoice or timecard with another status (6; names and values UNK)."""
        if old is None:
            message = f"creation of {entity.name} is not allowed; only the status can be updated"
            raise BadRecord(message)
        name = f"{entity.prefix}Status"
        value = record.get(name) or record.get(f"{name}Uname") or record.get("status")
        if not isinstance(value, str):
            message = f"{name} is required"
            raise BadRecord(message)
        extra = set(record) - {entity.key, *entity.identities, name, f"{name}Uname", "status"}
        if extra and self._options.read_only_fields == "refuse":
            raise BadRecord(*(f"{item} cannot be changed" for item in sorted(extra)))
        return {**old, name: value}

    def _merged(
        self, entity: Entity, collection: Collection, record: dict[str, Any], old: Row | None
    ) -> Row:
        errors: list[str] = []
        sent = self._usable(entity, record, errors)
        self._check_required(entity, sent, errors, new=old is None)
        if entity.resource == "billable_items":
            _check_item(sent, errors)
        if errors:
            raise BadRecord(*errors)
        row = self._base(entity, collection, sent, old)
        kept = dict(sent)
        if entity.resource == "job_orders":
            self._job_status(kept, row, old)
        if entity.resource == "employees" and not kept.get("employeeTradeCode"):
            trade = self._vendor.collections["billable_items"].get(kept.get("employeeTradeGuid"))
            if trade is not None:
                kept["employeeTradeCode"] = trade["billableItemCode"]
        row.update(kept)
        errors += self._records.reference_errors(entity, sent, row)
        if errors:
            raise BadRecord(*errors)
        return row

    def _base(
        self, entity: Entity, collection: Collection, sent: dict[str, Any], old: Row | None
    ) -> Row:
        """Return the record that the sent properties are laid over."""
        if old is None:
            row: Row = {item.name: None for item in entity.fields if item.name not in _HIDDEN}
            row[entity.key] = sent.get(entity.key) or self._vendor.new_key(collection)
            row[entity.created] = self._vendor.stamp()
            if entity.resource == "job_orders":
                row["jobId"] = collection.next_integer("jobId")
                row["jobTypeUname"] = "job_order"
                # The text allows a job without a number; the vendor then has to make one (INF).
                row["jobNumber"] = f"JOB-{row['jobId']}"
            return row
        row = dict(old)
        if self._options.omitted_fields == "clear":
            for item in entity.fields:
                if not item.read_only and item.name != entity.key and item.name in row:
                    row[item.name] = None
        return row

    def _usable(self, entity: Entity, record: dict[str, Any], errors: list[str]) -> dict[str, Any]:
        """Return the properties that may be written, and note those of a wrong type."""
        sent: dict[str, Any] = {}
        for name, value in record.items():
            field = entity.field(name)
            if field is None and name in {entity.created, entity.stamp}:
                field = Field(name, "int", read_only=True)
            if field is None:
                if name == entity.key or not entity.closed:
                    sent[name] = value
                elif self._options.unknown_fields == "refuse":
                    errors.append(f"{name} is unknown")
            elif field.read_only:
                if self._options.read_only_fields == "refuse":
                    errors.append(f"{name} is read-only")
            else:
                problem = _type_problem(field, value)
                if problem is None:
                    sent[name] = value
                else:
                    errors.append(problem)
        if entity.key in sent and not sent[entity.key]:
            del sent[entity.key]
        return sent

    def _check_required(
        self, entity: Entity, sent: dict[str, Any], errors: list[str], *, new: bool
    ) -> None:
        if new or self._options.required_on_update:
            # One of several identifies the record; the record has been found by it already.
            names = [item.name for item in entity.fields if item.required]
            if self._options.timecards_module and entity.resource == "employees":
                names += PAYROLL_FIELDS
            errors += [f"{name} is required" for name in names if sent.get(name) in {None, ""}]
            for group in entity.either:
                if all(sent.get(name) in {None, ""} for name in group):
                    errors.append(f"one of {', '.join(group)} is required")
        if entity.resource == "nrbs" and new and not sent.get("nrbExternalId"):
            # Recommended for all records; one that another property identifies may lack it (INF).
            errors.append("nrbExternalId is required")

    def _job_status(self, sent: dict[str, Any], row: Row, old: Row | None) -> None:
        """Set jobStatus as the server does (8.4).

        Only one value is accepted, and only for an existing job; repeating the present value
        changes nothing and is let pass, and a new job's value is ignored (both INF).
        """
        wanted = sent.pop("jobStatus", None)
        present = None if old is None else old.get("jobStatus")
        if old is not None and wanted is not None and wanted != present:
            if wanted != self._options.job_status:
                message = f"jobStatus {wanted}: only {self._options.job_status} can be set"
                raise BadRecord(message)
            row["jobStatus"] = wanted
        elif present in {None, "Assigned", "Unassigned"}:
            assignee = sent.get("jobAssigneeEmployeeNumber", row.get("jobAssigneeEmployeeNumber"))
            row["jobStatus"] = "Assigned" if assignee else "Unassigned"
        else:
            row["jobStatus"] = present


_HIDDEN = frozenset({"jobNRBList", "jobCrewList", "jobEquipmentList"})


def _type_problem(field: Field, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, _TYPES[field.kind]) or (
        isinstance(value, bool) and field.kind != "bool"
    ):
        return f"{field.name} must be of type {field.kind}"
    if field.values and value not in field.values:
        return f"{field.name} must be one of {', '.join(field.values)}"
    return None


def _check_item(sent: dict[str, Any], errors: list[str]) -> None:
    """Check what belongs together in a billable item (8.2)."""
    kind = str(sent.get("billableItemTypeUname") or sent.get("billableItemTypeName")).lower()
    for flag, owner in (
        ("billableItemIsTrade", "labour"),
        ("billableItemIsEquipment", "equipment"),
    ):
        if sent.get(flag) is not None and sent[flag] is not (kind == owner):
            errors.append(f"{flag} must be true for type {owner} only")
    for number in ("2", "3"):
        pair = (f"billableItemDefaultRateType{number}", f"billableItemDefaultRateTypeUname{number}")
        if sent.get(f"billableItemDefaultRate{number}") is not None and not any(
            sent.get(name) for name in pair
        ):
            errors.append(f"one of {', '.join(pair)} is required with its rate")
