"""The accounts of a fleet: each is a sandbox with data of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import typing as t
import urllib.parse
import urllib.request

import yaml

from demo.sandbox import block
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.vendors import VENDORS
from tests.fleet.engine import DEPLOY, ROOT

if t.TYPE_CHECKING:
    import pathlib

    from tests.fleet.databases import Databases

READ = "erp_read_hourly"
WRITE = "erp_write_hourly"
RATE = 10
"""Aimsio's documented calls per second, which the accounts of one login share."""

Json = t.Any


@dataclasses.dataclass
class Account:
    """One account.

    Attributes:
        name: Its name, which is also a schema of the warehouse.
        vendor: Its vendor.
        streams: The streams that are read.
        size: Rows a resource at its vendor.
        sinks: What is written back.
        login: The account whose login it shares.
        password: A password that its vendor refuses; empty for the right one.
        sandbox: Its vendor, once that runs.
    """

    name: str
    vendor: str
    streams: tuple[str, ...]
    size: int = 8
    sinks: tuple[str, ...] = ()
    login: str = ""
    password: str = ""
    sandbox: RunningSandbox = dataclasses.field(init=False, repr=False)

    def resource(self, stream: str) -> str:
        """What the vendor calls a stream's resource."""
        return stream.removeprefix(f"{self.vendor}_")

    def rows(self, stream: str) -> list[dict[str, Json]]:
        """A stream's rows as the vendor has them."""
        return [dict(row) for row in self.sandbox.rows(self.vendor, self.resource(stream))]


WRONG, DYING, LOSING = "aims360_wrong", "cimcloud_dying", "aims360_losing"
"""A wrong password; a vendor that dies in the midst of a reading; one that does so in a write."""
SHARED = ("aimsio_shared_a", "aimsio_shared_b")
"""Two accounts with one login."""

SHORT = [
    Account(DYING, "cimcloud", ("cimcloud_orders", "cimcloud_accounts"), 9),
    Account(
        LOSING,
        "aims360",
        ("aims360_orders", "aims360_customers", "aims360_style_colors"),
        30,
        ("aims360_orders",),
    ),
    Account(WRONG, "aims360", ("aims360_orders",), 6, password="wrong"),
]
"""Those of `airflow dags test`, which runs one task at a time, so nothing is shared."""
WHOLE = [
    *SHORT,
    Account("aimsio_one", "aimsio", ("aimsio_employees",), 7),
    Account(
        SHARED[0],
        "aimsio",
        ("aimsio_employees", "aimsio_billable_items"),
        40,
        ("aimsio_employees",),
    ),
    Account(SHARED[1], "aimsio", ("aimsio_companies", "aimsio_nrbs"), login=SHARED[0]),
    Account("aimsio_two", "aimsio", ("aimsio_nrbs", "aimsio_equipment"), 11),
    Account("cimcloud_one", "cimcloud", ("cimcloud_accounts", "cimcloud_products"), 14),
    Account("cimcloud_three", "cimcloud", ("cimcloud_accounts",), 12, ("cimcloud_accounts",)),
    Account("cimcloud_two", "cimcloud", ("cimcloud_customers", "cimcloud_orders"), 60),
    Account("aims360_one", "aims360", ("aims360_style_colors", "aims360_styles"), 270),
    Account("aims360_two", "aims360", ("aims360_currencies", "aims360_warehouses"), 5),
    Account("aim_one", "aim", ("aim_customers", "aim_locations"), 15, ("aim_customers",)),
    Account("aim_two", "aim", ("aim_ecommerce_products",), 40),
    Account("aim_three", "aim", ("aim_rental_plans", "aim_rental_schools"), 9),
    Account("aim_four", "aim", ("aim_auto_price_rules", "aim_contract_statuses"), 10),
    Account("pentamic_one", "pentamic", ("pentamic_customers",), 33, ("pentamic_customers",)),
    Account("pentamic_two", "pentamic", ("pentamic_customers", "pentamic_customer_invoices"), 20),
    Account("pentamic_three", "pentamic", ("pentamic_customers",), 3),
    Account("pentamic_four", "pentamic", ("pentamic_customer_invoices",), 17),
]
"""Twenty, of five vendors."""


