from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Cimcloud


def test_post_inserts_then_updates_by_user_key(cimcloud: Cimcloud) -> None:
    first = cimcloud.post("account/", {"ref_id": "00-NEW", "nm": "New", "status": "1"})
    assert first.status_code == 200
    assert first.json() == {
        "action": "DataImported",
        "success": True,
        "importedRecords": 1,
        "updatedRecords": 0,
        "recordCountInRequest": 1,
        "message": None,
    }
    second = cimcloud.post("accounts", [{"ref_id": "00-NEW", "credit_limit": "12.5"}])
    assert (second.json()["importedRecords"], second.json()["updatedRecords"]) == (0, 1)
    answer = cimcloud.get("accounts/searchexact~ref_id~00-NEW")
    assert '"credit_limit":12.5000' in answer.text
    (row,) = answer.json()
    assert row["nm"] == "New"  # columns not sent are kept
    assert len(row["a_key"]) == 32
    writes = cimcloud.sandbox.report("cimcloud")["writes"]["accounts"]
    assert writes == {"calls": 2, "created": 1, "updated": 1}


def test_put_updates_only(cimcloud: Cimcloud) -> None:
    missing = cimcloud.put("accounts", {"ref_id": "00-NEW", "nm": "New"})
    assert missing.status_code == 200
    assert missing.json()["importedRecords"] + missing.json()["updatedRecords"] == 0
    assert cimcloud.get("accounts/searchexact~ref_id~00-NEW").json() == []
    known = cimcloud.get("accounts").json()[0]
    changed = cimcloud.put("accounts", {"ref_id": known["ref_id"], "nm": "Renamed"})
    assert changed.json()["updatedRecords"] == 1
    after = cimcloud.get(f"accounts/searchexact~ref_id~{known['ref_id']}").json()[0]
    assert after["nm"] == "Renamed"
    assert after["last_modify_date"] > known["last_modify_date"]
    assert after["create_date"] == known["create_date"]


def test_the_primary_key_wins_and_so_makes_duplicates(cimcloud: Cimcloud) -> None:
    one, two = cimcloud.get("accounts").json()[:2]
    body = {"a_key": one["a_key"], "ref_id": two["ref_id"]}
    assert cimcloud.post("accounts", body).json()["updatedRecords"] == 1
    report = cimcloud.sandbox.report("cimcloud")
    assert report["duplicates"] == {"accounts": {two["ref_id"]: 2}}
    body = {"a_key": "F" * 32, "ref_id": two["ref_id"]}
    assert cimcloud.post("accounts", body).json()["importedRecords"] == 1
    duplicates = cimcloud.sandbox.report("cimcloud")["duplicates"]
    assert duplicates == {"accounts": {two["ref_id"]: 3}}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"ref_id": "N", "lines": [{}]}, "nested"),
        ({"nm": "No key"}, "ref_id is required"),
        ({"ref_id": "N", "credit_limit": "lots"}, "not a number"),
        ({"ref_id": "N", "credit_limit": "NaN"}, "not a number"),
        ("text", "must be an object"),
    ],
)
def test_bad_records_fail_and_good_ones_stay(
    cimcloud: Cimcloud, record: object, reason: str
) -> None:
    answer = cimcloud.post("accounts", [{"ref_id": "00-GOOD"}, record])
    assert answer.status_code == 400
    body = answer.json()
    assert (body["success"], body["importedRecords"], body["recordCountInRequest"]) == (False, 1, 2)
    assert reason in body["message"]
    assert len(cimcloud.get("accounts/searchexact~ref_id~00-GOOD").json()) == 1
    assert cimcloud.get("accounts/searchexact~ref_id~N").json() == []


def test_a_failure_may_come_with_200_and_undo_all(cimcloud_with: Callable[..., Any]) -> None:
    with cimcloud_with(failure_status=200, batch="whole", unknown_columns="refuse") as cimcloud:
        answer = cimcloud.post("accounts", [{"ref_id": "00-GOOD"}, {"ref_id": "N", "colour": 1}])
        assert answer.status_code == 200
        assert answer.json()["success"] is False
        assert cimcloud.get("accounts/searchexact~ref_id~00-GOOD").json() == []


def test_unknown_columns_are_kept_and_passwords_hidden(cimcloud: Cimcloud) -> None:
    body = {"username": "new@example.com", "pw": "geheim", "Custom_Column": "x"}
    assert cimcloud.post("customers", body).json()["importedRecords"] == 1
    (row,) = cimcloud.get("customers/searchexact~username~new@example.com").json()
    assert row["Custom_Column"] == "x"
    assert "pw" not in row


