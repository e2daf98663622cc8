"""Aimsio's calls: index, detail and upsert (4.1 and 6)."""

from __future__ import annotations

import uuid
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from erp_sandbox.aimsio.entities import EMBEDDED, ENTITIES
from erp_sandbox.aimsio.limiter import QueueLimiter
from erp_sandbox.aimsio.options import VARIANTS, AimsioOptions
from erp_sandbox.aimsio.records import AimsioTables
from erp_sandbox.aimsio.seed import AimsioSeed
from erp_sandbox.aimsio.writes import AimsioWrites
from erp_sandbox.exchange import Refusal, json_answer
from erp_sandbox.store import renamed
from erp_sandbox.vendor import SandboxVendor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from erp_sandbox.aimsio.entities import Entity
    from erp_sandbox.exchange import SandboxAnswer, SandboxCall
    from erp_sandbox.limits import Limiter
    from erp_sandbox.store import Collection, Row, TableShape
    from erp_sandbox.vendor import Workbench

PREFIX = "/rest/api/standard/v1"
"""Path prefix of every operation (1)."""
NO_PERMISSION_USER = "no-permission"
"""A user with the right password whose API permission is off (2)."""


def refusal(status: int, text: str, headers: dict[str, str] | None = None) -> Refusal:
    """Return an error; its body is UNK (5.2), so this one is a plain ``message``."""
    return Refusal(json_answer({"message": text}, status, headers))


class AimsioVendor(SandboxVendor):
    """Aimsio's REST API."""

    name: ClassVar[str] = "aimsio"
    Options: ClassVar[type[Any]] = AimsioOptions
    variants = VARIANTS
    options: AimsioOptions

    def __init__(self, bench: Workbench, options: AimsioOptions) -> None:
        unkeyed = set(options.id_entities) - {entity.name for entity in ENTITIES}
        if unkeyed:
            message = f"no Aimsio entity {', '.join(sorted(unkeyed))}"
            raise ValueError(message)
        self.entities = {entity.resource: entity.in_run(options) for entity in ENTITIES}
        super().__init__(bench, options)
        self.records = AimsioTables(self.collections)
        self._writer = AimsioWrites(self, options, self.records)

    def shapes(self) -> Iterable[TableShape]:
        """Return how each entity is kept."""
        return [entity.shape() for entity in self.entities.values()]

    def make_limiter(self) -> Limiter:
        """Return the queue of 5.1."""
        return QueueLimiter(self.bench, self.options)

    def seed(self) -> None:
        """Make the rows."""
        made = AimsioSeed(self.bench, self.entities).make()
        records = AimsioTables(self.collections)
        for resource, rows in made.items():
            for row in rows:
                self.collections[resource].put(records.derived(self.entities[resource], row))

    def stamp(self) -> object:
        """Return the present time in epoch milliseconds (3)."""
        return self.bench.clock.now_ms()

    def new_key(self, collection: Collection) -> object:
        """Return a fresh guid, or the next integer."""
        entity = self.entities[collection.shape.name]
        return collection.next_integer(entity.key) if entity.integer_key else str(uuid.uuid4())

    def completed(self, collection: Collection, row: Row) -> Row:
        """Fill the names and guids that follow from a record's codes."""
        entity = self.entities[collection.shape.name]
        row.setdefault(entity.created, row.get(entity.stamp))
        return self.records.derived(entity, row)

    @classmethod
    def credentials_text(cls, options: AimsioOptions) -> str:
        """Return the demo credentials."""
        return f"user {options.username}, password {options.password}"

    def about(self) -> dict[str, object]:
        """Return base URL and credentials."""
        return {
            "base_url": "/aimsio",
            "credentials": {"username": self.options.username, "password": self.options.password},
            "example": f"/aimsio{PREFIX}/Employee",
            "writes": {
                (entity.write_path or entity.name): entity.wrapper
                for entity in self.entities.values()
                if entity.wrapper
            },
        }

    def extra_report(self) -> dict[str, object]:
        """Return how many calls waited or timed out in the queue."""
        if not isinstance(self.limiter, QueueLimiter):
            return {}
        return {"queued": self.limiter.queued, "queue_timeouts": self.limiter.timeouts}

    async def handle(self, call: SandboxCall) -> SandboxAnswer:
        """Answer one call."""
        segments = call.raw_path.removeprefix(PREFIX).strip("/").split("/")
        known = call.raw_path.startswith(PREFIX + "/") and len(segments) <= 2  # noqa: PLR2004
        self._authorize(call)
        entity, writing = self._entity(segments[0]) if known else (None, False)
        if entity is None:
            raise refusal(404, "Not found")
        call.template = f"{PREFIX}/{segments[0]}"
        call.resource = entity.resource
        verbs = self._verbs(entity, writing=writing, single=len(segments) > 1)
        if len(segments) > 1:
            call.template += "/{id}" if entity.integer_key else "/{guid}"
        if call.method not in verbs:
            raise refusal(405, "Method not allowed", {"Allow": ", ".join(verbs)})
        if call.method == "POST":
            return self._writer.post(entity, call)
        if len(segments) > 1:
            detail = self._detail(entity, unquote(segments[1]))
            return json_answer([detail] if self.options.detail == "list" else detail)
        return json_answer(self._index(entity))

    def _verbs(self, entity: Entity, *, writing: bool, single: bool) -> list[str]:
        if single:
            return [] if writing else ["GET"]
        if entity.write_path:
            return ["POST"] if writing else ["GET"]
        return ["GET", "POST"] if entity.wrapper else ["GET"]

    def _authorize(self, call: SandboxCall) -> None:
        """Check HTTP Basic (2)."""
        found = call.basic_credentials()
        challenge = {"WWW-Authenticate": 'Basic realm="Aimsio"'}
        if found is None:
            raise refusal(401, "Unauthorized", challenge)
        user, password = found
        if not compare_digest(password.encode(), self.options.password.encode()):
            raise refusal(401, "Unauthorized", challenge)
        if user == NO_PERMISSION_USER:
            raise refusal(self.options.no_permission_status, "API permission is not enabled")
        if user != self.options.username:
            raise refusal(401, "Unauthorized", challenge)

    def _entity(self, segment: str) -> tuple[Entity | None, bool]:
        """Return the entity of a path segment and whether it is its separate write path."""
        for entity in self.entities.values():
            if segment == "NRB" and entity.write_path == segment:
                return entity, True
            if entity.answers_to(segment):
                return entity, False
        return None, False

    def _index(self, entity: Entity) -> list[dict[str, object]]:
        """Return the bare array of stubs, in no particular order (4.1, 8.6)."""
        name = "id" if entity.integer_key else "guid"
        extra = self.options.index_extra == "embedded"
        return [
            {
                "dtype": entity.name,
                name: row[entity.key],
                "updatedAt": row[entity.stamp],
                **(renamed(row, entity.shown) if extra else {}),
            }
            for row in self.collections[entity.resource].shuffled()
        ]

    def _detail(self, entity: Entity, key: str) -> Row:
        row = self.collections[entity.resource].get(key)
        if row is None:
            raise refusal(404, f"{entity.name} {key} not found")
        if entity.resource == "job_orders":
            return {**row, **dict(zip(EMBEDDED, self.records.embedded(row), strict=True))}
        return renamed(row, entity.shown)
