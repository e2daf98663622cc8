"""Records are recognised by any of their keys, in this run and in later ones."""

from __future__ import annotations

import typing as t

import pytest

from target_erp.delivery import Outcome
from tests.support.plugins import record, run_target, schema
from tests.target_erp.acting import Site, Stage

if t.TYPE_CHECKING:
    import pathlib

    from tests.target_erp.conftest import Vendor

PRICES = "cimcloud_product_prices"
"""A table of whose keys nothing is documented: the input's keys are its keys."""


def test_a_record_is_found_by_any_key_that_it_ever_carried(tmp_path: pathlib.Path) -> None:
    site, stage = Site(upsert=True), Stage(tmp_path)
    both = {"id": "7", "code": "c"}
    assert stage.run(site, [both])["written"] == 1
    for row in (both, {"key": "k", **both}):
        stage.run(site, [row])
    assert len(site.calls) == 2
    # By each of its keys alone it is the same record: another version of it, not another record.
    for row in ({"id": "7", "v": 1}, {"code": "c", "v": 2}, {"key": "k", "v": 3}):
        assert stage.run(site, [row]).counts == {"updated": 1}
        assert stage.run(site, [row]).counts == {"unchanged": 1}


def test_a_name_that_another_record_has_taken_over_counts_no_more(tmp_path: pathlib.Path) -> None:
    site, stage = Site(upsert=True), Stage(tmp_path)
    stage.run(site, [{"id": "1", "code": "c"}])
    assert stage.run(site, [{"id": "2", "code": "c"}]).counts == {"written": 1}
    assert stage.run(site, [{"id": "1", "v": 2}]).counts == {"updated": 1}


def test_versions_of_a_record_keep_their_order_whatever_key_they_carry(
    tmp_path: pathlib.Path,
) -> None:
    site = Site(upsert=True, workers=8)
    rows: list[dict[str, t.Any]] = []
    for number in range(100):
        rows += [
            {"id": f"i{number}", "v": 1},
            {"id": f"i{number}", "code": f"c{number}", "v": 2},
            {"code": f"c{number}", "v": 3},
        ]
    assert Stage(tmp_path).run(site, rows).error == ""
    order: dict[int, list[int]] = {}
    for call in site.calls:
        for row in call:
            order.setdefault(int((row.get("id") or row["code"])[1:]), []).append(row["v"])
    assert set(map(tuple, order.values())) == {(1, 2, 3)}


def price(**more: t.Any) -> dict[str, t.Any]:
    return record(PRICES, price_guid="g-1", price_code="p-1", amount=5, **more)


@pytest.mark.parametrize("later", [["price_code"], ["price_code", "amount"], ["price_guid", "x"]])
def test_other_key_properties_in_mid_stream_are_no_other_record(
    later: list[str], vendor: Vendor
) -> None:
    config = vendor.config()
    messages = [
        schema(PRICES, ["price_guid"]),
        price(x=1),
        schema(PRICES, later),
        price(x=1),
    ]
    for first in (True, False):
        run = run_target(config, messages)
        tally = run.target.run.delivery.tallies[PRICES]
        assert (run.code, tally.accepted, tally[Outcome.UNCHANGED]) == (0, first, 2 - first)
    assert len(vendor.taken) == 1
    # A later run that knows the new key alone finds it, too.
    run = run_target(config, messages[2:])
    assert run.target.run.delivery.tallies[PRICES][Outcome.UNCHANGED] == 1
    assert len(vendor.taken) == 1


def test_an_open_record_is_settled_before_other_keys_hold(vendor: Vendor) -> None:
    messages = [schema(PRICES, ["price_guid"])]
    messages += [record(PRICES, price_guid=f"g{n}", price_code=f"p{n}") for n in range(20)]
    messages.append(schema(PRICES, ["price_code"]))
    messages += [record(PRICES, price_guid=f"g{n}", price_code=f"p{n}", v=2) for n in range(20)]
    run = run_target(vendor.config(cimcloud={"requests_per_second": 1000}), messages)
    assert run.code == 0
    assert [row.get("v") for row in vendor.taken] == [None] * 20 + [2] * 20
