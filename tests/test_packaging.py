"""What people install: the wheel, in an environment of its own, away from the checkout."""

from __future__ import annotations

import email
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t
import venv
import zipfile

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.vendors import VENDORS
from tests.support.packages import pip, wheel_of
from tests.support.shared import made_once

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 300
PACKAGES = {"tap_erp", "target_erp", "erp_plugin", "erp_vendors", "erp_sandbox"}


def _run(*command: str | pathlib.Path, **more: t.Any) -> subprocess.CompletedProcess[str]:
    # Commands that are run several times may keep what they have compiled.
    left_out = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    return subprocess.run(
        list(map(str, command)),
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **more,
    )


def _environment(folder: pathlib.Path) -> pathlib.Path:
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin"


def _install(commands: pathlib.Path, *what: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Install with this environment's pip; only what is imported is compiled, and then."""
    return pip("--python", commands / "python", "install", "--no-compile", *what)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return wheel_of(tmp_path_factory)


@pytest.fixture(scope="module")
def installed(wheel: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Folder of the commands."""

    def make(folder: pathlib.Path) -> None:
        answer = _install(_environment(folder), "-c", ROOT / "constraints.txt", wheel)
        assert answer.returncode == 0, answer.stderr

    return made_once(tmp_path_factory, "installed", make) / "bin"


def test_the_wheel_holds_the_packages_and_the_schemas_and_no_tests(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entries = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    tops = {name.partition("/")[0] for name in names}
    assert tops - {top for top in tops if top.endswith(".dist-info")} >= PACKAGES
    assert not {"tests", "demo", "tools", "schemas"} & tops
    assert not [name for name in names if re.search(r"(^|/)(test_|conftest)", name)]
    schemas = {path.relative_to(ROOT / "schemas") for path in (ROOT / "schemas").rglob("*.json")}
    definitions = {path.stem for path in (ROOT / "hub").rglob("*.yml")}
    assert {n for n in names if n.startswith("erp_cli/hub/")} == {
        f"erp_cli/hub/{kind}/{name}.yml"
        for name in definitions
        for kind in (("extractors" if name.startswith("tap") else "loaders"),)
    }
    held = {pathlib.Path(n.removeprefix("erp_vendors/schemas/")) for n in names if "/schemas/" in n}
    assert schemas == {path for path in held if path.suffix == ".json"}
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    for command in ("tap-erp", "target-erp", "erp-sandbox", "erp-ledger", "erp"):
        assert f"\n{command} = " in entries


@pytest.fixture(scope="module")
def required(wheel: pathlib.Path) -> set[str]:
    """Distributions that the wheel requires, those of its extras too."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = email.message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or []
    return {re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower() for line in lines}


def test_the_archived_distribution_backoff_is_not_required(required: set[str]) -> None:
    assert "singer-sdk" in required
    assert "backoff" not in required


def test_the_constraints_cover_what_is_required_and_name_no_host(required: set[str]) -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    assert "://" not in text
    assert "--" not in text
    missing = required - set(re.findall(r"^([a-z0-9.-]+)==", text, re.MULTILINE))
    assert not missing, "run `make constraints`"


@pytest.mark.parametrize("command", ["tap-erp", "target-erp"])
def test_the_installed_command_tells_of_itself(
    installed: pathlib.Path, tmp_path: pathlib.Path, command: str
) -> None:
    answer = _run(installed / command, "--about", "--format", "json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    about = json.loads(answer.stdout)
    assert about["name"] == command
    assert set(VENDORS) <= set(about["settings"]["properties"])


def test_the_installed_tap_discovers_its_streams(
    installed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"aimsio": {"username": "u", "password": "p"}}))
    answer = _run(installed / "tap-erp", "--config", config, "--discover", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    streams = {stream["tap_stream_id"]: stream for stream in json.loads(answer.stdout)["streams"]}
    assert "employeeCode" in streams["aimsio_employees"]["schema"]["properties"]


def test_the_installed_command_prints_definitions(
    installed: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    answer = _run(installed / "erp", "definition", "tap-erp--aimsio", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == (ROOT / "hub/extractors/tap-erp--aimsio.yml").read_text("utf-8")


def test_the_installed_sandbox_says_what_it_lacks(installed: pathlib.Path) -> None:
    answer = _run(installed / "erp-sandbox", "serve", "--port", "0")
    assert answer.returncode == 1
    assert "pip install 'erp-singer[sandbox]'" in answer.stderr


@pytest.mark.nightly  # an environment with old versions of many packages takes long to make
def test_singers_own_checker_accepts_the_tap(tmp_path: pathlib.Path) -> None:
    commands = _environment(tmp_path / "singer-tools")
    answer = _install(commands, "singer-tools")
    if answer.returncode:
        pytest.skip(f"singer-tools does not install here: {answer.stderr.strip()[-200:]}")
    with running_sandbox(size=5, limits=False) as sandbox:
        config = tmp_path / "config.json"
        config.write_text(
            json.dumps(
                {
                    "aimsio": {
                        "api_url": sandbox.vendor_url("aimsio"),
                        "username": "sandbox-user",
                        "password": "sandbox-password",
                        "requests_per_second": 1000,
                    }
                }
            )
        )
        tap = _run(sys.executable, "-m", "tap_erp", "--config", config, cwd=tmp_path)
    assert tap.returncode == 0, tap.stderr
    checked = _run(commands / "singer-check-tap", input=tap.stdout, cwd=tmp_path)
    if "ImportError" in checked.stderr or "AttributeError" in checked.stderr:
        pytest.skip(f"singer-tools does not run here: {checked.stderr.strip()[-200:]}")
    assert checked.returncode == 0, checked.stderr
    assert "aimsio_employees" in checked.stdout
