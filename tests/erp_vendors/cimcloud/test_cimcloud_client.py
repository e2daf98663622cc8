"""CIMcloud: pages in the path, spellings of guessed paths, limits (cimcloud.md 4 and 5)."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.cimcloud import CIMCLOUD, CimcloudClient
from erp_vendors.errors import CallError, DataError, MissingResourceError
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from tests.support.stub import Reply, Request, Stub, running_stub
from tests.support.transport import VirtualClock

pytestmark = pytest.mark.usefixtures("short_pauses")

SEARCH = "(searchgreatherthanequal~last_modify_date~1/31/2026)"


@pytest.fixture
def stub() -> t.Iterator[Stub]:
    with running_stub(lambda _: Reply(body=[])) as stub:
        yield stub


def make(url: str, clock: VirtualClock | None = None, **settings: t.Any) -> CimcloudClient:
    values = {
        "api_url": url,
        "site_name": "site",
        "auth_type": "basic",
        "username": "ann",
        "password": "pass-word",
        "requests_per_second": 10_000,
        **settings,
    }
    connection = Connection(clock=clock) if clock else Connection()
    return CimcloudClient(Block("cimcloud", CIMCLOUD.settings, values), connection)


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"ref_id": number} for number in numbers]


def paged(count: int, **past_end: t.Any) -> t.Callable[[Request], Reply]:
    """A listing of so many rows, 50 a page."""

    def script(request: Request) -> Reply:
        page = int(request.path.rpartition("/")[2]) if request.path[-1].isdigit() else 1
        found = rows(*range(count)[(page - 1) * 50 : page * 50])
        return Reply(**past_end) if past_end and not found else Reply(body=found)

    return script


def listing(client: CimcloudClient, name: str = "accounts", search: str = "") -> list[t.Any]:
    return [row for page in client.pages(client.resources[name], search) for row in page]


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (49, 1), (50, 2), (51, 2), (120, 3)])
def test_pages_until_one_is_not_full(stub: Stub, count: int, calls: int) -> None:
    stub.script = paged(count)
    assert listing(make(stub.url)) == rows(*range(count))
    assert stub.paths == [f"GET /site/accounts/{number}" for number in range(1, calls + 1)]


@pytest.mark.parametrize("status", [404, 405])
def test_past_the_end_may_be_missing(stub: Stub, status: int) -> None:
    stub.script = paged(100, status=status)
    assert listing(make(stub.url)) == rows(*range(100))


def test_a_site_that_answers_one_page_for_ever_is_read_once(stub: Stub) -> None:
    stub.script = lambda _: Reply(body=rows(*range(50)))
    assert len(listing(make(stub.url))) == 50
    assert len(stub.requests) == 2


def test_the_first_page_after_a_date_has_no_number(stub: Stub) -> None:
    stub.script = paged(60)
    assert len(listing(make(stub.url), search=SEARCH)) == 60
    assert stub.paths == [f"GET /site/accounts/{SEARCH}", f"GET /site/accounts/{SEARCH}/2"]


def test_a_second_page_that_is_missing_after_a_date_is_no_end(stub: Stub) -> None:
    def script(request: Request) -> Reply:
        return Reply(404) if request.path.endswith("/2") else Reply(body=rows(*range(50)))

    stub.script = script
    with pytest.raises(MissingResourceError):
        listing(make(stub.url), search=SEARCH)


def test_other_spellings_of_a_guessed_path_are_tried_and_the_right_one_is_kept(stub: Stub) -> None:
    def script(request: Request) -> Reply:
        known = request.path.startswith("/site/order_detail/")
        return paged(60)(request) if known else Reply(404)

    stub.script = script
    assert len(listing(make(stub.url), "order_details")) == 60
    assert stub.paths == [
        "GET /site/order_details/1",
        "GET /site/order_detail/1",
        "GET /site/order_detail/2",
    ]


def test_a_guessed_path_that_has_no_spelling_is_missing(stub: Stub) -> None:
    stub.script = lambda _: Reply(404)
    with pytest.raises(MissingResourceError, match="no such path"):
        listing(make(stub.url), "shipments")
    assert stub.paths == ["GET /site/shipments/1", "GET /site/Shipments/1"]


def test_a_documented_path_has_one_spelling_and_must_be_there(stub: Stub) -> None:
    stub.script = lambda _: Reply(404)
    with pytest.raises(CallError, match="HTTP 404"):
        listing(make(stub.url), "accounts")
    assert stub.paths == ["GET /site/accounts/1"]


def test_a_path_from_the_settings_is_no_guess(stub: Stub) -> None:
    stub.script = lambda _: Reply(404)
    client = make(stub.url, resources=[{"name": "shipments", "path": "/Deliveries"}])
    with pytest.raises(CallError, match="HTTP 404"):
        listing(client, "shipments")
    assert stub.paths == ["GET /site/Deliveries/1"]


@pytest.mark.parametrize("body", [{"value": []}, [1], [None], "x", None, [[]]])
def test_an_answer_that_is_no_list_of_objects_is_refused(stub: Stub, body: object) -> None:
    stub.script = lambda _: Reply(body=body)
    with pytest.raises(DataError, match="accounts"):
        listing(make(stub.url))


@pytest.mark.parametrize("column", ["pw", "PW"])
def test_a_contacts_password_is_never_handed_on(stub: Stub, column: str) -> None:
    stub.script = lambda _: Reply(body=[{"username": "x", column: "hunter2"}])
    assert listing(make(stub.url), "customers") == [{"username": "x"}]
    assert listing(make(stub.url), "orders") == [{"username": "x"}]


def test_online_orders_are_asked_for_once_whatever_happens(stub: Stub) -> None:
    for reply in (
        Reply(500),
        Reply(cut="before"),
        Reply(body=rows(1, 2, 3), cut="half"),
        Reply(body=b'[{"o_key": "1"'),
        Reply(body={"rows": []}),
    ):
        stub.requests.clear()
        stub.script = lambda _, reply=reply: t.cast("Reply", reply)  # type: ignore[misc]
        client = make(stub.url)
        with pytest.raises((CallError, DataError)):
            client.page(client.resources["online_orders"])
        assert stub.paths == ["GET /site/OnlineOrders/1"]


def test_the_documented_limits_hold_without_headers(stub: Stub) -> None:
    clock = VirtualClock()
    client = make(stub.url, clock, requests_per_second=None)
    limits = client.transport.budget.limits
    assert (limits.per_second, limits.window_calls, limits.window_seconds) == (2, 100, 900)
    for _ in range(101):
        client.page(client.resources["accounts"])
    assert clock.now() >= 900


def test_the_vendors_headers_replace_the_count_of_ours(stub: Stub) -> None:
    clock = VirtualClock()
    headers = {"X-RateLimit-Remaining": "500", "X-RateLimit-Reset": "800"}
    stub.script = lambda _: Reply(body=[], headers=headers)
    client = make(stub.url, clock, requests_per_second=None)
    for _ in range(101):
        client.page(client.resources["accounts"])
    assert clock.now() < 60


def test_at_zero_remaining_the_next_call_waits_for_the_reset(stub: Stub) -> None:
    clock = VirtualClock()
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "432"}
    stub.script = lambda _: Reply(body=[], headers=headers)
    client = make(stub.url, clock)
    client.page(client.resources["accounts"])
    assert clock.now() < 1
    client.page(client.resources["accounts"])
    assert 433 <= clock.now() < 434  # part of a second may have been cut off


def test_a_higher_rate_by_agreement_has_no_documented_window() -> None:
    assert make("http://x", requests_per_second=5).transport.budget.limits.window_calls is None
    assert make("http://x", requests_per_second=1).transport.budget.limits.window_calls == 100


def test_site_and_address_may_be_written_with_slashes(stub: Stub) -> None:
    client = make(f"{stub.url}/", site_name="/site/")
    client.page(client.resources["accounts"])
    assert stub.paths == ["GET /site/accounts/1"]
