"""CIMcloud: searches by date, and what comes of those that a site refuses or misreads."""

from __future__ import annotations

import re
import typing as t

import pytest

from tests.support.stub import Reply
from tests.tap_erp.played_cimcloud import Played, account, names
from tests.tap_erp.running import Message, cimcloud, run_tap

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.usefixtures("short_pauses")

LINES = "cimcloud_order_details"


def test_the_lookback_reaches_into_earlier_days(played: Played) -> None:
    first = played.run(lookback_seconds=86400)
    played.rows += [account(31, "2026-03-02T00:00:00"), account(32, "2026-03-01T23:59:59")]
    second = played.run(state=first.state, lookback_seconds=86400)
    assert names(second) == ["A031"]


@pytest.mark.parametrize(
    ("date_format", "sent"),
    [
        ("YYYY-MM-DD", "2026-03-03"),
        ("MM/DD/YYYY", "03/03/2026"),
        ("M%2FD%2FYYYY", "3%2F3%2F2026"),
        ("YYYY-MM-DDTHH:mm:ss", "2026-03-03T00:00:00"),
    ],
)
def test_the_date_format_is_a_setting(played: Played, date_format: str, sent: str) -> None:
    first = played.run()
    played.special = lambda path: Reply(body=[]) if "~" in path else None
    second = played.run(state=first.state, date_format=date_format)
    assert second.code == 0
    assert played.paths[0].endswith(f"~last_modify_date~{sent})")


def test_start_date_is_a_filter_too(played: Played) -> None:
    run = played.run(start_date="2026-03-02T12:00:00Z")
    assert played.paths == [
        "GET /sandbox-site/accounts/(searchgreatherthanequal~last_modify_date~3/2/2026)"
    ]
    assert len(names(run)) == 20


@pytest.mark.parametrize("status", [400, 404, 405, 422, 500])
def test_a_refused_filter_means_the_full_table(
    played: Played, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    first = played.run()
    played.rows.append(account(30, "2026-03-03T11:00:00"))
    played.special = lambda path: Reply(status, "bad searchstring") if "~" in path else None
    second = played.run(state=first.state)
    assert second.code == 0
    assert names(second) == ["A030"], "what is older than the bookmark's day is not emitted again"
    assert "refuses the filter on last_modify_date" in caplog.text


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_page_number_that_is_refused_after_a_date_means_the_full_table(
    played: Played, status: int
) -> None:
    played.rows = [account(number, "2026-03-03T10:00:00") for number in range(120)]
    played.special = lambda path: Reply(status) if re.search(r"~.*\)/2", path) else None
    run = played.run(start_date="2026-03-01")
    assert run.code == 0
    assert sorted(names(run)) == [f"A{number:03}" for number in range(120)]


def _no_rows(page: int, rows: list[Message]) -> list[Message]:  # noqa: ARG001 - one of several
    return []


def _all_rows(page: int, rows: list[Message]) -> list[Message]:
    return rows[(page - 1) * 50 : page * 50]


def _first_page(page: int, rows: list[Message]) -> list[Message]:  # noqa: ARG001 - one of several
    return [row for row in rows if row["last_modify_date"] >= "2026-03"][:50]


def _some_other_page(page: int, rows: list[Message]) -> list[Message]:
    return [row for row in rows if row["last_modify_date"] < "2026-03"][:page]


@pytest.mark.parametrize("changed", [0, 1, 49, 50, 51, 99, 100, 120])
@pytest.mark.parametrize("answer", [_no_rows, _all_rows, _first_page, _some_other_page])
def test_a_page_number_that_is_misread_after_a_date_loses_no_row(
    played: Played, answer: t.Callable[[int, list[Message]], list[Message]], changed: int
) -> None:
    played.rows = [account(number, "2026-01-03T10:00:00") for number in range(60)]
    played.rows += [account(100 + number, "2026-03-03T10:00:00") for number in range(changed)]

    def misread(path: str) -> Reply | None:
        found = re.search(r"~.*\)/([0-9]+)$", path)
        rows = sorted(played.rows, key=played.order)
        return Reply(body=answer(int(found[1]), rows)) if found else None

    played.special = misread
    run = played.run(start_date="2026-03-01")
    assert run.code == 0
    wanted = {f"A{100 + number:03}" for number in range(changed)}
    assert set(names(run)) >= wanted


@pytest.mark.parametrize(("changed", "calls"), [(49, 1), (50, 3), (120, 4)])
def test_that_page_numbers_follow_a_date_is_asked_once(
    played: Played, changed: int, calls: int
) -> None:
    played.rows = [account(number, "2026-03-03T10:00:00") for number in range(changed)]
    assert len(names(played.run(start_date="2026-03-01"))) == changed
    assert len(played.paths) == calls


@pytest.mark.parametrize("status", [404, 400])
def test_a_guessed_table_whose_filter_is_refused_is_read_in_full(
    sandbox: RunningSandbox, status: int
) -> None:
    first = run_tap(cimcloud(sandbox.vendor_url("cimcloud")), LINES)
    sandbox.add_fault("status", status=status, path="searchgreatherthanequal")
    second = run_tap(cimcloud(sandbox.vendor_url("cimcloud")), LINES, state=first.state)
    assert second.code == 0
    assert sandbox.report("cimcloud")["by_path"].get("GET /{site}/order_details/{page}", 0) > 1
