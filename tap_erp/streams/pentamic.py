"""Pentamic Accounting: whole lists, and lists per customer (pentamic.md 4)."""

from __future__ import annotations

import itertools
import typing as t

from typing_extensions import override

from erp_vendors.errors import CallError, DataError, ErpError
from erp_vendors.http import ordered_map
from erp_vendors.http.redact import redact
from erp_vendors.pentamic import PENTAMIC, PentamicClient, PentamicResource
from erp_vendors.pentamic.client import resources, schema_of
from erp_vendors.pentamic.resources import parent_of
from erp_vendors.remembered import Remembered
from erp_vendors.stamps import AHEAD_OF_UTC, iso_now, to_iso
from tap_erp.bookmark import content_fingerprint
from tap_erp.resource_stream import ResourceStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap
    from tap_erp.stream import ErpStream

_SAMPLE = 20
"""Records that are looked at before the SCHEMA message."""


class PentamicStream(ResourceStream[PentamicResource, PentamicClient]):
    """The records of one resource, in full; the vendor keeps no stamps (pentamic.md 4.3).

    Each customer's integration is its own (the caveat at the head of pentamic.md), so columns are
    learned from the records.
    """

    vendor = PENTAMIC.name
    shows_deletions = True

    def __init__(
        self,
        tap: BaseTap,
        resource: PentamicResource,
        resources: t.Mapping[str, PentamicResource],
    ) -> None:
        super().__init__(tap, resource, schema=schema_of(resource, resources))
        self.parent = parent_of(resource, resources)
        self._records: t.Iterator[Record] = iter(())

    @override
    def prepare(self) -> None:
        """Read some records, so that the SCHEMA message has their columns and a key they have."""
        rows = self._rows()
        first: list[Record] = []
        failure: list[ErpError] = []
        try:
            first.extend(itertools.islice(rows, _SAMPLE))
        except ErpError as error:
            failure.append(error)
        if self.resource.assumed_keys and first:
            self.choose_key(first)
        self.learn(first)
        self._records = itertools.chain(first, _raised(failure), rows)

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """All records; with a bookmark field, without those that an earlier run has emitted."""
        # Stamps may carry no zone. One list tells nothing of another one's records, so the
        # bookmark moves only if all of them could be read.
        bookmark, done = self.open_bookmark(iso_now(AHEAD_OF_UTC)), Remembered()
        for record in self._records:
            missing = [name for name in self.primary_keys if record.get(name) is None]
            if missing:
                others = redact.cut(", ".join(map(str, record)), 200)
                self.missed(f"a record has no {' and no '.join(missing)}, only: {others}")
                continue
            self.learn([record])
            stamp = to_iso(record.get(self.replication_key)) if self.replication_key else None
            mark = content_fingerprint(record) if self.incremental else ""
            if not self.incremental:
                yield record
            elif mark not in done and bookmark.wants(stamp, mark):
                yield record
                done.put(mark)
                bookmark.emitted(stamp, mark)

    def _rows(self) -> t.Iterator[Record]:
        for position, row in enumerate(self.client.rows(self.resource)):
            if isinstance(row, dict):
                yield dict(row)
            else:
                self.missed(f"element {position} of {self.resource.path} is no record")


class PentamicChildStream(PentamicStream):
    """The records that belong to another stream's records, one call for each of those."""

    @override
    def _rows(self) -> t.Iterator[Record]:
        client, parent = self.client, self.parent
        assert parent is not None  # noqa: S101 - that makes it a child
        keys = self._parent_keys(client.rows(parent), parent)
        unknown: list[object] = []
        outcomes = ordered_map(
            lambda key: client.children(self.resource, key),
            keys,
            workers=client.transport.budget.limits.in_flight,
        )
        for outcome in outcomes:
            key, error = outcome.item, outcome.error
            if isinstance(error, (CallError, DataError)):
                self.fault(f"{parent.name} {key}: {error}")
                continue
            if error is not None:
                raise error
            self._faults_in_a_row = 0
            if outcome.result is None:
                unknown.append(key)
                continue
            for row in outcome.result:
                if isinstance(row, dict):
                    yield {self.resource.parent_property: key, **row}
                else:
                    self.missed(f"{parent.name} {key}: its list holds something that is no record")
        self._check_unknown(unknown, parent)
        if client.null_lists:
            self.doubt(f"{client.null_lists} lists came as null")

    def _parent_keys(self, rows: t.Iterable[t.Any], parent: PentamicResource) -> list[object]:
        keys: dict[object, None] = {}
        for position, row in enumerate(rows):
            key = row.get(parent.key) if isinstance(row, dict) else None
            if isinstance(key, (str, int)) and key != "":
                keys[key] = None
            else:
                self.missed(f"record {position} of {parent.path} has no {parent.key}")
        return list(keys)

    def _check_unknown(self, unknown: list[object], parent: PentamicResource) -> None:
        """Tell of parents that the vendor lists but does not know; others were deleted."""
        if not unknown:
            return
        rows = self.client.rows(parent, again=True)
        listed = {row.get(parent.key) for row in rows if isinstance(row, dict)}
        for key in unknown:
            if key in listed:
                self.missed(f"{parent.path} lists {key}, but the vendor does not know it")


def _raised(failure: list[ErpError]) -> t.Iterator[Record]:
    """Raise the error that reading the first records ended with, once those are emitted."""
    for error in failure:
        raise error
    yield from ()


def streams(tap: BaseTap) -> list[ErpStream]:
    """All Pentamic streams."""
    found = resources(tap.block("pentamic"))
    return [
        (PentamicChildStream if resource.is_child else PentamicStream)(tap, resource, found)
        for resource in found.values()
        if resource.path
    ]
