"""What `erp doctor` finds out about an AIM shop, and a read with what it sets."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest

from erp_cli.doctor.connection import Level
from erp_cli.doctor.examiner import Access
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.aim.resources import RESOURCES
from erp_vendors.assumption import VerdictState
from tests.support import doctor
from tests.support.scale import mostly_nightly
from tests.tap_erp.running import run_tap

pytestmark = pytest.mark.slow

MANY, FEW = 115, 24
"""More rows than a page has, and fewer."""
LISTS = [resource for resource in RESOURCES if not resource.parents]
CHILDREN = {
    "inventory_details": ("inventory", "Pk"),
    "customer_info": ("customers", "Acct"),
    "contract_details": ("contracts", "Acct"),
    "web_order_status": ("web_orders", "WebOrder"),
    "transfer_lines": ("transfer_lines", "SkuPk"),
}
"""Children, each with the rows of the sandbox that it shows, and a column that tells them apart."""
PAGED = ("inventory", "ecommerce_products", "invoices", "contracts", "customers", "web_orders")


def shown(sandbox: RunningSandbox, name: str) -> list[dict[str, t.Any]]:
    rows = sandbox.rows("aim", name)
    return [row for row in rows if not row.get("_deleted")]


def reads_lists(
    sandbox: RunningSandbox, config: doctor.Config, names: t.Collection[str] = ()
) -> None:
    """A read equals the vendor's rows, and the next one what has changed since."""
    wanted = [one for one in LISTS if not names or one.name in names]
    streams = [f"aim_{one.name}" for one in wanted]
    run = run_tap(config, *streams)
    assert run.code == 0, run.error
    for resource in wanted:
        stream = f"aim_{resource.name}"
        rows, records = shown(sandbox, resource.name), run.records(stream)
        keys = doctor.keys_of(run, stream)
        column = next((key for key in keys if key in rows[0]), "Acct" if keys else "AeId")
        assert doctor.values(records, column) == doctor.values(rows, column), stream
        if keys:
            emitted = doctor.values(records, *keys)
            assert len(set(emitted)) == len(emitted), stream
    item = shown(sandbox, "inventory")[5]
    sandbox.change("aim", "inventory", item["Pk"], {"Desc": "changed since"})
    second = run_tap(config, "aim_inventory", "aim_invoices", state=run.state)
    assert second.code == 0, second.error
    assert [one["Pk"] for one in second.records("aim_inventory")] == [item["Pk"]]
    assert not second.records("aim_invoices")


@pytest.mark.parametrize(
    ("name", "answer", "size", "settings", "sets"),
    mostly_nightly(
        [
            ("remaining", "absent", MANY, {}, set()),
            ("remaining", "zero", MANY, {"remaining_records": "ignore"}, set()),
            ("max_records", "20", MANY, {}, set()),
            ("bounds", "exclusive", FEW, {}, set()),
            ("errors", "servicestack", FEW, {}, set()),
            ("unknown_path", "not-found", FEW, {}, set()),
            ("formats", "json", FEW, {}, set()),
            ("formats", "xml", FEW, {"format": "xml"}, set()),
            ("customers_list", "Records", FEW, {}, set()),
            ("customers_list", "CustomerSearchRecords", FEW, {}, set()),
            ("customers_paging", "whole", MANY, {}, set()),
            ("product_key", "AeId", FEW, {}, {"primary_keys"}),
            ("product_key", "Sku", FEW, {}, {"primary_keys"}),
            ("contract_key", "id", FEW, {}, {"primary_keys"}),
            ("empty_dates", "omit", FEW, {}, set()),
            ("nulls", "print", FEW, {}, set()),
            ("order", "key", FEW, {}, set()),
        ],
        keep=(1, 7),
    ),
)
def test_the_other_answer_is_found_and_read(
    name: str, answer: str, size: int, settings: dict[str, t.Any], sets: set[str]
) -> None:
    with running_sandbox(size=size, limits=False, variants={f"aim.{name}": answer}) as sandbox:
        config = doctor.config_of(sandbox, "aim")
        report = doctor.examined(config, "aim")
        assert report.usable
        assert len(report.exchanges) <= report.most_calls <= 60
        (found,) = doctor.found(report, name)
        assert found.state is VerdictState.DIFFERS, found
        assert found.settings == settings
        assert found.entry.keys() == sets
        # ServiceStack's own errors come with a status.
        more = {"unknown_path"} if name == "errors" else set()
        assert set(doctor.differing(report)) == {name} | more
        reads_lists(sandbox, doctor.applied(config, report), PAGED if size == MANY else ())


