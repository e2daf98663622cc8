"""`erp ledger move` and `erp ledger prune`."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
import typing as t
from unittest import mock

import pytest

from erp_cli.ledger import main
from erp_ledger import Ledger, LedgerError, LedgerRecord, RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_ledger.transfer import TABLES
from erp_vendors.errors import ConfigError
from erp_vendors.http.budget import Clock
from tests.support.history import EMPLOYEES, letter
from tests.support.scale import mostly_nightly
from tests.support.services import postgres_url
from tests.support.waiting import wait_until

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.slow

FILE = "erp_ledger.sqlite"
SIZE = 1_300
"""Records of a sink: three pages."""
ORDERS = "aims360_orders"
ACCOUNT = secrets.token_hex(6)
"""Leases in PostgreSQL are those of a database, and tests beside this one may take some there."""


@pytest.fixture(scope="module", autouse=True)
def _server() -> None:
    with postgres_url():
        pass


@pytest.fixture
def url() -> t.Iterator[str]:
    with postgres_url() as found:
        yield found


@pytest.fixture(autouse=True)
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a ledger in which every table has lines, some of them odd."""
    monkeypatch.chdir(tmp_path)
    fill(FILE, ACCOUNT)
    return tmp_path


def entry(key: str, status: RecordStatus = RecordStatus.ACCEPTED, **more: t.Any) -> LedgerRecord:
    return LedgerRecord(key, key.encode()[:8], status, attempts=1, run="2", **more)


def fill(setting: str, account: str) -> None:
    with contextlib.closing(open_ledger(setting)) as ledger:
        ledger.begin_run(f"1-{account}")
        ledger.end_run(f"1-{account}", '{"exit_code": 0}')
        ledger.begin_run(f"2-{account}")
        keys = [f"code=E-{n}" for n in range(SIZE)]
        keys += ["code=Ünï 'x\"", "code=", "Code=e-1", "code=z\0"]
        ledger.write(account, EMPLOYEES, [entry(key, vendor_id=f"v{key[-3:-1]}") for key in keys])
        ledger.write(account, EMPLOYEES, [entry("code=E-1", RecordStatus.UNKNOWN, body="{}")])
        named = entry("code=E-2", RecordStatus.REFUSED, aliases=("id=2",))
        ledger.write(account, EMPLOYEES, [named])
        ledger.write(account, ORDERS, [entry("no=1", RecordStatus.WAITING, parent="code=E-9")])
        ledger.intend(account, ORDERS, "2", {"no=2": b"12345678"})
        ledger.learn(account, ORDERS, '{"status": 200}', "2")
        ledger.strike(account, ORDERS, ["no=3"], "2")


def lines(setting: str, account: str) -> dict[str, list[t.Any]]:
    """All that a ledger holds of an account."""
    with contextlib.closing(open_ledger(setting)) as ledger:
        return {
            f"{table.name} {stream}": sorted(
                row
                for page in ledger.pages(table, ledger.partition(account, stream))
                for row in page
            )
            for table in TABLES
            if table.partitioned
            for stream in (EMPLOYEES, ORDERS)
        }


