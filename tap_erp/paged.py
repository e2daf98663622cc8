"""Lists that are read by offset, from a vendor whose records change meanwhile."""

from __future__ import annotations

import functools
import itertools
import typing as t

from erp_vendors.errors import DataError
from erp_vendors.http import Coming, ReadAhead
from erp_vendors.http.budget import Limits
from erp_vendors.remembered import Remembered

Row = dict[str, t.Any]
Fetch = t.Callable[[int], tuple[list[Row], int | None]]
"""Gives the page that begins at an offset, and the number of all rows if the vendor says it."""
Marked = list[tuple[Row, str]]
"""Rows with their fingerprints."""
Mark = t.Callable[[Row], str]
"""Gives the fingerprint of a row's content."""
Alias = t.Callable[[Row], str | None]
"""Gives what a row is known by if its content is made anew for each answer; None for nothing."""
Doubt = t.Callable[[str], None]
"""Told why a list may have rows that did not come, although nothing has failed."""

ALONE = Limits(per_second=1, in_flight=1)
"""One page after the other."""
_WIDER = 8
"""Where rows have moved, the next page is asked for so many times further back."""
_PATIENCE = 20
"""Pages without a new row, beyond one for each page with some, before a listing gives up."""
_CHANCES = 4
"""Times that a page may come again by chance: as many rows arrived in front as it moved on."""


def read_offsets(
    fetch: Fetch,
    mark: Mark,
    *,
    size: int,
    limits: Limits = ALONE,
    alias: Alias = lambda _: None,
    doubt: Doubt = lambda _: None,
) -> t.Iterator[Marked]:
    """Read a whole list so that no row is lost that is there from beginning to end.

    A row that goes away moves all later ones to the front, and one of them past the reader. So
    each page has to begin with a row that was seen before. Where it does not, rows have moved, and
    the next page is asked for further back. The other rows must keep their order, whichever it is.
    Rows that arrive or change on pages that were read already are left to the next run.

    The list ends where as many rows have come as the vendor counts. Where it does not count, or
    counts fewer than came or than before, it ends with a page that brings nothing new: a page that
    is shorter than was asked for need not be the last, as the vendor's largest page is not known
    (aims360.md 4.1).

    This holds for pages that are read side by side, too: what a page begins with shows how it joins
    the one before it, whichever of them was read first (docs/decisions/0007). Reading them so is
    for speed (benchmark `paged_reads`), and may go where a vendor's pages come without delay.

    Args:
        fetch: Reads a page.
        mark: Gives a row's fingerprint; a row with the fingerprint of an earlier one is known.
        size: Rows that were asked for per page; the vendor may give fewer.
        limits: What the vendor permits, for reading pages side by side.
        alias: Gives what a row of the page before is known by if its content differs each time.
        doubt: Told at the end if it is not proven that every row has come: see `_Proof`.

    Yields:
        The new rows of each page, with the fingerprints of their content.

    Raises:
        DataError: If the pages contradict each other.
    """
    with ReadAhead(fetch, functools.partial(_coming, size), limits) as ahead:
        yield from _read(ahead, mark, size, alias, doubt)


