"""Listings whose rows may move while they are read (aim.md 4.1, 4.2)."""

from __future__ import annotations

import hashlib
import itertools
import typing as t

from erp_vendors.aim.settings import PAGE_ROWS
from erp_vendors.errors import DataError
from erp_vendors.http import Coming, codec
from erp_vendors.remembered import Remembered

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import Body

_STEPS_BACK = 100
"""Times that the reader goes back in a listing whose rows move, before it counts as unreadable."""


class Paging(t.NamedTuple):
    """How an operation is paged.

    Attributes:
        rows: Rows asked for at once.
        from_row: Request member that takes the row offset.
        at_once: Request member that takes the number of rows. The largest permitted number is not
            known (aim.md 9, 5), so a page that is not full need not be the last one.
    """

    rows: int = PAGE_ROWS
    from_row: str = "StartOffset"
    at_once: str = "RecordCount"


class AimPage(t.NamedTuple):
    """One answer.

    Attributes:
        rows: Its records.
        remaining: Records after these; None if the server does not say.
        is_cut: Its total says that there are more.
    """

    rows: list[Body]
    remaining: int | None
    is_cut: bool = False


class ListedRow(t.NamedTuple):
    """A record of a listing.

    Attributes:
        identity: Stands for its key.
        mark: Stands for its content.
        record: The record.
        replaced: Stands for the content that it had before in this listing, or None.
    """

    identity: bytes
    mark: bytes
    record: Body
    replaced: bytes | None = None


class AimListing:
    """Reads a listing, or several that overlap, and gives each version of a record once."""

    def __init__(self, where: str, keys: t.Sequence[str]) -> None:
        """Make a listing.

        Args:
            where: The operation, for messages.
            keys: Properties that identify a record; without them its whole content does.
        """
        self._where = where
        self._keys = keys
        self._seen = Remembered()
        self.moved = False
        """Rows moved, so that one may have gone to where the last reading had already been."""
        self.proven = False
        """The last reading gave every row: each of its pages joined the one before, to the end."""
        self.miscounted = False
        """There were more rows than the server said."""
        self.whole = True
        """So did the last reading of each listing that has been read; its reader says so."""

    def rows(self, ask: t.Callable[[int], AimPage], paging: Paging | None) -> t.Iterator[ListedRow]:
        """Read all pages.

        Rows come in no stated order, and offsets shift when a row before them is inserted, deleted
        or moved. So every page begins with the last row of the one before. If it does not, others
        may have slipped back over the boundary, and the listing is followed to where they are.

        It ends where the server says that nothing remains, as long as its counts agree with what
        came, and a first page is not full; else with a page that brings no new row, or the same as
        one before.

        Args:
            ask: Gives the page at a row offset.
            paging: How it is paged, or None.

        Yields:
            The rows; one that has changed while the listing was read comes again.

        Raises:
            DataError: If the pages make no sense.
            ErpError: If a call fails.
        """
        offset = end = steps_back = same = 0
        told: int | None = None
        counts = True
        places = Remembered()
        first: list[bytes] = []
        last: list[bytes] = []
        joint = b""
        self.moved = False
        self.proven = False
        joined = True
        while True:
            page = ask(offset)
            rows = [self._row(record) for record in page.rows]
            found = [places.get(row.identity) for row in rows]
            names = [row.identity for row in rows]
            same = same + 1 if names == last else 0
            # A server that does not page repeats its first answer, or one to which rows were added;
            # once, a page may come again by chance, if as many rows arrived in front of it.
            repeated = offset > 0 and bool(rows) and (names == first or same > 1)
            overlap = min(1, end - offset)
            joined = joined and (offset == 0 or overlap > 0)
            # A row that has changed may have moved and stand at the same place by chance.
            joins = found[:1] == [offset] and (offset < end - 1 or rows[0].mark == joint)
            if offset and overlap and not repeated and not joins:
                self.moved = True
                if paging and not _is_continuous(offset, found):
                    steps_back += 1
                    if steps_back > _STEPS_BACK:
                        msg = f"{self._where}: its rows move faster than they can be read"
                        raise DataError(msg)
                    offset = max(0, offset - paging.rows)
                    continue
            first, last = first or names, names
            end = offset + len(rows)
            if told is not None and end > told:
                counts, self.miscounted = False, True
            left = page.remaining if counts else None
            if left == 0 and (page.is_cut or (told is not None and end < told)):
                left = None  # its total says, or it said before, that there are more
            told = None if page.remaining is None else end + page.remaining
            joint = rows[-1].mark if rows else b""
            places.update({row.identity: offset + place for place, row in enumerate(rows)})
            yield from self._new(rows)
            if left == 0 and offset == 0 and paging and len(rows) == paging.rows:
                # A first page that is full shows whether the server says 0 whatever remains.
                left = None
            if self._is_last(page, paging, left, news=not repeated and len(rows) > overlap):
                self.proven = joined and not self.moved and (not repeated or left == 0)
                return
            offset = end - (len(rows) > 1)

    def _is_last(
        self, page: AimPage, paging: Paging | None, left: int | None, *, news: bool
    ) -> bool:
        if (page.remaining or 0) > 0 and (paging is None or not news):
            msg = f"{self._where}: it says that {page.remaining} records remain, and gives none"
            raise DataError(msg)
        # Fewer than none remain where its counts are wrong.
        return paging is None or not news or left == 0

    def _new(self, rows: list[ListedRow]) -> t.Iterator[ListedRow]:
        for row in rows:
            mark, before = int.from_bytes(row.mark, "big"), self._seen.get(row.identity)
            if before != mark:
                self._seen.put(row.identity, mark)
                was = None if before is None else before.to_bytes(len(row.mark), "big")
                yield row._replace(replaced=was)

    def _row(self, record: Body) -> ListedRow:
        mark = _digest(codec.encode_sorted(record))
        key = [record.get(name) for name in self._keys]
        known = bool(key) and None not in key
        return ListedRow(_digest(codec.encode(key)) if known else mark, mark, record)


def coming(paging: Paging, offset: int, page: AimPage) -> Coming:
    """The offsets that are asked for next as long as no row moves.

    Args:
        paging: How the operation is paged.
        offset: Offset of a page.
        page: That page.
    """
    shared = int(len(page.rows) > 1)
    step = len(page.rows) - shared
    following = offset + step
    if page.remaining is not None:
        end = offset + len(page.rows) + page.remaining
        return Coming(range(following, end - shared, step or 1), certain=True)
    if not shared:
        return Coming((), certain=False)
    # Only after a full page is it likely that the next but one is there, too.
    full = len(page.rows) == paging.rows
    return Coming(itertools.count(following, step) if full else (following,), certain=False)


def _is_continuous(offset: int, found: list[int | None]) -> bool:
    """Whether no row was passed over before a page that does not begin with the expected row.

    Args:
        offset: Offset of the page.
        found: Where its rows were found before; None for new ones.
    """
    place = found[0] if found else None
    if place is None:
        return False
    if place > offset:
        return True  # rows before it are gone, and the listing was followed to a row that is known
    # Rows were inserted before it, so what stood before the expected row is on this page as well.
    return found[: offset - place + 1] == list(range(place, offset + 1))


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=8).digest()
