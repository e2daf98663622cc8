"""docs/coverage.md is up to date and true: no operation of the vendors is lost, none invented."""

from __future__ import annotations

import json
import re
import shutil
import socket
import typing as t
import urllib.request

import pytest

from demo.sandbox import block
from erp_sandbox.aim.vendor import OPERATIONS
from erp_sandbox.testing import RunningSandbox, running_sandbox
from erp_vendors.vendors import VENDORS
from tests.support.interface import INTERFACES
from tests.tap_erp.running import make_tap, run_tap
from tools.coverage import data
from tools.coverage.compare import Found, find, plain
from tools.coverage.entries import Config, options
from tools.coverage.page import PAGE, page_of
from tools.generated import ROOT

if t.TYPE_CHECKING:
    import pathlib

MARKS = {"DOC", "OBS", "OBS(v)", "INF", "UNK"}


def names(part: str) -> set[str]:
    """The names of a part of all vendors' interfaces, as streams and sinks have them."""
    return {f"{vendor}_{name}" for vendor, one in INTERFACES.items() for name in getattr(one, part)}


@pytest.fixture(scope="module")
def found() -> Found:
    """What the code has, found without a single connection."""

    def refuse(*_: t.Any, **__: t.Any) -> t.NoReturn:
        pytest.fail("a connection was made")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        return find()


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=2, limits=False) as running:
        yield running


@pytest.fixture
def config(sandbox: RunningSandbox) -> Config:
    """All vendors of the sandbox, with every stream there is."""
    sandbox.reset(data=True)
    with urllib.request.urlopen(sandbox.url) as answer:  # noqa: S310 - loopback
        played = json.load(answer)["vendors"]
    blocks: Config = {
        name: {
            **block(vendor, played[name]),
            "requests_per_second": 1000,
            **options()[name],
        }
        for name, vendor in VENDORS.items()
    }
    blocks["aims360"] |= {"aqua_poll_seconds": 0.05, "calls_per_minute": 100_000}
    accounts = [sandbox.rows("aim", "customers")[0]["Acct"]]
    blocks["aim"]["customer_access_tokens"] = {"accounts": accounts}
    return blocks


def asked(sandbox: RunningSandbox) -> set[str]:
    """What the sandbox was asked, spelled as operations."""
    calls = {
        f"{vendor}: {call}"
        for vendor, counts in sandbox.report().items()
        for call in counts["by_path"]
    }
    own = r"/store(?=/)|(?<= )/\{site\}/|(?<=\w)/\{page\}$"
    return {spelled(re.sub(own, "", call)) for call in calls}


def spelled(call: str) -> str:
    """Without names of parameters and hosts, in lower case, as two of the vendors do not care."""
    call = re.sub(r"\{[^}]*\}", "{}", re.sub(r"https?://[^/]*", "", call))
    vendor, method, path = call.split(" ", 2)
    return f"{vendor} {method} {path.lower()}"


def covered(found: Found, role: str) -> dict[str, set[str]]:
    """What is covered by roles that begin so: operations, and the calls that each may be."""
    return {
        spelled(f"{vendor}: {row.operation}"): {
            spelled(f"{vendor}: {call}")
            for call in (*plain(row.operation), *(f"GET {path}" for path in row.guesses))
        }
        for vendor, rows in found.rows.items()
        for row in rows
        if any(cover.startswith(role) for cover in row.covers)
    }


def test_the_page_is_up_to_date(found: Found) -> None:
    text = (ROOT / PAGE).read_text("utf-8")
    assert text == page_of(found), "run `make settings`"


def test_nothing_is_lost_and_nothing_invented(found: Found) -> None:
    assert found.problems == []
    for vendor in VENDORS:
        listed = [entry["operation"] for entry in data.operations(vendor)]
        assert [row.operation for row in found.rows[vendor]] == listed
        for row in found.rows[vendor]:
            assert bool(row.covers) != bool(row.reason), row


def test_the_sandbox_plays_what_is_called_and_nothing_that_no_document_names(found: Found) -> None:
    """AIM's operations as code, sandbox and documents have them, each written by itself."""
    played = {
        f"{verb} /api/{operation.path}" for operation in OPERATIONS for verb in operation.verbs
    } | {"GET /api/GetEndPoint", "POST /api/Security"}
    named = {call for row in found.rows["aim"] for call in plain(row.operation)}
    assert played - named == set()
    called = {row.operation for row in found.rows["aim"] if row.covers}
    assert [name for name in called if not plain(name) & played] == []


