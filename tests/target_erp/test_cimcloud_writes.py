"""CIMcloud's batches and their aggregate answers (cimcloud.md 6)."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_plugin.cli import FAILED
from erp_vendors.schemas import ANYTHING
from target_erp.run import REJECTED
from tests.support.plugins import record, run_target, schema
from tests.support.records import passing_order
from tests.support.stub import Reply, Request

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

ACCOUNTS = "cimcloud_accounts"
ORDER = passing_order("A-1")


def accounts(count: int) -> list[dict[str, t.Any]]:
    return [record(ACCOUNTS, ref_id=f"00-{n:03}", nm=f"Account {n}") for n in range(count)]


def sizes(vendor: Vendor) -> list[int]:
    return [
        len(request.json)
        for request in vendor.stub.requests
        if request.method in {"POST", "PUT"} and "authenticate" not in request.path
    ]


def test_batches_hold_ten_rows_at_most_and_use_the_write_path(vendor: Vendor) -> None:
    run = run_target(vendor.config(), [schema(ACCOUNTS, ["ref_id"]), *accounts(25)])
    assert run.code == 0
    assert sorted(sizes(vendor)) == [5, 10, 10]
    assert set(vendor.writes) == {"POST /site/authenticate", "POST /site/account/"}
    assert len(vendor.taken) == 25


@pytest.mark.parametrize("value", ["x", 5, 1.5, True, None])
def test_a_column_that_the_tap_announces_for_anything_is_written_as_it_is(
    vendor: Vendor, value: object
) -> None:
    announced = schema(ACCOUNTS, ["ref_id"], ref_id={"type": "string"}, own=ANYTHING)
    run = run_target(vendor.config(), [announced, record(ACCOUNTS, ref_id="A", own=value, nm="n")])
    assert run.code == 0
    (row,) = vendor.taken
    assert row.get("own") == value


def test_more_than_ten_only_by_setting(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    config = vendor.config(cimcloud={"batch_size": 25})
    assert run_target(config, [schema(ACCOUNTS), *accounts(25)]).code == 0
    assert sizes(vendor) == [25]
    assert "queued" in caplog.text


def test_a_mismatch_is_split_until_the_bad_row_stands_alone(vendor: Vendor) -> None:
    vendor.judge = lambda row: "no" if row["ref_id"] == "00-004" else None
    run = run_target(vendor.config(), [schema(ACCOUNTS), *accounts(10)])
    assert run.code == REJECTED
    (letter,) = vendor.letters(ACCOUNTS)
    assert letter["key"] == {"ref_id": "00-004"}
    assert "took 0 of 1" in letter["reason"]
    assert {row["ref_id"] for row in vendor.taken} == {f"00-{n:03}" for n in range(10) if n != 4}


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "message": "locked", "importedRecords": 1, "updatedRecords": 0},
        {"success": True, "importedRecords": 0, "updatedRecords": 0},
    ],
)
def test_a_record_that_the_vendor_says_no_to_is_refused(vendor: Vendor, answer: t.Any) -> None:
    vendor.script = lambda request: Reply(body=answer) if request.path == "/site/account/" else None
    assert run_target(vendor.config(), [schema(ACCOUNTS), *accounts(1)]).code == REJECTED
    assert len(vendor.letters(ACCOUNTS)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("answer", [{"success": "yes"}, [], b"<html>"])
def test_an_answer_that_is_neither_yes_nor_no_fails_the_run(vendor: Vendor, answer: t.Any) -> None:
    vendor.script = lambda request: Reply(body=answer) if request.path == "/site/account/" else None
    run = run_target(vendor.config(), [schema(ACCOUNTS), *accounts(1)])
    assert (run.code, vendor.letters(ACCOUNTS)) == (FAILED, [])
    assert "not known to mean success" in run.error


def test_an_update_may_count_twice(vendor: Vendor) -> None:
    answer = {"success": True, "importedRecords": 2, "updatedRecords": 2}
    vendor.script = lambda request: Reply(body=answer) if request.path == "/site/account/" else None
    assert run_target(vendor.config(), [schema(ACCOUNTS), *accounts(2)]).code == 0


def test_put_by_setting(vendor: Vendor) -> None:
    config = vendor.config(cimcloud={"write_method": "PUT"})
    assert run_target(config, [schema(ACCOUNTS), *accounts(1)]).code == 0
    assert vendor.writes[-1] == "PUT /site/account/"


def test_nulls_and_system_columns_stay_home(vendor: Vendor) -> None:
    row = record(ACCOUNTS, ref_id="1", nm=None, city="", last_modify_date="2026-01-01T00:00:00")
    assert run_target(vendor.config(), [schema(ACCOUNTS), row]).code == 0
    assert vendor.taken == [{"ref_id": "1", "city": ""}]
    config = vendor.config(cimcloud={"null_values": "send"})
    assert run_target(config, [schema(ACCOUNTS), row]).code == 0
    assert vendor.taken[-1] == {"ref_id": "1", "nm": None, "city": ""}


def test_the_sites_own_key_stays_home_when_the_user_key_is_there(vendor: Vendor) -> None:
    rows = [
        record("cimcloud_products", p_key="AB", sku="S"),
        record("cimcloud_products", p_key="C"),
    ]
    assert run_target(vendor.config(), [schema("cimcloud_products"), *rows]).code == 0
    assert vendor.taken == [{"sku": "S"}, {"p_key": "C"}]


def test_nested_values_are_refused_before_they_are_sent(vendor: Vendor) -> None:
    row = record("cimcloud_orders", o_key="X", details=[{"sku": "S"}])
    assert run_target(vendor.config(), [schema("cimcloud_orders"), row]).code == REJECTED
    assert "details" in vendor.letters("cimcloud_orders")[0]["reason"]
    assert sizes(vendor) == []


def test_the_same_key_twice_goes_out_in_order_and_not_in_one_batch(vendor: Vendor) -> None:
    rows = [record(ACCOUNTS, ref_id="1", nm=str(n)) for n in range(5)]
    assert run_target(vendor.config(), [schema(ACCOUNTS), *rows]).code == 0
    assert [row["nm"] for row in vendor.taken] == ["0", "1", "2", "3", "4"]
    assert sizes(vendor) == [1, 1, 1, 1, 1]


def test_headers_are_settled_before_their_lines_are_sent(vendor: Vendor) -> None:
    messages = [
        schema("cimcloud_orders", ["o_key"]),
        schema("cimcloud_order_details", ["line_key"]),
        record("cimcloud_orders", o_key="H", c_ordnum=1),
        record("cimcloud_order_details", line_key="L", o_key="H"),
    ]
    assert run_target(vendor.config(), messages).code == 0
    assert [next(iter(row)) for row in vendor.taken] == ["o_key", "line_key"]


def test_a_guessed_path_is_tried_in_its_other_spellings(vendor: Vendor) -> None:
    def site(request: Request) -> Reply | None:
        known = {"/site/authenticate", "/site/InventoryLevels/"}
        return None if request.path in known else Reply(404, b"")

    vendor.script = site
    rows = [record("cimcloud_inventory_levels", k=n) for n in range(12)]
    run = run_target(vendor.config(), [schema("cimcloud_inventory_levels", ["k"]), *rows])
    assert run.code == 0
    assert len(vendor.taken) == 12


def test_rows_without_any_key_are_sent_alone_and_only_once(vendor: Vendor) -> None:
    vendor.script = lambda request: (
        Reply(cut="before") if request.path == "/site/credits/" else None
    )
    rows = [record("cimcloud_credits", amount=n) for n in range(3)]
    run = run_target(vendor.config(), [schema("cimcloud_credits"), *rows])
    assert run.code == REJECTED
    assert "the outcome of 3 is unknown" in run.error
    assert vendor.writes.count("POST /site/credits/") == 3
    assert {letter["outcome"] for letter in vendor.letters("cimcloud_credits")} == {"unknown"}


def test_an_order_passes_through_whole_and_one_a_call(vendor: Vendor) -> None:
    stream = "cimcloud_order_passthrough"
    rows = [record(stream, **{**ORDER, "order_number": f"A-{n}"}) for n in range(2)]
    said = {"name": "order_passthrough", "success": {"type": "object"}}
    config = vendor.config(cimcloud={"resources": [said]})
    assert run_target(config, [schema(stream, ["order_number"]), *rows]).code == 0
    bodies = [r.json for r in vendor.stub.requests if r.path == "/site/orderpassthrough/"]
    assert sorted(body["order_number"] for body in bodies) == ["A-0", "A-1"]
    assert bodies[0]["details"] == ORDER["details"]


@pytest.mark.parametrize(
    ("reply", "code"), [(Reply(cut="half", body={"ok": 1}), REJECTED), (Reply(503, b""), FAILED)]
)
def test_an_order_whose_answer_is_lost_is_never_sent_again(
    vendor: Vendor, reply: Reply, code: int
) -> None:
    vendor.script = lambda request: reply if "orderpassthrough" in request.path else None
    stream = "cimcloud_order_passthrough"
    run = run_target(vendor.config(), [schema(stream), record(stream, **ORDER)])
    # A vendor that fails with all that was tried has failed; a lost answer alone says nothing.
    assert run.code == code
    assert ("unknown" if code == REJECTED else "503") in run.error
    assert vendor.writes.count("POST /site/orderpassthrough/") == 1
    (letter,) = vendor.letters(stream)
    assert letter["outcome"] == "unknown"


def test_an_upsert_whose_answer_is_lost_is_sent_again(vendor: Vendor) -> None:
    cuts = iter([Reply(cut="half", body={"success": True})])
    vendor.script = lambda request: next(cuts, None) if request.path == "/site/account/" else None
    assert run_target(vendor.config(), [schema(ACCOUNTS), *accounts(3)]).code == 0
    assert len(vendor.taken) == 3


def test_an_unreachable_vendor_ends_the_run(vendor: Vendor) -> None:
    vendor.stub.stop()
    run = run_target(vendor.config(), [schema(ACCOUNTS), *accounts(3)])
    assert run.code == FAILED
    assert "cimcloud.api_url" in run.error
    assert json.dumps(run.states) == "[]"
