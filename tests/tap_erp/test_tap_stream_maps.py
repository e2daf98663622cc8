"""A stream map that cannot be applied ends in one line that names the stream."""

from __future__ import annotations

import json
import typing as t

import pytest

from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import ConfigError
from tap_erp.tap import TapErp
from tests.support.commands import invoke
from tests.tap_erp.running import run_tap

if t.TYPE_CHECKING:
    import pathlib

STREAM = "aimsio_employees"


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        ({"a": "nope("}, "nope("),
        ({"__filter__": "(("}, "(("),
        ({"__key_properties__": ["zz"]}, "zz"),
        ({"employeeGuid": "__NULL__"}, "employeeGuid"),
    ],
    ids=str,
)
def test_a_map_that_cannot_be_used_names_its_stream(
    tmp_path: pathlib.Path, definition: dict[str, t.Any], why: str
) -> None:
    file = tmp_path / "config.json"
    maps = {STREAM: definition}
    file.write_text(json.dumps({"aimsio": {"username": "u"}, "stream_maps": maps}))
    ended = invoke(TapErp.cli, "tap-erp", "--config", str(file))
    assert ended.code == 1
    assert "'stream_maps'" in ended.said
    assert STREAM in ended.said
    assert why in ended.said


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ({STREAM: 5}, f"'stream_maps.{STREAM}' must be of type object"),
        ({STREAM: {"__alias__": 5}}, f"'stream_maps.{STREAM}.__alias__' must be of type string"),
        ({STREAM: {"a": [1]}}, f"'stream_maps.{STREAM}.a' must be of type "),
    ],
    ids=str,
)
def test_a_map_of_a_wrong_shape_is_told_without_the_schema_of_all_maps(
    maps: t.Any, said: str
) -> None:
    with pytest.raises(ConfigError) as told:
        TapErp(config={"aimsio": {"username": "u"}, "stream_maps": maps})
    assert said in str(told.value)
    assert "anyOf" not in str(told.value)


@pytest.mark.parametrize("expression", ["1/0", "foo + 1", "int('x')", "record['none']"])
def test_an_expression_that_fails_names_stream_and_setting(expression: str) -> None:
    with running_sandbox(size=2, limits=False) as sandbox:
        config = {
            "aimsio": {
                "api_url": sandbox.vendor_url("aimsio"),
                "username": "sandbox-user",
                "password": "sandbox-password",
            },
            "stream_maps": {STREAM: {"a": expression}},
        }
        run = run_tap(config, STREAM)
    assert run.code == 1
    assert f"{STREAM}: the setting 'stream_maps' (or flattening) cannot be applied" in run.error
