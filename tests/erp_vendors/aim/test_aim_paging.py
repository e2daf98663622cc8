from __future__ import annotations

import functools
import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from erp_vendors.aim.paging import AimListing, AimPage, Paging, coming
from erp_vendors.errors import DataError
from erp_vendors.http import ReadAhead
from tests.support.ahead import MANY, scrambled

ListedRow = dict[str, t.Any]

SIZE = 10


class Table:
    """A list that is asked for page by page and may change in between."""

    def __init__(self, count: int, *, remaining: bool, most: int = SIZE) -> None:
        self.rows: list[ListedRow] = [{"Pk": number} for number in range(count)]
        self.remaining = remaining
        self.most = most
        self.asked: list[int] = []
        self.last: int | None = None
        self.before: t.Callable[[int], None] = lambda _: None

    def ask(self, offset: int) -> AimPage:
        self.before(len(self.asked))
        self.asked.append(offset)
        rows = [dict(row) for row in self.rows[offset : offset + self.most]]
        left = max(0, len(self.rows) - offset - len(rows))
        self.last = rows[-1].get("Pk") if rows else None
        return AimPage(rows, left if self.remaining else None)


def read(table: Table, *, keys: t.Sequence[str] = ("Pk",)) -> list[ListedRow]:
    rows = AimListing("aim: Op", keys).rows(table.ask, Paging(SIZE))
    return [row.record for row in rows]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 21, 28, 29, 30, 100, 101])
