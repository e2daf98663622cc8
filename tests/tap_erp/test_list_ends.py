"""How lists end: every vendor that pages, with any largest page and any count (docs/reading.md)."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.aim.paging import AimListing, AimPage, Paging
from erp_vendors.aim.resources import RESOURCES as AIM_RESOURCES
from erp_vendors.aims360.resources import RESOURCES as AIMS360_RESOURCES
from erp_vendors.cimcloud.resources import RESOURCES as CIMCLOUD_RESOURCES
from erp_vendors.errors import DataError
from erp_vendors.http import codec
from tap_erp.paged import read_offsets
from tests.erp_vendors.aim.shop import open_shop
from tests.erp_vendors.aims360.fake import TOKEN, make_client
from tests.erp_vendors.cimcloud.test_cimcloud_client import make as make_cimcloud
from tests.support.scale import full, mostly_nightly
from tests.support.stub import Reply, Request, running_stub

Row = dict[str, t.Any]
Told = t.Callable[[int, int], int | None] if t.TYPE_CHECKING else t.Any
"""What a server says that its list holds: from its length and the end of the present page."""

TOLD: dict[str, Told] = {
    "no count": lambda _count, _end: None,
    "right": lambda count, _end: count,
    "too small": lambda count, _end: count // 2 if count % 2 else count // 2 - 1,
    "none at all": lambda _count, _end: -1,
    "of another list": lambda _count, end: -end,
}


@dataclasses.dataclass
class Listed:
    """A list on a server, which gives `most` rows at once, whatever it is asked for."""

    count: int
    most: int
    told: Told
    grows: int = 0
    obeys: bool = True
    calls: int = 0

    def page(self, offset: int, size: int) -> tuple[list[Row], int | None]:
        """Rows, and how many there are in all."""
        self.calls += 1
        if self.calls > 1 and self.grows:
            self.grows -= 1
            self.count += 1
        many = min(size, self.most) if self.obeys else self.most
        end = min(offset + many, self.count)
        rows = [{"key": number, "order": str(number)} for number in range(offset, end)]
        return rows, self.told(self.count, offset + len(rows))

    @property
    def needed(self) -> int:
        """Calls that show all rows, each page but the first beginning with a known one."""
        if self.most == 1:
            return max(1, self.count)
        return max(1, -(-(self.count - 1) // (self.most - 1)))

    @property
    def is_hidden(self) -> bool:
        """Whether the count that is told is reached just where a page ends."""
        told = self.told(self.count, self.count)
        step = max(1, self.most - 1)
        return told is not None and 0 <= told < self.count and (told - 1) % step == 0

    def read(self, vendor: str, size: int) -> list[int]:
        """The keys that are read, by the two ways of paging."""
        if vendor == "aims360":
            pages = read_offsets(lambda at: self.page(at, size), repr, size=size)
            return [row["key"] for page in pages for row, _ in page]

        def ask(offset: int) -> AimPage:
            rows, told = self.page(offset, size)
            return AimPage(rows, None if told is None else told - offset - len(rows))

        found = AimListing("aim: Op", ("key",)).rows(ask, Paging(size))
        return [row.record["key"] for row in found]


PAGING = pytest.mark.parametrize("vendor", ["aims360", "aim"])


@PAGING
@settings(max_examples=full(100, 2000), deadline=None)
@given(
    count=st.integers(0, 70),
    size=st.integers(2, 12),
    most=st.integers(1, 20),
    told=st.sampled_from(sorted(TOLD)),
    obeys=st.booleans(),
    grows=st.integers(0, 5),
)
def test_every_row_is_read_whatever_the_server_gives_and_counts(
    vendor: str, *, count: int, size: int, most: int, told: str, obeys: bool, grows: int
) -> None:
    listed = Listed(count, most if not obeys else min(most, size), TOLD[told], grows, obeys)
    if told == "too small" and (grows or listed.is_hidden):
        return  # a count that is reached just where a page ends cannot be told from a right one
    keys = listed.read(vendor, size)
    if count > 1 or told == "no count" or not grows:
        # A single row that the server counts is a whole list; what comes later is the next run's.
        assert keys[:count] == list(range(count))
    assert keys == list(range(len(keys)))
    if not grows:
        assert len(keys) == count
        # AIM may say 0 whatever remains, so a first page that is full is looked behind.
        is_full = vendor == "aim" and count == size
        assert listed.calls <= listed.needed + (told != "right" or is_full)


@PAGING
@pytest.mark.parametrize("most", [1, 4, 10, 15])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 23])
def test_a_count_that_is_too_large_is_never_a_whole_list(
    vendor: str, most: int, count: int
) -> None:
    listed = Listed(count, most, lambda count, _: count + 5, obeys=False)
    with pytest.raises(DataError, match=r"remain|counts"):
        listed.read(vendor, 10)
    assert listed.calls <= listed.needed + 1


AIM_PAGED = [resource for resource in AIM_RESOURCES if resource.paging]
CAPS = (50, 100, 150, 400)


@pytest.mark.parametrize(
    ("counts", "cap", "name"),
    mostly_nightly(
        itertools.product((True, False), CAPS, [*(one.name for one in AIM_PAGED), "custom_list"])
    ),
)
def test_aim_loses_no_row_to_a_server_with_its_own_largest_page(
    name: str, cap: int, *, counts: bool
) -> None:
    with open_shop() as shop:
        custom = [{"name": "custom_list", "path": "CustomList", "primary_keys": ["key"]}]
        client = shop.client(resources=custom)
        resource = client.resources[name]
        keys = resource.primary_keys or ("key",)
        listed = Listed(325, cap, TOLD["right" if counts else "no count"])

        def answer(params: t.Mapping[str, str]) -> Row:
            asked = {key.lower(): int(value) for key, value in params.items() if value.isdigit()}
            rows, told = listed.page(asked["startoffset"], asked["recordcount"])
            shown = [dict.fromkeys(keys, row["key"]) for row in rows]
            left = (
                {}
                if told is None
                else {"RemainingRecords": told - asked["startoffset"] - len(rows)}
            )
            return {resource.list_name or "Rows": shown, **left}

        shop.operations[resource.path] = answer
        found = [row.record[keys[0]] for row in client.rows(resource)]
    assert found == list(range(325))
    listed.most = min(cap, resource.paging.rows if resource.paging else cap)
    assert listed.calls == listed.needed + (not counts)


@pytest.mark.parametrize("cap", [30, 50, 99])
def test_aim_does_not_believe_a_rest_that_is_counted_from_what_was_asked_for(cap: int) -> None:
    listed = Listed(325, cap, TOLD["no count"])

    def ask(offset: int) -> AimPage:
        return AimPage(listed.page(offset, 100)[0], max(0, 325 - offset - 100))

    found = AimListing("aim: Op", ("key",)).rows(ask, Paging(100))
    assert [row.record["key"] for row in found] == list(range(325))
    assert listed.calls <= listed.needed + 1


@pytest.mark.parametrize(
    ("counts", "cap", "name"),
    mostly_nightly(itertools.product((True, False), CAPS, [one.name for one in AIMS360_RESOURCES])),
)
def test_aims360_loses_no_row_to_a_server_with_its_own_largest_page(
    name: str, cap: int, *, counts: bool
) -> None:
    listed = Listed(325, cap, TOLD["right" if counts else "no count"])

    def script(request: Request) -> Reply:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        skip, size = query.get("$skip", ["0"]), query["pagesize"]
        rows, told = listed.page(int(skip[0]), int(size[0]))
        return Reply(body={"value": rows, **({} if told is None else {"@odata.count": told})})

    with running_stub(script) as stub:
        client = make_client(stub.url, page_size=100)
        resource = client.resources[name]
        pages = read_offsets(
            lambda skip: client.page(resource, skip),
            lambda row: codec.encode(row).decode(),
            size=client.page_size,
        )
        found = [row["key"] for page in pages for row, _ in page]
    assert found == list(range(325))
    listed.most = min(cap, 100)
    assert listed.calls == listed.needed + (not counts)


@pytest.mark.parametrize(
    ("stays", "count", "name"),
    mostly_nightly(
        itertools.product(
            (True, False),
            (0, 49, 50, 51, 100, 325),
            [one.name for one in CIMCLOUD_RESOURCES if one.path],
        )
    ),
)
def test_cimcloud_ends_with_a_page_of_less_than_its_fifty_rows(
    name: str, count: int, *, stays: bool
) -> None:
    numbers: list[int] = []

    def script(request: Request) -> Reply:
        number = int(request.path.rpartition("/")[2])
        numbers.append(number)
        if stays:  # a site may answer its last page for ever
            number = min(number, max(1, -(-count // 50)))
        rows = range(count)[(number - 1) * 50 : number * 50]
        # Columns such as a session's price may differ from answer to answer.
        return Reply(body=[{"ref_id": row, "seen": len(numbers)} for row in rows])

    with running_stub(script) as stub:
        client = make_cimcloud(stub.url, max_concurrency=1)
        resource = dataclasses.replace(client.resources[name], primary_keys=("ref_id",))
        found = [row["ref_id"] for page in client.pages(resource) for row in page]
    assert list(dict.fromkeys(found)) == list(range(count))
    assert numbers == list(range(1, count // 50 + 2))
