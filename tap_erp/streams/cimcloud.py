"""CIMcloud: pages of rows, from the day of the bookmark on."""

from __future__ import annotations

import datetime as dt
import typing as t

from erp_vendors import schemas
from erp_vendors.cimcloud import CIMCLOUD, CimcloudClient, CimcloudResource
from erp_vendors.cimcloud.resources import RESOURCES, custom
from erp_vendors.cimcloud.search import changed_since
from erp_vendors.errors import CallError, DataError, ErpError, MissingResourceError, Phase
from erp_vendors.http import codec
from erp_vendors.overrides import configured
from erp_vendors.remembered import Remembered
from tap_erp.bookmark import Bookmark, fingerprint
from tap_erp.columns import learn
from tap_erp.learning import LearningStream
from tap_erp.stamps import earlier, from_iso, to_iso

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.stream import ErpStream
    from tap_erp.tap import TapErp

_ZONES = dt.timedelta(hours=12)
"""Rows carry no zone, and no clock on earth is further behind UTC."""
_MOMENT = dt.timedelta(microseconds=1)
_PASSES = 3
"""Times a listing is read that changes while it is read."""
_REFUSED_FILTER = frozenset({400, 404, 405, 414, 422, 500, 501})


class CimcloudStream(LearningStream):
    """The rows of one Standard resource."""

    vendor = CIMCLOUD.name

    def __init__(self, tap: TapErp, resource: CimcloudResource) -> None:
        super().__init__(
            tap,
            name=f"cimcloud_{resource.name}",
            schema=_schema(tap, resource),
            primary_keys=resource.primary_keys,
            replication_key=resource.replication_key,
        )
        self.resource = resource
        self._side_by_side = False

    @property
    def client(self) -> CimcloudClient:
        """The site."""
        return t.cast("CimcloudClient", self.erp.client("cimcloud"))

    def get_records(self, context: Context | None) -> t.Iterator[Record]:  # noqa: ARG002
        """Read the listing; once more if rows moved between its pages while it was read."""
        bookmark = self._bookmark()
        done = Remembered()
        for _ in range(_PASSES):
            seen = Remembered()
            moved = again = False
            for row in self._rows(bookmark):
                stamp = self._stamp(row)
                # The content tells two versions of a row apart even if their stamps are equal.
                mark = self.mark(row)
                moved = self._has_moved(row, stamp, seen) or moved
                again = again or mark in seen
                seen.put(mark)
                if mark not in done and bookmark.wants(stamp, mark):
                    yield row
                    done.put(mark)
                    bookmark.emitted(stamp, mark)
            # Of pages that were read side by side, a later one may have been read before a row
            # moved to it, and an earlier one after that. Where two such pages join, a row comes
            # twice.
            if not (moved or (again and self._side_by_side)):
                break
            self.logger.info("%s: rows moved while they were read; reading them again", self.name)
        if self.incremental:
            # Pages come in no known order, so the bookmark moves only when all are read.
            self.save(bookmark.state, now=True)

    def _rows(self, bookmark: Bookmark) -> t.Iterator[Record]:
        search, pages = "", 0
        if bookmark.since is not None and self.resource.replication_key:
            search = changed_since(
                self.resource.replication_key,
                from_iso(bookmark.since),
                self.client.block.get("date_format"),
            )
        try:
            for page in self._pages(search):
                self.learn(page)  # one SCHEMA for a page, however late a column has its first value
                yield from page
                pages += 1
        except (CallError, MissingResourceError) as error:
            # A page number after a date may be refused where the date alone is not (4.3, UNK).
            if not search or pages > 1 or not _may_be_the_filter(error):
                raise
            self.logger.warning(
                "%s: the vendor refuses the filter on %s, reading the full table (%s)",
                self.name,
                self.resource.replication_key,
                error,
            )
            for page in self._pages(""):
                self.learn(page)
                yield from page

    def _pages(self, search: str) -> t.Iterator[list[Record]]:
        pages = self.client.pages(self.resource, search)
        for page in pages:
            self._side_by_side = pages.side_by_side
            yield page

    def _bookmark(self) -> Bookmark:
        lookback = dt.timedelta(seconds=int(self.config.get("lookback_seconds") or 0))
        latest = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None) - _ZONES

        def whole_day(stamp: str) -> str:
            # The documented date literal has no time of day (cimcloud.md 4.3).
            day = dt.datetime.combine(earlier(from_iso(stamp), lookback), dt.time())
            return day.isoformat(timespec="microseconds")

        start = to_iso(self.config.get("start_date")) if self.incremental else None
        return Bookmark(
            self.stream_state if self.incremental else {},
            self.replication_key or "",
            floor=whole_day,
            parse=to_iso,
            start=start and whole_day(start),
            ceiling=latest.isoformat(timespec="microseconds"),
        )

    def _stamp(self, row: Record) -> str | None:
        return to_iso(row.get(self.replication_key)) if self.replication_key else None

    def _has_moved(self, row: Record, stamp: str | None, seen: Remembered) -> bool:
        """Whether a row came before in this pass, with an older stamp.

        Then it has moved to another page, and a row may have slipped from a page that was still to
        be read onto one that had been read already.
        """
        if not self.resource.primary_keys or stamp is None:
            return False
        key = fingerprint(*(row.get(name) for name in self.resource.primary_keys))
        moment = (from_iso(stamp) - dt.datetime.min) // _MOMENT  # noqa: DTZ901
        before = seen.get(key)
        if before is None:
            seen.put(key, moment)
        return before is not None and moment > before


