"""Templates of every sink, filled in, are records that the sink itself takes in a dry run."""

from __future__ import annotations

import csv
import json
import re
import typing as t
import urllib.request

import pytest

from demo.project import connection
from erp_plugin.environment import from_environment
from erp_sandbox.testing import running_sandbox
from erp_vendors.errors import ConfigError
from target_erp.delivery import RefusedError
from target_erp.planning.plan_file import lines_of
from target_erp.prepare import prepare
from target_erp.sink_writers import SinkWriters
from target_erp.target import TargetErp
from target_erp.templates import any_account, legend, sinks, template
from target_erp.writers.aimsio import StatusWriter
from tests.support.plugins import Message, record, run_target, schema

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

OF_THE_VALUES = r"no existing one has this key|the vendor has no record with the id 1"
"""The vendor's words about values that are made up."""
TARGET = TargetErp(config=any_account())
SINKS = [one.name for one in sinks(TARGET)]
VALUES: list[tuple[str, t.Any]] = [
    ("epoch", 1_700_000_000_000),
    ("whole number", 1),
    ("text", "2026-01-31"),
    ("number", 1),
    ("true or false", True),
]


def value_for(said: str) -> t.Any:
    """A value of the type that a placeholder names."""
    options = re.search(r"one of ([^;>]*)", said)
    if options:
        first = options[1].split(", ")[0]
        return int(first) if "number" in said and first.lstrip("-").isdigit() else first
    return next((value for words, value in VALUES if words in said), "2026-01-31")


def filled_in(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: filled_in(part) for name, part in value.items()}
    return [filled_in(part) for part in value] if isinstance(value, list) else value_for(value)


def from_json(sink: str) -> Message:
    return t.cast("Message", filled_in(json.loads(template(TARGET, sink, "json"))))


def from_csv(sink: str) -> Message:
    (header,) = csv.reader([template(TARGET, sink, "csv")])
    skeleton = json.loads(template(TARGET, sink, "json"))
    return {name: filled_in(skeleton[name]) for name in header}


@pytest.mark.parametrize("form", [from_json, from_csv], ids=["json", "csv"])
def test_every_sink_takes_its_template(
    form: t.Callable[[str], Message], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    messages, asked, told = [], [], []
    for sink in SINKS:
        try:
            body = form(sink)
        except ConfigError as error:
            # Nothing is known of it, or no row of a table can hold it; both say what to do.
            told.append(str(error))
            continue
        messages += [schema(sink), record(sink, **body)]
        asked.append(sink)
    assert len(asked) >= 30
    for text in told:
        assert "in an entry of the setting" in text or "take --format json" in text
    with running_sandbox(size=3, limits=False) as sandbox:
        with urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310 - loopback
            played = json.load(answer)["vendors"]
        properties = {"properties": TargetErp.config_jsonschema["properties"]}
        config = from_environment("TARGET_ERP_", properties, connection(played, 100))
        run = run_target(
            {**config, "dry_run": True, "plan_file": "plan.jsonl", "unknown_properties": "refuse"},
            messages,
        )
    lines = lines_of(str(tmp_path / "plan.jsonl"))[1]
    refused = {
        line["stream"]: line["reason"]
        for line in lines
        if line["step"] == "refused" and not re.search(OF_THE_VALUES, line["reason"])
    }
    assert refused == {}
    assert {line["stream"] for line in lines} == set(asked), run.error


LOOSE = TargetErp(config={**any_account(), "coerce": "lossless", "match_properties": "loose"})


@pytest.mark.parametrize("sink", SINKS)
def test_what_is_not_filled_in_is_told_without_saying_anything_twice(
    sink: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StatusWriter, "_exists", lambda *_: True)
    try:
        skeleton = json.loads(template(TARGET, sink, "json"))
    except ConfigError:
        return
    for target in (TARGET, LOOSE):
        writers = SinkWriters(target)
        writer, _ = writers.get(sink, ())
        for value in ("left as it is", "", None):
            body = dict.fromkeys(skeleton, value)
            refusal = prepare(writer, writers.received(writer, 1, body))
            if isinstance(refusal, RefusedError):
                parts = str(refusal).split("; ")
                assert len(parts) == len(set(parts)), str(refusal)
    assert legend(TARGET, sink)
