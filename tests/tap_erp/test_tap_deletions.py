"""Rows that the vendor deleted are gone where a loader obeys versions, and no others are."""

from __future__ import annotations

import copy
import decimal
import itertools
import json
import time
import typing as t

import pytest

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tap_erp.table_copy import is_due
from tests.support.scale import mostly_nightly
from tests.support.stub import Reply, Request, running_stub
from tests.support.vendor_users import DATED, key_of, meddle
from tests.tap_erp.loader import Loader
from tests.tap_erp.running import Message, Run, cimcloud, run_tap
from tests.tap_erp.test_union import VENDORS, config

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_pauses")]

SNAPSHOTS = {
    "aim_active_employees",
    "aim_security_override_requests",
    "aim_store_transfers",
}
#: Asked for by teachers or by plans, whichever there are, so no reading covers another one's rows.
UNPROVEN = {"aim_rental_instruments"}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> t.Iterator[str]:
    sandbox.reset(data=True)
    yield request.param
    sandbox.clear_faults()


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=6, limits=False) as sandbox:
        yield sandbox


def read(
    sandbox: RunningSandbox, vendor: str, state: Message, days: float | None = None, **top: t.Any
) -> Run:
    setting = {**config(sandbox.url, vendor), **top}
    if days is not None:
        setting["reconcile_days"] = days
    return run_tap(setting, state=json.loads(json.dumps(state)) or None)


