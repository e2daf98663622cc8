"""The files of `deploy/airflow` know all vendors, and name only settings that there are."""

from __future__ import annotations

import json
import typing as t

import yaml

from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.target import TargetErp
from tests.fleet.engine import DEPLOY


def _yaml(name: str) -> t.Any:
    return yaml.safe_load((DEPLOY / name).read_text("utf-8"))


def test_each_vendor_has_a_pool() -> None:
    assert json.loads((DEPLOY / "pools.json").read_text()).keys() == {f"erp_{v}" for v in VENDORS}


def test_the_project_declares_each_vendor_and_settings_that_there_are() -> None:
    plugins = _yaml("meltano.yml")["plugins"]
    for kind, plugin in (("extractors", TapErp), ("loaders", TargetErp)):
        found = next(one for one in plugins[kind] if one["name"] == plugin.name)
        declared = {setting["name"] for setting in found["settings"]}
        assert declared >= VENDORS.keys()
        assert declared <= plugin.config_jsonschema["properties"].keys()
        assert found.get("config", {}).keys() <= declared
        assert all(one.get("sensitive") for one in found["settings"] if one["name"] in VENDORS)


def test_connections_name_schedules_sinks_and_secrets_that_there_are() -> None:
    fleet = _yaml("connections.yml")
    for entry in fleet["accounts"].values():
        vendor = VENDORS[entry["vendor"]]
        known = {setting.name for setting in vendor.settings}
        secret = {setting.name for setting in vendor.settings if setting.secret}
        assert entry["secrets"].keys() | entry.get("config", {}).keys() <= known
        assert not secret & entry.get("config", {}).keys()
        assert any(
            set(login) <= entry["secrets"].keys() | entry.get("config", {}).keys()
            for login in vendor.logins
        )
        for direction in ("read", "write"):
            if direction in entry:
                assert entry[direction]["schedule"] in fleet["schedules"]
        assert entry["read"].get("reconcile", "hourly") in fleet["schedules"]


def test_the_dags_are_short_and_airflow_is_frozen() -> None:
    assert len((DEPLOY / "dags" / "erp.py").read_text().splitlines()) < 80
    frozen = (DEPLOY / "requirements.txt").read_text().splitlines()
    assert all("==" in line and "//" not in line for line in frozen)
    assert any(line.startswith("apache-airflow==3.") for line in frozen)
