"""Variables of the environment: none is without effect unless the run says so."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest

from erp_plugin.environment import WithoutEffect, without_effect
from tap_erp.tap import TapErp
from target_erp.target import TargetErp
from tests.support.commands import invoke

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = {
    "properties": {
        "shop": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "address": {"type": "string"},
                "pace": {"type": "number", "default": 5},
                "checks": {"type": "boolean", "default": True},
                "names": {"type": "array"},
            },
        },
        "dry": {"type": "boolean", "default": False},
        "most": {"type": ["integer", "string"]},
        "maps": {"type": "object", "properties": {"__else__": {}}},
    }
}
CONFIG = {"shop": {"address": "https://a", "names": ["x"]}, "most": 5}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs leave their ledger and report in the present folder."""
    monkeypatch.chdir(tmp_path)


AIMSIO = {"username": "u", "password": "p", "environment": "sandbox"}


@pytest.mark.parametrize(
    ("variable", "text", "setting"),
    [
        ("DRY", "true", "dry"),
        ("DRY", "perhaps", "dry"),
        ("MOST", "6", "most"),
        ("SHOP_ADDRESS", "https://b", "shop.address"),
        ("SHOP_PACE", "4", "shop.pace"),
        ("SHOP_CHECKS", "0", "shop.checks"),
        ("SHOP_NAMES", '["y"]', "shop.names"),
        ("SHOP", '{"address": "https://b"}', "shop.address"),
        ("SHOP", "[]", "shop"),
        ("MAPS", '{"a": null}', "maps"),
    ],
)
def test_a_variable_that_differs_is_found(variable: str, text: str, setting: str) -> None:
    found = without_effect(["X_"], SCHEMA, CONFIG, {f"X_{variable}": text})
    assert found == [WithoutEffect(f"X_{variable}", setting, block=variable == "SHOP")]


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DRY", "false"),
        ("DRY", "0"),
        ("DRY", ""),
        ("DRY", "  "),
        ("MOST", "5"),
        ("SHOP_ADDRESS", "https://a"),
        ("SHOP_PACE", "5.0"),
        ("SHOP_CHECKS", "TRUE"),
        ("SHOP_NAMES", '["x"]'),
        ("SHOP", '{"address": "https://a", "pace": 5}'),
        ("MAPS", "{}"),
        ("UNKNOWN", "1"),
        ("_DRY", "true"),
        ("_SELECT", '["*.*"]'),
    ],
)
def test_a_variable_that_agrees_or_names_no_setting_is_not(variable: str, text: str) -> None:
    assert without_effect(["X_"], SCHEMA, CONFIG, {f"X_{variable}": text}) == []


def test_numbers_in_force_may_be_texts() -> None:
    assert without_effect(["X_"], SCHEMA, {"shop": {"pace": "4"}}, {"X_SHOP_PACE": "4.0"}) == []


def test_an_object_may_hold_more_than_the_variable_says() -> None:
    config = {"maps": {"a": {"x": None}, "b": {}}}
    assert without_effect(["X_"], SCHEMA, config, {"X_MAPS": '{"a": {"x": null}}'}) == []
    assert without_effect(["X_"], SCHEMA, config, {"X_MAPS": '{"a": {}}'}) != []


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ('{"hr-staff.iban": "__NULL__", "hr-staff.name_x": "upper"}', True),
        ('{"hr-staff.iban": "__NULL__"}', True),
        ('{"hr-staff.iban": "x"}', False),
        ('{"hr-staff.other": "__NULL__"}', False),
    ],
)
def test_meltano_joins_nested_names_with_dots(text: str, agrees: bool) -> None:  # noqa: FBT001
    config = {"maps": {"hr-staff": {"iban": "__NULL__", "name_x": "upper"}}}
    assert (without_effect(["X_"], SCHEMA, config, {"X_MAPS": text}) == []) == agrees


def test_the_first_prefix_that_sets_a_setting_counts_for_it() -> None:
    environ = {"X__SHOP_DRY": "false", "X_DRY": "true", "X_MOST": "7"}
    found = without_effect(["X__SHOP_", "X_"], SCHEMA, CONFIG, environ)
    assert found == [WithoutEffect("X_MOST", "most")]


