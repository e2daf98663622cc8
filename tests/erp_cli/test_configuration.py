"""What `--config` names: files and the environment, with the keys of both plugins."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_cli.configuration import Configuration, read
from erp_cli.ledger import main
from erp_vendors.errors import ConfigError
from erp_vendors.vendors import VENDORS
from tap_erp.settings import SETTINGS as TAP_SETTINGS
from tap_erp.tap import TapErp
from target_erp.settings import SETTINGS as TARGET_SETTINGS
from target_erp.target import TargetErp
from tests.support.commands import invoke

if t.TYPE_CHECKING:
    import pathlib

    from erp_plugin import ErpPlugin

PLUGINS = {"tap-erp": TapErp, "target-erp": TargetErp}
PREFIXES = {"tap-erp": "TAP_ERP_", "target-erp": "TARGET_ERP_"}
BOTH = pytest.mark.parametrize("plugin", PLUGINS.values(), ids=list(PLUGINS))


pytestmark = pytest.mark.usefixtures("alone")


def file(folder: pathlib.Path, name: str, config: object) -> str:
    path = folder / name
    path.write_text(json.dumps(config))
    return str(path)


@BOTH
def test_each_plugin_gets_the_keys_that_it_knows(
    tmp_path: pathlib.Path, plugin: type[ErpPlugin]
) -> None:
    """And what neither knows, so that it is told."""
    keys = [one.name for one in (*TAP_SETTINGS, *TARGET_SETTINGS)]
    union = {**dict.fromkeys(keys, 1), "aimsio": {"username": "u"}, "user_agent": "a", "typo": 1}
    found = read([file(tmp_path, "c.json", union)]).of(plugin)
    assert set(found) == {
        *(one.name for one in plugin.own_settings),
        "aimsio",
        "user_agent",
        "typo",
    }


@BOTH
def test_the_plugins_themselves_refuse_each_others_keys(
    tmp_path: pathlib.Path, plugin: type[ErpPlugin]
) -> None:
    foreign = "dry_run" if plugin is TapErp else "start_date"
    config = file(tmp_path, "c.json", {"aimsio": {"username": "u"}, foreign: "x"})
    argument = "--discover" if plugin is TapErp else "--config"
    arguments = ["--config", config, *([argument] if plugin is TapErp else [])]
    assert f"unknown setting '{foreign}'" in invoke(plugin.cli, plugin.name, *arguments).said


def test_of_several_files_the_last_one_counts_and_the_environment_above_all(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = file(tmp_path, "1.json", {"user_agent": "one", "ledger": "one", "dead_letters": "one"})
    second = file(tmp_path, "2.json", {"user_agent": "two", "ledger": "two"})
    monkeypatch.setenv("TARGET_ERP_USER_AGENT", "said")
    assert read([first, second]).of(TargetErp) == {
        "user_agent": "two",
        "ledger": "two",
        "dead_letters": "one",
    }
    assert read(["ENV", second]).of(TargetErp) == {"user_agent": "said", "ledger": "two"}
    # What is no vendor's block belongs to the plugin whose name the variable has.
    assert read(["ENV", second]).of(TapErp) == {"user_agent": "two"}


@BOTH
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_block_under_one_prefix_serves_both(
    monkeypatch: pytest.MonkeyPatch, plugin: type[ErpPlugin], vendor: str
) -> None:
    (own,) = [prefix for name, prefix in PREFIXES.items() if name == plugin.name]
    (other,) = [prefix for name, prefix in PREFIXES.items() if name != plugin.name]
    given = Configuration(("ENV",))
    names = [one.name for one in VENDORS[vendor].settings if one.secret or one.name == "api_url"]
    for name in names:
        monkeypatch.setenv(f"{other}{vendor}_{name}".upper(), "theirs")
    assert given.of(plugin)[vendor] == dict.fromkeys(names, "theirs")
    # One that stands under the own prefix is taken as it is: two accounts are never mixed.
    monkeypatch.setenv(f"{own}{vendor}_{names[0]}".upper(), "mine")
    assert given.of(plugin)[vendor] == {names[0]: "mine"}


@pytest.mark.parametrize("mask", ["*****", "(redacted)"])
@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ({"aimsio": {"username": "u", "password": None}}, "aimsio.password"),
        ({"aims360": {"aqua_exports": [{"name": None}]}}, "aims360.aqua_exports[0].name"),
        ({"ledger": None}, "ledger"),
    ],
    ids=str,
)
def test_masked_values_are_refused_in_one_line(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    shape: dict[str, t.Any],
    name: str,
    mask: str,
) -> None:
    text = json.dumps(shape).replace("null", json.dumps(mask))
    config = file(tmp_path, "c.json", json.loads(text))
    assert main(["runs", "--config", config]) == 1
    said = capsys.readouterr().err
    assert f"setting '{name}' holds a mask" in said
    assert said.count("\n") == 1
    assert (
        f"setting '{name}' holds a mask"
        in invoke(TargetErp.cli, "target-erp", "--config", config).said
    )


def test_masks_in_the_environment_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAP_ERP_AIMSIO_PASSWORD", "*****")
    with pytest.raises(ConfigError, match=r"'aimsio\.password' holds a mask"):
        read(["ENV"]).of(TargetErp)
    monkeypatch.setenv("TARGET_ERP_LEDGER", "*****")
    assert main(["runs"]) == 1
    assert "setting 'ledger' holds a mask" in capsys.readouterr().err


def test_what_a_command_sets_itself_may_differ_from_the_environment(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = read([file(tmp_path, "c.json", {"aimsio": {"username": "u"}})])
    monkeypatch.setenv("TARGET_ERP_STREAMS", '{"a": "aimsio_employees"}')
    with pytest.raises(ConfigError, match="TARGET_ERP_STREAMS"):
        given.make(TargetErp)
    assert given.make(TargetErp, streams={}).config["streams"] == {}
    monkeypatch.setenv("TARGET_ERP_DRY_RUN", "true")
    with pytest.raises(ConfigError, match="TARGET_ERP_DRY_RUN"):
        given.make(TargetErp, streams={})
