"""A line of an approved plan is for one write, of the record of the vendor that was looked at."""

from __future__ import annotations

import typing as t

import pytest

from tests.target_erp.shops import SHOPS, counts
from tests.target_erp.test_apply import Site

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.slow


MATCHES = {
    "aimsio by its code": ("aimsio", ()),
    "aimsio by match_on": ("aimsio", ("billableItemCode",)),
    "pentamic by tax code": ("pentamic", ()),
    "pentamic by match_on": ("pentamic", ("taxCode",)),
    # By its ref_id, CIMcloud writes whatever row has it; another column only finds the row.
    "cimcloud by match_on": ("cimcloud", ("nm",)),
}


@pytest.mark.parametrize("case", MATCHES)
def test_another_record_with_the_same_key_is_not_the_one_that_was_planned(
    case: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    vendor, match = MATCHES[case]
    shop = SHOPS[vendor]
    key, other = (match or shop.key)[0], shop.other[1]
    site = Site(shop, sandbox, tmp_path, **({"match_on": list(match)} if match else {}))
    one, two = sandbox.rows(vendor, shop.resource)[:2]
    alike = {name: v for name, v in one.items() if name not in {shop.id, shop.key[1]}}
    for row, name in ((one, "FIRST"), (two, "SECOND")):
        values = {**alike, shop.text[1]: "same", other: "same", key: name}
        sandbox.change(vendor, shop.resource, row[shop.id], values)
    row = {**shop.record(one, **{shop.text[0]: "same", shop.other[0]: "ours"}), key: "FIRST"}
    if vendor == "cimcloud":
        del row[shop.key[0]]
    assert site.plan(row) == ["update"]
    for held, name in ((one, "OLD"), (two, "FIRST")):
        sandbox.change(vendor, shop.resource, held[shop.id], {key: name})
    since = len(sandbox.calls(vendor))
    run = site.apply(row)
    assert (run.code, run.states, shop.writes(sandbox, since)) == (3, [], []), run.error
    assert "which record it is" in site.reasons()["FIRST"]


@pytest.mark.parametrize("vendor", SHOPS)
def test_each_line_of_a_plan_is_for_one_write(
    vendor: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    site = Site(shop, sandbox, tmp_path)
    held = sandbox.rows(vendor, shop.resource)[0]
    sandbox.change(vendor, shop.resource, held[shop.id], {shop.text[1]: "back"})
    there, back = (shop.record(held, **{shop.text[0]: text}) for text in ("there", "back"))
    assert site.plan(there, back) == ["update", "update"]
    run = site.apply(there, back, there)
    assert counts(run, shop.stream)["not_approved"] == 1, run.error
    assert site.text(there) == "back"
    assert (run.code, run.states) == (3, [2])
    assert "no more often" in next(iter(site.reasons().values()))
