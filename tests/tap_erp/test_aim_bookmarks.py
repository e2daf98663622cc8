from __future__ import annotations

import datetime as dt
import typing as t

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import erp_vendors.stamps
import tap_erp.streams.aim
from tests.erp_vendors.aim.shop import Shop, listing, open_shop, stock_error
from tests.erp_vendors.aim.taprun import bookmark, run_tap
from tests.support.scale import full

if t.TYPE_CHECKING:
    from tests.erp_vendors.aim.shop import ListedRow, Params


pytestmark = pytest.mark.slow


@pytest.fixture
def shop() -> t.Iterator[Shop]:
    with open_shop() as shop:
        yield shop


class Clock:
    """The tap's clock, and the shop's beside it."""

    def __init__(self, zone: int) -> None:
        self.now = dt.datetime(2026, 3, 1, 12)  # noqa: DTZ001 - as the product's, without zone
        self.zone = dt.timedelta(hours=zone)

    @property
    def local(self) -> dt.datetime:
        return self.now + self.zone


Change = t.Tuple[int, int]  # noqa: UP006 - row, seconds until the next change
histories = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20_000)), max_size=6),
    min_size=2,
    max_size=5,
)


@pytest.mark.parametrize("operation", ["SearchInventory", "ServiceTicketFullDetails"])
@given(history=histories, zone=st.integers(-12, 14), inclusive=st.booleans(), during=st.booleans())
@settings(
    max_examples=full(2, 10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_change_is_lost_and_none_comes_twice(
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    history: list[list[Change]],
    zone: int,
    *,
    inclusive: bool,
    during: bool,
) -> None:
    """Whatever the zone of the shop, and whether its filter includes the bound or not."""
    stream, key, name = {
        "SearchInventory": ("inventory", "Pk", "Records"),
        "ServiceTicketFullDetails": ("service_tickets", "RefNumber", "Tickets"),
    }[operation]
    clock = Clock(zone)
    monkeypatch.setattr(erp_vendors.stamps, "utc_now", lambda: clock.now)
    changed: dict[int, dt.datetime] = {}
    version: dict[int, int] = {}
    late: list[int] = []

    def change(row: int) -> None:
        version[row] = version.get(row, 0) + 1
        changed[row] = clock.local

    def answer(params: Params) -> ListedRow:
        bound = params.get("ChangedDate")
        since = dt.datetime.fromisoformat(bound) if bound else dt.datetime.min  # noqa: DTZ901
        rows = [
            {key: row if key == "Pk" else str(row), "Notes": f"v{version[row]}"}
            for row in changed
            if changed[row] > since or (inclusive and changed[row] == since)
        ]
        page = listing(name, rows)(params)
        if late:
            change(late.pop())  # after the server has looked
        return page

    loaded: dict[t.Any, str] = {}
    state: ListedRow | None = None
    with open_shop() as shop:
        shop.operations[operation] = answer
        for changes in [*history, []]:
            for row, pause in changes:
                change(row)
                clock.now += dt.timedelta(seconds=pause)
            late.extend(row for row, _ in changes[:2] if during)
            run = run_tap(shop.config(), stream, state=state)
            assert run.code == 0
            state = run.state
            for record in run.records.get(stream, ()):
                assert loaded.get(record[key]) != record["Notes"], "came twice"
                loaded[record[key]] = record["Notes"]
            late.clear()
            clock.now += dt.timedelta(seconds=60)
    assert loaded == {
        (row if key == "Pk" else str(row)): f"v{number}" for row, number in version.items()
    }


def test_the_bookmark_is_the_start_of_the_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([dt.datetime(2026, 3, 1, 12), dt.datetime(2026, 3, 1, 13)])  # noqa: DTZ001
    monkeypatch.setattr(erp_vendors.stamps, "utc_now", lambda: next(moments))
    shop.operations["SearchInventory"] = listing("Records", [])
    run = run_tap(shop.config(), "inventory")
    assert bookmark(run, "inventory") == "2026-03-01T12:00:00.000000Z"
    config = {"aim": shop.config(), "lookback_seconds": 60}
    run_tap(config, "inventory", state=run.state)
    # A minute, and twelve hours because the shop's zone is not known.
    assert shop.asked("SearchInventory", "ChangedDate") == [None, "2026-02-28T23:59:00"]


@pytest.mark.parametrize("call", [0, 1, 2])
def test_a_bookmark_does_not_move_when_a_page_fails(shop: Shop, call: int) -> None:
    rows = [{"Pk": number} for number in range(250)]
    shop.operations["SearchInventory"] = listing("Records", rows)
    first = run_tap(shop.config(), "inventory")
    rows.append({"Pk": 1000})
    calls = iter(range(100))
    shop.special = lambda name, _: (
        stock_error(400, "Sub is wrong")
        if name == "SearchInventory" and next(calls) == call
        else None
    )
    second = run_tap(shop.config(), "inventory", state=first.state)
    assert second.code == 1
    assert "Sub is wrong" in second.error
    assert second.state == first.state
    shop.special = lambda *_: None
    third = run_tap(shop.config(), "inventory", state=second.state)
    assert third.code == 0
    assert [row["Pk"] for row in third.records["inventory"]] == [1000]


def test_a_bookmark_in_the_future_is_not_trusted(shop: Shop) -> None:
    shop.operations["SearchInventory"] = listing("Records", [{"Pk": 1}])
    state = {
        "bookmarks": {
            "aim_inventory": {
                "replication_key": "ChangedDate",
                "replication_key_value": "2100-01-01T00:00:00.000000Z",
            }
        }
    }
    run = run_tap(shop.config(), "inventory", state=state)
    assert run.records["inventory"] == [{"Pk": 1}]
    assert shop.asked("SearchInventory", "ChangedDate") == [None]
    assert bookmark(run, "inventory") < "2100"


def test_start_date_limits_the_first_run_only_of_streams_with_a_filter(shop: Shop) -> None:
    shop.operations["ServiceTicketFullDetails"] = listing("Tickets", [{"RefNumber": "1"}])
    shop.operations["GetLocations"] = listing("Locations", [{"Id": 1}])
    config = {"aim": shop.config(), "start_date": "2026-01-01T00:00:00Z"}
    run = run_tap(config, "service_tickets", "locations")
    assert set(run.records) == {"service_tickets", "locations"}
    assert shop.asked("ServiceTicketFullDetails", "ChangedDate") == ["2026-01-01T00:00:00"]


def test_a_full_table_is_read_without_a_filter(shop: Shop) -> None:
    shop.operations["ServiceTicketFullDetails"] = listing("Tickets", [{"RefNumber": "1"}])
    first = run_tap(shop.config(), "service_tickets")
    again = run_tap(shop.config(), "service_tickets", state=first.state, method="FULL_TABLE")
    assert again.records == first.records
    assert shop.asked("ServiceTicketFullDetails", "ChangedDate") == [None, None]
    kept = [run.state["bookmarks"]["aim_service_tickets"] for run in (first, again)]
    assert kept[0].items() <= kept[1].items()
    assert set(kept[1]) - set(kept[0]) == {"version", "copied_at", "filled"}


def invoices(rows: list[ListedRow]) -> t.Callable[[Params], ListedRow]:
    def answer(params: Params) -> ListedRow:
        since = params.get("InvoiceStartDate", "")
        # The least that a filter can be: it is exclusive, and compares days.
        wanted = [row for row in rows if row["DateTime"][:10] > since[:10] or not since]
        inclusive = [row for row in rows if since and row["DateTime"][:10] == since[:10]]
        return listing("Invoices", wanted + inclusive)(params)

    return answer


def test_invoices_follow_their_date_and_changed_balances_come_again(shop: Shop) -> None:
    rows: list[ListedRow] = [
        {"InvoiceNumber": str(n), "DateTime": f"2026-01-0{n}T10:00:00.0000000", "Balance": 5}
        for n in (3, 1, 2)
    ]
    shop.operations["InvoiceDetail"] = invoices(rows)
    run = run_tap(shop.config(), "invoices")
    assert [row["InvoiceNumber"] for row in run.records["invoices"]] == ["3", "1", "2"]
    assert bookmark(run, "invoices") == "2026-01-03T10:00:00.000000"
    rows[0]["Balance"] = 0
    rows[1]["Balance"] = 0  # too old for the lookback
    rows.append({"InvoiceNumber": "late", "DateTime": "2026-01-03T01:00:00.0000000"})
    run = run_tap(shop.config(), "invoices", state=run.state)
    assert [row["InvoiceNumber"] for row in run.records["invoices"]] == ["3", "late"]
    assert shop.asked("InvoiceDetail", "InvoiceStartDate") == [None, "2026-01-03T00:00:00"]
    config = {"aim": shop.config(), "lookback_seconds": 3 * 86400}
    run = run_tap(config, "invoices", state=run.state)
    # The window is wider than the fingerprints reach, so what is in it comes once more.
    assert "1" in [row["InvoiceNumber"] for row in run.records["invoices"]]
    run = run_tap(config, "invoices", state=run.state)
    assert run.records == {}


def test_a_return_in_the_future_does_not_hide_what_comes_before_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = dt.datetime(2026, 3, 1, 12)  # noqa: DTZ001
    monkeypatch.setattr(erp_vendors.stamps, "utc_now", lambda: now)
    rows = [{"Acct": 1, "Sub": 1, "ScheduledReturnDate": "2099-01-01T00:00:00.0000000"}]

    def answer(params: Params) -> ListedRow:
        since = params.get("DateFrom", "")
        return {"Contracts": [row for row in rows if row["ScheduledReturnDate"] >= since]}

    shop.operations["ContractScheduledReturns"] = answer
    first = run_tap(shop.config(), "scheduled_returns")
    rows.append({"Acct": 2, "Sub": 1, "ScheduledReturnDate": "2026-04-01T00:00:00.0000000"})
    second = run_tap(shop.config(), "scheduled_returns", state=first.state)
    assert [row["Acct"] for row in second.records["scheduled_returns"]] == [2]
    third = run_tap(shop.config(), "scheduled_returns", state=second.state)
    assert third.records == {}


@pytest.mark.parametrize("at", [1, 60, 120, 199])
def test_a_run_that_is_stopped_is_made_up_for_by_the_next(shop: Shop, at: int) -> None:
    rows = [{"Pk": number} for number in range(200)]
    shop.operations["SearchInventory"] = listing("Records", rows)
    stopping = pytest.MonkeyPatch()
    original = tap_erp.streams.aim.AimListStream._has_key  # noqa: SLF001 - called before each record

    def has_key(self: tap_erp.streams.aim.AimListStream, record: ListedRow) -> bool:
        if self.records_read == at:
            self.erp.connection.clock.stop()
        return original(self, record)

    stopping.setattr(tap_erp.streams.aim.AimListStream, "_has_key", has_key)
    run = run_tap(shop.config(), "inventory")
    stopping.undo()
    assert run.code == 1
    assert len(run.records["inventory"]) <= at + 1
    assert bookmark(run, "inventory") is None
    again = run_tap(shop.config(), "inventory", state=run.state)
    assert again.code == 0
    assert again.records["inventory"] == rows
