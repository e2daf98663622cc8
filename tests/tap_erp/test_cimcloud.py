"""CIMcloud: whole days read again and not emitted again, moving rows, sessions."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest

from erp_vendors.schemas import ANYTHING
from tests.support.ahead import scrambled
from tests.support.scale import full
from tests.support.stub import Reply
from tests.tap_erp.conftest import SIZE
from tests.tap_erp.played_cimcloud import ACCOUNTS, Played, account, names
from tests.tap_erp.running import Message, cimcloud, make_tap, run_tap

if t.TYPE_CHECKING:
    from erp_sandbox.testing import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

ORDERS, LINES = "cimcloud_orders", "cimcloud_order_details"


def config(sandbox: RunningSandbox, **settings: t.Any) -> Message:
    return cimcloud(sandbox.vendor_url("cimcloud"), **settings)


def test_a_first_run_reads_all_tables_as_they_are(sandbox: RunningSandbox) -> None:
    run = run_tap(config(sandbox))
    assert (run.code, run.error) == (0, "")
    streams = {message["stream"] for message in run.messages if message["type"] == "RECORD"}
    assert len(streams) == 16
    for stream in streams:
        name = stream.removeprefix("cimcloud_")
        rows = sandbox.rows("cimcloud", name)
        found = run.records(stream)
        key = next(iter(rows[0]))
        assert len(found) == len(rows) == SIZE
        assert {row[key]: row for row in found} == {row[key]: row for row in rows}, stream


def test_a_second_run_reads_the_last_day_again_and_emits_nothing_again(
    sandbox: RunningSandbox,
) -> None:
    first = run_tap(config(sandbox))
    sandbox.reset()
    second = run_tap(config(sandbox), state=first.state)
    assert second.code == 0
    keyed = {m["stream"] for m in first.messages if m.get("key_properties")}
    assert keyed == {ACCOUNTS, "cimcloud_customers", "cimcloud_products", ORDERS}
    again = [m["stream"] for m in second.messages if m["type"] == "RECORD"]
    assert keyed.isdisjoint(again), "only those without a key are read in full"
    assert second.records(LINES) == first.records(LINES)
    paths = sandbox.report("cimcloud")["by_path"]
    assert paths["GET /{site}/accounts/{searchstring}"] == 1

    row = sandbox.rows("cimcloud", "accounts")[3]
    sandbox.change("cimcloud", "accounts", row["a_key"], {"nm": "Renamed"})
    third = run_tap(config(sandbox), ACCOUNTS, ORDERS, state=second.state)
    assert [record["nm"] for record in third.records(ACCOUNTS)] == ["Renamed"]
    assert third.records(ORDERS) == []


def test_a_change_within_the_bookmarks_day_is_found(played: Played) -> None:
    first = played.run()
    assert len(names(first)) == 30
    assert first.bookmark(ACCOUNTS) == "2026-03-03T10:00:00.000000"
    played.rows[25]["nm"] = "same stamp, other content"
    played.rows += [account(30, "2026-03-03T00:00:00"), account(31, "2026-03-02T23:59:59")]
    second = played.run(state=first.state)
    assert played.paths == [
        "GET /sandbox-site/accounts/(searchgreatherthanequal~last_modify_date~3/3/2026)"
    ]
    assert sorted(names(second)) == ["A025", "A030"]
    assert names(played.run(state=second.state)) == []


def test_a_table_that_fails_later_is_read_again_by_the_next_run(played: Played) -> None:
    played.rows = [account(number, "2026-03-03T10:00:00") for number in range(120)]
    played.special = lambda path: Reply(500) if path.endswith("/3") else None
    first = played.run()
    assert first.code == 1
    assert len(names(first)) == 100
    assert "replication_key_value" not in first.state.get("bookmarks", {}).get(ACCOUNTS, {})
    played.special = lambda _: None
    assert len(names(played.run(state=first.state))) == 120


class TestMovingRows:
    """Rows that change while a listing is read take other rows' places."""

    def test_a_row_that_moves_to_the_end_lets_none_slip_away(self, played: Played) -> None:
        played.rows = [account(number, f"2026-03-{1 + number // 10:02}") for number in range(150)]

        def touch(page: int) -> None:
            if page == 2 and played.rows[0]["nm"] != "touched":
                played.rows[0].update(nm="touched", last_modify_date="2026-04-01T00:00:00")

        played.before_page = touch
        run = played.run()
        assert run.code == 0
        assert set(names(run)) == {f"A{number:03}" for number in range(150)}
        assert len(names(run)) == 151, "the row that changed comes in both versions, no other twice"
        assert run.bookmark(ACCOUNTS) == "2026-04-01T00:00:00.000000"

    def test_however_often_rows_move(self, played: Played) -> None:
        played.rows = [
            account(number, f"2026-03-03T10:{number // 3:02}:00") for number in range(150)
        ]
        minutes = iter(range(60))

        def touch(page: int) -> None:
            if page > 1:
                oldest = min(played.rows, key=played.order)
                oldest.update(last_modify_date=f"2026-03-04T00:{next(minutes):02}:00")

        played.before_page = touch
        run = played.run()
        assert set(names(run)) == {f"A{number:03}" for number in range(150)}

    @pytest.mark.parametrize("seed", range(full(6, 18)))
    def test_side_by_side_none_slips_away_either(self, played: Played, seed: int) -> None:
        played.rows = [
            account(number, f"2026-03-{1 + number // 60:02}T10:{number % 60:02}:00")
            for number in range(620)
        ]
        calls = iter(range(1000))

        def touch(_: int) -> None:
            if next(calls) == 7 + seed % 6:
                played.rows[0].update(last_modify_date="2026-04-01T00:00:00")

        played.before_page = touch
        with scrambled(seed):
            run = played.run(max_concurrency=8)
        assert set(names(run)) == {f"A{number:03}" for number in range(620)}
        assert len(names(run)) <= 621, "the row that changed may come in both versions"

    def test_newest_first_a_row_that_moves_is_found_by_the_next_run(self, played: Played) -> None:
        played.rows = [account(number, f"2026-03-{1 + number // 10:02}") for number in range(150)]
        ranks = {row["ref_id"]: row for row in played.rows}

        def newest_first(row: Message) -> t.Any:
            return [-ord(char) for char in row["last_modify_date"] + row["nm"]]

        def touch(page: int) -> None:
            if page == 2 and len(played.stub.paths) < 5:
                ranks["A000"].update(nm="touched", last_modify_date="2026-04-01")

        played.order, played.before_page = newest_first, touch
        first = played.run()
        assert len(names(first)) == len(set(names(first))) == 149, "none is emitted twice"
        second = played.run(state=first.state)
        assert [record["nm"] for record in second.records(ACCOUNTS)] == ["touched"]

    def test_the_same_in_the_sandbox(self) -> None:
        """Rows in the order of their stamps, newest first, is one of its options."""
        from erp_sandbox.testing import running_sandbox  # noqa: PLC0415

        with running_sandbox(
            limits=False, size=120, options={"cimcloud": {"order": "modified"}}
        ) as sandbox:
            first = run_tap(config(sandbox), ACCOUNTS)
            row = sandbox.rows("cimcloud", "accounts")[0]
            sandbox.change("cimcloud", "accounts", row["a_key"], {"nm": "moved"})
            second = run_tap(config(sandbox), ACCOUNTS, state=first.state)
            assert len(first.records(ACCOUNTS)) == 120
            assert [record["nm"] for record in second.records(ACCOUNTS)] == ["moved"]


