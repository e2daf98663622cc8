"""The private and final methods of the SDK that this project overrides or calls.

A new SDK may move them.
"""

from __future__ import annotations

import importlib
import inspect
import logging
import pathlib
import pkgutil
import re
import typing as t
from collections import Counter

import pytest
from singer_sdk import Sink, Stream, Tap, Target
from singer_sdk.helpers._classproperty import classproperty
from singer_sdk.mapper import PluginMapper, SameRecordTransform
from singer_sdk.plugin_base import BaseSingerReader, JSONSchemaValidator, PluginBase
from singer_sdk.singerlib.catalog import SelectionMask
from singer_sdk.singerlib.encoding.base import SingerMessageType

from target_erp.reader import LineReader
from target_erp.target import TargetErp

HOOKS = [
    (PluginBase, "_validate_config", ["self", "raise_errors"]),
    (PluginBase, "_setup_signal_handlers", ["self"]),
    (Tap, "sync_all", ["self"]),
    (Tap, "run_connection_test", ["self"]),
    (Tap, "_handle_termination", ["self", "signum", "frame"]),
    (Stream, "sync", ["self", "context"]),
    (Stream, "_sync_records", ["self", "context", "write_messages"]),
    (Stream, "_write_schema_message", ["self"]),
    (Stream, "_write_record_message", ["self", "record"]),
    (Stream, "_write_activate_version_message", ["self", "full_table_version"]),
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
    (Target, "_process_batch_message", ["self", "message_dict"]),
    (Tap, "setup_mapper", ["self"]),
    (Target, "setup_mapper", ["self"]),
    (Target, "_handle_max_record_age", ["self"]),
    (Target, "_handle_termination", ["self", "signum", "frame"]),
    (Sink, "get_validator", ["self"]),
]


@pytest.mark.parametrize(("owner", "name", "parameters"), HOOKS, ids=lambda value: str(value)[-60:])
def test_the_hook_is_where_it_was(owner: type, name: str, parameters: list[str]) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_the_properties_are_properties_still() -> None:
    assert isinstance(inspect.getattr_static(PluginBase, "_env_var_config"), classproperty)
    assert isinstance(inspect.getattr_static(Stream, "emit_activate_version_messages"), property)


def classes() -> t.Iterator[type]:
    """All classes of the two plugins and of what they share."""
    for package in map(importlib.import_module, ("erp_plugin", "tap_erp", "target_erp")):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                members = vars(importlib.import_module(module.name)).values()
                yield from filter(inspect.isclass, members)


def is_final(member: object) -> bool:
    """Whether it is decorated so: its source is asked, as Python 3.10 keeps no mark."""
    function = getattr(member, "__func__", getattr(member, "fget", member))
    source = inspect.getsource(function) if inspect.isfunction(function) else ""
    return re.search(r"^\s*@(\w+\.)?final$", source, re.MULTILINE) is not None


def overriding() -> t.Iterator[tuple[type, type, str]]:
    """Private and final members of SDK classes, each with the class that overrides it."""
    for kind in classes():
        if kind.__module__.startswith("singer_sdk"):
            continue
        for name in vars(kind):
            owner = next((base for base in kind.__mro__[1:] if name in vars(base)), object)
            if not owner.__module__.startswith("singer_sdk"):
                continue
            is_private = name.startswith("_") and not name.startswith(("__", "_abc_"))
            if is_private or is_final(vars(owner)[name]):
                yield kind, owner, name


def overridden() -> set[tuple[type, str]]:
    return {(owner, name) for _, owner, name in overriding()}


def test_each_overridden_sdk_method_is_guarded_and_counted() -> None:
    names = {name for _, name in overridden()}
    assert names <= {name for _, name, _ in HOOKS} | {"_env_var_config"}
    project = (pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text()
    said = re.search(r"(\d+) private or final methods of the SDK are overridden", project)
    assert said is not None
    assert int(said[1]) == len(overridden()), sorted(f"{o.__name__}.{n}" for o, n in overridden())


def test_each_overridden_sdk_method_names_its_guard_in_a_comment() -> None:
    bare = []
    for kind, _, name in set(overriding()):
        above = inspect.getsource(kind).partition(f" def {name}(")[0]
        together = "# All that follow are private in the SDK; guarded by " in above
        if not together and "guarded by test_" not in above.rpartition("\n\n")[2]:
            bare.append(f"{kind.__name__}.{name}")
    assert bare == []


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


def test_the_target_knows_every_type_of_message() -> None:
    """A handler that the SDK has and the target does not would swallow records."""
    handlers = {
        name
        for owner in (Target, BaseSingerReader)
        for name in dir(owner)
        if name.startswith("_process_") and name.endswith("_message")
    }
    known = {
        SingerMessageType.SCHEMA: "_process_schema_message",
        SingerMessageType.RECORD: "_process_record_message",
        SingerMessageType.STATE: "_process_state_message",
        SingerMessageType.ACTIVATE_VERSION: "_process_activate_version_message",
        SingerMessageType.BATCH: "_process_batch_message",
    }
    assert set(SingerMessageType) == set(known)
    # Of the reader: it calls no handler, and ours raises at a type that it does not know.
    assert handlers - {"_process_unknown_message"} == set(known.values())
    for name in known.values():
        assert name in vars(TargetErp), f"{name} is the SDK's own"

    class Recording(LineReader):
        def process_lines(self, _: object, callbacks: dict[str, t.Any]) -> Counter[str]:
            assert {kind: call.__name__ for kind, call in callbacks.items()} == known
            return Counter({"seen": 1})

    config = {"aimsio": {"username": "u", "password": "p-secret"}}
    target = TargetErp(config=config, message_reader=Recording())
    assert target.process_lines(None) == {"seen": 1}


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