def test_a_server_that_counts_wrong_and_has_small_pages_is_read_whole() -> None:
    variants = {"aim.remaining": "zero", "aim.max_records": "20"}
    with running_sandbox(size=70, limits=False, variants=variants) as sandbox:
        config = doctor.config_of(sandbox, "aim")
        report = doctor.examined(config, "aim", *(f"aim_{name}" for name in PAGED))
        assert set(doctor.differing(report)) == {"remaining", "max_records"}
        reads_lists(sandbox, doctor.applied(config, report), PAGED)


def test_nothing_differs_where_everything_is_as_assumed() -> None:
    with running_sandbox(size=FEW, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "aim")
        report = doctor.examined(config, "aim")
        # No document names a key of the products.
        learned = report.learned.pop("ecommerce_products")
        assert learned["primary_keys"] in [["Pk"], ["AeId"], ["Sku"]]
        assert doctor.proposes_nothing(report), doctor.differing(report)
        told = {one.name for one in report.findings if one.state is VerdictState.HOLDS}
        named = ("remaining", "max_records", "bounds", "errors", "unknown_path", "formats")
        more = ("customers_list", "customers_paging", "product_key", "contract_key", "order")
        assert {*named, *more, "empty_dates", "nulls", "list_keys"} <= told
        assert len(report.exchanges) <= report.most_calls <= 60
        assert all(sample.access is Access.READ for sample in report.samples.values())
        posts = [one.url for one in report.exchanges if one.method != "GET"]
        assert [url.partition("?")[0].rpartition("/")[2] for url in posts] == ["Security"]
        reads_lists(sandbox, doctor.applied(config, report))


def test_what_is_kept_of_the_calls_holds_no_secret() -> None:
    with running_sandbox(size=2, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "aim")
        report = doctor.examined(config, "aim", "aim_locations")
        (login,) = [one for one in report.exchanges if one.method == "POST"]
        (found,) = [one for one in report.exchanges if "GetEndPoint" in one.url]
    assert not login.body
    assert not found.body, "it holds a token that is not known as a secret before"
    said = str(report.exchanges)
    assert "sandbox-password" not in said
    assert "sandbox-key" not in said


@pytest.mark.parametrize(
    ("answer", "hours"), mostly_nightly([("ahead", 10), ("west", -8)], keep=(0,))
)
def test_a_shop_whose_clock_is_ahead_is_seen(answer: str, hours: int) -> None:
    with running_sandbox(size=FEW, limits=False, variants={"aim.clock": answer}) as sandbox:
        now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None) + dt.timedelta(hours=hours)
        invoice = sandbox.rows("aim", "invoices")[0]
        fields = {"DateTime": f"{now:%Y-%m-%dT%H:%M:%S}.0000000"}
        sandbox.change("aim", "invoices", invoice["InvoiceNumber"], fields)
        config = doctor.config_of(sandbox, "aim")
        report = doctor.examined(config, "aim")
        (found,) = doctor.found(report, "clock")
        if hours > 0:
            assert found.state is VerdictState.DIFFERS
            assert "10 hours ahead" in found.seen
        else:
            assert found.state is VerdictState.UNTOLD
        reads_lists(sandbox, doctor.applied(config, report))


