"""`dags/erp.py` with a stand-in for Airflow: what a run gets, and what its log hides."""

from __future__ import annotations

import json
import runpy
import sys
import types
import typing as t
from unittest import mock

import pytest
import yaml

from tests.fleet.engine import DEPLOY

_MODULES = (
    "airflow.providers.standard.hooks.subprocess",
    "airflow.providers.standard.operators.trigger_dagrun",
    "airflow.sdk",
    "airflow.sdk.exceptions",
    "airflow.sdk.log",
)


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """The names of `dags/erp.py`, the DAGs that it makes, and what their logs would mask."""
    hidden: set[str] = set()
    for name in _MODULES:
        monkeypatch.setitem(sys.modules, name, mock.MagicMock(name=name))
    log, sdk = sys.modules["airflow.sdk.log"], sys.modules["airflow.sdk"]
    monkeypatch.setattr(log, "mask_secret", lambda *given: hidden.update(masked(*given)))
    monkeypatch.setattr(sdk.Variable, "get", "the value of {}".format)
    monkeypatch.setenv("ERP_FLEET", str(DEPLOY))
    dags = runpy.run_path(str(DEPLOY / "dags/erp.py"))
    trigger = sys.modules["airflow.providers.standard.operators.trigger_dagrun"]
    return types.SimpleNamespace(
        hidden=hidden,
        dags=dags,
        made={call.args[0]: call.kwargs for call in sdk.DAG.call_args_list},
        triggers=[call.kwargs for call in trigger.TriggerDagRunOperator.call_args_list],
    )


def masked(secret: t.Any, name: str | None = None) -> set[str]:
    """What Airflow masks: of a mapping only what has a name that it takes for a secret's."""
    if isinstance(secret, dict):
        return {text for key, one in secret.items() for text in masked(one, key)}
    if isinstance(secret, list):
        return {text for one in secret for text in masked(one, name)}
    words = ("password", "secret", "token", "api_key")
    return {secret} if name is None or any(word in name.lower() for word in words) else set()


def test_the_log_masks_all_secrets_whatever_their_names(airflow: types.SimpleNamespace) -> None:
    env = airflow.dags["settings"]("cimcloud_shop", "read", None)
    block = json.loads(env["TAP_ERP_CIMCLOUD"])
    assert block["auth_key"] == "the value of shop_auth_key"
    named = {
        *airflow.dags["FLEET"]["secrets"].values(),
        *airflow.dags["ACCOUNTS"]["cimcloud_shop"]["secrets"].values(),
    }
    assert airflow.hidden == {f"the value of {name}" for name in named}


def test_each_direction_and_schedule_has_a_dag_and_reconciling_starts_the_reading_one(
    airflow: types.SimpleNamespace,
) -> None:
    work = {"erp_read_hourly", "erp_read_nightly", "erp_write_nightly"}
    assert airflow.made.keys() == {*work, "erp_reconcile_weekly"}
    assert all(airflow.made[name]["max_active_runs"] == 1 for name in work)
    assert [(one["trigger_dag_id"], one["conf"]) for one in airflow.triggers] == [
        ("erp_read_hourly", {"reconcile": "weekly"})
    ]


def test_reconciling_reads_those_in_full_that_ask_for_it(airflow: types.SimpleNamespace) -> None:
    project = yaml.safe_load((DEPLOY / "meltano.yml").read_text("utf-8"))
    tap = next(one for one in project["plugins"]["extractors"] if one["name"] == "tap-erp")
    assert "reconcile_days" in {setting["name"] for setting in tap["settings"]}
    for account, wish, days in (
        ("aimsio_north", "weekly", "0"),
        ("aimsio_north", None, None),
        ("cimcloud_shop", "weekly", None),
    ):
        env = airflow.dags["settings"](account, "read", wish)
        assert env.get("TAP_ERP_RECONCILE_DAYS") == days


def test_a_run_that_hangs_is_ended(airflow: types.SimpleNamespace) -> None:
    """Or it would keep the others of its schedule from ever beginning anew."""
    example = yaml.safe_load((DEPLOY / "connections.yml").read_text("utf-8"))
    for dag in airflow.made.values():
        limit = dag["default_args"]["execution_timeout"]
        assert limit.total_seconds() == example["longest_seconds"] > 0