@pytest.mark.parametrize("remaining", [True, False])
def test_every_row_comes_once(count: int, *, remaining: bool) -> None:
    table = Table(count, remaining=remaining)
    assert read(table) == table.rows
    # One row of each page but the first repeats the page before.
    pages = max(1, -(-(count - 1) // (SIZE - 1)))
    # A first page that is full is looked behind, as the server may say 0 whatever remains.
    assert len(table.asked) <= pages + (not remaining or count == SIZE)


def test_a_server_that_always_says_that_nothing_remains_is_read_to_the_end() -> None:
    table = Table(35, remaining=False)
    listing = AimListing("aim: Op", ("Pk",))
    rows = listing.rows(lambda at: table.ask(at)._replace(remaining=0), Paging(SIZE))
    assert [row.record for row in rows] == table.rows
    assert listing.miscounted
    assert listing.proven


@given(
    count=st.integers(0, 60),
    lies=st.dictionaries(st.integers(1, 6), st.integers(0, 60), max_size=4),
)
@example(count=25, lies={1: 0})
def test_counts_that_contradict_each_other_lose_no_row(count: int, lies: dict[int, int]) -> None:
    table = Table(count, remaining=True)

    def ask(offset: int) -> AimPage:
        page = table.ask(offset)
        told = lies.get(len(table.asked) - 1, page.remaining)
        return page._replace(remaining=told)

    listing = AimListing("aim: Op", ("Pk",))
    try:
        found = [row.record for row in listing.rows(ask, Paging(SIZE))]
    except DataError:
        return  # it says that there are more, and gives none
    assert found == table.rows


@pytest.mark.parametrize("count", [1, 9, 10, 25])
def test_a_rest_of_0_that_contradicts_the_total_is_no_end(count: int) -> None:
    table = Table(count, remaining=False, most=4)

    def ask(offset: int) -> AimPage:
        page = table.ask(offset)
        return page._replace(remaining=0, is_cut=offset + len(page.rows) < count)

    listing = AimListing("aim: Op", ("Pk",))
    assert [row.record for row in listing.rows(ask, Paging(SIZE))] == table.rows
    assert listing.miscounted is (count > 4)


@pytest.mark.parametrize("count", [10, 50])
def test_a_server_that_gives_fewer_rows_than_asked_for_is_read_to_the_end(count: int) -> None:
    assert len(read(Table(count, remaining=False, most=4))) == count
    assert len(read(Table(count, remaining=True, most=4))) == count
    assert len(read(Table(count, remaining=True, most=1))) == count


@pytest.mark.parametrize("count", [1, 5, 10, 25])
def test_a_server_that_does_not_page_is_read_once(count: int) -> None:
    table = Table(count, remaining=False)
    listing = AimListing("aim: Op", ("Pk",))
    rows = listing.rows(lambda _: AimPage(list(table.rows), None), Paging(SIZE))
    assert [row.record for row in rows] == table.rows
    assert not listing.moved


def test_a_listing_without_pages_is_one_call() -> None:
    table = Table(35, remaining=True, most=100)
    rows = AimListing("aim: Op", ("Pk",)).rows(table.ask, None)
    assert [row.record for row in rows] == table.rows
    assert table.asked == [0]


@pytest.mark.parametrize("rows", [[], [{"Pk": 1}], [{"Pk": n} for n in range(SIZE)]])
def test_rows_that_remain_but_never_come_are_no_end(rows: list[ListedRow]) -> None:
    listing = AimListing("aim: Op", ("Pk",)).rows(lambda _: AimPage(list(rows), 7), Paging(SIZE))
    with pytest.raises(DataError, match="7 records remain"):
        list(listing)


def test_an_answer_that_holds_a_part_of_a_list_without_pages_is_no_list() -> None:
    rows = AimListing("aim: Op", ("Pk",)).rows(lambda _: AimPage([{"Pk": 1}], 7), None)
    with pytest.raises(DataError, match="7 records remain"):
        list(rows)


def test_a_server_that_does_not_page_ends_though_rows_are_added() -> None:
    table = Table(3, remaining=False)

    def ask(offset: int) -> AimPage:
        table.ask(offset)
        if len(table.asked) == 2:
            table.rows.append({"Pk": 3})
        return AimPage(list(table.rows), None)

    rows = AimListing("aim: Op", ("Pk",)).rows(ask, Paging(SIZE))
    assert [row.record["Pk"] for row in rows] == [0, 1, 2, 3]
    assert len(table.asked) < 6


def test_a_page_that_comes_empty_by_mistake_loses_nothing() -> None:
    table = Table(95, remaining=True)

    def ask(offset: int) -> AimPage:
        page = table.ask(offset)
        return AimPage([], page.remaining) if len(table.asked) == 4 else page

    rows = AimListing("aim: Op", ("Pk",)).rows(ask, Paging(SIZE))
    assert [row.record for row in rows] == table.rows


def test_rows_that_never_stand_still_are_an_error() -> None:
    calls = iter(range(10**6))

    def ask(_: int) -> AimPage:
        number = next(calls)
        return AimPage([{"Pk": number * SIZE + n} for n in range(SIZE)], 100)

    with pytest.raises(DataError, match="move faster"):
        list(AimListing("aim: Op", ("Pk",)).rows(ask, Paging(SIZE)))
    assert next(calls) < 250


def test_rows_without_a_key_are_told_apart_by_their_content() -> None:
    table = Table(35, remaining=False)
    assert read(table, keys=()) == table.rows
    table.rows = [{"Name": n % 3} for n in range(5)]
    assert read(table, keys=("Pk",)) == [{"Name": 0}, {"Name": 1}, {"Name": 2}]


def test_a_row_that_changes_comes_again() -> None:
    table = Table(15, remaining=True)

    def change(_: int) -> None:
        table.rows[9] = {"Pk": 9, "Name": len(table.asked)}

    table.before = change
    rows = read(table)
    assert [row["Name"] for row in rows if row["Pk"] == 9] == [0, 1]


def histories(kind: str, calls: int, rows: int) -> st.SearchStrategy[tuple[str, t.Any]]:
    """What happens before some calls: a kind of change, and the places it happens at."""
    places = st.lists(st.integers(0, 10**6), min_size=1, max_size=rows)
    return st.tuples(st.just(kind), st.dictionaries(st.integers(1, 40), places, max_size=calls))


@given(
    count=st.integers(2, 90),
    remaining=st.booleans(),
    # As many insertions as rows of a page would look like a server that does not page.
    history=histories("delete", 8, 25)
    | histories("insert", 8, SIZE - 2)
    | histories("move", 1, 25),
)
@example(count=12, remaining=True, history=("move", {1: [0, 0, 0]}))
@example(count=74, remaining=True, history=("insert", {1: [10] * 4, 4: [0, 0, 35, 0]}))
def test_no_row_that_stays_is_lost_while_others_come_go_and_move(
    count: int, *, remaining: bool, history: tuple[str, dict[int, list[int]]]
) -> None:
    table = Table(count, remaining=remaining)
    fresh = iter(range(1000, 10**6))
    kind, changes = history
    touched: set[int] = set()

    def change(call: int) -> None:
        for place in changes.get(call, ()):
            if kind == "insert":
                row = {"Pk": next(fresh)}
                table.rows.insert(place % (len(table.rows) + 1), row)
            else:
                # The row that the next page is recognised by may move, but not to just that place.
                fixed = table.last if kind == "move" else None
                movable = [row for row in table.rows if row["Pk"] != fixed]
                if not movable:
                    return
                row = movable[place % len(movable)]
                table.rows.remove(row)
                if kind == "move":
                    table.rows.append(row)
            touched.add(row["Pk"])

    table.before = change
    listing = AimListing("aim: Op", ("Pk",))
    keys = [row.record["Pk"] for row in listing.rows(table.ask, Paging(SIZE))]
    there = {row["Pk"] for row in table.rows}
    assert there - touched <= set(keys)
    # A new row in a list of less than a page is seen by the next reading.
    assert there <= set(keys) or listing.moved or count < SIZE
    assert len(keys) == len(set(keys))


def side_by_side(table: Table, seed: int, listing: AimListing) -> list[int]:
    paging = Paging(SIZE)
    with scrambled(seed), ReadAhead(table.ask, functools.partial(coming, paging), MANY) as ahead:
        return [row.record["Pk"] for row in listing.rows(ahead, paging)]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 19, 20, 29, 100, 101])
