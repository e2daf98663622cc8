"""What `sinks` may say of a sink's policy is checked before anything is sent."""

from __future__ import annotations

import typing as t

import pytest

from erp_vendors.errors import ConfigError
from target_erp.target import TargetErp
from tests.support.plugins import run_target, schema

if t.TYPE_CHECKING:
    import pathlib

Row = dict[str, t.Any]
BLOCKS: dict[str, Row] = {
    "aims360": {"access_token": "a.b.c"},
    "aimsio": {"username": "u", "password": "a-password"},
    "aim": {"api_key": "k-123456", "app_id": "a", "username": "u", "password": "a-password"},
    "cimcloud": {"site_name": "s", "auth_key": "k-123456", "username": "u", "password": "a-pass"},
    "pentamic": {"client_id": "c", "client_secret": "a-secret", "scope": "s"},
}
WRONG: dict[str, tuple[Row, str]] = {
    "a mode that is none": ({"mode": "replace"}, "mode"),
    "a rule that is none": ({"fields": {"a": "sometimes"}}, "fields.a"),
    "no field": ({"fields": []}, "fields"),
    "no rule": ({"fields": {}}, "fields"),
    "a blank key": ({"match_on": [""]}, "match_on[0]"),
    "a key that is none": ({"modus": "upsert"}, "modus"),
    "a number that is none": ({"max_records": 0}, "max_records"),
    "keys that are no texts": ({"only": [1]}, "only[0]"),
    "another word": ({"on_conflict": "merge"}, "on_conflict"),
}
CANNOT: dict[str, tuple[str, Row, str]] = {
    "aims360 updates": ("aims360_orders", {"mode": "update_only"}, "mode"),
    "aims360 fields": ("aims360_orders", {"fields": ["a"]}, "fields"),
    "aims360 conflicts": ("aims360_orders", {"on_conflict": "refuse"}, "on_conflict"),
    "aim dependants": ("aim_customer_dependants", {"mode": "update_only"}, "mode"),
    "aim ids": ("aim_external_ids", {"mode": "create_only"}, "mode"),
    "aim keys": ("aim_customers", {"match_on": "Employer"}, "match_on"),
    "aim addresses": ("aim_shipping_addresses", {"on_conflict": "refuse"}, "on_conflict"),
    "cimcloud orders": ("cimcloud_order_passthrough", {"mode": "create_only"}, "mode"),
    "aimsio invoices": ("aimsio_invoices", {"mode": "create_only"}, "mode"),
}
CAN: dict[str, tuple[str, Row]] = {
    "aims360": ("aims360_orders", {"mode": "create_only", "match_on": "thirdPartyOrderID"}),
    "aim": ("aim_customers", {"mode": "update_only", "match_on": ["Name", "Email"]}),
    "aim dependants": ("aim_customer_dependants", {"mode": "create_only"}),
    "aimsio": ("aimsio_employees", {"fields": {"employeeNotes": "never_clear"}}),
    "aimsio invoices": ("aimsio_invoices", {"mode": "update_only", "on_conflict": "refuse"}),
    "cimcloud": ("cimcloud_accounts", {"on_conflict": "refuse", "match_on": "num"}),
    "pentamic": ("pentamic_customers", {"fields": ["phone"], "on_conflict": "refuse"}),
    "a trial": ("aims360_orders", {"max_records": 5, "only": ["A", "B"]}),
    "the defaults": ("aims360_orders", {"mode": "upsert", "on_conflict": "overwrite"}),
}


def _config(sink: str, policy: Row, folder: pathlib.Path, **more: t.Any) -> Row:
    vendor = sink.partition("_")[0]
    return {
        vendor: BLOCKS[vendor],
        "sinks": {sink: policy},
        "ledger": str(folder / "ledger.sqlite"),
        "dead_letters": str(folder / "dead"),
        "report_file": "none",
        **more,
    }


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str, tmp_path: pathlib.Path) -> None:
    policy, key = WRONG[case]
    with pytest.raises(ConfigError, match=r"sinks\.aimsio_employees") as told:
        TargetErp(config=_config("aimsio_employees", policy, tmp_path))
    assert f"sinks.aimsio_employees.{key}'" in str(told.value)


@pytest.mark.parametrize("case", CANNOT)
def test_what_a_sink_cannot_do_ends_the_run_at_its_start(case: str, tmp_path: pathlib.Path) -> None:
    sink, policy, key = CANNOT[case]
    # The run meets another sink of the vendor first.
    other = {"aims360": "styles"}.get(sink.partition("_")[0], "")
    stream = f"aims360_{other}" if other else sink
    run = run_target(_config(sink, policy, tmp_path, unknown_streams="skip"), [schema(stream)])
    assert run.code == 1
    assert f"'sinks.{sink}.{key}' is " in run.error


@pytest.mark.parametrize("case", CAN)
def test_what_a_sink_can_do_is_taken(case: str, tmp_path: pathlib.Path) -> None:
    sink, policy = CAN[case]
    config = _config(sink, policy, tmp_path)
    writer = TargetErp(config=config).run.writers.get(sink, ())[0]
    assert writer.policy.asks.keys() <= policy.keys()


@pytest.mark.parametrize(
    "policy", [{"fields": ["employeeNote"]}, {"match_on": ["EmployeeNotes"]}], ids=["fields", "key"]
)
def test_a_name_that_is_nearly_a_property_is_told(
    policy: Row, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise no property of the record would change, and nobody would know why."""
    sink = "aimsio_employees"
    _ = TargetErp(config=_config(sink, policy, tmp_path)).run.writers.get(sink, ())
    (said,) = [line.getMessage() for line in caplog.records if "did you mean" in line.getMessage()]
    assert said.endswith("did you mean employeeNotes?")
    caplog.clear()
    right = {name: ["employeeNotes", "myOwnColumn"] for name in policy}
    _ = TargetErp(config=_config(sink, right, tmp_path)).run.writers.get(sink, ())
    assert "did you mean" not in caplog.text


def test_a_trial_deletes_nothing(tmp_path: pathlib.Path) -> None:
    more = {"deletes": ["pentamic_customers"], "guards": {"max_deletes": 1}}
    config = _config("pentamic_customers", {"max_records": 3}, tmp_path, **more)
    run = run_target(config, [schema("pentamic_customers")])
    assert run.code == 1
    assert "'sinks.pentamic_customers.max_records' is a trial" in run.error
