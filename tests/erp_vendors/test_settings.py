"""The configuration: read from the environment, checked, and explained by the setting's name."""

from __future__ import annotations

import json
import typing as t

import pytest
from jsonschema import Draft7Validator

from erp_plugin.environment import from_environment
from erp_vendors.errors import ConfigError
from erp_vendors.overrides import configured
from erp_vendors.resource import Resource
from erp_vendors.settings import (
    RESOURCE_ENTRY,
    Block,
    Setting,
    as_given,
    connection_settings,
    explain,
    object_schema,
)

SETTINGS = (
    Setting("username", "string", "User name", "Login."),
    Setting("password", "string", "Password", "Its password.", secret=True),
    Setting("mode", "string", "Mode", "How.", "fast", options=("fast", "slow")),
    Setting("limit", "integer", "Limit", "Count or share.", schema={"or_string": True}),
    *connection_settings(per_second=10, in_flight=4),
)
SCHEMA: dict[str, t.Any] = object_schema(
    (
        Setting("start_date", "string", "Start", "When."),
        Setting("dry_run", "boolean", "Dry run", "Whether."),
        Setting("lookback_seconds", "integer", "Lookback", "Seconds.", 3600, schema={"minimum": 0}),
    )
)
SCHEMA["properties"]["demo"] = object_schema(SETTINGS)


def test_an_account_is_known_by_its_usual_settings_and_by_those_that_say_so() -> None:
    settings = (*SETTINGS, Setting("tenant", "string", "Tenant", "Whose.", identity=True))
    values = {"username": "jo", "password": "secret-word", "tenant": "north", "mode": "slow"}
    assert Block("demo", settings, values).account == "demo|username=jo|tenant=north"


def problems(config: object) -> list[str]:
    errors = Draft7Validator(SCHEMA).iter_errors(config)
    return [line for error in errors for line in explain(error, SCHEMA)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"demo": {"username": "x"}, "start_date": "2026-01-01"}, []),
        ({"demmo": {}}, ["unknown setting 'demmo'; did you mean 'demo'?"]),
        ({"username": "x"}, ["unknown setting 'username'; did you mean 'demo.username'?"]),
        ({"zzz": 1}, ["unknown setting 'zzz'"]),
        (
            {"demo": {"usernme": "x"}},
            ["unknown setting 'demo.usernme'; did you mean 'demo.username'?"],
        ),
        ({"demo": "x"}, ["setting 'demo' must be of type object"]),
        ({"demo": {"mode": "warp"}}, ["setting 'demo.mode' must be one of: fast, slow"]),
        (
            {"demo": {"max_concurrency": "4"}},
            ["setting 'demo.max_concurrency' must be of type integer"],
        ),
        (
            {"demo": {"max_concurrency": 0}},
            ["setting 'demo.max_concurrency' does not fit: minimum 1"],
        ),
        (
            {"demo": {"timeout_seconds": 0}},
            ["setting 'demo.timeout_seconds' does not fit: exclusiveMinimum 0"],
        ),
        ({"demo": {"resources": [{}]}}, ["setting 'demo.resources[0].name' is missing"]),
        (
            {"demo": {"resources": [{"name": "x"}, {"name": "x", "pth": "y"}]}},
            ["unknown setting 'demo.resources[1].pth'; did you mean 'demo.resources[1].path'?"],
        ),
    ],
)
def test_a_wrong_setting_is_named(config: object, expected: list[str]) -> None:
    assert problems(config) == expected


def test_a_key_far_from_all_others_gets_the_list() -> None:
    (line,) = problems({"demo": {"zzzzzz": 1}})
    assert line.startswith("unknown setting 'demo.zzzzzz'; known here: ca_bundle, ")


def test_values_are_never_shown() -> None:
    wrong = {"demo": {"password": 12345678, "mode": "hunter2", "timeout_seconds": "hunter2"}}
    text = " ".join(problems(wrong))
    assert "demo.password" in text
    assert "hunter2" not in text
    assert "12345678" not in text


def test_nested_settings_from_the_environment() -> None:
    environ = {
        "TAP_DEMO_USERNAME": "ann",
        "TAP_DEMO_PASSWORD": "123456",
        "TAP_DEMO_MAX_CONCURRENCY": "3",
        "TAP_DEMO_TIMEOUT_SECONDS": "2.5",
        "TAP_DEMO_VERIFY_TLS": "False",
        "TAP_DEMO_RESOURCES": '[{"name": "x", "path": "y"}]',
        "TAP_START_DATE": "2026-01-01",
        "TAP_DRY_RUN": "1",
        "TAP_UNKNOWN": "x",
        "OTHER_DEMO_USERNAME": "x",
    }
    config = from_environment("TAP_", SCHEMA, environ)
    assert config == {
        "demo": {
            "username": "ann",
            "password": "123456",
            "max_concurrency": 3,
            "timeout_seconds": 2.5,
            "verify_tls": False,
            "resources": [{"name": "x", "path": "y"}],
        },
        "start_date": "2026-01-01",
        "dry_run": True,
    }
    assert problems(config) == []


def test_a_whole_block_as_json_and_single_keys_over_it() -> None:
    block = {"username": "ann", "password": "x"}
    environ = {"TAP_DEMO": json.dumps(block), "TAP_DEMO_USERNAME": "bob"}
    assert from_environment("TAP_", SCHEMA, environ) == {"demo": {**block, "username": "bob"}}


