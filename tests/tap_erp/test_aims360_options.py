"""AIMS360: query options that a tenant does not take, zones of dates, and the end of a list."""

from __future__ import annotations

import re

import pytest

from tests.erp_vendors.aims360.fake import CUSTOMERS, Fake, Row, config, options, run_tap
from tests.support.stub import Reply, Request

ORDERS = "/orders/v1.0/orders"
STREAM = "aims360_customers"
EVERY = ("$filter", "$orderby", "$count", "$expand")


def customers(count: int) -> list[Row]:
    """Customers that changed on the days of a month."""
    return [
        {"customerID": f"c{n:04}", "lastModifiedOn": f"2026-01-{1 + n % 28:02}T00:00:00Z"}
        for n in range(count)
    ]


@pytest.mark.parametrize("option", EVERY)
def test_an_option_that_the_settings_leave_out_is_never_sent(fake: Fake, option: str) -> None:
    fake.refused = {option}
    fake.lists = {CUSTOMERS: customers(600), ORDERS: [{"order": "1"}]}
    settings = config(fake.url, query_options=[name for name in EVERY if name != option])
    for path, stream in ((CUSTOMERS, STREAM), (ORDERS, "aims360_orders")):
        first = run_tap(settings, stream)
        assert len(first.records(stream)) == len(fake.lists[path])
        assert run_tap(settings, stream, state=first.state).code == 0
    assert not [path for path in fake.paths("/v1.0/") if option in path]


@pytest.mark.parametrize("option", ["$count", "$expand"])
def test_a_refused_option_names_the_doctor(
    fake: Fake, option: str, caplog: pytest.LogCaptureFixture
) -> None:
    fake.refused = {option}
    fake.lists[ORDERS] = [{"order": "1"}]
    assert run_tap(config(fake.url), "aims360_orders").code != 0
    assert "erp doctor --vendor aims360" in caplog.text


@pytest.mark.parametrize(("zone", "mark"), [("utc", "Z"), ("offset", "+00:00"), ("none", "")])
def test_moments_name_their_zone_as_the_settings_say(fake: Fake, zone: str, mark: str) -> None:
    fake.lists[CUSTOMERS] = customers(3)
    fake.ignored = {"$filter"}
    settings = config(fake.url, date_zone=zone)
    first = run_tap(settings, STREAM)
    second = run_tap(settings, STREAM, state=first.state)
    assert (second.code, second.records(STREAM)) == (0, [])
    asked = [one["$filter"] for one in fake.paths(CUSTOMERS) if "$filter" in one]
    assert f"lastModifiedOn ge 2026-01-02T23:00:00{mark} and" in asked[-1]
    assert re.search(rf" le [0-9T:-]+:[0-9][0-9]{re.escape(mark)}$", asked[-1])


def past(fake: Fake, request: Request, answer: Reply) -> Reply | None:
    asked = options(request)
    rows = fake.lists.get(CUSTOMERS, [])
    return answer if CUSTOMERS in request.path and int(asked.get("$skip", 0)) >= len(rows) else None


@pytest.mark.parametrize("rows", [1, 2, 250, 251, 499, 500])
def test_a_404_past_the_end_is_the_end(fake: Fake, rows: int) -> None:
    fake.lists[CUSTOMERS] = customers(rows)
    fake.counts = False
    fake.before = lambda request: past(fake, request, Reply(404))
    run = run_tap(config(fake.url), STREAM)
    assert (run.code, len(run.records(STREAM))) == (0, rows)


@pytest.mark.parametrize("counts", [True, False])
def test_a_404_in_the_middle_of_a_list_is_no_end(fake: Fake, counts: bool) -> None:  # noqa: FBT001
    fake.lists[CUSTOMERS] = customers(600)
    fake.counts = counts

    def before(request: Request) -> Reply | None:
        skip = int(options(request).get("$skip", 0))
        return Reply(404) if CUSTOMERS in request.path and 0 < skip < 600 else None

    fake.before = before
    run = run_tap(config(fake.url), STREAM)
    assert run.code != 0