def test_the_lists_of_operations_are_sound() -> None:
    for vendor in VENDORS:
        listed = data.operations(vendor)
        calls = [call for entry in listed for call in plain(entry["operation"])]
        assert len(calls) == len(set(calls)), vendor
        for entry in listed:
            assert set(entry) == {"operation", "section", "mark"}
            assert entry["mark"] in MARKS, entry
            assert re.fullmatch(r"(GET|POST|PUT|DELETE)(,GET)? \S.*", entry["operation"]), entry
            assert re.fullmatch(r"\d+(\.\d+)?", entry["section"]), entry


def test_every_stream_and_sink_of_the_interface_exists(found: Found) -> None:
    entries = {name: entry for named in found.entries.values() for name, entry in named.items()}
    read = {name for name, entry in entries.items() if entry.read_key is not None}
    assert read == names("read") | names("further")
    assert {name for name, entry in entries.items() if entry.optional} - read == set()
    assert {name for name, entry in entries.items() if entry.optional and name in read} == names(
        "optional"
    )
    assert {name for name, entry in entries.items() if entry.write_key is not None} == names(
        "written"
    )


def test_a_run_asks_for_what_the_page_says(
    found: Found, config: Config, sandbox: RunningSandbox
) -> None:
    run = run_tap(config)
    assert (run.code, run.error) == (0, "")
    calls = asked(sandbox)
    read = covered(found, "stream ")
    known = set().union(*read.values(), *covered(found, "login").values())
    assert calls - known == set()
    quiet = {operation for operation, may_be in read.items() if not may_be & calls}
    assert quiet == {
        f"{vendor}: {call}" for vendor, one in INTERFACES.items() for call in one.rarely_called
    }


def test_a_connection_test_asks_for_what_the_page_says(
    found: Found, config: Config, sandbox: RunningSandbox
) -> None:
    # A token made in the ERP needs no login.
    del config["aims360"]["access_token"]
    make_tap(config).check_credentials()
    calls = {*covered(found, "connection test"), *covered(found, "login")}
    assert asked(sandbox) == calls - {"cimcloud: POST refresh"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"less": "GET /rest/api/standard/v1/User/{guid or id}"},
            "`aimsio_users`: no document names",
        ),
        ({"more": "POST /rest/api/standard/v1/Crew"}, "neither covered nor left out for a reason"),
        ({"less": "GET <Location>"}, "'GET <Location>' is no operation of tests/operations"),
        ({"used": {"aimsio_crews": []}}, "'aimsio_crews' is neither a role nor a stream"),
        ({"guesses": {"users": "<User>"}}, "'users' is no guess"),
        (
            {"left_out": {"too hard": ["POST /rest/api/standard/v1/NRB"]}},
            "left out, but covered by sink `aimsio_nrbs`",
        ),
    ],
    ids=str,
)
def test_a_page_that_is_out_of_step_is_told(
    change: dict[str, t.Any],
    problem: str,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(data.VENDOR_DATA, tmp_path / "vendors")
    shutil.copytree(data.OPERATIONS, tmp_path / "operations")
    monkeypatch.setattr(data, "VENDOR_DATA", tmp_path / "vendors")
    monkeypatch.setattr(data, "OPERATIONS", tmp_path / "operations")
    file = data.VENDOR_DATA / "aimsio.json"
    given = json.loads(file.read_text("utf-8"))
    for part in ("used", "guesses", "left_out"):
        given.setdefault(part, {}).update(change.get(part, {}))
    file.write_text(json.dumps(given))
    listed = [
        entry for entry in data.operations("aimsio") if entry["operation"] != change.get("less")
    ]
    if "more" in change:
        listed.append({"operation": change["more"], "section": "7", "mark": "DOC"})
    (data.OPERATIONS / "aimsio.json").write_text(json.dumps(listed))
    problems = find().problems
    assert len(problems) == 1
    assert problems[0].startswith("aimsio: ")
    assert problem in problems[0]
