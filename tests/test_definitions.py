"""The definitions in `hub/`: what they hold, and that Meltano takes them, offline."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import pytest
import yaml

from erp_cli.erp import SUBCOMMANDS, main
from erp_cli.ledger import erp_ledger
from erp_ledger import open_ledger
from erp_vendors.errors import ConfigError
from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from erp_vendors.vendors import VENDORS
from tap_erp.tap import TapErp
from target_erp.target import TargetErp
from tests.support.scale import NIGHTLY

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = {path.stem: path for path in sorted((ROOT / "hub").glob("*/*.yml"))}
PLUGINS = {"tap-erp": TapErp, "target-erp": TargetErp}
NAMES = [f"{plugin}{more}" for plugin in PLUGINS for more in ("", *(f"--{v}" for v in VENDORS))]
NAMES.append("tap-erp--results")
MODULES = {"tap-erp": "tap_erp", "target-erp": "target_erp", "erp": "erp_cli"}
SECONDS = 600
"""After which Meltano hangs; under load it takes a minute to start."""
MAPS = ("stream_maps", "stream_map_config", "flattening_enabled", "flattening_max_depth")

Json = dict[str, t.Any]


def definition(name: str) -> Json:
    return t.cast("Json", yaml.safe_load(FILES[name].read_text("utf-8")))


def test_there_is_one_of_each_plugin_and_of_each_with_a_vendor() -> None:
    assert set(FILES) == set(NAMES)
    for name, file in FILES.items():
        assert file.parent.name == ("extractors" if name.startswith("tap-") else "loaders")
        assert definition(name)["name"] == name


@pytest.mark.parametrize("name", NAMES)
def test_credentials_come_first_and_what_few_people_need_last(name: str) -> None:
    whole = definition(name)
    settings = [one["name"] for one in whole["settings"]]
    only = name.partition("--")[2]
    vendors = [v for v in VENDORS if only in {"", v}]
    logins = [
        [f"{vendor}.{key}" for key in login]
        for vendor in vendors
        for login in VENDORS[vendor].logins
    ]
    if name in {"tap-erp", "tap-erp--results"}:
        logins.append(["results.ledger"])
    assert whole["settings_group_validation"] == logins
    keys = {key for login in logins for key in login}
    assert set(settings[: len(keys)]) == keys
    last = {one.rpartition(".")[2] for one in settings[-max(1, len(vendors)) * 4 :]}
    assert last & {"requests_per_second", "verify_tls", "flattening_max_key_length"}
    assert set(MAPS) <= set(settings)
    blocks = {one.partition(".")[0] for one in settings} & set(VENDORS)
    assert blocks == set(vendors)
    assert ("results.ledger" in settings) == (["results.ledger"] in logins)
    secret = {one["name"] for one in whole["settings"] if one.get("sensitive")}
    assert {
        one for one in settings if one.endswith((".password", "_secret", ".auth_key"))
    } <= secret


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_login_is_what_a_client_cannot_do_without(vendor: str) -> None:
    settings, make = VENDORS[vendor].settings, VENDORS[vendor].client

    def connects(*keys: str) -> None:
        values = dict.fromkeys(keys, "x")
        if "auth_type" in keys:
            values["auth_type"] = "basic"
        with contextlib.closing(make(Block(vendor, settings, values), Connection()).transport):
            pass

    for login in VENDORS[vendor].logins:
        connects(*login)
        for missing in login:
            if missing != "auth_type":
                with pytest.raises(ConfigError, match=missing):
                    connects(*(key for key in login if key != missing))


@pytest.mark.parametrize("name", NAMES)
def test_erp_prints_a_definition(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["definition", name]) == 0
    assert capsys.readouterr().out == FILES[name].read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_its_commands_are_commands_of_erp(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, name: str
) -> None:
    commands = definition(name)["commands"]
    assert commands
    for command in commands.values():
        assert command["executable"] == "erp"
        assert main([*command["args"].split(), "--help"]) == 0
        assert capsys.readouterr().out.startswith("Usage: erp ")
    assert tmp_path.is_dir()


@pytest.mark.parametrize(
    "page", ["docs/index.md", "docs/first-steps.md", "docs/operating.md", "docs/writing.md"]
)
def test_what_a_page_lets_people_type_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert set(re.findall(r"(?:^|`)erp ([a-z]+)", text, re.MULTILINE)) <= set(SUBCOMMANDS)
    assert set(re.findall(r"erp[ -]ledger ([a-z]+)", text)) - {"and"} <= set(erp_ledger.commands)
    assert set(re.findall(r"erp definition ([a-z-]+)", text)) <= set(FILES)
    for name, command in re.findall(r"meltano invoke ([a-z-]+):([a-z]+)", text):
        assert command in definition(name)["commands"]


class Project:
    """A fresh Meltano project, whose plugins run from this checkout."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "meltano.yml").write_text(
            "default_environment: dev\nenvironments: [{name: dev}]\nproject_id: test\n"
        )
        self.env = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("MELTANO_", "TAP_", "TARGET_"))
            },
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            # Nobody answers there: whoever asks the Hub fails.
            "MELTANO_HUB_API_ROOT": "http://127.0.0.1:9",
        }

    def __call__(self, *arguments: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "meltano.cli", *arguments],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def add(self, name: str) -> None:
        self("add", name, "--from-ref", str(FILES[name]), "--no-install")

    def provide(self, *names: str) -> None:
        """Put the commands of this checkout where Meltano would install them."""
        for name in names:
            kind = FILES[name].parent.name
            commands = self.folder / ".meltano" / kind / name / "venv" / "bin"
            commands.mkdir(parents=True)
            for command, module in (
                ("tap-erp", "tap_erp"),
                ("target-erp", "target_erp"),
                ("erp", "erp_cli"),
            ):
                script = commands / command
                script.write_text(
                    f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {module} "$@"\n'
                )
                script.chmod(0o755)