def _coming(size: int, offset: int, page: tuple[list[Row], int | None]) -> Coming:
    """The offsets that are asked for next as long as no row moves."""
    rows, total = page
    shared = min(1, len(rows) // 2)
    step = len(rows) - shared
    if total is not None and total < offset + len(rows):
        total = None
    if not step or (total is None and not shared):
        return Coming((), certain=False)
    if total is None:
        # Only after a full page is it likely that the next but one is there, too.
        following = offset + step
        full = len(rows) >= size
        items = itertools.count(following, step) if full else (following,)
        return Coming(items, certain=False)
    return Coming(range(offset + step, total - shared, step), certain=True)


def _is_known(marked: Marked, seen: Remembered, last: Marked, alias: Alias) -> bool:
    """Whether a page begins with a row that was seen before."""
    if not marked or marked[0][1] in seen:
        return bool(marked)
    name = alias(marked[0][0])
    return name is not None and any(alias(row) == name for row, _ in last)


def _is_exceeded(total: int | None, end: int, new: list[bool]) -> bool:
    """Whether a page has rows beyond the number that the vendor counts, which is wrong then."""
    return total is not None and end > total and any(new)


def _believed(total: int | None, end: int, most: int) -> int | None:
    """The vendor's count, unless the list would end by it and an earlier one was larger."""
    return None if total is not None and total <= end < most else total


class _Proof:
    """Whether every row has come that was there from the beginning to the end.

    Where the vendor counts, its count must be the same on all pages, and be the number of rows that
    came. Elsewhere each page must begin with the very row at which the page before says it does: a
    row that moves from a later page to an earlier one shifts all rows between them.
    """

    def __init__(self) -> None:
        self._totals: set[int | None] = set()
        self._rows = 0
        self._joined = True
        self._end = 0
        self._last: list[str] = []

    def page(self, offset: int, content: list[str], new: list[bool], total: int | None) -> None:
        """Take note of a page."""
        self._totals.add(total)
        self._rows += sum(new)
        place = offset - (self._end - len(self._last))
        overlaps = 0 <= place < len(self._last)
        if offset and not (overlaps and self._last[place : place + 1] == content[:1]):
            self._joined = False
        self._end, self._last = offset + len(content), content

    def holds(self, total: int | None) -> bool:
        """Whether it is proven, at the end.

        Args:
            total: The last count; None if there is none, or if it is not to be believed.
        """
        if total is not None:
            return self._totals == {total} and self._rows == total
        return self._joined


def _read(fetch: Fetch, mark: Mark, size: int, alias: Alias, doubt: Doubt) -> t.Iterator[Marked]:
    seen, proof = Remembered(), _Proof()
    last: Marked = []
    offset = end = reach = most = longest = pages = idle = stuck = repeats = 0
    overlap = 1
    counts = True
    while True:
        rows, total = fetch(offset)
        marked = [(row, mark(row)) for row in rows]
        # Rows that look new each time they come would be read for ever otherwise.
        if max(idle, stuck) > pages + _PATIENCE:
            msg = f"rows keep moving while they are read; gave up after {pages} pages"
            raise DataError(msg)
        if 0 < offset < end and not _is_known(marked, seen, last, alias):
            idle, stuck = idle + 1, stuck + 1
            overlap *= _WIDER
            offset = max(0, end - overlap)
            continue
        content = [text for _, text in marked]
        new = seen.unmet(content)
        counts = counts and not _is_exceeded(total, offset + len(rows), new)
        total = total if counts else None
        most = max(most, total or 0)
        total = _believed(total, offset + len(rows), most)
        repeats = repeats + 1 if offset and content == [text for _, text in last] else 0
        if repeats and total is None and len(rows) != size:
            doubt("the vendor does not page, so nothing says that there are no more rows")
            return
        proof.page(offset, content, new, total)
        if repeats > _CHANCES:
            msg = f"the vendor answers the same {len(rows)} rows again and again"
            raise DataError(msg)
        fresh = list(itertools.compress(marked, new))
        seen.update(dict.fromkeys(content, 0))
        if fresh:
            yield fresh
        stuck = 0 if offset + len(rows) > reach else stuck + 1
        pages, idle = (pages + 1, idle) if fresh and not stuck else (pages, idle + (not fresh))
        reach = max(reach, offset + len(rows))
        end, last, longest = offset + len(rows), marked, max(longest, len(rows))
        over = not rows or (not fresh and not repeats and len(rows) < longest)
        if over if total is None else end >= total and not repeats:
            if not proof.holds(total):
                doubt("rows moved, or were added or deleted, while they were read")
            return
        if over:
            msg = f"the vendor counts {total} rows, but gives only {end}"
            raise DataError(msg)
        # A page of one row leaves no room for one that is known.
        offset = end - min(overlap, len(rows) // 2)
        overlap = max(1, overlap // 2)
