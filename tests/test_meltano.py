"""The Meltano project, run by Meltano itself. Each run takes seconds, so there are few."""

from __future__ import annotations

import collections
import contextlib
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t
import urllib.parse
import urllib.request

import pytest
import yaml

from demo.project import connection, write_project
from demo.warehouse import EDITS, Warehouse
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.private import lock_file
from tests.erp_plugin.test_logging_samples import sample
from tests.support.plugins import record, run_target
from tests.support.plugins import schema as schema_of
from tests.support.scale import NIGHTLY
from tests.support.services import postgres_url

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("meltano") is None, reason="needs the extra meltano"
    ),
]

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 600
"""After which Meltano hangs; under load it takes a minute to start."""
SIZE = 5
_PAGE = (ROOT / "docs" / "results.md").read_text("utf-8")
((RESULTS,),) = (
    yaml.safe_load(block)["plugins"]["extractors"]
    for block in re.findall(r"```yaml\n(plugins:.*?)```", _PAGE, re.DOTALL)
)
"""The definition of the plugin that reads results, as the page has it."""


class Project:
    """A copy of the project, in a folder with a space, led to a sandbox of its own."""

    def __init__(self, folder: pathlib.Path, sandbox: RunningSandbox) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.warehouse = Warehouse(folder / "output" / "warehouse.db")
        folder.mkdir()
        (folder / "output").mkdir()
        write_project(folder, folder / "output" / "warehouse.db")
        with urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310 - loopback
            played = json.load(answer)["vendors"]
        self.env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("MELTANO_", "TAP_", "TARGET_"))
            },
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            **connection(played, 100),
        }

    def use_copy(self) -> None:
        """Take the meltano.yml that people copy, with the executables of this checkout."""
        text = (ROOT / "meltano.yml").read_text("utf-8").replace("    pip_url: erp-singer\n", "")
        text = re.sub(r"executable: (tap-erp|target-erp|erp)\n", r"executable: bin/\1\n", text)
        (self.folder / "meltano.yml").write_text(text)

    def meltano(
        self, *arguments: str, given: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "meltano.cli", *arguments],
            cwd=self.folder,
            env={**self.env, **env},
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def run(self, *blocks: str, code: int = 0) -> str:
        answer = self.meltano("run", *blocks)
        assert answer.returncode == code, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    def add(self, extractors: list[dict[str, t.Any]]) -> None:
        """Put definitions into the project as people copy them."""
        file = self.folder / "meltano.yml"
        known = yaml.safe_load(file.read_text("utf-8"))
        known["plugins"]["extractors"] += extractors
        file.write_text(yaml.safe_dump(known), "utf-8")

    def details_read(self) -> dict[str, int]:
        calls = self.sandbox.report("aimsio")["by_path"]
        return {path: count for path, count in calls.items() if "{" in path}


@pytest.fixture
def project(tmp_path: pathlib.Path) -> t.Iterator[Project]:
    with running_sandbox(size=SIZE, limits=False) as sandbox:
        yield Project(tmp_path / "my project", sandbox)


