"""What is refused before it is prepared stands in the dead letters under its ledger key."""

from __future__ import annotations

import contextlib
import io
import json
import typing as t

import pytest

from erp_cli.ledger import main
from erp_vendors.aim.write_specs import WRITE_SPECS
from target_erp.run import REJECTED
from target_erp.target import TargetErp
from target_erp.writers import make_writer
from target_erp.writers.aimsio import StatusWriter
from target_erp.writers.write_validator import WriteValidator
from tests.support.plugins import Message, record, run_target, schema, state
from tests.support.scale import mostly_nightly

if t.TYPE_CHECKING:
    import pathlib

    from target_erp.delivery import Writer

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"
LOGIN = {"username": "u", "password": "p-secret"}
CONFIG: Message = {
    "aim": {"api_url": NOWHERE, "api_key": "k-secret", "app_id": "app", **LOGIN},
    "aims360": {"api_url": NOWHERE, "access_token": "t-secret"},
    "aimsio": {"api_url": NOWHERE, **LOGIN},
    "cimcloud": {"api_url": NOWHERE, "site_name": "s", "auth_key": "k-secret", **LOGIN},
    "pentamic": {"client_id": "c", "client_secret": "s-secret", "scope": "s"},
}


def sinks() -> t.Iterator[tuple[str, tuple[str, ...]]]:
    """Each sink with each set of properties that is a key of it."""
    target = TargetErp(config=CONFIG)
    for sink in WRITE_SPECS:
        for names in sink.keys:
            yield f"aim_{sink.name}", names
    for vendor in ("aims360", "aimsio", "cimcloud", "pentamic"):
        for name, resource in target.client(vendor).resources.items():
            if resource.write_path is None:
                continue
            writer = make_writer(target, f"{vendor}_{name}", ("given",))
            for key in writer.keys:
                yield writer.stream, (key,)
            if writer._together:  # noqa: SLF001 - a key like the others
                yield writer.stream, writer._together  # noqa: SLF001 - as above


TABLE = sorted(set(sinks()))
STREAMS = sorted({stream for stream, _ in TABLE})


@pytest.fixture(autouse=True)
def _any_body_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """No vendor is called, and what a body must hold is no matter here: keys are."""

    def without_a_vendor(target: TargetErp, stream: str, keys: t.Sequence[str]) -> Writer:
        writer: t.Any = make_writer(target, stream, keys)
        writer.send = lambda _: None
        writer.upsert, writer.can_look_up, writer.check_before_create = True, False, False
        return t.cast("Writer", writer)

    monkeypatch.setattr("target_erp.sink_writers.make_writer", without_a_vendor)
    monkeypatch.setattr(WriteValidator, "check", lambda *_: None)
    monkeypatch.setattr(StatusWriter, "_exists", lambda *_: True)


def rejects(folder: pathlib.Path) -> list[Message]:
    text = io.StringIO()
    options = ["--ledger", str(folder / "ledger"), "--dead-letters", str(folder / "dead")]
    with contextlib.redirect_stdout(text):
        assert main([*options, "rejects", "--json"]) == 0
    return [json.loads(line) for line in text.getvalue().splitlines()]


def whole(stream: str, names: t.Sequence[str]) -> Message:
    """A record that goes through if its schema lets it."""
    body: Message = {"status": "new", **dict.fromkeys(names, "K-1")}
    if stream.startswith("aim_"):
        (sink,) = (sink for sink in WRITE_SPECS if f"aim_{sink.name}" == stream)
        own = {name for operation in sink.operations for name in (operation.customer,)}
        body |= {name: "A-1" for name in own if name and name not in names}
    return body


def config(folder: pathlib.Path) -> Message:
    return {**CONFIG, "ledger": str(folder / "ledger"), "dead_letters": str(folder / "dead")}


WAYS: dict[str, tuple[Message, str]] = {
    "its SCHEMA": ({"checked": "text"}, "schema"),
    "no value for a key": ({"also": None}, "no_key"),
    "a tombstone": ({"_sdc_deleted_at": "2026-01-01T00:00:00Z"}, "no_delete"),
}


# Together with a key property that is empty, one that only the SCHEMA names is no key.
CASES = [
    (stream, names, way)
    for stream, names in TABLE
    for way in WAYS
    if names != ("given",) or way != "no value for a key"
]


@pytest.mark.parametrize(("stream", "names", "way"), mostly_nightly(CASES), ids=str)
def test_a_letter_has_the_key_and_goes_when_the_record_gets_through(
    tmp_path: pathlib.Path, stream: str, names: tuple[str, ...], way: str
) -> None:
    fault, kind = WAYS[way]
    body = whole(stream, names)
    keys = [*names, "also"] if kind == "no_key" else names
    said = schema(stream, keys, checked={"type": "integer"})
    refused = {**body, "checked": 1, "also": "x", **fault}
    run = run_target(config(tmp_path), [said, record(stream, **refused), state("end")])
    assert (run.code, run.states) == (REJECTED, ["end"]), run.error
    (letter,) = rejects(tmp_path)
    assert letter["class"] == kind
    joined = {",".join(names): ",".join("K-1" for _ in names)}
    assert joined.items() <= letter["key"].items()
    good = {**refused, "checked": 2, "also": "x"}
    good.pop("_sdc_deleted_at", None)
    run = run_target(config(tmp_path), [schema(stream, names), record(stream, **good)])
    assert run.code == 0, (run.error, rejects(tmp_path))
    assert rejects(tmp_path) == []


@pytest.mark.parametrize(
    ("stream", "names"), mostly_nightly(TABLE, keep=range(0, len(TABLE), 5)), ids=str
)
def test_a_record_that_its_schema_refuses_can_be_replayed(
    tmp_path: pathlib.Path, stream: str, names: tuple[str, ...]
) -> None:
    said = schema(stream, names, checked={"type": "integer"})
    refused = record(stream, **whole(stream, names), checked="text")
    assert run_target(config(tmp_path), [said, refused]).code == REJECTED
    TargetErp(config=config(tmp_path)).replay(stream)
    assert rejects(tmp_path) == []


@pytest.mark.parametrize("stream", mostly_nightly(STREAMS, keep=range(0, len(STREAMS), 5)))
def test_a_letter_without_a_key_of_the_sink_has_that_of_the_tap(
    tmp_path: pathlib.Path, stream: str
) -> None:
    said = schema(stream, ["row"], checked={"type": "integer"})
    run = run_target(config(tmp_path), [said, record(stream, row=7, checked="text")])
    assert run.code == REJECTED
    (letter,) = rejects(tmp_path)
    assert letter["key"] == {"row": "7"}


@pytest.mark.parametrize("stream", STREAMS)
def test_keys_are_told_of_any_record(stream: str) -> None:
    writer = make_writer(TargetErp(config=CONFIG), stream, ("row", "more"))
    names = {name for sink, names in TABLE if sink == stream for name in names}
    for odd in (None, "", [], {}, [1], {"a": 1}, True, 10**400, "x\ny", 1.5):
        for body in ({}, dict.fromkeys([*names, "row", "more", "CustomerInfo", "Acct"], odd)):
            key = writer.identify(body)
            assert all(isinstance(part, str) and part for pair in key for part in pair)
