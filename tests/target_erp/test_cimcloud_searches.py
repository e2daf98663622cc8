"""Several of CIMcloud's rows with one search, and a site that takes short addresses alone (4.2)."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest

from erp_vendors.errors import CallError, MissingResourceError
from target_erp.delivery.model import ABSENT, Finding, LookUpResult
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.writers import Account, prepared

if t.TYPE_CHECKING:
    from target_erp.delivery import RefusedError, Writer

    Look = LookUpResult | RefusedError


class ShortSite:
    """A site that has every second row, and takes searches of a certain length."""

    stub: Stub

    def __init__(self) -> None:
        self.longest, self.status = 10_000, 414
        self.searches: list[str] = []

    def answer(self, request: Request) -> Reply:
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token", "expiration": "2999-01-01T00:00:00Z"})
        search = request.path.removeprefix("/site/accounts/").removeprefix("/site/levels/")
        self.searches.append(search)
        if len(urllib.parse.unquote(search)) > self.longest:
            return Reply(self.status, {"message": "no"})
        terms = urllib.parse.unquote(search).strip("()").split(")|or|(")
        asked = [term.split("~")[1:] for term in terms]
        return Reply(body=[row for column, value in asked for row in self.rows(column, value)])

    def rows(self, column: str, value: str) -> list[dict[str, t.Any]]:
        if column == "sku":
            return [{"sku": value, "warehouse": str(n), "qty": n} for n in range(4)]
        return [{"ref_id": value, "nm": "there"}] if int(value) % 2 == 0 else []

    def writer(self, resource: str = "accounts", **block: t.Any) -> Writer:
        basics = {
            "api_url": self.stub.url,
            "site_name": "site",
            "auth_key": "key-1234",
            "username": "user",
            "password": "s3cret-pass",
            "requests_per_second": 1000,
        }
        return Account("cimcloud", {**basics, **block}).writer(resource)


@pytest.fixture
def site() -> t.Iterator[ShortSite]:
    server = ShortSite()
    with running_stub(server.answer) as server.stub:
        yield server


def looks(writer: Writer, count: int, start: int = 0) -> list[Look]:
    """What the site has of some accounts."""
    numbers = range(start, start + count)
    writes = [prepared(writer, {"ref_id": str(1000 + n), "nm": "x"}) for n in numbers]
    return writer.currents(writes, contents=True)


def findings(found: t.Iterable[Look]) -> list[bool | None]:
    """Whether each row is there."""
    return [
        None if not isinstance(one, LookUpResult) else one.finding is Finding.FOUND for one in found
    ]


@pytest.mark.parametrize("length", [60, 120, 250, 2_000])
def test_a_search_holds_as_many_keys_as_fit(site: ShortSite, length: int) -> None:
    found = looks(site.writer(search_length=length), 20)
    assert findings(found) == [True, False] * 10
    one = len("(searchexact~ref_id~1000)|or|")
    fit = (length + len("|or|")) // one
    assert len(site.searches) == -(-20 // max(1, fit))
    assert max(len(urllib.parse.unquote(search)) for search in site.searches) <= length


@pytest.mark.parametrize("status", [400, 404, 414])
def test_what_is_too_long_for_the_site_is_halved_until_it_fits(
    site: ShortSite, status: int
) -> None:
    writer = site.writer(search_length=250)
    site.longest, site.status = 100, status
    found = looks(writer, 10)
    assert findings(found) == [True, False] * 5
    refused = [one for one in site.searches if len(urllib.parse.unquote(one)) > site.longest]
    assert len(refused) == 2, "250 characters, then 125"
    # It is remembered.
    site.searches.clear()
    assert findings(looks(writer, 10, 100)) == [True, False] * 5
    assert all(len(urllib.parse.unquote(one)) <= site.longest for one in site.searches)


@pytest.mark.parametrize("status", [400, 404, 414])
def test_one_key_that_is_too_long_is_no_absence(site: ShortSite, status: int) -> None:
    site.longest, site.status = 5, status
    with pytest.raises((CallError, MissingResourceError)):
        looks(site.writer(search_length=250), 3)
    assert len(site.searches) <= 4


def test_rows_whose_keys_begin_alike_are_asked_for_once(site: ShortSite) -> None:
    levels = {
        "name": "levels",
        "path": "/levels",
        "write_path": "/levels",
        "primary_keys": ["sku", "warehouse"],
    }
    writer = site.writer("levels", resources=[levels])
    rows = [{"sku": "S", "warehouse": str(number), "qty": 1} for number in range(6)]
    found = writer.currents([prepared(writer, row) for row in rows], contents=True)
    assert site.searches == ["searchexact~sku~S"]
    assert findings(found) == [True] * 4 + [False] * 2
    assert ABSENT not in found, "an absence by a key that no document names has to be proven"