def judged(
    plugin: type[TapErp | TargetErp], config: t.Any, folder: pathlib.Path, *more: str
) -> tuple[int, str]:
    """Exit code and last line of a command that gets the configuration in a file."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    code, said, _ = invoke(plugin.cli, plugin.name, "--config", str(file), *more)
    return code, said


@pytest.mark.parametrize("plugin", [TapErp, TargetErp])
@pytest.mark.parametrize(
    "path",
    [
        *("aimsio.environment", "aimsio.api_url", "aimsio.username", "aimsio.verify_tls"),
        *("aimsio.requests_per_second", "rate_limit_store"),
    ],
)
def test_no_run_begins_against_a_variable_that_says_where_data_go(
    plugin: t.Any, path: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"verify_tls": "false", "requests_per_second": "1"}.get(path.rpartition(".")[2], "other")
    variable = f"{plugin.name}_{path}".upper().replace("-", "_").replace(".", "_")
    monkeypatch.setenv(variable, said)
    code, last = judged(plugin, {"aimsio": AIMSIO}, tmp_path, *_harmless(plugin))
    assert code == 1
    assert variable in last
    assert path in last
    assert "--config=ENV" in last
    assert said == "1" or said not in last.replace(variable, "")


PROTECTING = {
    "dry_run": "true",
    "on_reject": "stop",
    "max_rejects": "0",
    "guards_max_updates": "1",
    "guards": '{"max_deletes": 1}',
    "deletes": '["aimsio_employees"]',
    "ledger": "elsewhere.sqlite",
    "dead_letters": "elsewhere",
    "streams": '{"a": "b"}',
    "unknown_streams": "skip",
    "resync": "true",
    "plan_file": "elsewhere.jsonl",
}


@pytest.mark.parametrize("name", PROTECTING)
def test_no_run_begins_against_a_variable_that_protects(
    name: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"TARGET_ERP_{name.upper()}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, PROTECTING[name])
    source = tmp_path / "input"
    source.write_text("")
    code, last = judged(TargetErp, {"aimsio": AIMSIO}, tmp_path, "--input", str(source))
    assert (code, variable in last) == (1, True), last
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "input"]


def test_under_meltano_the_line_names_the_definition(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MELTANO_EXTRACTOR_NAME", "tap-erp--aimsio")
    monkeypatch.setenv("TAP_ERP__AIMSIO_AIMSIO_ENVIRONMENT", "portal")
    code, last = judged(TapErp, {"aimsio": AIMSIO}, tmp_path, "--discover")
    assert code == 1
    assert "TAP_ERP__AIMSIO_AIMSIO_ENVIRONMENT" in last
    assert "the definition of tap-erp--aimsio in meltano.yml" in last


def test_other_variables_are_one_warning(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TAP_ERP_AIMSIO_PASSWORD", "another one")
    monkeypatch.setenv("TAP_ERP_USER_AGENT", "me")
    monkeypatch.setenv("TAP_ERP_CIMCLOUD_API_URL", "https://nobody.example")
    code, last = judged(TapErp, {"aimsio": AIMSIO}, tmp_path, "--discover")
    assert (code, last) == (0, "")
    (warning,) = [line.getMessage() for line in caplog.records if "no effect" in line.getMessage()]
    for variable in ("PASSWORD", "USER_AGENT", "CIMCLOUD_API_URL"):
        assert variable in warning
    assert "another one" not in warning


def test_variables_that_are_read_say_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name, value in AIMSIO.items():
        monkeypatch.setenv(f"TAP_ERP_AIMSIO_{name.upper()}", value)
    monkeypatch.setenv("TAP_ERP_CIMCLOUD_API_URL", "")
    code, last, (catalog,) = invoke(TapErp.cli, "tap-erp", "--config", "ENV", "--discover")
    assert (code, last) == (0, "")
    assert {entry["stream"][:7] for entry in catalog["streams"]} == {"aimsio_"}
    assert not [line for line in caplog.records if "no effect" in line.getMessage()]


@pytest.mark.parametrize("plugin", [TapErp, TargetErp])
def test_one_vendor_filled_into_the_example_is_enough(
    plugin: t.Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """All other variables of `.env.example` stay blank, with their number signs taken away."""
    example = (ROOT / ".env.example").read_text("utf-8")
    names = re.findall(r"^#(\w+)=$", example, re.MULTILINE)
    prefix = plugin.name.upper().replace("-", "_")
    assert f"{prefix}_CIMCLOUD_AUTH_KEY" in names
    for name in names:
        monkeypatch.setenv(name, "")
    for name, value in AIMSIO.items():
        monkeypatch.setenv(f"{prefix}_AIMSIO_{name.upper()}", value)
    code, last, _ = invoke(plugin.cli, plugin.name, "--config", "ENV", *_harmless(plugin))
    assert (code, last) == (0, "")
    assert "no effect" not in caplog.text


def _harmless(plugin: t.Any) -> list[str]:
    return ["--discover"] if plugin is TapErp else ["--input", "/dev/null"]


@pytest.mark.parametrize(
    ("project_name", "told"),
    [
        ("target-erp--aimsio", False),
        ("target-erp--aimsio-west", False),
        ("target-erp", True),
        ("target-erp--west", True),
        ("target-erp--cimcloud", True),
    ],
)
def test_a_plugin_of_one_vendor_has_nothing_to_do_with_the_variables_of_others(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    project_name: str,
    told: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setenv("MELTANO_LOADER_NAME", project_name)
    monkeypatch.setenv("TARGET_ERP_CIMCLOUD_PASSWORD", "x")
    TargetErp(config={"aimsio": AIMSIO})
    assert ("TARGET_ERP_CIMCLOUD_PASSWORD" in caplog.text) == told