def measured(said: str) -> dict[str, set[str]]:
    """The metrics that stand in JSON logs, by plugin."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    first, *lines = said.splitlines()
    assert "Meltano" in first  # it says its version before it knows the project
    for line in map(json.loads, lines):
        if "metric_info" in line:
            found[line["name"]].add(line["metric_info"]["metric"])
    return found


@pytest.mark.nightly  # takes long; `make demo` goes the same way
def test_corrections_go_back_and_the_next_run_reads_only_changes(project: Project) -> None:
    sample("logging.yaml", project.folder)
    read = ("tap-erp--aimsio", "target-sqlite", "tap-erp--cimcloud", "target-sqlite")
    metrics = measured(project.run(*read))
    calls = {"record_count", "http_request_count", "http_request_duration", "sync_duration"}
    assert [metrics[f"tap-erp--{vendor}"] for vendor in ("aimsio", "cimcloud")] == [calls, calls]

    counts = project.warehouse.counts()
    assert {counts[stream] for stream in counts if stream != "aimsio_object_index"} == {SIZE}
    assert "aimsio_employees" in counts
    assert "cimcloud_accounts" in counts

    project.warehouse.edit()
    views = {edit.view: [edit.key] for edit in EDITS if edit.vendor in {"aimsio", "cimcloud"}}
    definition = project.folder / "meltano.yml"
    known = yaml.safe_load(definition.read_text("utf-8"))
    next(p for p in known["plugins"]["extractors"] if p["name"] == "tap-sqlite")["config"][
        "views"
    ] = views
    definition.write_text(yaml.safe_dump(known), "utf-8")
    said = project.run("tap-sqlite", "target-erp", code=1)
    assert "2 records were rejected" in said, said
    assert {"record_count", "http_request_count"} <= measured(said)["target-erp"]
    letters = sorted((project.folder / "dead_letters").glob("*.jsonl"))
    assert [path.stem for path in letters] == ["aimsio_employees", "cimcloud_accounts"]
    assert [len(path.read_text().splitlines()) for path in letters] == [1, 1]
    phones = [row["employeePhone"] for row in project.sandbox.rows("aimsio", "employees")]
    assert phones.count("+1 780 555 0199") == 3
    names = [row["nm"] for row in project.sandbox.rows("cimcloud", "accounts")]
    assert sum(str(name).endswith("(Western Division)") for name in names) == 2

    project.sandbox.reset()
    project.run("tap-erp--aimsio", "target-sqlite")
    assert project.details_read() == {"GET /rest/api/standard/v1/Employee/{guid}": 3}


@pytest.mark.nightly  # the way of the data is that of the test above, with two plugins of others
def test_postgres_takes_the_streams_and_gives_corrections_back(project: Project) -> None:
    project.use_copy()
    with postgres_url() as url:
        import psycopg  # noqa: PLC0415 - an extra

        server = urllib.parse.urlsplit(url)
        schema = urllib.parse.parse_qs(server.query)["options"][0].partition("=")[2]
        settings = {
            "HOST": server.hostname or "",
            "PORT": str(server.port or 5432),
            "USER": server.username or "",
            "PASSWORD": server.password or "none",
            "DATABASE": server.path.strip("/"),
        }
        for plugin in ("TAP", "TARGET"):
            project.env |= {f"{plugin}_POSTGRES_{name}": text for name, text in settings.items()}
        table = f"{schema}-cimcloud_accounts"
        project.env |= {
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema,
            "TAP_POSTGRES_FILTER_SCHEMAS": json.dumps([schema]),
            "TAP_POSTGRES__SELECT": json.dumps([f"{table}.*"]),
            "TAP_POSTGRES__METADATA": json.dumps({"*": {"replication-method": "FULL_TABLE"}}),
            "TARGET_ERP_STREAMS": json.dumps({table: "cimcloud_accounts"}),
        }
        answer = project.meltano("install", "tap-postgres", "target-postgres")
        if answer.returncode:
            pytest.skip(f"the plugins do not install here: {answer.stderr.strip()[-300:]}")
        project.run("tap-erp--cimcloud", "target-postgres")
        with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute("UPDATE cimcloud_accounts SET nm = upper(nm) || '!'")
        project.run("tap-postgres", "target-erp")
        project.add([RESULTS])
        project.run("tap-erp--results", "target-postgres")
        with contextlib.closing(psycopg.connect(url, autocommit=True)) as connection:
            found = connection.execute("SELECT outcome, count(*) FROM erp_outcomes GROUP BY 1")
            assert found.fetchall() == [("accepted", SIZE)]
            assert connection.execute("SELECT exit_code FROM erp_runs").fetchall() == [(0,)]
    names = [row["nm"] for row in project.sandbox.rows("cimcloud", "accounts")]
    assert len(names) == SIZE
    assert all(name.endswith("!") for name in names)


@pytest.mark.nightly  # half a minute: Meltano starts two plugins
def test_the_results_of_a_run_reach_the_warehouse_with_the_plugin_of_the_page(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target's own run is none of Meltano's here, because each start of it takes seconds."""
    rows = project.sandbox.rows("cimcloud", "accounts")
    accounts = [{"ref_id": row["ref_id"], "nm": "ours"} for row in rows]
    accounts[1]["nm"] = ["no text"]
    monkeypatch.chdir(project.folder)
    sandbox = {"api_url": f"{project.sandbox.url}/cimcloud", "site_name": "sandbox-site"}
    login = {"auth_key": "sandbox-key", "username": "sandbox-user", "password": "sandbox-password"}
    messages = [record("cimcloud_accounts", **account) for account in accounts]
    written = run_target(
        {"cimcloud": {**sandbox, **login}}, [schema_of("cimcloud_accounts"), *messages]
    )
    assert written.code == 3, written.error
    project.add([RESULTS])
    # The block needs no vendor beside it.
    project.env = {name: v for name, v in project.env.items() if not name.startswith("TAP_ERP")}
    project.run("tap-erp--results", "target-sqlite")
    assert project.warehouse.counts() == {
        "erp_runs": 1,
        "erp_outcomes": SIZE,
        "erp_dead_letters": 1,
    }
    outcomes = {row["key"]: row["outcome"] for row in project.warehouse.view("erp_outcomes")}
    assert outcomes == {
        f"ref_id={account['ref_id']}": "refused" if account is accounts[1] else "accepted"
        for account in accounts
    }


