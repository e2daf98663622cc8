"""CIMcloud: pages of rows, from the day of the bookmark on."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import typing as t

from typing_extensions import override

from erp_vendors.assumption import doctor_hint
from erp_vendors.cimcloud import CIMCLOUD, CimcloudClient, CimcloudResource
from erp_vendors.cimcloud.resources import RESOURCES, custom
from erp_vendors.cimcloud.search import changed_since
from erp_vendors.errors import CallError, DataError, MissingResourceError, Phase
from erp_vendors.overrides import configured
from erp_vendors.remembered import Remembered
from erp_vendors.stamps import BEHIND_UTC, day_before, earlier, from_iso, iso_now, to_iso
from tap_erp.bookmark import content_fingerprint, fingerprint
from tap_erp.resource_stream import ResourceStream

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap
    from tap_erp.bookmark import Bookmark
    from tap_erp.stream import ErpStream

_MOMENT = dt.timedelta(microseconds=1)
_PASSES = 3
"""Times that a listing is read which changes meanwhile."""
_WORD = 1 << 64
_MOVED = "rows moved while they were read"
_OUTDATED = (
    "rows that were read first have changed or gone since, and went out with it (the last two "
    "readings had the same rows)"
)
_UNLIKE = "no two readings had the same rows"
_REFUSED_FILTER = frozenset({400, 404, 405, 414, 422, 500, 501})


class KeySet:
    """Tells whether two readings had the same keys, in memory that does not grow with them."""

    def __init__(self) -> None:
        """Make an empty one."""
        self._seen = Remembered()
        self._count = 0
        self._sum = 0

    def add(self, key: str) -> None:
        """Add a key's fingerprint; a second time changes nothing."""
        if key not in self._seen:
            self._seen.put(key)
            self._count += 1
            digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % _WORD

    def same(self, other: KeySet) -> bool:
        """Whether both hold the same keys."""
        return (self._count, self._sum) == (other._count, other._sum)


class CimcloudStream(ResourceStream[CimcloudResource, CimcloudClient]):
    """The rows of one Standard resource."""

    vendor = CIMCLOUD.name
    shows_deletions = True
    # Pages of 50 rows in no order, and no count (4.1, 5.1).
    proven_by_second = True

    def __init__(self, tap: BaseTap, resource: CimcloudResource) -> None:
        super().__init__(tap, resource, sample=lambda client: client.page(resource))
        self._side_by_side = False
        self._repeated = False
        self._told = False

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """Read the listing; once more if rows moved between its pages while it was read.

        A complete copy takes two readings with the same keys, and no row beside them. Of rows that
        are equal and have no key, as many go out as the reading had that had most of them.
        """
        # Rows carry no zone. The documented date literal has no time of day (cimcloud.md 4.3).
        bookmark = self.open_bookmark(iso_now(-BEHIND_UTC), floor=day_before, floors_start=True)
        done, all_keys, last_keys = Remembered(), KeySet(), KeySet()
        for number in range(_PASSES):
            seen, keys = Remembered(), KeySet()
            self.reads_again = number > 0
            moved = again = False
            for row in self._rows(bookmark):
                if not self.is_record(row):
                    continue
                stamp = self._stamp(row)
                # The content tells two versions of a row apart even if their stamps are equal.
                content = mark = content_fingerprint(row)
                moved = self._has_moved(row, stamp, seen) or moved
                before = seen.get(content) or 0
                again = again or before > 0
                seen.put(content, before + 1)
                if before and not self.primary_keys:
                    mark = fingerprint(content, before)
                self._note_key(row, mark, keys, all_keys)
                if mark not in done and bookmark.wants(stamp, mark):
                    yield row
                    done.put(mark)
                    bookmark.emitted(stamp, mark)
            # Of pages that were read side by side, a later one may have been answered before a row
            # moved to it, and an earlier one after that. Then a row stands on both of two pages
            # that follow each other (docs/decisions/0007).
            # Without a key, these may be two rows as well, which another reading then has, too.
            again = again and self._side_by_side
            moved = moved or (again and bool(self.primary_keys))
            confirmed = number > 0 and keys.same(last_keys) and keys.same(all_keys)
            if not moved and (confirmed or not (again or self.table_copy.wanted)):
                return
            alike = number > 0 and keys.same(last_keys)
            last_keys = keys
            if number + 1 < _PASSES:
                why = _MOVED if moved else "to confirm what is there"
                self.logger.info("%s: %s; reading them again", self.name, why)
        self.doubt(_MOVED if moved else _OUTDATED if alike else _UNLIKE)

    def _note_key(self, row: Record, mark: str, *places: KeySet) -> None:
        names = self.primary_keys
        if self.table_copy.wanted or not names:
            text = fingerprint(*(row.get(name) for name in names)) if names else mark
            for place in places:
                place.add(text)

    def _rows(self, bookmark: Bookmark) -> t.Iterator[Record]:
        """The rows since the bookmark; all rows, where a filter or its pages cannot be trusted."""
        search, pages, numbered = self._search(bookmark), 0, True
        try:
            for page in self._pages(search):
                yield from page
                pages += 1
                if search and pages == 1:
                    numbered = self.client.takes_page_number(self.resource, search, page)
                    if not numbered:
                        break
        except (CallError, MissingResourceError) as error:
            # A page number after a date may be refused where the date alone is not (4.3, UNK).
            if not search or pages > 1 or not _may_be_the_filter(error):
                raise
            what = "date_page" if pages else "date_literal"
            why = f"refuses the filter on {self.replication_key}: {error}"
        else:
            what, why = self._distrust(bookmark, search, pages, numbered=numbered)
            if not what:
                return
        self._read_whole(what, why)
        for page in self._pages(""):
            yield from page

    def _distrust(
        self, bookmark: Bookmark, search: str, pages: int, *, numbered: bool
    ) -> tuple[str, str]:
        """The assumption that does not hold if a search may have missed rows, and what was seen."""
        field = self.replication_key
        if search and (not numbered or (pages == 1 and self._repeated)):
            return "date_page", f"takes no page number after the filter on {field}"
        # The record that the bookmark is from has changed at its day, or later.
        if search and not pages and bookmark.value is not None:
            return "misread_date", f"finds nothing since the day of the bookmark ({field})"
        return "", ""

    def _search(self, bookmark: Bookmark) -> str:
        """The searchstring for what has changed; empty for all rows."""
        pattern = self.client.block.get("date_format")
        if bookmark.since is None or not self.resource.replication_key or not pattern:
            return ""
        day = from_iso(bookmark.since)
        begin = bookmark.value or to_iso(self.config.get("start_date"))
        if begin is not None and from_iso(begin) == day:
            # A bound that is exclusive (4.2, INF) would leave out what changed at that moment.
            day = earlier(day, dt.timedelta(days=1))
        return changed_since(self.resource.replication_key, day, pattern)

    def _read_whole(self, what: str, why: str) -> None:
        tell = self.logger.info if self._told else self.logger.warning
        self._told = True
        hint = doctor_hint(self.vendor, what)
        tell("%s: the vendor %s; reading the full table; %s", self.name, why, hint)

    def _pages(self, search: str) -> t.Iterator[list[Record]]:
        pages = self.client.pages(self.resource, search)
        for page in pages:
            self._side_by_side = pages.side_by_side
            self.learn(page)  # so that one SCHEMA message has the columns of the whole page
            yield page
        self._repeated = pages.repeated
        self.table_copy.source = self.client.found_path(self.resource)

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


