"""Aimsio's API: an index of ids, then one GET per record (aimsio.md 4)."""

from __future__ import annotations

import sys
import threading
import typing as t
import urllib.parse

import msgspec

from erp_vendors.aimsio.resources import RESOURCES, AimsioResource, custom
from erp_vendors.aimsio.settings import HOSTS, VENDOR
from erp_vendors.assumption import doctor_hint
from erp_vendors.connect import connect
from erp_vendors.elements import unwrapped
from erp_vendors.errors import DataError, ErpError, MissingResourceError
from erp_vendors.http import codec
from erp_vendors.http.auth import BasicAuth
from erp_vendors.http.budget import Limits
from erp_vendors.overrides import configured

if t.TYPE_CHECKING:
    from erp_vendors.http import Answer
    from erp_vendors.settings import Block
    from erp_vendors.vendor import Connection

PREFIX = "/rest/api/standard/v1"
"""Path prefix of every known operation (aimsio.md 1, DOC)."""


class IndexEntry(msgspec.Struct, frozen=True, gc=False):
    """One element of an index (aimsio.md 8.6), of which there may be a million.

    For speed: `gc=False`, because the garbage collector would go through all of them again and
    again. Benchmark: `scale` (children). It may go when an index is read in parts.

    Attributes:
        id: `guid`, or `id` where the entity has no guid.
        updated_at: Epoch milliseconds, or None when the vendor sent none.
        dtype: Object type, or None.
        is_guid: `id` is the guid.
    """

    id: str | int
    updated_at: int | None
    dtype: str | None
    is_guid: bool = True


class Index(t.NamedTuple):
    """A whole index.

    Attributes:
        entries: Its usable elements, in the vendor's order.
        faults: What was wrong with the others, a line each; empty when the index is complete.
    """

    entries: list[IndexEntry]
    faults: list[str]


class AimsioClient:
    """Reads and writes one Aimsio account."""

    def __init__(self, block: Block, connection: Connection) -> None:
        self.block = block
        self.resources = configured(block, RESOURCES, custom)
        username, password = block.require("username", "password")
        base_url = block.get("api_url") or HOSTS[block.get("environment")]
        self.transport = connect(
            block,
            connection,
            base_url=base_url.rstrip("/").removesuffix(PREFIX) + PREFIX,
            limits=Limits(block.get("requests_per_second"), block.get("max_concurrency")),
            auth=BasicAuth(username, password),
        )
        self._indexes: dict[str, Index] = {}
        self._locks: dict[str, threading.Lock] = {name: threading.Lock() for name in self.resources}

    def check(self) -> None:
        """Prove that the credentials work, with one call that changes nothing.

        Raises:
            ErpError: If they do not, or the vendor cannot be reached.
        """
        self.index(self.resources["employees"])

    def index(self, resource: AimsioResource, *, again: bool = False) -> Index:
        """The index of an entity, read once per run.

        Args:
            resource: The entity.
            again: Read it anew.

        Raises:
            DataError: If the answer is not a list.
            MissingResourceError: If the entity's path is a guess and this site does not have it.
            ErpError: If the call fails.
        """
        with self._locks[resource.name]:
            if again or resource.name not in self._indexes:
                try:
                    answer = self.transport.get_json(
                        resource.path, optional=not resource.documented
                    )
                except MissingResourceError as error:
                    msg = f"{error}; {doctor_hint(VENDOR, 'paths')}"
                    raise MissingResourceError(msg) from None
                self._indexes[resource.name] = parse_index(resource, answer)
            return self._indexes[resource.name]

    def detail(
        self, resource: AimsioResource, key: str | int, *, is_guid: bool = False
    ) -> dict[str, t.Any] | None:
        """One full record.

        Args:
            resource: The entity.
            key: Its guid or id.
            is_guid: It is the guid, which the record is held against.

        Returns:
            The record; None when it has vanished since the index was read.

        Raises:
            DataError: If the answer is not an object, or is another record than the one asked for.
            ErpError: If the call fails.
        """
        path = f"{resource.path}/{urllib.parse.quote(str(key), safe='')}"
        try:
            record = self.transport.get_json(path, optional=True)
        except MissingResourceError:
            return None
        if isinstance(record, list) and len(record) == 1:
            record = record[0]
        if not isinstance(record, dict):
            msg = f"aimsio: GET {path} answered with {codec.kind_of(record)}, not with an object"
            raise DataError(msg)
        shown = record.get(resource.guid)
        if is_guid and shown is not None and str(shown).casefold() != str(key).casefold():
            msg = f"aimsio: GET {path} answered with another record: {resource.guid} is {shown}"
            raise DataError(msg)
        return record

    def post(
        self,
        resource: AimsioResource,
        records: t.Sequence[t.Mapping[str, t.Any]],
        *,
        repeatable: bool = True,
    ) -> Answer:
        """Create or update records (aimsio.md 6).

        Args:
            resource: The entity.
            records: Bodies, as the vendor takes them.
            repeatable: They have keys that the vendor upserts on, so that a second execution
                changes nothing more.

        Raises:
            ErpError: If the call fails.
        """
        return self.transport.call(
            "POST",
            resource.write_path or resource.path,
            body=codec.encode({resource.list_name: records}),
            repeatable=repeatable,
        )


def parse_index(resource: AimsioResource, answer: object) -> Index:
    """Read the answer that is an entity's index; a list is emptied by it.

    Args:
        resource: The entity.
        answer: The parsed answer.

    Raises:
        DataError: If it is not a list.
    """
    answer = unwrapped(answer, resource.rows_in)
    if not isinstance(answer, list):
        msg = f"aimsio: the index at {resource.path} is {codec.kind_of(answer)}, not a list"
        raise DataError(msg)
    index = Index([], [])
    answer.reverse()
    for position in range(len(answer)):
        try:
            # Parsed JSON takes several times the memory of an entry, so each is dropped here.
            index.entries.append(_parse_entry(answer.pop()))
        except ErpError as error:
            index.faults.append(f"element {position} of the index at {resource.path} {error}")
    return index


def _parse_entry(element: object) -> IndexEntry:
    if not isinstance(element, dict):
        msg = "is not an object"
        raise DataError(msg)
    key = next(
        (element[name] for name in ("guid", "id") if element.get(name) not in (None, "")), None
    )
    if not isinstance(key, (str, int)) or isinstance(key, bool):
        msg = "has neither a guid nor an id"
        raise DataError(msg)
    stamp = element.get("updatedAt")
    dtype = element.get("dtype")
    try:
        updated_at = None if stamp is None else int(stamp)
    except (TypeError, ValueError):
        msg = f"({key}) has an updatedAt that is not a number: {stamp!r}"
        raise DataError(msg) from None
    named = None if dtype is None else sys.intern(str(dtype))
    return IndexEntry(key, updated_at, named, is_guid=element.get("guid") not in (None, ""))
