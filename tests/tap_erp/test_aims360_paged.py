"""Reading by offset while rows come, go and move."""

from __future__ import annotations

import functools
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.errors import DataError
from tap_erp.paged import ALONE, Row, read_offsets
from tests.support.ahead import MANY, scrambled
from tests.support.scale import full

if t.TYPE_CHECKING:
    from erp_vendors.http.budget import Limits


class Table:
    """A list that a script changes before each page."""

    def __init__(self, rows: int, *, size: int, counts: bool = True) -> None:
        self.rows: list[Row] = [{"id": n} for n in range(rows)]
        self.size = size
        self.counts = counts
        self.asked: list[int] = []
        self.changes: dict[int, t.Callable[[list[Row]], object]] = {}

    def fetch(self, offset: int) -> tuple[list[Row], int | None]:
        change = self.changes.get(len(self.asked))
        if change:
            change(self.rows)
        self.asked.append(offset)
        page = self.rows[offset : offset + self.size]
        return page, len(self.rows) if self.counts else None

    def read(self, size: int | None = None, limits: Limits = ALONE) -> list[t.Any]:
        pages = read_offsets(self.fetch, mark, size=size or self.size, limits=limits)
        return [row["id"] for page in pages for row, _ in page]


def mark(row: Row) -> str:
    return repr(sorted(row.items()))


MOVES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 19), st.integers(-1, 19)), max_size=4)
"""Before which page, from where, to where; -1 deletes the row."""


@given(moves=MOVES, counts=st.booleans(), size=st.integers(2, 6))
@settings(max_examples=full(50, 500), deadline=None)
def test_what_is_not_doubted_has_every_row_however_rows_move(
    moves: list[tuple[int, int, int]], size: int, *, counts: bool
) -> None:
    table = Table(12, size=size, counts=counts)

    def apply(rows: list[Row], at: int) -> None:
        for page, source, target in moves:
            if page == at and rows:
                row = rows.pop(source % len(rows))
                if target >= 0:
                    rows.insert(target % (len(rows) + 1), row)

    for page in range(5):
        table.changes[page] = functools.partial(apply, at=page)
    doubts: list[str] = []
    try:
        pages = read_offsets(table.fetch, mark, size=size, doubt=doubts.append)
        read = {row["id"] for page in pages for row, _ in page}
    except DataError:
        return
    moved_once = len(moves) <= 1
    if not doubts and (counts or moved_once):
        assert {row["id"] for row in table.rows} <= read
    if not moves:
        assert not doubts


@pytest.mark.parametrize(
    ("rows", "asked"),
    [
        (0, [0]),
        (1, [0]),
        (4, [0]),
        (5, [0, 3]),
        (7, [0, 3]),
        (8, [0, 3, 6]),
        (10, [0, 3, 6]),
    ],
)
def test_with_a_count_no_page_is_read_in_vain(rows: int, asked: list[int]) -> None:
    table = Table(rows, size=4)
    assert table.read() == list(range(rows))
    assert table.asked == asked


@pytest.mark.parametrize("rows", range(12))
@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("counts", [True, False])
def test_every_row_comes_once(rows: int, size: int, counts: bool) -> None:  # noqa: FBT001
    assert Table(rows, size=size, counts=counts).read() == list(range(rows))


@pytest.mark.parametrize("counts", [True, False])
def test_a_vendor_that_gives_smaller_pages_loses_nothing(counts: bool) -> None:  # noqa: FBT001
    table = Table(23, size=5, counts=counts)
    assert table.read(size=250) == list(range(23))


@pytest.mark.parametrize("gone", [1, 3, 9])
def test_rows_that_went_away_take_none_with_them(gone: int) -> None:
    table = Table(40, size=5)
    table.changes[3] = lambda rows: rows.__delitem__(slice(0, gone))
    assert sorted(table.read()) == list(range(40))


def test_a_deletion_that_an_insertion_hides_is_noticed() -> None:
    table = Table(12, size=4)

    def swap(rows: list[Row]) -> None:
        del rows[0]
        rows.append({"id": "new"})

    table.changes[1] = swap
    assert set(table.read()) == {*range(12), "new"}


def test_a_row_that_moves_to_the_end_takes_none_with_it() -> None:
    table = Table(12, size=4)
    table.changes[1] = lambda rows: rows.append({**rows.pop(1), "changed": True})
    assert set(table.read()) == set(range(12))
    assert table.read().count(1) == 1


def test_rows_that_arrive_in_front_move_nothing_out_of_sight() -> None:
    table = Table(12, size=4)
    table.changes[1] = lambda rows: rows.insert(0, {"id": "new"})
    table.changes[2] = lambda rows: rows.__setitem__(
        slice(0, 0), [{"id": f"n{n}"} for n in range(6)]
    )
    assert [row for row in table.read() if isinstance(row, int)] == list(range(12))


def test_rows_that_all_go_away_are_an_end() -> None:
    table = Table(12, size=4)
    table.changes[1] = list.clear
    assert table.read() == [0, 1, 2, 3]


def test_a_row_that_differs_each_time_is_known_by_its_key() -> None:
    table = Table(9, size=4)

    def fetch(offset: int) -> tuple[list[Row], int | None]:
        rows, total = table.fetch(offset)
        return [{**row, "link": f"signed {len(table.asked)}"} for row in rows], total

    pages = read_offsets(fetch, repr, size=4, alias=lambda row: f"key {row['id']}")
    assert {row["id"] for page in pages for row, _ in page} == set(range(9))
    assert table.asked == [0, 3, 6]