def test_every_line_moves_and_the_file_is_given_up(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = lines(FILE, ACCOUNT)
    assert main(["move", url]) == 0
    said = capsys.readouterr().out
    assert f"{SIZE + 5:,} records" in said
    assert "set the setting 'ledger'" in said
    assert lines(url, ACCOUNT) == before
    with contextlib.closing(open_ledger(url)) as ledger:
        assert [run.run for run in ledger.runs(9)] == [f"2-{ACCOUNT}", f"1-{ACCOUNT}"]
    with pytest.raises(ConfigError, match="was moved to PostgreSQL by erp ledger move"):
        open_ledger(FILE)
    assert main(["move", url]) == 1
    assert "was moved to PostgreSQL" in capsys.readouterr().err


def test_ledgers_of_several_accounts_go_into_one(url: str, tmp_path: pathlib.Path) -> None:
    other = str(tmp_path / "other.sqlite")
    fill(other, "two")
    before = lines(FILE, ACCOUNT), lines(other, "two")
    assert main(["--ledger", other, "move", url]) == 0
    assert main(["move", url]) == 0
    assert (lines(url, ACCOUNT), lines(url, "two")) == before


KILLED = """
import os, signal, sys
from erp_ledger import Ledger
from erp_cli.ledger import main
put, pages = Ledger.put, int(sys.argv[2])
def killed(*given):
    global pages
    if not pages:
        os.kill(os.getpid(), signal.SIGKILL)
    pages -= 1
    put(*given)
Ledger.put = killed
sys.exit(main(["move", sys.argv[1]]))
"""


@pytest.mark.parametrize("pages", mostly_nightly((0, 2, 5), keep=(1,)))
def test_a_call_that_was_killed_goes_on(
    url: str, capsys: pytest.CaptureFixture[str], pages: int
) -> None:
    before = lines(FILE, ACCOUNT)
    process = subprocess.run([sys.executable, "-c", KILLED, url, str(pages)], check=False)
    assert process.returncode == -signal.SIGKILL
    assert lines(FILE, ACCOUNT) == before  # and it can be used as before
    capsys.readouterr()
    wait_until(lambda: main(["move", url]) == 0)  # the server may still hold the killed one's lease
    assert lines(url, ACCOUNT) == before
    added = re.search(r"\(([\d,]+) by this call", capsys.readouterr().out)
    assert added is not None
    rows = sum(map(len, before.values())) + 2  # two runs
    left = int(added[1].replace(",", ""))
    assert left == rows if not pages else 0 < left <= rows - 500


def test_a_file_that_was_written_to_after_a_cut_moves_to_an_empty_place(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut:
        cut.setattr(Ledger, "number_of", mock.Mock(side_effect=KeyboardInterrupt))
        assert main(["move", url]) == 1
    with contextlib.closing(open_ledger(FILE)) as ledger:
        ledger.write(ACCOUNT, EMPLOYEES, [entry("code=E-1", vendor_id="later")])
    assert main(["move", url]) == 1
    assert "move it to an empty database or schema" in capsys.readouterr().err
    before = lines(FILE, ACCOUNT)
    with postgres_url() as empty:
        assert main(["move", empty]) == 0
        assert lines(empty, ACCOUNT) == before


def test_a_run_that_holds_a_lease_is_not_disturbed(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for busy in (FILE, url):
        with (
            contextlib.closing(open_ledger(busy)) as ledger,
            leases(busy, ledger) as held,
        ):
            held.take(ACCOUNT, EMPLOYEES, Clock())
            assert main(["move", url]) == 1
            assert f"a run is writing to {EMPLOYEES}" in capsys.readouterr().err
    assert main(["move", url]) == 0


def test_a_run_that_had_opened_the_file_gets_no_lease_there_any_more(url: str) -> None:
    with contextlib.closing(open_ledger(FILE)) as ledger, contextlib.ExitStack() as run:
        held = run.enter_context(leases(FILE, ledger))
        assert main(["move", url]) == 0
        for stream in (EMPLOYEES, "another_sink"):
            with pytest.raises(LedgerError, match="it was moved by erp ledger move"):
                held.take(ACCOUNT, stream, Clock())


def test_a_line_that_differs_keeps_the_file_in_use(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(open_ledger(url)) as ledger:
        ledger.write(ACCOUNT, EMPLOYEES, [entry("code=E-7", vendor_id="another")])
    assert main(["move", url]) == 1
    assert "the line of code=E-7 differs" in capsys.readouterr().err
    open_ledger(FILE).close()


def test_lines_that_only_the_new_ledger_has_keep_the_file_in_use(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(open_ledger(url)) as ledger:
        ledger.write(ACCOUNT, EMPLOYEES, [entry("code=more")])
    assert main(["move", url]) == 1
    assert "has lines that the old one has not" in capsys.readouterr().err
    open_ledger(FILE).close()


def test_a_sink_that_comes_meanwhile_keeps_the_file_in_use(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    retire = Ledger.retire

    def late(ledger: Ledger, partitions: int) -> bool:
        ledger.partition(ACCOUNT, "another_sink")
        return retire(ledger, partitions)

    monkeypatch.setattr(Ledger, "retire", late)
    assert main(["move", url]) == 1
    assert "has changed while it was moved" in capsys.readouterr().err
    open_ledger(FILE).close()


@pytest.mark.parametrize("place", ["other.sqlite", "mysql://x/y"])
def test_only_postgresql_is_a_place_to_move_to(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["move", place]) == 1
    assert "ledger" in capsys.readouterr().err
    open_ledger(FILE).close()


def test_a_blank_place_cannot_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["move", " "]) == 1
    said = capsys.readouterr().err
    assert "Invalid value for 'URL': it is empty (see" in said
    open_ledger(FILE).close()


def test_each_table_and_column_is_moved() -> None:
    known = {table.name: {*table.columns, *["partition"] * table.partitioned} for table in TABLES}
    with contextlib.closing(sqlite3.connect(FILE)) as connection:
        names = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        there = {
            name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
            for name in names
        }
    assert {name: there[name] for name in known} == known
    assert there.keys() - known.keys() == {"erp_ledger", "erp_partitions", "erp_leases"}


def test_prune_removes_what_is_old_and_protects_from_no_double(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = dt.datetime.now(dt.timezone.utc)

    def days_ago(days: int) -> str:
        return (now - dt.timedelta(days=days)).isoformat(timespec="milliseconds")

    with contextlib.closing(sqlite3.connect(FILE)) as connection:
        connection.execute("DELETE FROM erp_runs")
        connection.executemany(
            "INSERT INTO erp_runs (run, started_at, ended_at) VALUES (?, ?, ?)",
            [
                ("old", days_ago(40), days_ago(40)),
                ("killed", days_ago(40), None),
                ("long", days_ago(40), days_ago(2)),
                ("new", days_ago(2), None),
            ],
        )
        connection.commit()
    before = lines(FILE, ACCOUNT)
    letters = [
        letter("old", last_at=days_ago(40)),
        letter("again", last_at=days_ago(40)),
        letter("again", last_at=days_ago(2)),
        letter("new", last_at=days_ago(2)),
        letter("unknown", last_at=days_ago(40), outcome="unknown"),
        letter("waits", last_at=days_ago(40), outcome="waiting"),
    ]
    dead = folder / "dead_letters"
    dead.mkdir()
    file = dead / f"{EMPLOYEES}.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in letters))
    assert main(["prune", "--days", "30"]) == 0
    assert capsys.readouterr().out == (
        "older than 30 days: 2 runs and 1 dead letters removed; "
        "2 that wait or whose outcome is unknown stay\n"
    )
    with contextlib.closing(open_ledger(FILE)) as ledger:
        assert {run.run for run in ledger.runs(9)} == {"long", "new"}
    left = [json.loads(line)["key"]["employeeCode"] for line in file.read_text().splitlines()]
    assert left == ["again", "again", "new", "unknown", "waits"]
    assert lines(FILE, ACCOUNT) == before


def test_ledgers_with_two_keys_for_hashes_of_fields_stay_two(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for setting in (FILE, url):
        with contextlib.closing(open_ledger(setting)) as ledger:
            ledger.base_key()
    assert main(["move", url]) == 1
    assert "erp_base_key: the line of 1 differs" in capsys.readouterr().err
    assert not any(lines(url, ACCOUNT).values())
    open_ledger(FILE).close()