@pytest.mark.parametrize("stamp", [None, "", "soon", "0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_odd_stamps_are_survived(played: Played, stamp: str | None) -> None:
    played.rows.append(account(99, stamp))
    played.order = lambda row: row["ref_id"]
    first = played.run()
    assert first.code == 0
    assert "A099" in names(first)
    assert len(names(first)) == 31
    # The clock of a site may be twelve hours behind UTC.
    behind = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=12)
    played.rows.append(account(98, behind.strftime("%Y-%m-%dT%H:%M:%S")))
    assert "A098" in names(played.run(state=first.state))


def test_stamps_with_a_zone_are_compared_as_moments(played: Played) -> None:
    played.rows = [
        account(1, "2026-03-03T23:30:00-08:00"),
        account(2, "2026-03-04T01:00:00Z"),
        account(3, "3/3/2026 10:00 PM"),
    ]
    played.order = lambda row: row["ref_id"]
    run = played.run()
    assert run.bookmark(ACCOUNTS) == "2026-03-04T07:30:00.000000Z"
    assert run.records(ACCOUNTS)[0]["last_modify_date"] == "2026-03-03T23:30:00-08:00"


def test_a_table_under_another_name_and_one_that_is_nowhere(
    played: Played, caplog: pytest.LogCaptureFixture
) -> None:
    played.special = lambda path: (
        Reply(body=[{"od_key": "L1", "last_modify_date": "2026-03-01"}])
        if path.startswith("/sandbox-site/order_detail/")
        else None
    )
    run = played.run(LINES, "cimcloud_shipments")
    assert (run.code, run.error) == (0, "")
    assert [record["od_key"] for record in run.records(LINES)] == ["L1"]
    assert "Skipped: cimcloud_shipments" in caplog.text


def test_a_documented_table_that_is_missing_is_a_failure(played: Played) -> None:
    run = played.run("cimcloud_products", ACCOUNTS)
    assert run.code == 1
    assert "cimcloud_products" in run.error
    assert len(names(run)) == 30


@pytest.mark.parametrize("status", [401, 403])
def test_a_table_that_is_not_granted_ends_no_other(played: Played, status: int) -> None:
    played.special = lambda path: Reply(status) if "/accounts" in path else None
    run = played.run(ACCOUNTS, "cimcloud_shipments", "cimcloud_customers", "cimcloud_products")
    assert run.code == 1
    assert f"cimcloud_accounts: cimcloud: GET {played.stub.url}" in run.error
    assert {path.split("/")[2] for path in played.paths} >= {"customers", "products", "shipments"}


def test_passwords_of_contacts_are_never_emitted(played: Played) -> None:
    contact = {"username": "ann", "pw": "hunter2-hunter2", "last_modify_date": "2026-03-01"}
    played.special = lambda path: Reply(body=[contact]) if "/customers" in path else None
    run = played.run("cimcloud_customers", discover_columns=True)
    assert run.records("cimcloud_customers") == [
        {"username": "ann", "last_modify_date": "2026-03-01"}
    ]
    schema = next(m for m in run.messages if m.get("stream") == "cimcloud_customers")["schema"]
    assert "pw" not in schema["properties"]
    assert "hunter2" not in str(run.messages)


def test_prices_as_a_customer_sees_them(sandbox: RunningSandbox) -> None:
    plain = run_tap(config(sandbox), "cimcloud_products")
    assert "customer_price" not in plain.records("cimcloud_products")[0]
    buyer = sandbox.rows("cimcloud", "customers")[0]["username"]
    priced = run_tap(config(sandbox, session_username=buyer), "cimcloud_products")
    assert all("customer_price" in record for record in priced.records("cimcloud_products"))


def test_basic_reads_the_same(sandbox: RunningSandbox) -> None:
    run = run_tap(config(sandbox, auth_type="basic", auth_key=None), ACCOUNTS)
    assert (run.code, len(run.records(ACCOUNTS))) == (0, SIZE)
    assert "POST /{site}/authenticate" not in sandbox.report("cimcloud")["by_path"]


def test_tokens_that_die_in_the_middle_are_renewed(sandbox: RunningSandbox) -> None:
    sandbox.add_fault("status", status=401, path="/(accounts|orders)", after=1, times=1)
    run = run_tap(config(sandbox), ACCOUNTS, ORDERS)
    assert (run.code, len(run.records(ORDERS))) == (0, SIZE)
    assert sandbox.report("cimcloud")["by_path"]["POST /{site}/refresh"] == 1


def test_columns_are_learned_at_discovery_on_request_and_in_a_run_always(
    sandbox: RunningSandbox,
) -> None:
    def discovered(**settings: t.Any) -> Message:
        catalog = make_tap(config(sandbox, **settings)).catalog_dict
        (entry,) = [entry for entry in catalog["streams"] if entry["stream"] == LINES]
        return t.cast("Message", entry["schema"]["properties"])

    assert discovered(discover_columns=True)["quantity"] == ANYTHING
    sandbox.reset()
    assert "quantity" not in discovered()
    assert sandbox.report("cimcloud")["calls"] == 0
    run = run_tap(config(sandbox), LINES)
    (schema,) = [m for m in run.messages if m["type"] == "SCHEMA"]
    assert schema["schema"]["properties"]["quantity"] == ANYTHING
    assert schema["schema"]["additionalProperties"] is True