@contextlib.contextmanager
def vendors(accounts: t.Sequence[Account]) -> t.Iterator[None]:
    """Run a sandbox for each login."""
    with contextlib.ExitStack() as running:
        by_name: dict[str, RunningSandbox] = {}
        for seed, account in enumerate(accounts, 1):
            if account.login:
                account.sandbox = by_name[account.login]
            else:
                sandbox = running_sandbox(size=account.size, seed=seed)
                by_name[account.name] = account.sandbox = running.enter_context(sandbox)
        yield


def write_project(
    folder: pathlib.Path, accounts: t.Sequence[Account], databases: Databases, *, retries: int
) -> dict[str, str]:
    """Make the fleet's folder out of what `deploy/airflow` has.

    Returns:
        Variables of the environment that hold the secrets, as Airflow takes them.
    """
    folder.mkdir(parents=True)
    (folder / "dags").mkdir()
    (folder / "bin").mkdir()
    for name in ("dags/erp.py", "pools.json"):
        (folder / name).write_text((DEPLOY / name).read_text("utf-8"), "utf-8")
    project = (DEPLOY / "meltano.yml").read_text("utf-8")
    for plugin in ("tap-erp", "target-erp"):
        (folder / "bin" / plugin).symlink_to(ROOT / ".venv" / "bin" / plugin)
        project = project.replace(f"executable: {plugin}", f"executable: bin/{plugin}")
    project = re.sub(r" *pip_url: erp-singer.*\n", "", project)
    (folder / "meltano.yml").write_text(project, "utf-8")
    example = yaml.safe_load((DEPLOY / "connections.yml").read_text("utf-8"))
    secrets = {
        "erp_system_database": databases.fleet.replace("postgresql:", "postgresql+psycopg:"),
        "erp_rate_limit_store": databases.fleet,
        "erp_ledger": databases.fleet,
        "erp_warehouse": _with_password(databases.fleet),
    }
    entries = {}
    for account in accounts:
        entries[account.name], own = _entry(account)
        secrets |= own
    fleet = {
        "retries": retries,
        "retry_seconds": 3,
        "longest_seconds": 600,
        "schedules": {"hourly": None},  # each run is asked for
        "secrets": example["secrets"],
        "accounts": entries,
    }
    (folder / "connections.yml").write_text(yaml.safe_dump(fleet, sort_keys=False), "utf-8")
    return {f"AIRFLOW_VAR_{name.upper()}": value for name, value in secrets.items()}


def _with_password(url: str) -> str:
    """The URL as tap-postgres wants it; a server that asks for no password takes any."""
    parts = urllib.parse.urlsplit(url)
    if parts.password:
        return url
    return parts._replace(netloc=parts.netloc.replace("@", ":none@", 1)).geturl()


def _entry(account: Account) -> tuple[dict[str, Json], dict[str, str]]:
    """An account's entry in `connections.yml`, and its secrets by their variables."""
    with urllib.request.urlopen(account.sandbox.url) as answer:  # noqa: S310 - loopback
        played = json.load(answer)["vendors"][account.vendor]
    vendor = VENDORS[account.vendor]
    values = block(vendor, played)
    if account.password:
        values.pop("access_token", None)
        values["password"] = account.password
    hidden = {setting.name for setting in vendor.settings if setting.secret} & values.keys()
    secrets = {key: f"{account.name}_{key}" for key in sorted(hidden)}
    entry: dict[str, Json] = {
        "vendor": account.vendor,
        "config": {key: value for key, value in values.items() if key not in hidden},
        "secrets": secrets,
        "read": {"schedule": "hourly", "select": [f"{stream}.*" for stream in account.streams]},
    }
    if account.sinks:
        entry["write"] = {"schedule": "hourly", "sinks": list(account.sinks)}
    return entry, {name: values[key] for key, name in secrets.items()}
