"""`dags/erp.py` with a stand-in for Airflow: what a run gets, and what its log hides."""

from __future__ import annotations

import json
import runpy
import sys
import types
import typing as t
from unittest import mock

import pytest

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
    """The DAGs' names, and in `hidden` what Airflow would mask in their logs."""
    hidden: set[str] = set()
    for name in _MODULES:
        monkeypatch.setitem(sys.modules, name, mock.MagicMock(name=name))
    log, sdk = sys.modules["airflow.sdk.log"], sys.modules["airflow.sdk"]
    monkeypatch.setattr(log, "mask_secret", lambda *given: hidden.update(masked(*given)))
    monkeypatch.setattr(sdk.Variable, "get", "the value of {}".format)
    monkeypatch.setenv("ERP_FLEET", str(DEPLOY))
    return types.SimpleNamespace(hidden=hidden, dags=runpy.run_path(str(DEPLOY / "dags/erp.py")))


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
