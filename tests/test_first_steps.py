"""The first steps, word for word: a fresh project, an installed wheel, a real database."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import typing as t
import urllib.parse

import pytest
import yaml

from erp_sandbox.testing import RunningSandbox, running_sandbox
from tests.support.packages import wheel_of
from tests.support.services import POSTGRES, absent
from tests.support.stub import Reply, Request, running_stub

# Three environments are installed, which takes a minute.
pytestmark = pytest.mark.nightly

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 600
SIZE = 4
LOGIN = {"username": "integration@example.com", "password": "my-password"}
OPTIONS = {
    "aimsio": LOGIN,
    "cimcloud": {**LOGIN, "site_name": "my-site", "auth_key": "my-key"},
}
"""Accounts that the lines are about."""


def steps(page: str) -> list[str]:
    """The blocks of a page that people copy.

    Args:
        page: Its path.
    """
    text = (ROOT / page).read_text("utf-8")
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@contextlib.contextmanager
def hub() -> t.Iterator[str]:
    """A Meltano Hub that knows the plugins of others as `meltano.yml` has them."""
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text("utf-8"))["plugins"]
    known = {
        (kind, one["name"]): {**one, "variant": "meltanolabs"}
        for kind in plugins
        for one in plugins[kind]
        if one["name"].endswith("-postgres")
    }

    def answer(request: Request) -> Reply:
        *_, kind, name = request.path.split("/")
        if name == "index":
            variants = {
                name: {
                    "logo_url": "",
                    "default_variant": "meltanolabs",
                    "variants": {
                        "meltanolabs": {
                            "ref": f"{stub.url}/plugins/{kind}/{name}--meltanolabs",
                        }
                    },
                }
                for of, name in known
                if of == kind
            }
            return Reply(body=variants)
        found = dict(known[kind, name.partition("--meltanolabs")[0]])
        found.pop("config", None)
        return Reply(body=found)

    with running_stub(answer) as stub:
        yield stub.url


@contextlib.contextmanager
def database() -> t.Iterator[dict[str, str]]:
    """A database of its own, as variables of the environment."""
    try:
        import psycopg  # noqa: PLC0415 - an extra

        admin = psycopg.connect(POSTGRES, autocommit=True, connect_timeout=3)
    except Exception as error:  # noqa: BLE001 - an extra, and a service
        absent("PostgreSQL on loopback", error)
    name = f"erp_steps_{secrets.token_hex(6)}"
    server = urllib.parse.urlsplit(POSTGRES)
    with contextlib.closing(admin):
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield {
                "HOST": server.hostname or "",
                "PORT": str(server.port or 5432),
                "USER": server.username or "",
                "PASSWORD": server.password or "none",
                "DATABASE": name,
            }
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Shell:
    """A shell of somebody who follows the page, in an environment of its own."""

    def __init__(self, folder: pathlib.Path, env: dict[str, str]) -> None:
        self.folder = folder
        made = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", made], check=True, timeout=SECONDS)
        left_out = ("MELTANO_", "TAP_", "TARGET_", "PYTHON", "VIRTUAL_ENV")
        self.env = {
            **{name: text for name, text in os.environ.items() if not name.startswith(left_out)},
            "PATH": f"{made / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            **env,
        }

    def run(self, lines: str, folder: str = ".") -> str:
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", lines],
            cwd=self.folder / folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def names(sandbox: RunningSandbox) -> dict[str, str]:
    return {row["ref_id"]: row["nm"] for row in sandbox.rows("cimcloud", "accounts")}


def test_the_first_steps_lead_to_a_warehouse_and_back(
    tmp_path: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    there, back = steps("docs/index.md")
    wheels = wheel_of(tmp_path_factory).parent
    with (
        running_sandbox(size=SIZE, limits=False, options=OPTIONS) as sandbox,
        hub() as hub_url,
        database() as server,
    ):
        shell = Shell(
            tmp_path,
            {
                # What is no part of the steps: where the package, the Hub and the accounts are.
                "PIP_FIND_LINKS": f"{wheels} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
                "UV_FIND_LINKS": str(wheels),
                "MELTANO_HUB_API_ROOT": hub_url,
                "TAP_ERP_AIMSIO_API_URL": sandbox.vendor_url("aimsio"),
                "TARGET_ERP_CIMCLOUD_API_URL": sandbox.vendor_url("cimcloud"),
                **{
                    f"{plugin}_POSTGRES_{name}": text
                    for plugin in ("TAP", "TARGET")
                    for name, text in server.items()
                },
                "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": "erp",
                "TAP_POSTGRES_FILTER_SCHEMAS": '["erp"]',
                "TAP_POSTGRES__METADATA": json.dumps({"*": {"replication-method": "FULL_TABLE"}}),
            },
        )
        said = shell.run(there)
        assert "credentials accepted" in said
        where = POSTGRES.rpartition("/")[0]
        with psycopg.connect(f"{where}/{server['DATABASE']}", autocommit=True) as warehouse:
            count = warehouse.execute("SELECT count(*) FROM erp.aimsio_employees").fetchone()
            assert count == (SIZE,)
            before = names(sandbox)
            first = min(before)
            warehouse.execute("CREATE TABLE erp.corrections (ref_id text PRIMARY KEY, nm text)")
            warehouse.execute("INSERT INTO erp.corrections VALUES (%s, 'Corrected')", [first])
        assert "my-password" not in (tmp_path / "my-project/meltano.yml").read_text()

        dry, _, wet = back.rstrip().rpartition("\n")
        said = shell.run(dry, "my-project")
        assert "Nothing was written" in said
        assert names(sandbox) == before
        shell.run(wet, "my-project")
        assert names(sandbox) == {**before, first: "Corrected"}
        assert "0 records" in shell.run("meltano invoke target-erp--cimcloud:rejects", "my-project")
        # Whoever clones the project has its files, and installs it.
        shell.run("rm -r .meltano && meltano install", "my-project")
        assert "Corrected" not in shell.run(
            "meltano invoke target-erp--cimcloud:unknown", "my-project"
        )