@pytest.mark.nightly  # tests/tap_erp/test_run_catalog.py looks at the tap alone
def test_two_runs_of_a_plugin_at_once_do_not_share_a_catalog(project: Project) -> None:
    folder = project.folder / ".meltano" / "run" / "tap-erp--aimsio"
    folder.mkdir(parents=True)
    lock = lock_file(folder / "tap.properties.json.lock")  # as a run holds it
    assert lock is not None
    try:
        said = project.run("tap-erp--aimsio", "target-sqlite", code=1)
        assert "meltano el tap-erp--aimsio <loader> --state-id=<id>" in said, said
        own = ("tap-erp--aimsio", "target-sqlite", "--state-id=mine")
        answer = project.meltano("el", *own)
    finally:
        os.close(lock)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert project.warehouse.counts()["aimsio_employees"] == SIZE


@pytest.mark.nightly  # takes long, and others start Meltano, too
def test_numbers_and_secrets_reach_the_tap_from_the_environment(project: Project) -> None:
    # As text: Meltano's kind for numbers breaks on every value from the environment.
    numbers = {"TAP_ERP_AIMSIO_TIMEOUT_SECONDS": "2.5", "TAP_ERP_AIMSIO_MAX_CONCURRENCY": "3"}
    answer = project.meltano("invoke", "tap-erp", "--test", **numbers)
    assert answer.returncode == 0, answer.stdout + answer.stderr

    secret = {"TAP_ERP_AIMSIO_PASSWORD": "wr0ng-secret"}
    answer = project.meltano("invoke", "tap-erp", "--test", **secret)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 1, said
    assert "401" in said
    assert "wr0ng-secret" not in said
    shown = project.meltano("config", "print", "tap-erp", **numbers, **secret)
    assert '"timeout_seconds": "2.5"' in shown.stdout, shown.stdout + shown.stderr
    assert "wr0ng-secret" not in shown.stdout


SHORT = """
default_environment: dev
environments:
- name: dev
plugins:
  extractors:
  - name: tap-erp
    namespace: tap_erp
    executable: bin/tap-erp
    capabilities: [catalog, discover, state, about]
    settings:
    - {name: aimsio.api_url}
    - {name: aimsio.username}
    - {name: aimsio.password, sensitive: true}
  - name: tap-erp--aimsio
    inherit_from: tap-erp
    config: {aimsio.username: sandbox-user}
"""


