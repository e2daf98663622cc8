"""Catalog, state, configuration and stdout of any shape: a run, or one line with the place."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import json
import pathlib
import subprocess
import sys
import typing as t
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from erp_vendors.stamps import from_iso, to_epoch_ms, to_iso
from tap_erp.bookmark import Bookmark, fingerprint
from tap_erp.learning import LearningStream
from tap_erp.stream import ErpStream
from tap_erp.streams import STREAMS
from tap_erp.tap import TapErp
from tests.support import commands
from tests.support.scale import full, mostly_nightly
from tests.support.stub import Reply, running_stub
from tests.tap_erp.running import aimsio, command, written

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

    from tap_erp.tap import TapErp as Tap

Json = t.Any
CONFIG = aimsio("http://127.0.0.1:1", password="files-s3cret")
AT = "aimsio_at"
NUMBERED = "aimsio_numbered"
TABLE = "aimsio_table"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


class Rows(ErpStream):
    """A stream that needs its catalog and its state as real ones do, and no vendor."""

    vendor = "aimsio"
    shows_deletions = True

    def __init__(self, tap: Tap, name: str, stamp: str | None) -> None:
        properties = {"id": {"type": "integer"}, "at": {"type": ["string", "null"]}}
        super().__init__(
            tap,
            name=name,
            schema={"properties": properties},
            primary_keys=("id",),
            replication_key=stamp,
        )

    def get_records(self, context: Context | None) -> t.Iterator[Record]:  # noqa: ARG002
        parse = to_epoch_ms if self.name == NUMBERED else to_iso
        bookmark = Bookmark(
            self.stream_state if self.incremental else {},
            self.replication_key or "",
            floor=_earlier,
            parse=parse,
        )
        for number in range(3):
            row = {"id": number, "at": f"2026-01-0{number + 1}"}
            mark = fingerprint(number)
            if bookmark.wants(parse(row["at"]), mark):
                yield row
                bookmark.emitted(parse(row["at"]), mark)
        if self.incremental:
            self.save(bookmark.state, now=True)


class LearningRows(Rows, LearningStream):
    """The same with columns that are learned."""


def _earlier(stamp: t.Any) -> t.Any:
    if isinstance(stamp, int):
        return stamp - 1
    moment = from_iso(stamp)
    moment = moment if moment.year == dt.MINYEAR else moment - dt.timedelta(hours=1)
    return moment.isoformat(timespec="microseconds")


def made(tap: Tap) -> list[Rows]:
    return [Rows(tap, AT, "at"), LearningRows(tap, NUMBERED, "at"), LearningRows(tap, TABLE, None)]


def invoke(*arguments: str) -> tuple[int, str, list[Json]]:
    """Run the command in this process: exit code, error line, messages."""
    with mock.patch.dict(STREAMS, aimsio=made):
        return commands.invoke(TapErp.cli, "tap-erp", *arguments)


@functools.cache
def catalog_text() -> str:
    with mock.patch.dict(STREAMS, aimsio=made):
        catalog = TapErp(config=copy.deepcopy(CONFIG)).catalog_dict
    for entry in catalog["streams"]:
        for part in entry["metadata"]:
            if not part["breadcrumb"]:
                part["metadata"]["selected"] = True
    return json.dumps(catalog)


def a_state() -> Json:
    bookmark = {
        "replication_key": "at",
        "replication_key_value": "2026-01-02T00:00:00.000000",
        "overlap": {"2026-01-02T00:00:00.000000": [fingerprint(1)]},
    }
    copy_of = {"filled": [TABLE], "version": 5, "copied_at": "2026-01-02T00:00:00Z", "source": "x"}
    return {"bookmarks": {AT: bookmark, NUMBERED: bookmark, TABLE: copy_of}}


def places(value: Json, path: tuple[Json, ...] = ()) -> t.Iterator[tuple[Json, ...]]:
    """All places in some JSON."""
    yield path
    items: t.Iterable[tuple[Json, Json]] = ()
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(value: Json, path: tuple[Json, ...], new: Json) -> Json:
    """The same JSON with something else at one place."""
    if not path:
        return new
    changed = copy.copy(value)
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


def judged(folder: str, door: str, value: Json | str) -> tuple[int, str, list[Json]]:
    """A run with one file of this content; it must end with 0, or with 1 and a line."""
    file = pathlib.Path(folder) / f"{door}.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    config = file if door == "config" else written(pathlib.Path(folder), "config", CONFIG)
    arguments = ["--config", str(config)]
    if door != "config":
        arguments += [f"--{door}", str(file)]
    code, said, messages = invoke(*arguments)
    assert code in {0, 1}
    assert bool(said) == bool(code)
    assert "\n" not in said
    assert "Traceback" not in said
    assert "files-s3cret" not in said
    return code, said, messages


def any_of(base: Json) -> st.SearchStrategy[Json]:
    """Any JSON, and some that is right but for one place."""
    return JSON | st.builds(
        functools.partial(replaced, base), st.sampled_from(list(places(base))), JSON
    )


FEW = settings(
    max_examples=full(8, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FEW
@given(data=st.data())
@pytest.mark.parametrize("door", ["catalog", "state", "config"])
def test_any_json_at_any_place_is_read_or_named(
    tmp_path: pathlib.Path, door: str, data: st.DataObject, caplog: pytest.LogCaptureFixture
) -> None:
    base = {"catalog": json.loads(catalog_text()), "state": a_state(), "config": CONFIG}[door]
    caplog.clear()
    value = data.draw(any_of(base))
    judged(str(tmp_path), door, value)
    assert [entry.exc_text for entry in caplog.records if entry.exc_info] == []


EMPTY, TWO = "", '{"bookmarks": {}}\n{"bookmarks": {}}\n'
DEEP = "[" * 3_000 + "]" * 3_000


def _in_catalog(**entry: Json) -> Json:
    catalog = json.loads(catalog_text())
    place = next(p for p, e in enumerate(catalog["streams"]) if e["tap_stream_id"] == AT)
    catalog["streams"][place].update(entry)
    return catalog


@pytest.mark.parametrize(
    ("door", "value", "named"),
    [
        ("catalog", [], "catalog.json must be an object, not a list"),
        ("catalog", {}, "catalog.json has no 'streams'"),
        ("catalog", {"streams": {}}, "'streams' must be a list"),
        ("catalog", {"streams": [7]}, "streams[0] must be an object"),
        ("catalog", {"streams": [{"stream": AT}]}, "streams[0] has no 'tap_stream_id'"),
        ("catalog", EMPTY, "the file is empty"),
        ("catalog", "{", "is not one JSON value"),
        ("catalog", DEEP, "is not one JSON value"),
        ("state", [], "state.json must be an object, not a list"),
        ("state", "null", "state.json must be an object, not null"),
        ("state", EMPTY, "the file is empty; leave --state out"),
        ("state", " \n", "the file is empty"),
        ("state", TWO, "of several lines only the last one may stay"),
        ("state", DEEP, "is not one JSON value"),
        ("state", {"bookmarks": None}, "'bookmarks' must be an object, not null"),
        ("state", {"type": "STATE", "value": {}}, "state.json has no 'bookmarks'"),
        ("state", {"bookmarks": {AT: None}}, f"stream '{AT}' must be an object, not null"),
        ("state", {"bookmarks": {AT: [1]}}, f"stream '{AT}' must be an object, not a list"),
        ("state", {"bookmarks": {AT: {"overlap": {"x": 1}}}}, f"stream '{AT}': overlap"),
        ("config", "[]", "config.json cannot be read as a JSON object"),
        ("config", [["aimsio", {}]], "config.json cannot be read as a JSON object"),
        ("config", EMPTY, "config.json cannot be read"),
        ("config", DEEP, "config.json cannot be read"),
        ("config", {**CONFIG, "stream_maps": {AT: {"x": "1 +"}}}, "stream_maps"),
        ("config", {**CONFIG, "stream_maps": {AT: 7}}, "stream_maps"),
    ],
)
def test_an_unusable_input_file_is_named(
    tmp_path: pathlib.Path, door: str, value: Json, named: str
) -> None:
    code, said, messages = judged(str(tmp_path), door, value)
    assert code == 1
    assert named in said
    assert f"{door}" in said
    assert messages == []


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"schema": None}, "'schema' must be an object, not null"),
        ({"schema": {}}, "schema has no 'properties'"),
        ({"schema": {"properties": {"id": True}}}, "id must be an object"),
        ({"schema": {"properties": {"id": {"type": 7}}}}, "id: 'type' must be text"),
        ({"metadata": {}}, "'metadata' must be a list"),
        ({"metadata": [None]}, "metadata[0] must be an object"),
        ({"metadata": [{"breadcrumb": []}]}, "metadata[0] has no 'metadata'"),
        ({"metadata": [{"breadcrumb": [1], "metadata": {}}]}, "'breadcrumb' must be text"),
        (
            {"metadata": [{"breadcrumb": [], "metadata": {"selected": "no"}}]},
            "'selected' must be true or false, not text",
        ),
        ({"key_properties": "id"}, "'key_properties' must be a list"),
        ({"replication_method": "full"}, "'replication_method' must be one of FULL_TABLE"),
    ],
)
def test_a_catalog_entry_that_cannot_be_used_is_named_with_its_stream(
    tmp_path: pathlib.Path, entry: Json, named: str
) -> None:
    code, said, messages = judged(str(tmp_path), "catalog", _in_catalog(**entry))
    assert (code, messages) == (1, [])
    assert f"catalog.json: stream '{AT}'" in said
    assert named in said


def test_a_bookmark_that_is_no_stamp_is_named_and_costs_its_stream_alone(
    tmp_path: pathlib.Path,
) -> None:
    state = replaced(a_state(), ("bookmarks", AT, "replication_key_value"), "the day before")
    code, said, messages = judged(str(tmp_path), "state", state)
    assert code == 1
    assert f"1 of 3 streams failed: {AT}" in said
    assert "'the day before' is no stamp" in said
    assert {m["stream"] for m in messages if m["type"] == "RECORD"} == {NUMBERED, TABLE}


@pytest.mark.parametrize("flag", ["--state", "--catalog", "--config"])
def test_a_file_that_is_not_there_is_named(tmp_path: pathlib.Path, flag: str) -> None:
    config = written(tmp_path, "config", CONFIG)
    code, said, messages = invoke("--config", config, flag, str(tmp_path / "absent.json"))
    assert (code, messages) == (1, [])
    assert "absent.json" in said


@pytest.mark.slow
@pytest.mark.parametrize("kept", mostly_nightly((1, 40, 400), keep=(1,)))
def test_a_reader_that_goes_is_said_in_one_line(tmp_path: pathlib.Path, kept: int) -> None:
    rows = [{"id": number, "updatedAt": number} for number in range(300)]
    with running_stub(lambda _: Reply(body=rows)) as stub:
        config = written(tmp_path, "config", aimsio(stub.url))
        process = command("--config", config, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(kept)
        process.stdout.close()
        err = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(60) == 1
    assert_one_line(err, "cannot write to stdout")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "arguments"),
    mostly_nightly([(to, words) for to in (">&-", ">/dev/full") for words in ([], ["--discover"])]),
)
def test_a_stdout_that_takes_nothing_is_said_in_one_line(
    tmp_path: pathlib.Path, arguments: list[str], to: str
) -> None:
    with running_stub(lambda _: Reply(body=[])) as stub:
        config = written(tmp_path, "config", aimsio(stub.url))
        line = f'exec "$0" -m tap_erp --config "$1" {" ".join(arguments)} {to}'
        run = subprocess.run(
            ["/bin/sh", "-c", line, sys.executable, config],
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert run.returncode == 1
    assert_one_line(run.stderr.decode(), "cannot write to stdout")


def assert_one_line(err: str, said: str) -> None:
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    (line,) = [line for line in err.splitlines() if "| ERROR" in line]
    assert said in line