@given(
    count=st.integers(0, 40),
    lies=st.dictionaries(st.integers(1, 6), st.integers(0, 40), max_size=4),
)
def test_counts_that_contradict_each_other_lose_no_row(count: int, lies: dict[int, int]) -> None:
    table = Table(count, size=6)

    def fetch(offset: int) -> tuple[list[Row], int | None]:
        rows, total = table.fetch(offset)
        return rows, lies.get(len(table.asked) - 1, total)

    try:
        found = [row["id"] for page in read_offsets(fetch, mark, size=6) for row, _ in page]
    except DataError:
        return  # it counts more rows than it gives
    assert found == list(range(count))


@pytest.mark.parametrize("total", [None, 60])
def test_rows_that_differ_each_time_and_have_no_key_are_given_up(total: int | None) -> None:
    table = Table(60, size=4)

    def fetch(offset: int) -> tuple[list[Row], int | None]:
        rows, _ = table.fetch(offset)
        return [{**row, "link": f"signed {len(table.asked)}"} for row in rows], total

    with pytest.raises(DataError, match="rows keep moving"):
        list(read_offsets(fetch, repr, size=4))
    assert len(table.asked) < 60


@pytest.mark.parametrize(("rows", "size"), [(3, 250), (7, 4)])
def test_a_list_that_is_not_paged_at_all_is_read_once(rows: int, size: int) -> None:
    whole = [{"id": n} for n in range(rows)]
    pages = read_offsets(lambda _: (whole, None), mark, size=size)
    assert [row for page in pages for row, _ in page] == whole


@pytest.mark.parametrize("total", [9, None])
def test_a_vendor_that_ignores_the_offset_is_found_out(total: int | None) -> None:
    whole = [{"id": n} for n in range(4)]
    with pytest.raises(DataError, match="again and again"):
        list(read_offsets(lambda _: (whole, total), mark, size=4))


@pytest.mark.parametrize("rows", [0, 3, 4, 6])
def test_fewer_rows_than_the_vendor_counts_are_an_error(rows: int) -> None:
    table = Table(rows, size=4)
    with pytest.raises(DataError, match="counts 9 rows"):
        list(read_offsets(lambda offset: (table.fetch(offset)[0], 9), mark, size=4))


def test_a_list_that_never_comes_to_rest_is_given_up() -> None:
    table = Table(400, size=4)
    table.changes = {n: lambda rows: rows.reverse() for n in range(1000)}
    with pytest.raises(DataError, match="keep moving"):
        table.read()
    assert len(table.asked) < 400


Change = tuple[str, int]
changes = st.dictionaries(
    st.integers(1, 12),
    st.lists(
        st.tuples(st.sampled_from(["delete", "insert", "bump"]), st.integers(0, 40)), max_size=4
    ),
    max_size=8,
)


@pytest.mark.parametrize("size", [2, 4, 50])
@pytest.mark.parametrize("rows", [0, 1, 2, 4, 7, 40, 101])
@pytest.mark.parametrize("seed", range(3))
def test_side_by_side_every_row_comes_once_and_in_its_order(
    rows: int, size: int, seed: int
) -> None:
    alone, together = Table(rows, size=size), Table(rows, size=size)
    with scrambled(seed):
        assert together.read(limits=MANY) == alone.read() == list(range(rows))
    assert sorted(together.asked) == alone.asked, "a count tells how many pages there are"


@pytest.mark.parametrize("pages", range(1, 12))
def test_without_a_count_few_pages_are_asked_for_in_vain(pages: int) -> None:
    def calls(limits: Limits) -> int:
        table = Table(3 * pages - 1, size=4, counts=False)
        with scrambled(pages):
            assert table.read(limits=limits) == list(range(3 * pages - 1))
        return len(table.asked)

    needed = calls(ALONE)
    assert calls(MANY._replace(window_calls=100)) == needed, "none where calls are counted"
    in_vain = calls(MANY) - needed
    assert in_vain == 0 if pages <= 3 else in_vain < MANY.in_flight


@settings(max_examples=full(40, 300), deadline=None)
@given(
    rows=st.integers(0, 25),
    size=st.integers(2, 6),
    counts=st.booleans(),
    script=changes,
    seed=st.none() | st.integers(0, 1000),
)
def test_a_row_that_is_there_from_beginning_to_end_is_read(
    rows: int,
    size: int,
    counts: bool,  # noqa: FBT001
    script: dict[int, list[Change]],
    seed: int | None,
) -> None:
    table = Table(rows, size=size, counts=counts)
    touched: set[int] = set()

    def play(steps: list[Change]) -> t.Callable[[list[Row]], None]:
        def change(rows: list[Row]) -> None:
            for kind, at in steps:
                if kind == "insert":
                    rows.insert(at % (len(rows) + 1), {"id": f"n{len(touched)}"})
                    touched.add(len(touched) + 1000)
                elif rows:
                    row = rows.pop(at % len(rows))
                    touched.add(row["id"])
                    if kind == "bump":
                        rows.append({**row, "version": row.get("version", 0) + 1})

        return change

    table.changes = {at: play(steps) for at, steps in script.items()}
    if seed is None:
        found = table.read()
    else:
        with scrambled(seed):
            found = table.read(limits=MANY)
    assert set(range(rows)) - touched <= set(found)