def test_an_environment_without_variables_gives_no_block() -> None:
    assert from_environment("TAP_", SCHEMA, {}) == {}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"TAP_DEMO_MAX_CONCURRENCY": "many"}, "TAP_DEMO_MAX_CONCURRENCY"),
        ({"TAP_DEMO_VERIFY_TLS": "maybe"}, "TAP_DEMO_VERIFY_TLS"),
        ({"TAP_DEMO_RESOURCES": "[{"}, "TAP_DEMO_RESOURCES"),
        ({"TAP_DEMO": "{"}, "TAP_DEMO "),
        ({"TAP_DEMO": "5", "TAP_DEMO_USERNAME": "x"}, "TAP_DEMO "),
        ({"TAP_DEMO_TIMEOUT_SECONDS": "1m"}, "TAP_DEMO_TIMEOUT_SECONDS"),
    ],
)
def test_a_bad_variable_is_named_and_its_value_is_not_shown(
    variables: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigError, match=f"environment variable {named}") as caught:
        from_environment("TAP_", SCHEMA, variables)
    assert "many" not in str(caught.value)


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_nulls_and_blank_texts_mean_not_set(nothing: str | None) -> None:
    given = {"demo": {"username": nothing, "mode": "slow"}, "other": nothing, "n": 0}
    assert as_given(given, SCHEMA) == {"demo": {"mode": "slow"}, "n": 0}


def test_a_block_of_blanks_is_no_block_but_an_empty_one_is() -> None:
    assert as_given({"demo": {"username": "", "password": None}}, SCHEMA) == {}
    assert as_given({"demo": {}}, SCHEMA) == {"demo": {}}


def test_maps_of_the_users_own_keep_their_nulls() -> None:
    schema = {"properties": {"maps": {"properties": {"__else__": {}}}}}
    given = {"maps": {"__else__": None, "a": {"x": None, "y": ""}}}
    assert as_given(given, schema) == given


def test_a_block_has_the_tables_defaults_and_knows_what_was_given() -> None:
    block = Block("demo", SETTINGS, {"mode": "slow", "username": None})
    assert block.get("mode") == "slow"
    assert block.get("timeout_seconds") == 60
    assert block.get("requests_per_second") == 10
    assert block.get("max_concurrency") == 4
    assert block.get("username") is None
    assert [block.given(name) for name in ("mode", "username", "timeout_seconds")] == [
        True,
        False,
        False,
    ]


def test_missing_credentials_are_all_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"demo\.username and demo\.password are not set"):
        Block("demo", SETTINGS, {}).require("username", "password")
    with pytest.raises(ConfigError, match=r"demo\.password is not set"):
        Block("demo", SETTINGS, {"username": "x", "password": ""}).require("username", "password")
    block = Block("demo", SETTINGS, {"username": "x", "password": "y"})
    assert block.require("username", "password") == ("x", "y")


def test_secrets_are_marked_and_nothing_else() -> None:
    schema = object_schema(SETTINGS)["properties"]
    assert [name for name, each in schema.items() if each.get("secret")] == ["password"]
    assert schema["password"]["writeOnly"] is True
    assert schema["limit"]["type"] == ["integer", "string"]
    assert object_schema(RESOURCE_ENTRY)["additionalProperties"] is False


BUILTIN = (
    Resource(name="jobs", path="/Job", primary_keys=("jobGuid",), replication_key="at"),
    Resource(name="users", path="/User", documented=True),
)


def resources(*entries: t.Mapping[str, t.Any], slash: bool = True) -> dict[str, Resource]:
    def make(name: str, path: str) -> Resource:
        return Resource(name=name, path=f"/{path}" if slash else path, primary_keys=("guid",))

    block = Block("demo", SETTINGS, {"resources": list(entries)})
    return configured(block, BUILTIN, make)


def test_an_entry_with_a_built_in_name_overrides_it() -> None:
    changed = resources({"name": "demo_jobs", "path": "Jobs", "primary_keys": ["id", "year"]})
    assert list(changed) == ["jobs", "users"]
    assert changed["jobs"].path == "/Jobs"
    assert changed["jobs"].primary_keys == ("id", "year")
    assert changed["jobs"].replication_key == "at"
    assert changed["jobs"].documented, "what the user states is no guess"
    assert not resources({"name": "jobs", "replication_key": "x"})["jobs"].documented
    assert resources({"name": "jobs", "replication_key": "x"})["jobs"].replication_key == "x"
    assert resources({"name": "jobs", "schema": {"type": "object"}})["jobs"].schema is not None


@pytest.mark.parametrize("given", ["Jobs", "/Jobs", "Jobs/", "/Jobs/"])
def test_a_path_may_be_written_with_or_without_slashes(given: str) -> None:
    assert resources({"name": "jobs", "path": given})["jobs"].path == "/Jobs"
    assert resources({"name": "jobs", "write_path": given})["jobs"].write_path == "/Jobs"
    assert resources({"name": "jobs", "path": given}, slash=False)["jobs"].path == "Jobs"
    address = "https://example.com/Jobs"
    assert resources({"name": "jobs", "path": address})["jobs"].path == address
    assert resources({"name": "jobs", "write_path": ""})["jobs"].write_path == ""


def test_another_name_makes_a_custom_resource() -> None:
    made = resources({"name": "tickets", "path": "Ticket", "primary_keys": ["no"]})["tickets"]
    assert (made.path, made.primary_keys, made.documented) == ("/Ticket", ("no",), True)
    with pytest.raises(ConfigError, match=r"demo\.resources\[0\] \(tickets\).*path"):
        resources({"name": "tickets"})
