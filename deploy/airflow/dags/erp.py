"""The DAGs of `connections.yml`: one for each direction and schedule, with a mapped task a vendor.

A map index is `meltano el` for an account; its failure stops no other, and its retries are safe.
"""

import datetime as dt
import json
import os
import pathlib
import typing as t

import yaml
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Variable, get_current_context, task
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import mask_secret

FOLDER = pathlib.Path(os.environ["ERP_FLEET"])
FLEET: dict[str, t.Any] = yaml.safe_load((FOLDER / "connections.yml").read_text())
ACCOUNTS: dict[str, dict[str, t.Any]] = FLEET["accounts"]
PIPELINES = {"read": ("tap-erp", "target-postgres"), "write": ("tap-postgres", "target-erp")}
LONGEST, PAUSE = (dt.timedelta(seconds=FLEET[f"{name}_seconds"]) for name in ("longest", "retry"))
EACH = {"retries": FLEET["retries"], "retry_delay": PAUSE, "execution_timeout": LONGEST}
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)


def settings(account: str, direction: str, reconcile: str | None) -> dict[str, str]:
    """What a pipeline gets beside the worker's environment; logs mask each secret's value."""
    entry, env = ACCOUNTS[account], {"ERP_ACCOUNT": account}
    names = FLEET["secrets"] | entry["secrets"]
    mask_secret([*(secrets := {key: Variable.get(one) for key, one in names.items()}).values()])
    block = {**entry.get("config", {}), **{key: secrets.pop(key) for key in entry["secrets"]}}
    plugin = "TAP_ERP" if direction == "read" else "TARGET_ERP"
    env[f"{plugin}_{entry['vendor'].upper()}"] = json.dumps(block)
    if direction == "read":
        env["TAP_ERP__SELECT"] = json.dumps(entry["read"]["select"])
        env["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] = account
        if reconcile and reconcile == entry["read"].get("reconcile"):
            env["TAP_ERP_RECONCILE_DAYS"] = "0"
    else:
        sinks = {f"{account}_back-{sink}": sink for sink in entry["write"]["sinks"]}
        env["TAP_POSTGRES_FILTER_SCHEMAS"] = json.dumps([f"{account}_back"])
        env["TAP_POSTGRES__SELECT"] = json.dumps([f"{stream}.*" for stream in sinks])
        env["TARGET_ERP_STREAMS"] = json.dumps(sinks)
    return {**env, **secrets}


@task(map_index_template="{{ account }}")
def run(account: str, direction: str) -> None:
    """Run one pipeline of one account."""
    context: t.Any = get_current_context()
    context["account"], (tap, target) = account, PIPELINES[direction]
    env = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
    env |= settings(account, direction, (context["dag_run"].conf or {}).get("reconcile"))
    command = [os.environ["ERP_MELTANO"], "el", tap, target, f"--state-id={account}-{direction}"]
    context["task"].on_kill = (hook := SubprocessHook()).send_sigterm  # LONGEST, too, calls it
    if hook.run_command(command, env=env, cwd=FOLDER).exit_code:
        raise AirflowException(f"{account}: {tap} {target} has failed; the log says why")


def due(direction: str, key: str, schedule: str) -> list[str]:
    """The accounts with this schedule."""
    return [name for name, one in ACCOUNTS.items() if one.get(direction, {}).get(key) == schedule]


for name, cron in FLEET["schedules"].items():
    more = {"schedule": cron, "start_date": BEGIN, "default_args": EACH}
    for direction in PIPELINES:
        if now := due(direction, "schedule", name):
            with DAG(f"erp_{direction}_{name}", max_active_runs=1, **more):
                for vendor in sorted({ACCOUNTS[one]["vendor"] for one in now}):
                    accounts = [one for one in now if ACCOUNTS[one]["vendor"] == vendor]
                    mapped = run.override(task_id=vendor, pool=f"erp_{vendor}")
                    mapped.partial(direction=direction).expand(account=accounts)
    if now := due("read", "reconcile", name):
        with DAG(f"erp_reconcile_{name}", **more):
            for dag in {f"erp_read_{ACCOUNTS[account]['read']['schedule']}" for account in now}:
                TriggerDagRunOperator(task_id=dag, trigger_dag_id=dag, conf={"reconcile": name})