@pytest.mark.parametrize(
    "plugin", [pytest.param("tap-erp", marks=pytest.mark.nightly), "tap-erp--aimsio"]
)
def test_no_variable_is_without_effect_in_silence(project: Project, plugin: str) -> None:
    """A whole definition lets all variables through; with a short one the run says what is not."""
    prefix = plugin.upper().replace("-", "_")
    more = {
        f"{prefix}_AIMSIO_REQUESTS_PER_SECOND": "3",
        "TAP_ERP_AIMSIO_TIMEOUT_SECONDS": "2.5",
        "TAP_ERP_AIMSIO_VERIFY_TLS": "false",
        "TAP_ERP_AIMSIO_RESOURCES": "[]",
        "TAP_ERP_START_DATE": "2020-01-01",
        "TAP_ERP_AIMSIO_CA_BUNDLE": "",
    }
    if NIGHTLY:  # each start of Meltano takes seconds
        answer = project.meltano("invoke", plugin, "--test", **more)
        said = answer.stdout + answer.stderr
        assert (answer.returncode, "no effect" in said) == (0, False), said

    (project.folder / "meltano.yml").write_text(SHORT)
    given = {
        name: value
        for name, value in project.env.items()
        if not name.startswith("TAP_") or name == "TAP_ERP_AIMSIO_API_URL"
    }
    project.env = {
        **given,
        "TAP_ERP_AIMSIO_USERNAME": "sandbox-user",
        "TAP_ERP_AIMSIO_PASSWORD": "sandbox-password",
    }
    if NIGHTLY:
        answer = project.meltano("invoke", plugin, "--test")
        said = answer.stdout + answer.stderr
        assert (answer.returncode, "no effect" in said) == (0, False), said
        answer = project.meltano("invoke", plugin, "--test", TAP_ERP_USER_AGENT="me")
        said = answer.stdout + answer.stderr
        assert (answer.returncode, said.count("no effect")) == (0, 1), said
    directing = f"{prefix}_AIMSIO_REQUESTS_PER_SECOND"
    answer = project.meltano("invoke", plugin, "--test", **{directing: "3"})
    said = answer.stdout + answer.stderr
    assert answer.returncode == 1, said
    assert f"{directing} (setting aimsio.requests_per_second) has no effect" in said


@pytest.mark.nightly  # takes long, and others start Meltano, too
def test_meltano_tests_the_tap(project: Project) -> None:
    answer = project.meltano("config", "test", "tap-erp--aimsio")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def loader_test() -> str:
    """What Meltano gives a loader to test it."""
    stream = "meltano_test_stream"
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    messages = [
        {"type": "SCHEMA", "stream": stream, "schema": schema, "key_properties": ["id"]},
        {"type": "RECORD", "stream": stream, "record": {"id": 1}},
        {"type": "STATE", "value": {"a": 1}},
    ]
    return "".join(json.dumps(message) + "\n" for message in messages)


def test_meltanos_test_of_a_loader_checks_credentials_and_writes_nothing(
    project: Project,
) -> None:
    answer = project.meltano("invoke", "target-erp", given=loader_test())
    assert answer.returncode == 0, answer.stdout + answer.stderr
    report = project.sandbox.report()
    for vendor in report:
        if f"TARGET_ERP_{vendor}_API_URL".upper() in project.env:
            assert report[vendor]["calls"] > 0
            assert not report[vendor]["writes"]


@pytest.mark.nightly  # takes long, and others start Meltano, too
def test_meltanos_test_of_a_loader_refuses_wrong_credentials(project: Project) -> None:
    wrong = {"TARGET_ERP_AIMSIO_PASSWORD": "wr0ng-secret"}
    answer = project.meltano("invoke", "target-erp", given=loader_test(), **wrong)
    assert answer.returncode == 1
    assert "wr0ng-secret" not in answer.stdout + answer.stderr


@pytest.mark.nightly  # `make lint` asks the same for each change
def test_meltano_yml_fits_meltanos_schema(project: Project) -> None:
    project.use_copy()
    answer = project.meltano("--environment", "prod", "compile", "--lint")
    assert answer.returncode == 0
    assert "Failed to validate" not in answer.stdout + answer.stderr