def test_lines_need_their_header_when_handled_at_once(cimcloud: Cimcloud) -> None:
    line = {"o_key": "A" * 32, "line_number": 1, "sku": "SKU-0001"}
    refused = cimcloud.post("order_details", line)
    assert refused.json()["success"] is False
    assert cimcloud.post("orders", {"o_key": "A" * 32}).json()["importedRecords"] == 1
    assert cimcloud.post("order_details", line).json()["importedRecords"] == 1
    assert cimcloud.post("order_details", line).json()["updatedRecords"] == 1


def test_more_than_ten_records_are_queued(cimcloud: Cimcloud) -> None:
    rows = [{"ref_id": f"Q-{number}"} for number in range(11)]
    assert cimcloud.post("accounts", rows[:10]).json()["importedRecords"] == 10
    answer = cimcloud.post("accounts", rows)
    assert answer.status_code == 202
    assert answer.json()["importedRecords"] == 0
    assert cimcloud.get("accounts/searchexact~ref_id~Q-10").json() == []
    assert cimcloud.sandbox.report("cimcloud")["queue"]["pending"] == 11
    wait_until(lambda: cimcloud.sandbox.report("cimcloud")["queue"]["pending"] == 0)
    assert len(cimcloud.get("accounts/searchlike~ref_id~Q-").json()) == 11
    writes = cimcloud.sandbox.report("cimcloud")["writes"]["accounts"]
    assert writes == {"calls": 2, "created": 11, "updated": 10, "queued": 11}


@pytest.mark.slow
def test_queued_lines_wait_for_their_header(cimcloud: Cimcloud) -> None:
    lines = [{"c_ordnum": 777_777, "line_number": number} for number in range(11)]
    lines.append({"c_ordnum": 888_888, "line_number": 1})
    assert cimcloud.post("order_details", lines).status_code == 202
    time.sleep(0.3)  # at least one try without the header
    assert cimcloud.post("orders", {"c_ordnum": 777_777}).json()["importedRecords"] == 1
    wait_until(lambda: cimcloud.sandbox.report("cimcloud")["queue"]["pending"] == 0)
    found = cimcloud.get("order_details/searchexact~c_ordnum~777777").json()
    assert sorted(row["line_number"] for row in found) == list(range(11))
    assert len(cimcloud.sandbox.report("cimcloud")["queue"]["failed"]) == 1


def passthrough(number: str) -> dict[str, Any]:
    place = {"address1": "1 Main", "city": "X", "state": "TX", "zip": "00123", "country_code": "US"}
    return {
        "order_number": number,
        "customer": {"name": "Zoë", **place},
        "shipping_address": place,
        "details": [{"sku": "SKU-0001", "quantity": 1, "price": 0}],
    }


def test_orderpassthrough_takes_one_nested_order(cimcloud: Cimcloud) -> None:
    assert cimcloud.post("orderpassthrough", passthrough("P-1")).json()["success"] is True
    assert cimcloud.post("OrderPassThrough/", passthrough("P-1")).status_code == 200
    report = cimcloud.sandbox.report("cimcloud")
    assert report["duplicates"] == {"order_passthrough": {"P-1": 2}}
    assert cimcloud.get("orderpassthrough").status_code == 405
    assert cimcloud.post("orderpassthrough", [passthrough("P-2")]).status_code == 400
    bad = passthrough("P-3")
    del bad["customer"]["zip"], bad["details"][0]["price"]
    message = cimcloud.post("orderpassthrough", bad).json()["message"]
    assert message == "customer.zip is required; details[0].price is required"


def test_deleting_needs_to_be_switched_on(
    cimcloud: Cimcloud, cimcloud_with: Callable[..., Any]
) -> None:
    key = cimcloud.get("credits").json()[0]["cr_key"]
    assert cimcloud.http.delete(f"{cimcloud.url}credits/{key}", timeout=5).status_code == 405
    with cimcloud_with(methods=("GET", "DELETE")) as other:
        assert other.http.delete(f"{other.url}credits/none", timeout=5).status_code == 404
        key = other.get("credits").json()[0]["cr_key"]
        assert other.http.delete(f"{other.url}credits/{key}", timeout=5).status_code == 200
        assert len(other.get("credits").json()) == 19
