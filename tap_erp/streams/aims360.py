"""AIMS360: OData lists, in windows that are closed at both ends."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import typing as t

from typing_extensions import override

from erp_vendors.aims360 import AIMS360, Aims360Client, Aims360Resource
from erp_vendors.aims360.aqua import exports
from erp_vendors.aims360.client import NO_ROW, refuses_query
from erp_vendors.aims360.odata import ODataPage, Row, between, pick
from erp_vendors.aims360.resources import RESOURCES, custom
from erp_vendors.assumption import doctor_hint
from erp_vendors.elements import NoRecord
from erp_vendors.errors import CallError, DataError, MissingResourceError
from erp_vendors.http import ordered_map
from erp_vendors.http.redact import redact
from erp_vendors.keylist import KeyList
from erp_vendors.overrides import configured
from erp_vendors.stamps import from_iso, iso_now, to_iso
from tap_erp.bookmark import content_fingerprint, fingerprint
from tap_erp.paged import read_offsets
from tap_erp.resource_stream import ResourceStream
from tap_erp.streams.aims360_aqua import AquaStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap
    from tap_erp.bookmark import Bookmark
    from tap_erp.stream import ErpStream

Batches = t.Iterator[list[tuple[Row, str]]]

_NOT_FOUND, _NO_RANGE, _FAULT = 404, 416, 500
_NUMBERS = re.compile(r"[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*")
"""Numbers and ids, such as that of a request."""
_CHUNK = 50
"""Records that were read one by one and are emitted together."""


class Aims360Stream(ResourceStream[Aims360Resource, Aims360Client]):
    """The records of one resource."""

    vendor = AIMS360.name
    shows_deletions = True
    fills_in = True

    def __init__(self, tap: BaseTap, resource: Aims360Resource) -> None:
        super().__init__(tap, resource, sample=lambda client: client.page(resource).rows)
        self._batches: Batches = iter(())

    @override
    def prepare(self) -> None:
        """Read the first page, so that the SCHEMA message has its columns and a key that it has."""
        until = iso_now() + "Z"
        self._bookmark = self.open_bookmark(until)
        batches = self._read(_Listing(self, self._bookmark, until))
        first = next(batches, [])
        rows = [row for row, _ in first if not isinstance(row, NoRecord)]
        self.learn(rows)
        self.choose_key(rows, spare=self.resource.spare_keys, value_of=pick)
        if self.position is not None and not self.incremental:  # it lost its key
            self.position = None
            self._bookmark = self.open_bookmark(until)
            batches = self._read(_Listing(self, self._bookmark, until))
            first = next(batches, [])
        self._batches = itertools.chain([first], batches)

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """The new records, for callers that want one by one; see `batches`."""
        return itertools.chain.from_iterable(self.batches(context))

    @override
    def batches(self, context: Context | None) -> t.Iterator[list[Record]]:
        """The new records of each page. Their order is unknown: the bookmark moves at the end."""
        bookmark = self._bookmark
        names = frozenset(filter(None, (*self.primary_keys, self.replication_key)))
        for page in self._batches:
            new: list[Record] = []
            marks: list[tuple[str | None, str]] = []
            for row, mark in page:
                if not self.is_record(row):
                    continue
                stamp = self._stamp(row)
                if not bookmark.wants(stamp, mark):
                    continue
                if not names <= row.keys():
                    self._fill_in(row, names)
                missing = [key for key in self.primary_keys if row.get(key) is None]
                if missing:
                    bookmark.hold(stamp)
                    what = f"a record has no {missing[0]}, which is its key: {_shown(row)}"
                    self.missed(what, held=True)
                    continue
                new.append(row)
                marks.append((stamp, mark))
            yield new
            bookmark.emitted_together(marks)

    def _read(self, listing: _Listing) -> Batches:
        """The rows, page by page; where the site does not have the list, record by record."""
        self.table_copy.source = self.resource.path
        try:
            limits = self.client.transport.budget.limits
            yield from read_offsets(
                listing,
                content_fingerprint,
                size=self.client.page_size,
                limits=limits,
                alias=self._alias,
                doubt=self.doubt,
            )
        except MissingResourceError:
            if not self.resource.single_path:
                raise
            self.logger.info("%s: this site has no list, reading one by one", self.name)
            self.table_copy.source = self.resource.single_path
            yield from self._singles()

    def _singles(self) -> Batches:
        client, (source, column) = self.client, self.resource.keys_from
        parents = dataclasses.replace(client.resources[source], expand="")
        pages = read_offsets(
            lambda skip: client.page(parents, skip),
            content_fingerprint,
            size=client.page_size,
            limits=client.transport.budget.limits,
            doubt=self.doubt,
        )
        rows = (row for page in pages for row, _ in page)
        found = (pick(row, column) for row in filter(self.is_record, rows))
        keys = KeyList((str(key),) for key in found if key)
        outcomes = ordered_map(
            lambda key: client.single(self.resource, *key),
            keys,
            workers=client.transport.budget.limits.in_flight,
        )
        batch: list[tuple[Row, str]] = []
        none = 0
        for outcome in outcomes:
            if outcome.error is not None:
                if not isinstance(outcome.error, (CallError, DataError)):
                    raise outcome.error  # the next record would end the same way
                self.fault(str(outcome.error))
            elif outcome.result is None:
                none += 1
            else:
                batch.append((outcome.result, content_fingerprint(outcome.result)))
            if len(batch) >= _CHUNK:
                yield batch
                batch = []
        if keys and none == len(keys):
            msg = f"aims360: there is neither {self.resource.path} nor {self.resource.single_path}"
            raise MissingResourceError(msg)
        yield batch

    def _fill_in(self, row: Row, names: frozenset[str]) -> None:
        """Add keys under the names that the schema has, where the record spells them otherwise."""
        for name in names - row.keys():
            if (value := pick(row, name)) is not None:
                row[name] = value

    @override
    def _may_be_newer(self, record: Record) -> bool:
        """Without a stamp nobody can tell: a row that moves between pages is read again."""
        return self.replication_key is None or super()._may_be_newer(record)

    def _stamp(self, row: Row) -> str | None:
        key = self.replication_key
        if not key:
            return None
        return to_iso(row[key] if key in row else pick(row, key))

    def _alias(self, row: Row) -> str | None:
        """A row's key and stamp; other content, such as a link, may differ in each answer."""
        stamp, values = self._stamp(row), [pick(row, key) for key in self.primary_keys]
        if stamp is None or not values or None in values:
            return None
        return fingerprint(stamp, *values)