def test_a_module_that_is_not_licensed_is_no_failure() -> None:
    options = {"aim": {"unlicensed": ("contracts", "third-party")}}
    with running_sandbox(size=FEW, limits=False, options=options) as sandbox:
        report = doctor.examined(doctor.config_of(sandbox, "aim"), "aim")
    assert report.usable
    streams = next(step for step in report.steps if step.name == "streams")
    assert streams.level is Level.AMBER
    assert report.samples["contracts"].access is Access.DENIED
    assert report.samples["ecommerce_products"].access is Access.DENIED
    (licence,) = doctor.found(report, "licence")
    assert licence.state is VerdictState.HOLDS
    assert "contracts" in licence.seen
    assert not doctor.differing(report)


def test_a_login_is_tried_once() -> None:
    with running_sandbox(size=2, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "aim", password="another-one")
        report = doctor.examined(config, "aim")
    assert not report.usable
    assert [one.method for one in report.exchanges] == ["GET", "POST"]
    assert "another-one" not in str(report)


def test_tokens_of_customers_are_not_made() -> None:
    tokens = {"accounts": [1001]}
    with running_sandbox(size=2, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "aim", customer_access_tokens=tokens)
        plain = doctor.examined(config, "aim")
        named = doctor.examined(config, "aim", "aim_customer_access_tokens")
        assert not any("CustomerAccessToken" in call["path"] for call in sandbox.calls("aim"))
    assert "customer_access_tokens" not in plain.samples
    assert named.samples["customer_access_tokens"].access is Access.SKIPPED


def test_few_calls_are_enough_to_say_so() -> None:
    with running_sandbox(size=FEW, limits=False) as sandbox:
        report = doctor.examined(doctor.config_of(sandbox, "aim"), "aim", most=10)
    assert len(report.exchanges) == 10
    assert report.usable
    assert any(sample.access is Access.SKIPPED for sample in report.samples.values())
    why = {one.seen for one in report.findings if one.state is VerdictState.UNTOLD}
    assert "no calls were left (--max-calls)" in why


def test_the_tap_names_the_doctor_where_counts_are_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running_sandbox(size=MANY, limits=False, variants={"aim.remaining": "zero"}) as sandbox:
        run = run_tap(doctor.config_of(sandbox, "aim"), "aim_inventory")
        assert len(run.records("aim_inventory")) == len(shown(sandbox, "inventory"))
    said = [one for one in caplog.messages if "says what fits (remaining)" in one]
    assert len(said) == 1


def test_a_key_of_the_settings_leaves_the_children_alone() -> None:
    """A contract's key may have one part; its details are asked for by two."""
    entry = {"name": "contracts", "primary_keys": ["Id"]}
    streams = ("aim_contracts", "aim_contract_details")
    with running_sandbox(size=5, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "aim", resources=[entry])
        contracts = sandbox.rows("aim", "contracts")
        run = run_tap(config, streams[1])
        assert run.code == 0, run.error
        columns = ("Acct", "Sub")
        read = run.records(streams[1])
        assert doctor.values(read, *columns) == doctor.values(contracts, *columns)


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("name", "answer"),
    [("errors", "servicestack"), ("formats", "xml"), ("nulls", "print"), ("remaining", "zero")],
)
def test_children_are_read_with_the_other_answer(name: str, answer: str) -> None:
    with running_sandbox(size=FEW, limits=False, variants={f"aim.{name}": answer}) as sandbox:
        config = doctor.config_of(sandbox, "aim")
        config = doctor.applied(config, doctor.examined(config, "aim"))
        run = run_tap(config, *(f"aim_{child}" for child in CHILDREN))
        assert run.code == 0, run.error
        for child, (resource, column) in CHILDREN.items():
            rows = shown(sandbox, resource)
            records = run.records(f"aim_{child}")
            assert doctor.values(records, column) == doctor.values(rows, column), child