@pytest.fixture
def project(tmp_path: pathlib.Path) -> Project:
    if importlib.util.find_spec("meltano") is None:
        pytest.skip("needs the extra meltano")
    return Project(tmp_path / "a project")


@pytest.mark.nightly
def test_meltano_takes_them_all_and_they_fit_its_schema(project: Project) -> None:
    for name in ("tap-erp", "tap-erp--aimsio", "target-erp--cimcloud"):
        project.add(name)
    # The others are of the same make, and Meltano takes seconds for each.
    text = yaml.safe_load((project.folder / "meltano.yml").read_text())
    for name in NAMES:
        kind = FILES[name].parent.name
        if name not in {one["name"] for one in text["plugins"].setdefault(kind, [])}:
            text["plugins"][kind].append(definition(name))
    (project.folder / "meltano.yml").write_text(yaml.safe_dump(text))
    said = project("compile", "--lint")
    assert "Failed to validate" not in said
    # Meltano has what is in the file, and nothing else.
    for one in text["plugins"]["extractors"]:
        assert {setting["name"] for setting in one["settings"]} == {
            setting["name"] for setting in definition(one["name"])["settings"]
        }
    project("lock", "--update")


@pytest.mark.nightly
def test_a_plugin_of_one_vendor_is_configured_and_asked_by_meltano(project: Project) -> None:
    project.add("tap-erp--aimsio")
    project("config", "set", "tap-erp--aimsio", "aimsio.username", "ann")
    login = {
        "TAP_ERP_AIMSIO_PASSWORD": "s3cret-pass",
        # Other vendors' variables are none of its business.
        "TAP_ERP_CIMCLOUD_USERNAME": "bob",
        "TAP_ERP_CIMCLOUD_API_URL": "http://127.0.0.1:9",
    }
    shown = project("config", "print", "tap-erp--aimsio", **login)
    config = json.loads(shown[shown.index("{") : shown.rindex("}") + 1])
    assert config["aimsio"] == {"username": "ann", "password": "*****"}
    project.provide("tap-erp--aimsio")
    said = project("invoke", "--no-install", "tap-erp--aimsio:streams", **login)
    assert "aimsio_employees" in said
    assert "cimcloud_accounts" not in said
    said = project("invoke", "--no-install", "tap-erp--aimsio", "--discover", **login)
    assert '"aimsio_employees"' in said
    assert "no effect" not in said


def test_the_commands_of_the_target_have_the_settings_of_the_project(project: Project) -> None:
    project.provide("target-erp--aimsio")
    file = project.folder / "meltano.yml"
    whole = yaml.safe_load(file.read_text())
    # As `meltano add` would; but each start of Meltano takes seconds.
    whole["plugins"] = {"loaders": [definition("target-erp--aimsio")]}
    whole["plugins"]["loaders"][0]["config"] = {
        "aimsio": {"username": "u", "password": "p"},
        "ledger": "kept here.sqlite",
        # The names of streams are the project's, and mean nothing to a replay.
        "streams": {"staff": "aimsio_employees"},
    }
    file.write_text(yaml.safe_dump(whole))
    said = project("invoke", "--no-install", "target-erp--aimsio:rejects", code=1)
    assert "there is no ledger at kept here.sqlite" in said
    with contextlib.closing(open_ledger(str(project.folder / "kept here.sqlite"))):
        pass
    if NIGHTLY:  # each start of Meltano takes seconds
        project("invoke", "--no-install", "target-erp--aimsio:replay")
