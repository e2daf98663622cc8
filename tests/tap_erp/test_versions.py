"""ACTIVATE_VERSION: only behind a complete copy, and never because a list is empty of a sudden."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erp_vendors.errors import ErpError, MissingResourceError
from erp_vendors.vendors import VENDORS
from tap_erp.learning import LearningStream
from tap_erp.stream import ErpStream, StreamError
from tap_erp.streams import STREAMS
from tests.erp_vendors.pentamic.played import ANN, BOB, played
from tests.support.scale import full
from tests.tap_erp.running import Message, aimsio, make_tap, run_tap

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.base import BaseTap

NAME = "aimsio_made_up"
SCHEMA = {"properties": {"id": {"type": "integer"}}}


class Copy(ErpStream):
    """A full table that is read as a test says.

    Attributes:
        holds: Number of rows by list; None for one that cannot be read to its end.
        breaks: What happens behind the last row: nothing, a row that is missed, an error, a stop.
    """

    vendor = "aimsio"
    holds: t.ClassVar[dict[str, int]] = {}
    breaks: t.ClassVar[str] = ""
    shows_deletions = True

    def __init__(self, tap: BaseTap) -> None:
        super().__init__(tap, name=NAME, schema=SCHEMA, primary_keys=("id",))

    def get_records(self, context: Context | None) -> t.Iterator[Record]:  # noqa: ARG002
        for name, count in self.holds.items():
            self.table_copy.note(name, filled=count > 0, may_be_empty=self.may_be_empty)
            yield from ({"id": number} for number in range(count))
        if self.breaks == "missed":
            self.missed("a row")
        if self.breaks == "failed":
            msg = "the list broke off"
            raise StreamError(msg)
        if self.breaks == "missing":
            msg = "no such path"
            raise MissingResourceError(msg)
        if self.breaks == "stopped":
            self.erp.connection.clock.stop()


class LearningCopy(Copy, LearningStream):
    """The same with columns that are learned."""


def read(kind: type[Copy], state: Message, **config: t.Any) -> tuple[list[Message], Message, str]:
    """One run: the messages but STATE, the last STATE, the error."""
    out = io.TextIOWrapper(io.BytesIO())
    error = ""
    with mock.patch.dict(STREAMS, aimsio=lambda tap: [kind(tap)]), contextlib.redirect_stdout(out):
        tap = make_tap({**aimsio("http://127.0.0.1:1"), **config}, state=state)
        try:
            tap.sync_all()
        except ErpError as failure:
            error = str(failure)
    out.flush()
    messages = [json.loads(line) for line in t.cast("t.Any", out).buffer.getvalue().splitlines()]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    others = [message for message in messages if message["type"] != "STATE"]
    return others, json.loads(json.dumps(states[-1] if states else state)), error


READING = st.tuples(
    st.fixed_dictionaries({"a": st.integers(0, 2), "b": st.integers(0, 1)}),
    st.sampled_from(["", "", "", "missed", "failed", "stopped"]),
)


@pytest.mark.slow
@settings(max_examples=full(25, 60), deadline=None)
@given(kind=st.sampled_from([Copy, LearningCopy]), readings=st.lists(READING, max_size=5))
def test_only_a_complete_copy_is_activated_and_never_an_emptied_one(
    kind: type[Copy], readings: list[tuple[dict[str, int], str]]
) -> None:
    state: Message = {}
    filled: set[str] = set()
    for holds, breaks in readings:
        with mock.patch.multiple(kind, holds=holds, breaks=breaks):
            messages, state, error = read(kind, state)
        now = {name for name, count in holds.items() if count}
        expected = not breaks and bool(now) and filled <= now
        assert bool(error) == bool(breaks)
        assert [m["type"] for m in messages].count("ACTIVATE_VERSION") == int(expected)
        if expected:
            filled = now
            assert messages[-1]["type"] == "ACTIVATE_VERSION"
            versions = {m["version"] for m in messages if "version" in m}
            assert len(versions) == 1
            assert messages[0]["type"] == "SCHEMA"


def test_a_list_that_is_suddenly_empty_is_told_once_in_each_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    state: Message = {}
    for holds, warnings in (({"a": 2, "b": 1}, 0), ({"a": 0, "b": 0}, 1), ({"a": 0, "b": 1}, 1)):
        caplog.clear()
        with mock.patch.object(Copy, "holds", holds):
            _, state, error = read(Copy, state)
        said = [r for r in caplog.records if r.levelno == logging.WARNING]
        assert (error, len(said)) == ("", warnings)
        assert all(f"{NAME}: a" in r.getMessage() for r in said)


def test_a_copy_that_may_be_empty_is_activated() -> None:
    with mock.patch.multiple(Copy, holds={"a": 1}):
        _, state, _ = read(Copy, {})
    with mock.patch.multiple(Copy, holds={"a": 0}, may_be_empty=True):
        messages, _, _ = read(Copy, state)
    assert [message["type"] for message in messages] == ["SCHEMA", "ACTIVATE_VERSION"]


def test_a_list_that_cannot_be_read_any_more_makes_the_copy_incomplete() -> None:
    with mock.patch.object(Copy, "holds", {"a": 1, "b": 0}):
        _, state, error = read(Copy, {})
    assert error == ""
    with mock.patch.object(Copy, "holds", {"a": 1}):
        messages, after, error = read(Copy, state)
    assert "no list of b, which an earlier run could read" in error
    assert "ACTIVATE_VERSION" not in [message["type"] for message in messages]
    assert after == state


@pytest.mark.parametrize(("rows", "failed"), [(0, False), (2, True)])
def test_a_path_that_does_not_exist_is_skipped_only_before_the_first_record(
    rows: int, *, failed: bool
) -> None:
    with mock.patch.multiple(Copy, holds={"a": rows}, breaks="missing"):
        messages, _, error = read(Copy, {})
    assert ("after 2 records" in error) is failed
    assert bool(error) is failed
    assert "ACTIVATE_VERSION" not in [message["type"] for message in messages]


@pytest.mark.parametrize(
    ("maps", "names"),
    [
        ({NAME: {"__alias__": "other"}}, ["other"]),
        ({NAME: None}, []),
        ({"more": {"__source__": NAME}}, [NAME, "more"]),
    ],
)
def test_a_version_has_the_name_that_the_stream_maps_give(maps: Message, names: list[str]) -> None:
    with mock.patch.object(Copy, "holds", {"a": 1}):
        messages, _, _ = read(Copy, {}, stream_maps=maps)
    activated = [m["stream"] for m in messages if m["type"] == "ACTIVATE_VERSION"]
    assert activated == names
    assert [m["stream"] for m in messages if m["type"] == "SCHEMA"] == names


def test_no_stream_goes_round_the_guard() -> None:
    for vendor in VENDORS:
        importlib.import_module(f"tap_erp.streams.{vendor}")
    kinds, seen = [ErpStream], set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        seen.add(kind.__name__)
        own = {"_complete_copy", "_conclude", "_sync_records"} & vars(kind).keys()
        assert not own or kind is ErpStream
    assert {"LearningStream", "PentamicStream"} <= seen


def test_pentamic_keeps_its_customers_when_the_list_is_empty(
    short_pauses: None,  # noqa: ARG001
) -> None:
    with played() as pentamic:
        config = {"pentamic": pentamic.block()}
        state: Message | None = None
        activated = []
        for customers in ([], [ANN, BOB], [], [], [BOB]):
            pentamic.customers = customers
            run = run_tap(config, "pentamic_customers", state=state)
            assert run.code == 0
            state = run.state
            activated.append("ACTIVATE_VERSION" in run.kinds("pentamic_customers"))
    assert activated == [False, True, False, False, True]
