"""CIMcloud's writes on Standard resources: POST, PUT, DELETE and the queue (6)."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from erp_sandbox.cimcloud.resources import CREATED, MODIFIED
from erp_sandbox.cimcloud.values import BadValue, stored
from erp_sandbox.exchange import Refusal, SandboxAnswer, json_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from erp_sandbox.cimcloud.options import CimcloudOptions
    from erp_sandbox.cimcloud.resources import SandboxCimcloudResource
    from erp_sandbox.exchange import SandboxCall
    from erp_sandbox.store import Collection, Row
    from erp_sandbox.vendor import SandboxVendor

_WRITE_ONLY = frozenset({"pw", "Send_pw_email"})
"""Columns that are taken and never shown (8.2)."""


class MissingHeader(BadValue):
    """A line whose header does not exist yet; the queue tries it again (6.3)."""


@dataclass(eq=False)
class BatchJob:
    """One queued request.

    Attributes:
        resource: The resource that is written.
        method: POST or PUT.
        records: What is still to be written.
        tries: How often it was worked on.
    """

    resource: SandboxCimcloudResource
    method: str
    records: list[object]
    tries: int = 0


@dataclass
class Result:
    """Counts of one batch."""

    created: int = 0
    updated: int = 0
    missed: int = 0
    errors: list[str] = field(default_factory=list)
    waiting: list[tuple[object, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Why records were not written, waiting lines included."""
        return [*self.errors, *(text for _, text in self.waiting)]