def texts(rows: t.Iterable[Message]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


def vendor_has(sandbox: RunningSandbox, vendor: str) -> Loader:
    """What a first run would load now."""
    fresh = Loader()
    run = read(sandbox, vendor, {})
    assert run.code == 0, run.error
    fresh.load(run.messages)
    return fresh


def judge(loader: Loader, now: Loader) -> None:
    """The loaded tables are the vendor's; of snapshots nothing is missing."""
    assert set(now.tables) <= set(loader.tables)
    for name in now.tables:
        if name in SNAPSHOTS | UNPROVEN:
            assert now.tables[name].keys() <= loader.tables[name].keys() or not now.keys[name]
        else:
            assert texts(loader.rows(name)) == texts(now.rows(name)), name


def test_a_reconciling_run_leaves_what_the_vendor_has(vendor: str, sandbox: RunningSandbox) -> None:
    loader = Loader()
    loader.load(read(sandbox, vendor, {}, 7).messages)
    judge(loader, vendor_has(sandbox, vendor))
    first = {name: set(table) for name, table in loader.tables.items()}
    meddle(sandbox, vendor, loader.keys)
    time.sleep(1.1)  # AIMS360's windows end with a whole second
    second = read(sandbox, vendor, loader.state, 7)
    assert second.code == 0, second.error
    loader.load(second.messages)
    now = vendor_has(sandbox, vendor)
    keyed = [name for name in now.tables if now.keys[name] and name not in DATED]
    assert not [n for n in keyed if now.tables[n].keys() - loader.tables[n].keys()]
    assert not with_bookmark(second.state) & set(loader.activated), "not due yet"
    meddle(sandbox, vendor, loader.keys)
    run = read(sandbox, vendor, loader.state, 0)
    assert run.code == 0, run.error
    loader.load(run.messages)
    judge(loader, vendor_has(sandbox, vendor))
    gone = [name for name, keys in first.items() if keys - set(loader.tables[name])]
    assert len(gone) >= len(first) // 2


def test_what_changes_at_the_moment_of_the_reading_is_not_gone(
    vendor: str, sandbox: RunningSandbox
) -> None:
    loader = Loader()
    start = {"start_date": "2000-01-01"}
    loader.load(read(sandbox, vendor, {}, 0, **start).messages)
    before = copy.deepcopy(loader.tables)
    for name, count in sandbox.report(vendor)["rows"].items():
        rows = sandbox.rows(vendor, name)
        for key in [row[key_of(sandbox, vendor, name, rows)] for row in rows[: count // 2]]:
            sandbox.change(vendor, name, key, {})
    loader.load(read(sandbox, vendor, loader.state, 0, **start).messages)
    assert loader.activated
    for name, keys in loader.keys.items():
        assert not keys or before[name].keys() <= loader.tables[name].keys(), name


@pytest.mark.parametrize(
    ("vendor", "part"), mostly_nightly(itertools.product(VENDORS, (0.3, 0.7))), indirect=["vendor"]
)
def test_killed_in_mid_stream_nothing_is_activated_that_was_not_read(
    vendor: str, sandbox: RunningSandbox, part: float
) -> None:
    loader = Loader()
    loader.load(read(sandbox, vendor, {}, 0).messages)
    meddle(sandbox, vendor, loader.keys)
    whole = read(sandbox, vendor, loader.state, 0).messages
    broken = copy.deepcopy(loader)
    broken.load(whole[: int(len(whole) * part)])
    now = vendor_has(sandbox, vendor)
    for name in now.tables:
        if now.keys[name]:
            alive = loader.tables[name].keys() & now.tables[name].keys()
            assert alive <= broken.tables[name].keys(), name
    broken.load(read(sandbox, vendor, broken.state).messages)  # not reconciling
    assert not with_bookmark(broken.state) & set(broken.activated)
    broken.load(read(sandbox, vendor, broken.state, 0).messages)
    judge(broken, now)


def with_bookmark(state: Message) -> set[str]:
    return {name for name, kept in state["bookmarks"].items() if "replication_key" in kept}


@pytest.mark.parametrize(
    ("vendor", "after"), mostly_nightly(itertools.product(VENDORS, (2, 6, 11))), indirect=["vendor"]
)
def test_a_permission_that_is_lost_in_mid_stream_deletes_nothing(
    vendor: str, sandbox: RunningSandbox, after: int
) -> None:
    loader = Loader()
    loader.load(read(sandbox, vendor, {}, 0).messages)
    before = {name: set(table) for name, table in loader.tables.items()}
    body = "Access Denied" if vendor == "aims360" else "Forbidden"
    paths = "^(?!.*([Tt]oken|[Aa]uth|GetEndPoint|Login))"
    sandbox.add_fault("status", vendor=vendor, status=403, after=after, path=paths, body=body)
    run = read(sandbox, vendor, loader.state, 0)
    assert run.code == int(any(rule["used"] for rule in sandbox.faults()))
    loader.load(run.messages)
    for name, keys in before.items():
        if loader.keys[name]:
            assert keys <= loader.tables[name].keys(), name
    sandbox.clear_faults()
    meddle(sandbox, vendor, loader.keys)
    loader.load(read(sandbox, vendor, loader.state, 0).messages)
    judge(loader, vendor_has(sandbox, vendor))


def test_activate_version_false_switches_all_of_it_off(
    vendor: str, sandbox: RunningSandbox
) -> None:
    first = read(sandbox, vendor, {}, 0)
    run = read(sandbox, vendor, first.state, 0, activate_version=False)
    assert run.code == 0, run.error
    assert "ACTIVATE_VERSION" in {message["type"] for message in first.messages}
    assert "ACTIVATE_VERSION" not in {message["type"] for message in run.messages}
    assert not any("version" in message for message in run.messages)


@pytest.mark.parametrize("may_be_empty", [False, True])
def test_an_emptied_list_is_a_deletion_only_if_the_settings_say_so(
    sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture, *, may_be_empty: bool
) -> None:
    sandbox.reset(data=True)
    emptied = {"aimsio": "users", "pentamic": "customers", "aim": "locations"}
    for vendor, name in emptied.items():
        setting = config(sandbox.url, vendor)
        setting[vendor]["resources"] = [{"name": name, "may_be_empty": may_be_empty}]
        setting["reconcile_days"] = 0
        loader = Loader()
        stream = f"{vendor}_{name}"
        loader.load(run_tap(setting, stream).messages)
        rows = sandbox.rows(vendor, name)
        key = key_of(sandbox, vendor, name, rows)
        for row in rows:
            sandbox.delete(vendor, name, row[key])
        loader.load(run_tap(setting, stream, state=loader.state).messages)
        assert bool(loader.rows(stream)) is not may_be_empty
        assert (
            f"{stream}: the list is empty and was not before" in caplog.text
        ) is not may_be_empty


def test_a_snapshot_is_activated_only_if_the_settings_say_so(sandbox: RunningSandbox) -> None:
    sandbox.reset(data=True)
    setting = config(sandbox.url, "aim")
    run = run_tap(setting, *SNAPSHOTS)
    for name in SNAPSHOTS:
        assert "ACTIVATE_VERSION" not in run.kinds(name)
    setting["aim"]["resources"] = [{"name": "active_employees", "may_be_empty": True}]
    run = run_tap(setting, "aim_active_employees")
    assert run.kinds("aim_active_employees")[-1] == "ACTIVATE_VERSION"


KEYLESS = {
    "aim": ("aim_ecommerce_products", "aim_customer_purchase_orders", "aim_transfer_lines"),
    "cimcloud": ("cimcloud_shipments", "cimcloud_credits"),
}


@pytest.mark.parametrize("vendor", KEYLESS)
def test_each_run_replaces_the_rows_of_a_stream_without_a_key(
    vendor: str, sandbox: RunningSandbox
) -> None:
    sandbox.reset(data=True)
    streams, loader = KEYLESS[vendor], Loader()
    setting = {**config(sandbox.url, vendor), "reconcile_days": 100}
    for _ in range(3):
        run = run_tap(setting, *streams, state=json.loads(json.dumps(loader.state)) or None)
        assert run.code == 0, run.error
        loader.load(run.messages)
        assert set(loader.activated) == {*streams}
        for name in streams:
            assert texts(loader.rows(name)) == texts(run.records(name))
        meddle(sandbox, vendor, {})


@pytest.mark.parametrize(("steady", "days"), [(True, 0), (True, None), (False, 0)])
@pytest.mark.parametrize("stream", ["cimcloud_accounts", "cimcloud_inventory_levels"])
def test_cimcloud_is_whole_only_if_a_second_reading_confirms_it(
    stream: str, days: float | None, *, steady: bool
) -> None:
    readings = 0

    def script(request: Request) -> Reply:
        nonlocal readings
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
        readings += 1
        stamp = {"last_modify_date": "2026-01-01T00:00:00"}
        number = 3 if steady else 3 + readings % 2
        return Reply(body=[{"ref_id": str(n), "il_key": str(n), **stamp} for n in range(number)])

    with running_stub(script) as stub:
        setting = cimcloud(stub.url)
        run = run_tap(setting if days is None else {**setting, "reconcile_days": days}, stream)
    assert run.code == 0, run.error
    assert ("ACTIVATE_VERSION" in run.kinds(stream)) is (steady and days is not None)
    assert readings == (1 if days is None else 2 if steady else 3)


def test_rows_at_another_path_delete_none_of_an_earlier_copy(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CIMcloud's tables without a documented path are looked for under several names."""
    rows = {"shipments": ["1", "2", "3"]}

    def script(request: Request) -> Reply:
        if request.path.endswith("/authenticate"):
            return Reply(body={"token": "a-token-1", "expiration": "2999-01-01T00:00:00Z"})
        name = request.path.split("/")[2]
        return Reply(body=[{"sh_key": key} for key in rows[name]]) if name in rows else Reply(404)

    name = "cimcloud_shipments"
    with running_stub(script) as stub:
        setting = {**cimcloud(stub.url), "reconcile_days": 0}
        first = run_tap(setting, name)
        assert "ACTIVATE_VERSION" in first.kinds(name), first.error
        rows["Shipments"] = rows.pop("shipments")[:1]
        second = run_tap(setting, name, state=first.state)
    assert (second.code, len(second.records(name))) == (0, 1)
    assert "ACTIVATE_VERSION" not in second.kinds(name)
    assert "an earlier copy came from shipments and this one from Shipments" in caplog.text


@pytest.mark.parametrize(
    ("copied", "days", "due"),
    [
        (None, None, False),
        (None, 7, True),
        ("2999-01-01T00:00:00Z", 7, True),
        ("2020-01-01T00:00:00Z", 7, True),
        ("2020-01-01T00:00:00Z", None, False),
        ("2020-01-01T00:00:00Z", 100_000, False),
        ("nonsense", 100_000, True),
        ("2020-01-01T00:00:00Z", decimal.Decimal("0.5"), True),
        ("2020-01-01T00:00:00Z", decimal.Decimal("7.0"), True),
        ("2020-01-01T00:00:00Z", 10**12, False),
        (5, 0, True),
    ],
)
def test_when_a_reading_in_full_is_due(
    copied: object, days: float | decimal.Decimal | None, *, due: bool
) -> None:
    assert is_due({"copied_at": copied}, days) is due
