"""A plan shows what an update may clear, because the record does not name it."""

from __future__ import annotations

import typing as t

import pytest

from target_erp.planning.plan_file import lines_of
from tests.target_erp.shops import SHOPS, Row
from tests.target_erp.test_apply import Site

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

pytestmark = pytest.mark.slow


POLICIES: dict[str, t.Callable[[str, str], Row]] = {
    "nothing": lambda *_: {},
    "mode": lambda *_: {"mode": "update_only"},
    "match_on": lambda key, _: {"match_on": key},
    "fields": lambda _, text: {"fields": [text]},
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("vendor", SHOPS)
def test_what_an_update_clears_stands_in_the_plan(
    vendor: str, policy: str, sandbox: RunningSandbox, tmp_path: pathlib.Path
) -> None:
    shop = SHOPS[vendor]
    site = Site(shop, sandbox, tmp_path, **POLICIES[policy](shop.key[0], shop.text[0]))
    held = sandbox.rows(vendor, shop.resource)[0]
    sandbox.change(vendor, shop.resource, held[shop.id], {shop.other[1]: "there"})
    row = shop.record(held, **{shop.text[0]: "ours"})
    del row[shop.other[0]]
    assert site.plan(row) == ["update"]
    (line,) = lines_of(str(site.plan_file))[1]
    run = site.run(row)
    assert run.code == 0, run.error
    now = sandbox.row(vendor, shop.resource, held[shop.id])
    kept = now[shop.other[1]] == "there"
    # CIMcloud changes what is sent, and a list of fields has all else sent as it is.
    assert kept == (vendor == "cimcloud" or policy == "fields")
    assert line["may_clear"].get(shop.other[0]) == (None if kept else "there")
    assert kept == (not line["may_clear"])
    assert shop.id not in line["may_clear"]
