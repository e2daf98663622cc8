"""The private hooks of the SDK that this project overrides; a new SDK may move them."""

from __future__ import annotations

import inspect
import logging

import pytest
from singer_sdk import Sink, Stream, Tap, Target
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.mapper import PluginMapper, SameRecordTransform
from singer_sdk.plugin_base import JSONSchemaValidator, PluginBase
from singer_sdk.singerlib.catalog import SelectionMask

HOOKS = [
    (PluginBase, "_validate_config", ["self", "raise_errors"]),
    (Tap, "sync_all", ["self"]),
    (Tap, "run_connection_test", ["self"]),
    (Tap, "_handle_termination", ["self", "signum", "frame"]),
    (Stream, "sync", ["self", "context"]),
    (Stream, "_sync_records", ["self", "context", "write_messages"]),
    (Stream, "_write_schema_message", ["self"]),
    (Stream, "_write_record_message", ["self", "record"]),
    (Stream, "_check_max_record_limit", ["self", "current_record_index"]),
    (
        PluginMapper,
        "register_raw_stream_schema",
        ["self", "stream_name", "schema", "key_properties"],
    ),
    (Target, "listen", ["self", "file_input"]),
    (Target, "_process_schema_message", ["self", "message_dict"]),
    (Target, "_process_record_message", ["self", "message_dict"]),
    (Target, "_process_state_message", ["self", "message_dict"]),
    (Target, "_process_activate_version_message", ["self", "message_dict"]),
    (Target, "_handle_max_record_age", ["self"]),
    (Target, "_handle_termination", ["self", "signum", "frame"]),
    (Sink, "_validate_and_parse", ["self", "record"]),
    (Sink, "_singer_validate_message", ["self", "record"]),
]


@pytest.mark.parametrize(("owner", "name", "parameters"), HOOKS, ids=lambda value: str(value)[-60:])
def test_the_hook_is_where_it_was(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_the_properties_are_properties_still() -> None:
    assert isinstance(inspect.getattr_static(PluginBase, "_env_var_config"), classproperty)
    assert isinstance(inspect.getattr_static(Stream, "emit_activate_version_messages"), property)


def test_a_map_that_changes_nothing_is_known_as_such() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    mapper = PluginMapper({}, logging.getLogger(__name__))
    mapper.register_raw_stream_schema("s", schema, ())
    (same,) = mapper.stream_maps["s"]
    record = {"a": 1, "b": [2]}
    assert type(same) is SameRecordTransform
    assert same.transform(record) is record
    assert not same.flattening_enabled
    flat = PluginMapper(
        {"flattening_enabled": True, "flattening_max_depth": 1}, logging.getLogger(__name__)
    )
    flat.register_raw_stream_schema("s", schema, ())
    assert flat.stream_maps["s"][0].flattening_enabled


def test_a_selection_says_which_places_are_left_out() -> None:
    mask = SelectionMask({(): True, ("properties", "a"): False})
    assert mask["properties", "a"] is False
    assert mask["properties", "b"] is True
    assert [place for place, selected in mask.items() if not selected] == [("properties", "a")]


def test_the_validator_fills_in_defaults() -> None:
    config: dict[str, str] = {}
    schema = {"type": "object", "properties": {"a": {"type": "string", "default": "b"}}}
    assert list(JSONSchemaValidator(schema).iter_errors(config)) == []
    assert config == {"a": "b"}