class _Listing:
    """Gives the pages of a list, in the first of several ways to ask that the vendor accepts."""

    def __init__(self, stream: Aims360Stream, bookmark: Bookmark, until: str) -> None:
        self._stream = stream
        self._key = stream.replication_key or ""
        self._first_run = bookmark.value is None
        self._counted = False
        client = stream.client
        searches = [""]
        # A complete copy has no end of its window: what changes meanwhile would be missing in it.
        whole = stream.table_copy.wanted or "$filter" not in client.query_options
        if bookmark.since is not None and self._key and not whole:
            zone = client.block.get("date_zone")
            window = between(self._key, from_iso(bookmark.since), from_iso(until), zone)
            searches.insert(0, window)
        # Offsets need an order; whether the vendor takes one is unknown (aims360.md 4.1, INF).
        takes = "$orderby" in client.query_options
        orders = dict.fromkeys((",".join(stream.resource.primary_keys) if takes else "", ""))
        self._ways = list(itertools.product(searches, orders))
        self._filters = len(searches) > 1
        self._accepted = False

    def __call__(self, skip: int) -> ODataPage:
        if self._accepted:
            return self._page(skip)
        page = self._first_page(skip)
        self._accepted = True
        search, order = self._ways[0]
        if self._filters and not search:
            self._warn(f"the vendor refuses the filter on {self._key}", "filter")
        elif search and not page.rows and self._first_run:
            # Either nothing is new, or no record has the property that the filter names.
            whole = self._stream.client.page(self._stream.resource, order=order)
            if whole.rows and not any(_has(row, [self._key]) for row in whole.rows):
                self._warn(f"no record has a {self._key}", "stamps")
                self._ways = [("", order)]
                return whole
        return page

    def _first_page(self, skip: int) -> ODataPage:
        while True:
            try:
                return self._page(skip)
            except CallError as error:
                if len(self._ways) == 1 or not refuses_query(error):
                    if refuses_query(error):
                        hint = doctor_hint(self._stream.vendor, "count")
                        self._stream.logger.warning("%s: %s", self._stream.name, hint)
                    raise
                self._stream.logger.info("%s: %s", self._stream.name, error)
                self._ways.pop(0)

    def _page(self, skip: int) -> ODataPage:
        search, order = self._ways[0]
        try:
            page = self._stream.client.page(self._stream.resource, skip, search=search, order=order)
        except (MissingResourceError, CallError) as error:
            if not self._accepted or not _may_mean_the_end(error):
                raise
            if skip and not self._counted and self._is_past_the_end(error):
                return ODataPage([], None)
            if not _is_missing(error):
                raise
            msg = f"{error}, but it did before"
            raise DataError(msg) from None
        self._counted = self._counted or page.total is not None
        return page

    def _is_past_the_end(self, error: MissingResourceError | CallError) -> bool:
        """Whether a 404, or a 400 or the like, means that no rows follow (4.1, INF; 5.3).

        It does if what no list can have is answered alike, and the first page still is there. Where
        the vendor counts, the end is known, and nothing past it is asked for.
        """
        search, order = self._ways[0]
        ask = functools.partial(
            self._stream.client.page, self._stream.resource, search=search, order=order
        )
        try:
            ask(NO_ROW)
        except (MissingResourceError, CallError) as far:
            if not _may_mean_the_end(far) or _words(far) != _words(error):
                return False
        else:
            return False
        ask()
        return True

    def _warn(self, why: str, what: str) -> None:
        self._stream.logger.warning(
            "%s: %s, reading the full table (aims360.resources: replication_key); %s",
            self._stream.name,
            why,
            doctor_hint(self._stream.vendor, what),
        )