class CimcloudWrites:
    """Carries out writes.

    Args:
        vendor: The site that is written to.
        options: Its options.
        resources: Its resources by name.
    """

    def __init__(
        self,
        vendor: SandboxVendor,
        options: CimcloudOptions,
        resources: Mapping[str, SandboxCimcloudResource],
    ) -> None:
        self._vendor = vendor
        self._options = options
        self._resources = resources
        self._jobs: list[BatchJob] = []
        self._timers: set[asyncio.Task[None]] = set()
        self.failed: list[str] = []

    @property
    def pending(self) -> int:
        """Records that wait in the queue."""
        return sum(len(job.records) for job in self._jobs)

    def write(self, resource: SandboxCimcloudResource, call: SandboxCall) -> SandboxAnswer:
        """Answer a POST or PUT with one object or an array of them."""
        try:
            body = call.json()
        except ValueError:
            raise Refusal(
                self.envelope(0, message="The body is not JSON.", success=False)
            ) from None
        records = body if isinstance(body, list) else [body]
        if not records:
            raise Refusal(self.envelope(0, message="No records.", success=False))
        if len(records) > self._options.sync_records:
            return self._enqueue(resource, call, records)
        result = self._batch(resource, call.method, records)
        for outcome, count in (
            ("created", result.created),
            ("updated", result.updated),
            ("missed", result.missed),
            ("refused", len(result.problems)),
        ):
            if count:
                call.count(outcome, count)
        return self.envelope(
            len(records),
            created=result.created,
            updated=result.updated,
            message="; ".join(result.problems) or None,
            success=not result.problems,
        )

    def envelope(
        self,
        records: int,
        *,
        created: int = 0,
        updated: int = 0,
        message: str | None = None,
        success: bool = True,
    ) -> SandboxAnswer:
        """Return the aggregate answer (6.2); its failure variant is UNK."""
        imported = created + (updated if self._options.updates_count_as_imported else 0)
        body = {
            "action": "DataImported",
            "success": success,
            "importedRecords": imported,
            "updatedRecords": updated,
            "recordCountInRequest": records,
            "message": message,
        }
        return json_answer(body, 200 if success else self._options.failure_status)

    def delete(self, resource: SandboxCimcloudResource, key: str) -> SandboxAnswer:
        """Answer ``DELETE {resource}/{primary key}``, a form that is UNK (6.1)."""
        if not self._vendor.collections[resource.name].delete(key):
            raise Refusal(json_answer({"message": "Record not found."}, 404))
        return json_answer({"action": "DataDeleted", "success": True, "message": None})

    def _batch(self, resource: SandboxCimcloudResource, method: str, records: list[Any]) -> Result:
        collection = self._vendor.collections[resource.name]
        result = Result()
        undo: list[tuple[str, Row | None]] = []
        for record in records:
            try:
                row, old = self._one(resource, collection, method, record)
            except MissingHeader as missing:
                result.waiting.append((record, str(missing)))
                continue
            except BadValue as bad:
                result.errors.append(str(bad))
                continue
            if row is None:
                result.missed += 1
                continue
            undo.append((str(row[resource.key]), old))
            collection.put(row)
            if old is None:
                result.created += 1
            else:
                result.updated += 1
        if result.problems and self._options.batch == "whole":
            for key, old in reversed(undo):
                if old is None:
                    collection.delete(key)
                else:
                    collection.put(old)
            # A queued request with a line that waits is tried again as a whole.
            again = [(record, result.waiting[0][1]) for record in records if result.waiting]
            return Result(errors=[] if again else result.errors, waiting=again)
        return result

    def _one(
        self, resource: SandboxCimcloudResource, collection: Collection, method: str, record: object
    ) -> tuple[Row | None, Row | None]:
        """Return the row to put and the one it replaces; no row for a PUT that matches none."""
        if not isinstance(record, dict):
            message = "A record must be an object."
            raise BadValue(message)
        sent = self._values(resource, record)
        key = sent.get(resource.key)
        user_key = [sent.get(name) for name in resource.user_key]
        if key:
            # The primary key wins: with one that is new, a second row with the same user key
            # arises, as the vendor warns (6.1).
            old = collection.get(key)
        else:
            found = collection.find(resource.user_key, user_key)
            old = found[0] if found else None
        stamp = self._vendor.stamp()
        if old is not None:
            return {**old, **sent, resource.key: old[resource.key], MODIFIED: stamp}, old
        if method == "PUT":
            return None, None
        if resource.auto is not None and sent.get(resource.auto) is None:
            sent[resource.auto] = collection.next_integer(resource.auto)
        elif resource.needs_user_key and not all(user_key):
            message = f"{', '.join(resource.user_key)} is required for a new record."
            raise BadValue(message)
        self._check_header(resource, sent)
        blank: Row = {name: 0 if name == "exported" else None for name in resource.columns}
        sent[resource.key] = key or self._vendor.new_key(collection)
        return {**blank, **sent, CREATED: stamp, MODIFIED: stamp}, None

    def _values(self, resource: SandboxCimcloudResource, record: dict[str, Any]) -> Row:
        """Return a written record with its values as the columns keep them."""
        known = {name.lower(): column for name, column in resource.names.items()}
        sent: Row = {}
        for name, value in record.items():
            column = known.get(name.lower())
            if column in {CREATED, MODIFIED}:
                continue  # the site stamps by itself (INF)
            if isinstance(value, (dict, list)):
                message = f"{name}: nested objects and arrays are not supported."
                raise BadValue(message)
            if column is not None:
                kind = resource.columns[column]
                kind = "int" if column == "exported" else kind
                sent[column] = stored(column, kind, value)
            elif name in _WRITE_ONLY:
                continue
            elif self._options.unknown_columns == "refuse":
                message = f"Invalid column name '{name}'."
                raise BadValue(message)
            elif self._options.unknown_columns == "store":
                sent[name] = stored(name, "custom", value)
        return sent

    def _check_header(self, resource: SandboxCimcloudResource, sent: Row) -> None:
        if resource.header is None:
            return
        name, columns = resource.header
        headers = self._vendor.collections[name]
        owner = self._resources[name]
        for column in columns:
            value = sent.get(column)
            if value is None:
                continue
            if column == columns[0] and len(columns) > 1:
                found = headers.get(value) is not None
            else:
                found = bool(headers.find(owner.user_key, (value,)))
            if found:
                return
        message = f"No {name} record for this line."
        raise MissingHeader(message)

    def _enqueue(
        self, resource: SandboxCimcloudResource, call: SandboxCall, records: list[object]
    ) -> SandboxAnswer:
        """Take more than ten records for later; the answer is of an unknown shape (6.3)."""
        job = BatchJob(resource, call.method, records)
        self._jobs.append(job)
        call.count("queued", len(records))
        timer = asyncio.get_running_loop().create_task(self._later(job))
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)
        body = {
            "action": "DataQueued",
            "success": True,
            "importedRecords": 0,
            "updatedRecords": 0,
            "recordCountInRequest": len(records),
            "message": "The request has been added to the Jobs Queue.",
            "jobId": uuid.uuid4().hex.upper(),
        }
        return json_answer(body, self._options.queue_status)

    async def _later(self, job: BatchJob) -> None:
        while job in self._jobs:
            await asyncio.sleep(self._options.queue_delay)
            self._work(job, last=job.tries + 1 >= self._options.queue_retries)

    def _work(self, job: BatchJob, *, last: bool) -> None:
        """Work on a queued request; lines without their header stay in the queue."""
        if job not in self._jobs:
            return
        job.tries += 1
        result = self._batch(job.resource, job.method, job.records)
        gone = result.problems if last else result.errors
        self.failed += gone
        outcomes = {
            "created": result.created,
            "updated": result.updated,
            "missed": result.missed,
            "refused": len(gone),
        }
        self._vendor.bench.recorder.count_writes(
            self._vendor.name,
            job.resource.name,
            {name: count for name, count in outcomes.items() if count},
        )
        job.records = [] if last else [record for record, _ in result.waiting]
        if not job.records:
            self._jobs.remove(job)
        self._vendor.bench.store.commit()

    def finish(self) -> None:
        """Work off the queue at once, before the server ends."""
        for job in list(self._jobs):
            self._work(job, last=True)
        for timer in list(self._timers):
            timer.cancel()

    def forget(self) -> None:
        """Drop the queue (the data is made anew)."""
        self._jobs.clear()
        self.failed.clear()