class OnlineOrdersStream(LearningStream):
    """Orders that are marked as taken by being read (cimcloud.md 10)."""

    vendor = CIMCLOUD.name
    at_once = True

    def __init__(self, tap: TapErp, resource: CimcloudResource) -> None:
        super().__init__(
            tap,
            name=f"cimcloud_{resource.name}",
            schema=schemas.for_stream(
                "cimcloud", resource.name, resource.primary_keys, None, resource.schema
            ),
            primary_keys=resource.primary_keys,
        )
        self.resource = resource

    def get_records(self, context: Context | None) -> t.Iterator[Record]:  # noqa: ARG002
        """Ask for the first page until it is empty; each is on stdout before the next call.

        Paging while the flag flips is unknown, so no other page is ever asked for.
        """
        client = t.cast("CimcloudClient", self.erp.client("cimcloud"))
        previous: set[str] = set()
        while rows := self._take(client):
            marks = [fingerprint(codec.encode(row)) for row in rows]
            # Every message is flushed as it is written, so when the loop comes back all are out.
            yield from (row for row, mark in zip(rows, marks, strict=True) if mark not in previous)
            if not previous.isdisjoint(marks):
                msg = (
                    "the vendor answers the same orders again, so it does not mark them as taken; "
                    "stopped after one copy of each"
                )
                raise DataError(msg)
            previous = set(marks)

    def _take(self, client: CimcloudClient) -> list[Record]:
        try:
            return client.page(self.resource)
        except (CallError, DataError) as error:
            if isinstance(error, CallError) and not _may_be_executed(error):
                raise
            msg = (
                f"{error}. If the vendor had executed the call, the orders of one page are marked "
                "as taken and were not received: look for orders exported since "
                f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d %H:%M} UTC and set their `exported` "
                "back to 0 (cimcloud_orders)"
            )
            raise DataError(msg) from None


def _schema(tap: TapErp, resource: CimcloudResource) -> schemas.Schema:
    schema = schemas.for_stream(
        "cimcloud",
        resource.name,
        resource.primary_keys,
        resource.replication_key,
        resource.schema,
    )
    # A catalog from an earlier discovery already has the columns.
    if tap.block("cimcloud").get("discover_columns") and tap.input_catalog is None:
        client: CimcloudClient = tap.client("cimcloud")
        try:
            learn(schema, client.page(resource))
        except ErpError as error:
            tap.logger.warning("cimcloud_%s: no columns learned: %s", resource.name, error)
    return schema


def _may_be_executed(error: CallError) -> bool:
    if error.status is None:
        return error.phase is not Phase.NOT_SENT
    return error.status >= 500  # noqa: PLR2004


def _may_be_the_filter(error: CallError | MissingResourceError) -> bool:
    return isinstance(error, MissingResourceError) or error.status in _REFUSED_FILTER


def streams(tap: TapErp) -> list[ErpStream]:
    """All CIMcloud streams.

    Args:
        tap: The tap, with a `cimcloud` block.
    """
    block = tap.block("cimcloud")
    found: list[ErpStream] = []
    for resource in configured(block, RESOURCES, custom).values():
        if resource.destructive:
            if block.get("read_online_orders"):
                found.append(OnlineOrdersStream(tap, resource))
        elif resource.path:
            found.append(CimcloudStream(tap, resource))
    return found
