"""CIMcloud: what the documents leave open about dates and pages, and how a read stays complete."""

from __future__ import annotations

import typing as t
import urllib.parse

import pytest

from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import Message, cimcloud, run_tap

if t.TYPE_CHECKING:
    from tests.support.stub import Stub
    from tests.tap_erp.running import Run

pytestmark = pytest.mark.usefixtures("short_pauses")

ACCOUNTS = "cimcloud_accounts"


class Site:
    """A site with full pages of accounts, whose answers to other calls are switches."""

    def __init__(self, rows: int) -> None:
        self.rows = [self.row(number) for number in range(rows)]
        self.search: t.Callable[[str], Reply] = lambda _: Reply(body=[])
        self.past_end: t.Callable[[int], Reply] = lambda _: Reply(body=[])
        self.bad: dict[int, Reply] = {}
        self.wrap: t.Callable[[list[Message]], t.Any] = lambda rows: rows
        self.stub: Stub

    @staticmethod
    def row(number: int, stamp: str = "") -> Message:
        day = 1 + number // 10
        return {
            "ref_id": f"A{number:03}",
            "last_modify_date": stamp or f"2026-03-{day:02}T10:00:00",
        }

    def __call__(self, request: Request) -> Reply:
        path = urllib.parse.unquote(request.path).removeprefix("/sandbox-site/")
        if path == "authenticate":
            return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
        tail = path.removeprefix("accounts/")
        if not tail.isdigit():
            return self.search(tail)
        page = int(tail)
        if page in self.bad:
            return self.bad[page]
        rows = self.rows[(page - 1) * 50 : page * 50]
        return Reply(body=self.wrap(rows)) if rows else self.past_end(page)

    def run(self, state: Message | None = None, **settings: t.Any) -> Run:
        self.stub.requests.clear()
        top: Message = {"activate_version": False}
        if "lookback_seconds" in settings:
            top["lookback_seconds"] = settings.pop("lookback_seconds")
        return run_tap({**cimcloud(self.stub.url, **settings), **top}, ACCOUNTS, state=state)


@pytest.fixture
def site() -> t.Iterator[Site]:
    site = Site(100)
    with running_stub(site) as site.stub:
        yield site


def names(run: Run) -> list[str]:
    return [record["ref_id"] for record in run.records(ACCOUNTS)]


def test_a_search_that_finds_nothing_since_the_bookmark_is_not_believed(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    first = site.run()
    assert len(names(first)) == 100
    site.rows.append(site.row(100))
    second = site.run(first.state)
    assert (second.code, names(second)) == (0, ["A100"])
    assert "erp doctor --vendor cimcloud" in caplog.text
    assert "misread_date" in caplog.text


def test_a_search_that_finds_the_row_of_the_bookmark_is_believed(site: Site) -> None:
    first = site.run()
    site.search = lambda _: Reply(body=site.rows[90:])
    second = site.run(first.state)
    assert (second.code, names(second)) == (0, [])
    assert len([path for path in site.stub.paths if path.startswith("GET")]) == 1


def test_a_site_without_a_search_by_date_is_read_whole(site: Site) -> None:
    first = site.run(date_format="none")
    site.rows.append(site.row(100))
    second = site.run(first.state, date_format="none")
    assert (second.code, names(second)) == (0, ["A100"])
    assert not [path for path in site.stub.paths if "search" in path]


@pytest.mark.parametrize(
    ("stamp", "asked"),
    [("2026-03-20T00:00:00", "3/19/2026"), ("2026-03-20T00:00:01", "3/20/2026")],
)
def test_an_exclusive_bound_hides_no_row_of_midnight(site: Site, stamp: str, asked: str) -> None:
    site.rows.append(site.row(100, stamp))
    first = site.run(lookback_seconds=0)
    site.search = lambda _: Reply(body=site.rows[100:])
    site.run(first.state, lookback_seconds=0)
    (search,) = [path for path in site.stub.paths if "search" in path]
    assert search.endswith(f"~last_modify_date~{asked})")


@pytest.mark.parametrize("words", ["page {} does not exist", "no such page"])
def test_a_400_that_is_proven_to_mean_the_end_is_the_end(site: Site, words: str) -> None:
    site.past_end = lambda page: Reply(400, {"message": words.format(page)})
    run = site.run()
    assert (run.code, len(names(run))) == (0, 100)


@pytest.mark.parametrize(
    "past_end",
    [Reply(body=[]), Reply(404), Reply(400, {"message": "another"}), Reply(500)],
)
def test_a_400_that_means_something_else_fails_the_stream(site: Site, past_end: Reply) -> None:
    site.bad[2] = Reply(400, {"message": "row 70 is broken"})
    site.past_end = lambda _: past_end
    run = site.run()
    assert run.code != 0
    assert len(names(run)) <= 50


def test_a_400_of_everything_is_no_end(site: Site) -> None:
    down = Reply(400, {"message": "down for maintenance"})
    site.bad[2], site.past_end = down, lambda _: down
    first_page = iter([Reply(body=site.rows[:50])])
    site.bad[1] = down
    original = Site.__call__

    def once(request: Request) -> Reply:
        if request.path.endswith("/accounts/1"):
            return next(first_page, down)
        return original(site, request)

    site.stub.script = once
    assert site.run().code != 0


def test_wrapped_rows_are_read_where_the_settings_say(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.wrap = lambda rows: {"data": {"rows": rows}, "errors": [{"message": "x"}]}
    assert site.run().code != 0
    assert "erp doctor --vendor cimcloud" in caplog.text
    run = site.run(resources=[{"name": "accounts", "rows_in": "data.rows"}])
    assert (run.code, len(names(run))) == (0, 100)


def test_an_answer_without_the_member_is_an_error(site: Site) -> None:
    site.wrap = lambda _: {"errors": [{"message": "x"}]}
    assert site.run(resources=[{"name": "accounts", "rows_in": "data"}]).code != 0