def _is_missing(error: MissingResourceError | CallError) -> bool:
    return isinstance(error, MissingResourceError) or error.status == _NOT_FOUND


def _may_mean_the_end(error: MissingResourceError | CallError) -> bool:
    """A 5xx does not: a server that is down for a moment answers each page alike."""
    if isinstance(error, CallError) and error.status is not None:
        refused = error.status == _NO_RANGE or (refuses_query(error) and error.status < _FAULT)
        return refused or _is_missing(error)
    return _is_missing(error)


def _words(error: MissingResourceError | CallError) -> object:
    """What was said, but for numbers, such as that of the row; nothing of a 404."""
    if isinstance(error, MissingResourceError) or _is_missing(error):
        return _NOT_FOUND
    return error.status, _NUMBERS.sub("", error.body)


def _has(row: Row, keys: t.Iterable[str]) -> bool:
    return all(pick(row, key) is not None for key in keys)


def _shown(row: Row) -> str:
    return redact.cut(", ".join(f"{name} {value!r}" for name, value in list(row.items())[:3]), 100)


def streams(tap: BaseTap) -> list[ErpStream]:
    """All AIMS360 streams.

    Raises:
        ConfigError: If two Aqua exports have the same name.
    """
    block = tap.block("aims360")
    resources = configured(block, RESOURCES, custom).values()
    return [
        *(Aims360Stream(tap, resource) for resource in resources if resource.path),
        *(AquaStream(tap, export) for export in exports(block)),
    ]
