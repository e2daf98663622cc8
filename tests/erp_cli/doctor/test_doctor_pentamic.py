"""What `erp doctor` finds out about a Pentamic account, and a read with what it sets."""

from __future__ import annotations

import typing as t

import pytest

from erp_cli.doctor.connection import Level
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.assumption import VerdictState
from tests.support import doctor
from tests.support.scale import mostly_nightly
from tests.support.stub import Reply, Request, running_stub
from tests.tap_erp.running import run_tap

pytestmark = pytest.mark.slow

CUSTOMERS, INVOICES = "pentamic_customers", "pentamic_customer_invoices"
SIZE = 60
TAP_CALLS = 2 + SIZE
"""A token, the customers, and the invoices of each."""


def reads_all(sandbox: RunningSandbox, config: doctor.Config) -> None:
    """A read equals the vendor's rows, and so does one after a change."""
    for name in ("Ánh & Söhne", "Bình"):
        customers = sandbox.rows("pentamic", "customers")
        run = run_tap(config)
        assert run.code == 0, run.error
        read = run.records(CUSTOMERS)
        assert doctor.values(read, "id", "name") == doctor.values(customers, "id", "name")
        rows = sandbox.rows("pentamic", "customer_invoices")
        columns = ("_customer_id", "invoiceNo", "amount")
        assert doctor.values(run.records(INVOICES), *columns) == doctor.values(rows, *columns)
        keys = doctor.keys_of(run, INVOICES)
        if keys:
            emitted = doctor.values(run.records(INVOICES), *keys)
            assert len(set(emitted)) == len(emitted)
        sandbox.change("pentamic", "customers", customers[7]["id"], {"name": name})


@pytest.mark.parametrize(
    ("name", "answer", "state", "settings", "entry"),
    mostly_nightly(
        [
            ("tax_code", "string", VerdictState.DIFFERS, {}, {}),
            ("tax_code", "int", VerdictState.DIFFERS, {}, {}),
            ("order_by", "refused", VerdictState.DIFFERS, {"order_by": "none"}, {}),
            ("order_by", "ignored", VerdictState.DIFFERS, {}, {}),
            ("invoice_ids", "customer", VerdictState.DIFFERS, {}, {}),
            ("invoice_key", "invoiceId", VerdictState.DIFFERS, {}, {"primary_keys": True}),
            ("invoice_key", "none", VerdictState.DIFFERS, {}, {"primary_keys": True}),
            ("formats", "xml", VerdictState.DIFFERS, {}, {}),
            ("slash", "required", VerdictState.DIFFERS, {"trailing_slash": True}, {}),
        ],
        keep=(0, 3),
    ),
)
def test_the_other_answer_is_found_and_read(
    name: str,
    answer: str,
    state: VerdictState,
    settings: dict[str, t.Any],
    entry: dict[str, t.Any],
) -> None:
    variants = {f"pentamic.{name}": answer}
    with running_sandbox(size=SIZE, limits=False, variants=variants) as sandbox:
        config = doctor.config_of(sandbox, "pentamic")
        report = doctor.examined(config, "pentamic")
        assert report.usable
        assert len(report.exchanges) <= report.most_calls < TAP_CALLS
        (found,) = doctor.found(report, name)
        assert found.state is state
        assert found.settings == settings
        assert found.entry.keys() == entry.keys()
        assert {one for one in doctor.differing(report) if one != name} <= {"invoice_key"}
        reads_all(sandbox, doctor.applied(config, report))


def test_nothing_differs_where_everything_is_as_assumed() -> None:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "pentamic")
        report = doctor.examined(config, "pentamic")
        assert doctor.proposes_nothing(report)
        told = {one.name for one in report.findings if one.state is VerdictState.HOLDS}
        assert told == {
            *("slash", "formats", "tax_code", "order_by"),
            *("customer_key", "invoice_key", "invoice_ids"),
        }
        posts = [one for one in report.exchanges if one.method != "GET"]
        assert [one.url for one in posts] == [config["pentamic"]["token_url"]]
        reads_all(sandbox, doctor.applied(config, report))


def test_a_key_that_the_settings_name_is_left_alone() -> None:
    entry = {"name": "customer_invoices", "primary_keys": ["_customer_id", "invoiceNo"]}
    variants = {"pentamic.invoice_key": "none"}
    with running_sandbox(size=SIZE, limits=False, variants=variants) as sandbox:
        config = doctor.config_of(sandbox, "pentamic", resources=[entry])
        report = doctor.examined(config, "pentamic")
        (found,) = doctor.found(report, "invoice_key")
        assert found.state is VerdictState.HOLDS
        reads_all(sandbox, doctor.applied(config, report))


def test_deep_reads_more_parents() -> None:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        config = doctor.config_of(sandbox, "pentamic")
        plain = doctor.examined(config, "pentamic")
        deep = doctor.examined(config, "pentamic", deep=True)
        assert len(plain.exchanges) < len(deep.exchanges) <= deep.most_calls


@pytest.mark.parametrize("secret", ["client_secret", "scope"])
def test_a_login_is_tried_once(secret: str) -> None:
    with running_sandbox(size=5) as sandbox:
        config = doctor.config_of(sandbox, "pentamic", **{secret: "wrong-one"})
        report = doctor.examined(config, "pentamic")
        assert not report.usable
        login = next(step for step in report.steps if step.name == "login")
        assert login.level is Level.RED
        assert len(report.exchanges) == 1
        assert "wrong-one" not in str(report)


def test_no_slash_helps_where_the_list_is_not_there() -> None:
    def answer(request: Request) -> Reply:
        if request.path.endswith("/token"):
            return Reply(body={"access_token": "a-token-of-the-test", "expires_in": 60})
        return Reply(404)

    with running_stub(answer) as stub:
        block = {"client_id": "i", "client_secret": "one-secret", "scope": "s"}
        urls = {"api_url": f"{stub.url}/api", "token_url": f"{stub.url}/connect/token"}
        report = doctor.examined({"pentamic": {**block, **urls}}, "pentamic")
    assert not report.usable
    assert len(report.exchanges) <= report.most_calls
    assert "a-token-of-the-test" not in str(report)
    assert "one-secret" not in str(report)


def test_the_tap_names_the_doctor_where_an_order_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    variants = {"pentamic.order_by": "refused"}
    with running_sandbox(size=5, limits=False, variants=variants) as sandbox:
        run = run_tap(doctor.config_of(sandbox, "pentamic"), CUSTOMERS)
        assert run.code == 0
        assert len(run.records(CUSTOMERS)) == 5
    said = [one for one in caplog.messages if "`erp doctor --vendor pentamic`" in one]
    assert len(said) == 1
    assert "pentamic.order_by" in said[0]


def test_the_tap_names_the_doctor_where_a_slash_is_missing() -> None:
    variants = {"pentamic.slash": "required"}
    with running_sandbox(size=5, limits=False, variants=variants) as sandbox:
        run = run_tap(doctor.config_of(sandbox, "pentamic"), CUSTOMERS)
    assert run.code != 0
    assert "says what fits (slash)" in run.error