@pytest.mark.parametrize("remaining", [True, False])
@pytest.mark.parametrize("most", [1, 4, SIZE])
def test_side_by_side_every_row_comes_once(count: int, *, remaining: bool, most: int) -> None:
    alone = Table(count, remaining=remaining, most=most)
    table = Table(count, remaining=remaining, most=most)
    listing = AimListing("aim: Op", ("Pk",))
    assert side_by_side(table, count, listing) == list(range(count))
    assert not listing.moved
    read(alone)
    if remaining or count <= SIZE:
        assert sorted(table.asked) == alone.asked, "no call is made in vain"


@given(
    count=st.integers(2, 90),
    remaining=st.booleans(),
    seed=st.integers(0, 1000),
    history=histories("delete", 8, 25) | histories("insert", 8, SIZE - 2),
)
def test_side_by_side_no_row_that_stays_is_lost(
    count: int, *, remaining: bool, seed: int, history: tuple[str, dict[int, list[int]]]
) -> None:
    table = Table(count, remaining=remaining)
    kind, changes = history
    fresh = iter(range(1000, 10**6))
    touched: set[int] = set()

    def change(call: int) -> None:
        for place in changes.get(call, ()):
            if kind == "insert":
                table.rows.insert(place % (len(table.rows) + 1), {"Pk": next(fresh)})
            elif table.rows:
                touched.add(table.rows.pop(place % len(table.rows))["Pk"])

    table.before = change
    keys = side_by_side(table, seed, AimListing("aim: Op", ("Pk",)))
    assert set(range(count)) - touched <= set(keys)
    assert len(keys) == len(set(keys))


def test_a_version_that_was_replaced_is_named() -> None:
    table = Table(15, remaining=True)

    def change(call: int) -> None:
        table.rows[9] = {"Pk": 9, "Name": call % 2}

    table.before = change
    rows = [
        row
        for row in AimListing("aim: Op", ("Pk",)).rows(table.ask, Paging(SIZE))
        if row.record["Pk"] == 9
    ]
    assert [row.replaced for row in rows] == [None, rows[0].mark]
