"""A variable that is nearly one that protects ends the run; what Meltano makes is left alone."""

from __future__ import annotations

import typing as t

import pytest

from erp_plugin.near_names import strangers
from erp_vendors.errors import ConfigError
from tap_erp.tap import TapErp
from target_erp.target import TargetErp

BLOCK = {"username": "u", "password": "p"}
Plugin = t.Any


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def protective(plugin: Plugin) -> list[tuple[Plugin, str]]:
    """The variables of settings that protect the data, or say where they go."""
    own = plugin(config={"aimsio": BLOCK})
    names = []
    for name, part in own.config_jsonschema["properties"].items():
        inner = part.get("properties", {}) if part.get("additionalProperties") is False else {}
        paths = [(name,), *((name, one) for one in inner)]
        names += ["_".join(path) for path in paths if own._must_agree(".".join(path))]  # noqa: SLF001
    return [(plugin, name.upper()) for name in names]


def wrong(name: str) -> dict[str, str]:
    """A name as people get it wrong."""
    half = len(name) // 2
    forms = {
        "joined": name.replace("_", ""),
        "hyphen": name.replace("_", "-"),
        "small": name.lower(),
        "a letter too many": name + name[-1],
        "a letter less": name[:half] + name[half + 1 :],
        "plural": name.replace("GUARDS", "GUARD"),
    }
    return {form: one for form, one in forms.items() if one != name}


@pytest.mark.parametrize(("plugin", "name"), [*protective(TargetErp), *protective(TapErp)])
def test_a_name_that_is_nearly_a_protective_one_ends_the_run(
    plugin: Plugin, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = plugin.name.upper().replace("-", "_") + "_"
    known = {variable for _, variable in protective(plugin)}
    for form, one in wrong(name).items():
        if one in known:
            continue
        with monkeypatch.context() as patched:
            patched.setenv(prefix + one, "true")
            with pytest.raises(ConfigError) as ended:
                plugin(config={"aimsio": BLOCK})
        said = str(ended.value)
        assert f"{prefix}{one} names no setting" in said, form
        assert prefix + name in said
        assert "rename it" in said
        assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DRY", "DRY_RUN"),
        ("MAX_CREATES", "GUARDS_MAX_CREATES"),
        ("ENVIRONMENT", "AIMSIO_ENVIRONMENT"),
        ("AIMSO_ENVIRONMENT", "AIMSIO_ENVIRONMENT"),
    ],
)
def test_a_part_of_a_protective_name_ends_the_run(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TARGET_ERP_{name}", "1")
    with pytest.raises(ConfigError, match=f"TARGET_ERP_{meant} "):
        TargetErp(config={"aimsio": BLOCK})


def test_all_others_are_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("USERAGENT", "AIMSIO_PASSWORT", "QQQQ", "CHECKPOINT_SECOND"):
        monkeypatch.setenv(f"TARGET_ERP_{name}", "secret value")
    monkeypatch.setenv("TARGET_ERP_DRYRUN", " ")
    TargetErp(config={"aimsio": BLOCK})
    (said,) = [line for line in caplog.messages if "name no setting" in line]
    assert "TARGET_ERP_USERAGENT (the nearest name is TARGET_ERP_USER_AGENT)" in said
    assert "TARGET_ERP_AIMSIO_PASSWORD)" in said
    assert "TARGET_ERP_QQQQ" in said
    assert "secret value" not in said
    assert "DRYRUN" not in said


MADE_BY_MELTANO = [
    *("TARGET_ERP__DIALECT", "TARGET_ERP__LOG_PARSER", "TARGET_ERP__SELECT", "TARGET_ERP__DRYRUN"),
    *("TARGET_ERP_STREAM_MAPS_HR_STAFF_IBAN", "TARGET_ERP_STREAMS_HR_STAFF"),
    "TARGET_ERP_SINKS_AIMSIO_EMPLOYEES_MATCH_PROPERTIES",
    *("TARGET_ERP_WEST_DRY_RUN", "TARGET_ERP_WEST_AIMSIO_USERNAME"),
    *("TARGET_ERP_CIMCLOUD_SITENAME", "TARGET_ERP_LOGLEVEL", "TARGET_ERPS_DRYRUN"),
]
"""What a run of Meltano 4.4 sets, with configured objects and plugins that inherit."""


@pytest.mark.parametrize("project_name", ["target-erp--aimsio", "target-erp--aimsio-west"])
def test_what_meltano_makes_is_no_stranger(
    project_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MELTANO_LOADER_NAME", project_name)
    for name in MADE_BY_MELTANO:
        monkeypatch.setenv(name, "INFO")
    TargetErp(config={"aimsio": BLOCK})
    assert not [line for line in caplog.messages if "name no setting" in line]


def test_a_misspelling_is_seen_under_the_name_of_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MELTANO_LOADER_NAME", "target-erp--aimsio")
    monkeypatch.setenv("TARGET_ERP__AIMSIO_DRYRUN", "true")
    with pytest.raises(ConfigError, match="TARGET_ERP__AIMSIO_DRY_RUN "):
        TargetErp(config={"aimsio": BLOCK})


def test_every_setting_is_known_by_its_own_variable() -> None:
    for plugin in (TapErp, TargetErp):
        target = plugin(config={"aimsio": BLOCK})
        schema = target.config_jsonschema
        target.append_builtin_config(schema)
        for other, name in protective(plugin):
            assert other is plugin
            assert strangers(["X_"], schema, {f"X_{name}": "1"}) == []


@pytest.mark.parametrize(
    ("variables", "block", "project", "said"),
    [
        (["GUARDS_MAX_CREATES"], False, "", "has no effect"),
        (["GUARDS_MAX_CREATES", "DRY_RUN"], False, "", "have no effect"),
        (["GUARDS"], True, "", "that of the whole block"),
        (["GUARDS"], True, "target-erp", "a name and a variable of its own"),
    ],
)
def test_the_remedy_fits_what_was_set(
    variables: list[str],
    block: bool,  # noqa: FBT001
    project: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if project:
        monkeypatch.setenv("MELTANO_LOADER_NAME", project)
    for name in variables:
        monkeypatch.setenv(f"TARGET_ERP_{name}", '{"max_creates": 1}' if block else "1")
    with pytest.raises(ConfigError) as ended:
        TargetErp(config={"aimsio": BLOCK})
    assert said in str(ended.value)
    assert ("of its own" in str(ended.value)) == (block and bool(project))
