"""A listing counts as whole only if it has shown every row."""

from __future__ import annotations

import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.aim.paging import AimListing, AimPage, Paging
from erp_vendors.errors import DataError
from tests.support.scale import full

MOVE = st.tuples(st.integers(0, 4), st.integers(0, 11), st.integers(-1, 11))
"""Before which page, from where, to where; -1 deletes the row."""


@given(move=st.none() | MOVE, counts=st.booleans(), size=st.integers(2, 6), pages=st.booleans())
@settings(max_examples=full(50, 500), deadline=None)
def test_a_whole_listing_has_every_row_however_one_moves(
    move: tuple[int, int, int] | None, size: int, *, counts: bool, pages: bool
) -> None:
    table: list[dict[str, t.Any]] = [{"id": n} for n in range(12)]
    asked = 0

    def ask(offset: int) -> AimPage:
        nonlocal asked
        if move is not None and move[0] == asked:
            row = table.pop(move[1])
            if move[2] >= 0:
                table.insert(move[2], row)
        asked += 1
        offset = offset if pages else 0  # a server may not page, but give the first rows again
        rows = table[offset : offset + size]
        return AimPage(list(rows), len(table) - offset - len(rows) if counts else None)

    listing = AimListing("a listing", ["id"])
    try:
        read = {row.record["id"] for row in listing.rows(ask, Paging(rows=size))}
    except DataError:
        return
    if listing.proven:
        assert {row["id"] for row in table} <= read
    if move is None and pages:
        assert listing.proven
