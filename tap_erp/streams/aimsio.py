"""Aimsio: an index per entity, then the details of what is newer than the bookmark."""

from __future__ import annotations

import datetime as dt
import itertools
import time
import typing as t

from typing_extensions import override

from erp_vendors import schemas
from erp_vendors.aimsio import AIMSIO, AimsioClient, AimsioResource, IndexEntry
from erp_vendors.aimsio.resources import RESOURCES, custom
from erp_vendors.assumption import doctor_hint
from erp_vendors.errors import (
    CallError,
    DataError,
    ErpError,
    MissingResourceError,
    NotPermittedError,
)
from erp_vendors.http import ordered_map
from erp_vendors.overrides import configured
from erp_vendors.stamps import to_epoch_ms
from tap_erp.bookmark import fingerprint
from tap_erp.resource_stream import ResourceStream
from tap_erp.stream import ErpStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap
    from tap_erp.bookmark import Bookmark

_NOT_FOUND = 404

_MILLISECOND = dt.timedelta(milliseconds=1)


class AimsioStream(ResourceStream[AimsioResource, AimsioClient]):
    """The records of one entity, oldest change first."""

    vendor = AIMSIO.name
    oldest_first = True
    shows_deletions = True

    def __init__(self, tap: BaseTap, resource: AimsioResource) -> None:
        super().__init__(tap, resource)
        self._filled: set[str] = set()

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """Read the index once, then the details of new entries, in the order of their stamps."""
        index = self.client.index(self.resource)
        for what in index.faults:
            self.missed(what, held=True)  # the next run reads the whole index, too
        bookmark = self.open_bookmark(
            int(time.time() * 1000),
            parse=to_epoch_ms,
            floor=lambda stamp, by: stamp - by // _MILLISECOND,
            start=to_epoch_ms(self.config.get("start_date")),
        )
        entries = [
            entry for entry in index.entries if bookmark.wants(entry.updated_at, _mark(entry))
        ]
        entries.sort(key=lambda entry: str(entry.id))
        entries.sort(key=lambda entry: entry.updated_at or 0)
        # An index may list an entry twice.
        entries = [entry for entry, _ in itertools.groupby(entries)]
        if self.ABORT_AT_RECORD_COUNT is not None:
            entries = entries[: self.ABORT_AT_RECORD_COUNT + 1]
        self.erp.progress.add_total(len(entries), lambda: self.records_read)
        stamps = (e.updated_at for e in index.entries if e.updated_at is not None)
        yield from self._details(entries, bookmark, listed=max(stamps, default=None))

    def _details(
        self, entries: list[IndexEntry], bookmark: Bookmark, listed: int | None
    ) -> t.Iterator[Record]:
        client, missing, unread = self.client, [], []
        outcomes = ordered_map(
            lambda entry: client.detail(self.resource, entry.id, is_guid=entry.is_guid),
            entries,
            workers=client.transport.budget.limits.in_flight,
        )
        for outcome in outcomes:
            entry = outcome.item
            if outcome.result is not None:
                record = self._complete(outcome.result, entry)
                yield record
                bookmark.emitted(entry.updated_at, _mark(entry))
                # The detail may be newer than the index. The next index lists its newer stamp, and
                # then this record is known by it.
                stamp = to_epoch_ms(record.get(self.resource.replication_key or ""))
                bookmark.remember(stamp, fingerprint(entry.id, stamp))
                if self.saves_at_any_time:
                    self.save(bookmark.state)
                continue
            bookmark.hold(entry.updated_at)
            if outcome.error is None:
                missing.append(entry)
                continue
            unread.append(entry)
            if not isinstance(outcome.error, (CallError, DataError)):
                raise outcome.error  # the next record would end the same way
            self.fault(str(outcome.error), held=True)
        unread += self._still_listed(missing)
        bookmark.release(upto=listed)
        for entry in unread:
            bookmark.hold(entry.updated_at)

    def _complete(self, record: Record, entry: IndexEntry) -> Record:
        """Fill key and stamp from the index where the detail does not carry them.

        Their names in the detail are public for some entities only (aimsio.md 7).
        """
        key = next(iter(self.resource.primary_keys), None)
        if key and record.get(key) is None:
            record[key] = entry.id
            self._tell_filled(key, "detail_keys")
        stamp = self.resource.replication_key
        if stamp and record.get(stamp) is None:
            record[stamp] = entry.updated_at
            self._tell_filled(stamp, "detail_stamps")
        return record

    def _tell_filled(self, column: str, assumption: str) -> None:
        """Say once that records lack a column; nothing is wrong with what is emitted."""
        if column not in self._filled:
            self._filled.add(column)
            self.logger.info(
                "%s: records have no %s, so they get what the index has; %s",
                self.name,
                column,
                doctor_hint(self.vendor, assumption),
            )

    def _still_listed(self, missing: list[IndexEntry]) -> list[IndexEntry]:
        """Which of the records that answer 404 the index still lists; the others were deleted."""
        if not missing:
            return []
        listed = {entry.id for entry in self.client.index(self.resource, again=True).entries}
        found = [entry for entry in missing if entry.id in listed]
        for entry in found:
            path = f"{self.resource.path}/{entry.id}"
            self.fault(f"{path} answers 404 or 405, but the index lists it", held=True)
        return found


class AimsioIndexStream(ErpStream):
    """Every object's id and stamp, which makes deletions visible at one call per entity."""

    vendor = AIMSIO.name
    shows_deletions = True

    def __init__(self, tap: BaseTap, resources: t.Iterable[AimsioResource]) -> None:
        super().__init__(
            tap,
            name="aimsio_object_index",
            schema=schemas.load("aimsio", "object_index"),
            primary_keys=("entity", "id"),
        )
        self.resources = [resource for resource in resources if resource.path]
        self.turn = 1  # after the entities, whose indexes it then reuses

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """The entries of all indexes; a copy is complete only if each index could be read."""
        client = t.cast("AimsioClient", self.erp.client("aimsio"))
        refused: list[NotPermittedError] = []
        absent: list[CallError] = []
        found = 0
        for resource in self.resources:
            entity = resource.path.strip("/")
            try:
                index = client.index(resource)
            except MissingResourceError as error:
                self.logger.info("No index of %s: %s", entity, error)
                continue
            except NotPermittedError as error:
                self.logger.info("No index of %s: %s", entity, error)
                refused.append(error)
                continue
            except ErpError as error:
                if isinstance(error, CallError) and error.status == _NOT_FOUND:
                    # The paths of all lists are guesses (7, INF).
                    self.logger.info("No index of %s: %s", entity, error)
                    absent.append(error)
                else:
                    self.missed(f"the index of {entity} ({error})")
                continue
            found += 1
            for what in index.faults:
                self.missed(what)
            self.table_copy.note(
                entity, filled=bool(index.entries), may_be_empty=resource.may_be_empty
            )
            for entry in index.entries:
                yield {
                    "entity": entity,
                    "id": str(entry.id),
                    "dtype": entry.dtype,
                    "updatedAt": entry.updated_at,
                }
        if len(refused) == len(self.resources):
            raise refused[0]
        if absent and not found:
            raise absent[0]


def _mark(entry: IndexEntry) -> str:
    """The fingerprint of one version of a record."""
    return fingerprint(entry.id, entry.updated_at)


def streams(tap: BaseTap) -> list[ErpStream]:
    """All Aimsio streams."""
    resources = configured(tap.block("aimsio"), RESOURCES, custom).values()
    readable = [resource for resource in resources if resource.path]
    return [
        *(AimsioStream(tap, resource) for resource in readable),
        AimsioIndexStream(tap, readable),
    ]
