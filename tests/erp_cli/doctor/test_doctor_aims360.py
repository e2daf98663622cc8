"""What `erp doctor` finds out about an AIMS360 tenant, and a read with what it sets."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.aims360.settings import HOSTS
from erp_vendors.assumption import VerdictState
from tests.support import doctor
from tests.support.scale import mostly_nightly
from tests.tap_erp.running import run_tap

pytestmark = pytest.mark.slow

VENDOR = "aims360"
SIZE = 120
KEYS = {
    "orders": "thirdPartyOrderID",
    "style_colors": "styleColorID",
    "styles": "styleID",
    "customers": "customerID",
    "warehouses": "warehouseID",
    "currencies": "currencyID",
    "purchase_orders": "purchaseOrderID",
    "background_jobs": "jobID",
    "documents": "documentGUID",
}
CHILDREN = {
    "orders": "lineItems",
    "style_colors": "sizes",
    "purchase_orders": "stylePOLines",
}
MOST_CALLS = 45


def reads_all(
    sandbox: RunningSandbox,
    config: doctor.Config,
    *,
    children: bool = True,
    styles_list: bool = True,
    stamped: bool = True,
) -> None:
    """A run emits every record once, and the next one what has changed, and no more.

    Args:
        sandbox: The sandbox.
        config: The configuration.
        children: Records come with their children.
        styles_list: Styles have a list; without one, those that style colors name are read.
        stamped: Customers have a stamp.
    """
    sandbox.reset()
    config = {**config, "activate_version": False}
    first = run_tap(config)
    assert first.code == 0, first.error
    for name, key in KEYS.items():
        rows = sandbox.rows(VENDOR, name)
        if name == "styles" and not styles_list:
            named = {row["styleID"] for row in sandbox.rows(VENDOR, "style_colors")}
            rows = [row for row in rows if row["styleID"] in named]
        found = first.records(f"aims360_{name}")
        assert doctor.values(found, key) == doctor.values(rows, key), name
        keys = doctor.keys_of(first, f"aims360_{name}")
        assert keys
        assert len(set(doctor.values(found, *keys))) == len(rows)
    for name, child in CHILDREN.items() if children else ():
        assert any(row.get(child) for row in first.records(f"aims360_{name}"))
    customer = sandbox.rows(VENDOR, "customers")[7]["customerID"]
    # A window ends with the second before the run begins.
    lately = dt.datetime.now(dt.timezone.utc) - dt.timedelta(seconds=5)
    stamp = f"{lately:%Y-%m-%dT%H:%M:%S}.0000000Z"
    sandbox.change(VENDOR, "customers", customer, {"customerName": "Ånother"}, stamp)
    second = run_tap(config, "aims360_customers", state=first.state)
    assert second.code == 0, second.error
    found = second.records("aims360_customers")
    if stamped:
        assert [row["customerID"] for row in found] == [customer]
    else:
        assert len(found) == len(sandbox.rows(VENDOR, "customers"))
    statuses = {call["status"] for call in sandbox.calls(VENDOR)}
    assert statuses == {200} if styles_list else {200, 404}


def examined(
    sandbox: RunningSandbox, *streams: str, deep: bool = False, **settings: t.Any
) -> tuple[doctor.Config, doctor.Report]:
    settings = {"calls_per_minute": 100_000, **settings}
    config = doctor.config_of(sandbox, VENDOR, **settings)
    report = doctor.examined(config, VENDOR, *streams, deep=deep)
    assert report.usable
    assert len(report.exchanges) <= MOST_CALLS
    return config, report


def without(*names: str) -> dict[str, t.Any]:
    every = ("$filter", "$orderby", "$count", "$expand")
    return {"query_options": [name for name in every if name not in names]}


@pytest.mark.parametrize(
    ("variants", "name", "settings", "more"),
    mostly_nightly(
        [
            ({"filter": "refused"}, "filter", without("$filter"), {}),
            ({"filter": "ignored"}, "filter", without("$filter"), {}),
            ({"order_by": "refused"}, "order_by", without("$orderby"), {}),
            ({"order_by": "ignored"}, "order_by", {}, {}),
            ({"count": "refused"}, "count", without("$count"), {}),
            ({"expand": "refused"}, "expand", without("$expand"), {"children": False}),
            (
                {"count": "refused", "order_by": "refused", "filter": "refused"},
                "count",
                without("$filter", "$orderby", "$count"),
                {},
            ),
            ({"date_zone": "none-only"}, "date_zone", {"date_zone": "none"}, {}),
            ({"page_limit": "100"}, "page_limit", {"page_size": 100}, {}),
            (
                {"page_limit": "100", "page_over": "refused"},
                "page_over",
                {"page_size": 100},
                {},
            ),
            (
                {"page_limit": "100", "page_over": "refused", "count": "refused"},
                "page_over",
                {"page_size": 100, **without("$count")},
                {},
            ),
            ({"page_limit": "100", "rows": "array"}, "page_limit", {"page_size": 100}, {}),
            ({"past_end": "not-found"}, "past_end", {}, {}),
            ({"rows": "array"}, "rows", {}, {}),
            ({"styles_list": "absent"}, "styles_list", {}, {"styles_list": False}),
        ],
        keep=(0, 4),
    ),
)
def test_the_other_answer_is_found_and_read(
    variants: dict[str, str], name: str, settings: dict[str, t.Any], more: dict[str, t.Any]
) -> None:
    played = {f"aims360.{key}": value for key, value in variants.items()}
    with running_sandbox(size=SIZE, limits=False, variants=played) as sandbox:
        config, report = examined(sandbox)
        assert VerdictState.DIFFERS in {one.state for one in doctor.found(report, name)}
        fitting = {key: value for f in report.findings for key, value in f.settings.items()}
        assert fitting == settings
        assert not any(finding.entry for finding in report.findings)
        reads_all(sandbox, doctor.applied(config, report), **more)


def test_lists_without_a_stamp_are_read_in_full() -> None:
    with running_sandbox(
        size=SIZE, limits=False, variants={"aims360.stamps": "purchase-orders"}
    ) as sandbox:
        config, report = examined(sandbox)
        found = {one.stream: one.entry for one in doctor.found(report, "stamps")}
        assert set(found) == {"orders", "style_colors", "styles", "customers"}
        assert all(entry == {"replication_key": ""} for entry in found.values())
        reads_all(sandbox, doctor.applied(config, report), stamped=False)


@pytest.mark.parametrize(
    ("answer", "state", "entry"),
    mostly_nightly(
        [
            ("order", VerdictState.HOLDS, {}),
            ("orderID", VerdictState.DIFFERS, {"primary_keys": ["orderID"]}),
        ],
        keep=(1,),
    ),
)
def test_orders_are_known_by_the_key_that_they_carry(
    answer: str, state: VerdictState, entry: dict[str, t.Any]
) -> None:
    with running_sandbox(
        size=SIZE, limits=False, variants={"aims360.order_key": answer}
    ) as sandbox:
        config, report = examined(sandbox)
        (found,) = doctor.found(report, "order_key")
        assert (found.state, found.entry) == (state, entry)
        assert not any(finding.settings for finding in report.findings)
        reads_all(sandbox, doctor.applied(config, report))


def test_nothing_differs_where_everything_is_as_assumed() -> None:
    with running_sandbox(size=260, limits=False) as sandbox:
        config, report = examined(sandbox, deep=True)
        assert doctor.proposes_nothing(report)
        told = {one.name for one in report.findings if one.state is VerdictState.HOLDS}
        assert {"filter", "date_zone", "order_by", "count", "expand", "page_limit"} <= told
        assert {"past_end", "rows", "styles_list", "order_key", "page_over"} <= told
        assert {call["method"] for call in sandbox.calls(VENDOR)} == {"GET"}
        reads_all(sandbox, doctor.applied(config, report))


LOGIN = ("client_id", "client_secret", "username", "password")


def by_login(sandbox: RunningSandbox, **settings: t.Any) -> doctor.Config:
    config = doctor.config_of(sandbox, VENDOR, **settings)
    config[VENDOR].pop("access_token", None)
    config[VENDOR].update(
        client_id="5A4D0B0C-0000-4000-8000-00000000C11E",
        client_secret="sandbox-secret",
        username="sandbox-user",
        password="sandbox-password",
    )
    return config


@pytest.mark.parametrize(("configured", "other"), [("form", "basic"), ("basic", "form")])
def test_the_other_place_of_the_secret_is_tried_only_with_deep(configured: str, other: str) -> None:
    with running_sandbox(size=30, limits=False, variants={"aims360.secret_in": other}) as sandbox:
        config = by_login(sandbox, client_secret_in=configured)
        report = doctor.examined(config, VENDOR)
        assert not report.usable
        assert len(report.exchanges) == 1
        report = doctor.examined(config, VENDOR, deep=True)
        (found,) = doctor.found(report, "secret_in")
        assert found.settings == {"client_secret_in": other}
        assert len(report.exchanges) == 3
        report = doctor.examined(doctor.applied(config, report), VENDOR, "aims360_customers")
        assert report.usable


def test_the_other_region_is_tried_only_with_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sandbox(size=30, limits=False) as sandbox:
        for region in HOSTS:
            monkeypatch.setitem(HOSTS, region, f"{sandbox.vendor_url(VENDOR)}/{region}")
        config = by_login(sandbox, region="east")
        del config[VENDOR]["api_url"]
        report = doctor.examined(config, VENDOR)
        assert not report.usable
        report = doctor.examined(config, VENDOR, deep=True)
        (found,) = doctor.found(report, "region")
        assert found.settings == {"region": "west"}
        assert doctor.examined(doctor.applied(config, report), VENDOR).usable


def test_an_export_is_never_begun() -> None:
    export = {"name": "orders", "source": "Orders", "view": "All Orders"}
    with running_sandbox(size=30, limits=False) as sandbox:
        config = doctor.config_of(sandbox, VENDOR, aqua_exports=[export])
        report = doctor.examined(config, VENDOR)
        assert report.usable
        assert "aqua_orders" not in report.samples
        assert {call.method for call in report.exchanges} == {"GET"}


def test_a_tenant_that_answers_everything_otherwise_is_read() -> None:
    variants = {
        "filter": "ignored",
        "order_by": "refused",
        "count": "refused",
        "page_limit": "100",
        "page_over": "refused",
        "past_end": "not-found",
        "stamps": "purchase-orders",
        "styles_list": "absent",
        "order_key": "orderID",
        "rows": "array",
    }
    played = {f"aims360.{key}": value for key, value in variants.items()}
    with running_sandbox(size=SIZE + 81, limits=False, variants=played) as sandbox:
        config, report = examined(sandbox)
        assert {*variants} <= {*doctor.differing(report)}
        reads_all(sandbox, doctor.applied(config, report), styles_list=False, stamped=False)