class OnlineOrdersStream(ResourceStream[CimcloudResource, CimcloudClient]):
    """Orders that are marked as taken by being read (cimcloud.md 10)."""

    vendor = CIMCLOUD.name
    at_once = True
    keyless = None  # each of its records comes once, so there is none to replace

    def __init__(self, tap: BaseTap, resource: CimcloudResource) -> None:
        # No bookmark leads back to an order that is marked as taken.
        super().__init__(tap, dataclasses.replace(resource, replication_key=None))

    @override
    def get_records(self, context: Context | None) -> t.Iterator[Record]:
        """Ask for the first page until it is empty; each page is on stdout before the next call.

        Each answer marks its orders as taken, so the next first page holds others. What a second
        page would hold meanwhile is unknown, so none is asked for.
        """
        previous: set[str] = set()
        while rows := self._take():
            marks = [content_fingerprint(row) for row in rows]
            # Each record is flushed as it is written (`at_once`), so the next call comes after all.
            new = (row for row, mark in zip(rows, marks, strict=True) if mark not in previous)
            yield from filter(self.is_record, new)
            if not previous.isdisjoint(marks):
                msg = (
                    "the vendor answers the same orders again, so it does not mark them as taken; "
                    "stopped after one copy of each"
                )
                raise DataError(msg)
            previous = set(marks)

    def _take(self) -> list[Record]:
        try:
            return self.client.page(self.resource)
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


def _may_be_executed(error: CallError) -> bool:
    if error.status is None:
        return error.phase is not Phase.NOT_SENT
    return error.status >= 500  # noqa: PLR2004


def _may_be_the_filter(error: CallError | MissingResourceError) -> bool:
    return isinstance(error, MissingResourceError) or error.status in _REFUSED_FILTER


def streams(tap: BaseTap) -> list[ErpStream]:
    """All CIMcloud streams."""
    block = tap.block("cimcloud")
    found: list[ErpStream] = []
    for resource in configured(block, RESOURCES, custom).values():
        if resource.destructive:
            if block.get("read_online_orders"):
                found.append(OnlineOrdersStream(tap, resource))
        elif resource.path:
            found.append(CimcloudStream(tap, resource))
    return found
