"""What the ledger keeps, and what it says when its store fails."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime as dt
import pathlib
import sqlite3
import threading
import typing as t
from types import SimpleNamespace

import pytest

from erp_ledger import Ledger, LedgerError, LedgerRecord, RecordStatus, new_run, open_ledger, runs
from erp_vendors.errors import ConfigError


def test_a_line_is_found_again_and_keeps_what_it_learned(ledger: Ledger) -> None:
    assert ledger.look("acc", "s", "k=1") is None
    ledger.write(
        "acc", "s", [LedgerRecord("k=1", b"d1", RecordStatus.INTENT, attempts=1, run="r1")]
    )
    ledger.write(
        "acc", "s", [LedgerRecord("k=1", b"d1", RecordStatus.ACCEPTED, vendor_id="V", run="r1")]
    )
    ledger.write(
        "acc", "s", [LedgerRecord("k=1", b"d2", RecordStatus.INTENT, attempts=1, run="r2")]
    )
    entry = ledger.look("acc", "s", "k=1")
    assert entry is not None
    assert (entry.digest, entry.status, entry.vendor_id) == (b"d2", RecordStatus.INTENT, "V")
    assert (entry.attempts, entry.run) == (2, "r2")
    assert entry.first_at <= entry.last_at
    assert ledger.look("other", "s", "k=1") is None
    assert [open_.key for open_ in ledger.unsettled("acc", "s")] == ["k=1"]


def test_runs_that_begin_at_one_moment_have_ids_of_their_own(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc)
    later = moment + dt.timedelta(microseconds=1)
    clock = iter([moment] * 20 + [later])
    with monkeypatch.context() as patch:
        patch.setattr(runs.dt, "datetime", SimpleNamespace(now=lambda _zone: next(clock)))
        ids = [new_run() for _ in range(21)]
    for one in ids:
        ledger.begin_run(one)
    assert len(set(ids)) == 21
    assert max(ids) == ids[-1]
    assert {run.run for run in ledger.runs(30)} == set(ids)


def test_the_ledger_survives_being_closed(setting: str) -> None:
    first = open_ledger(setting)
    first.write(
        "acc", "s", [LedgerRecord(f"k={n}", b"d", RecordStatus.ACCEPTED) for n in range(500)]
    )
    first.close()
    second = open_ledger(setting)
    entry = second.look("acc", "s", "k=499")
    second.close()
    assert entry is not None
    assert entry.status is RecordStatus.ACCEPTED


def test_a_new_file_that_another_process_is_switching_is_waited_for(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE something (it TEXT)")
    ready = threading.Timer(0.3, other.execute, ["COMMIT"])
    ready.start()
    with contextlib.closing(open_ledger(str(path))) as ledger:
        ready.join()
        ledger.begin_run("r1")
        assert [run.run for run in ledger.runs(9)] == ["r1"]
    other.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_a_ledger_of_version_1_is_brought_along(setting: str) -> None:
    v1 = [
        "CREATE TABLE erp_ledger (version INTEGER NOT NULL)",
        "INSERT INTO erp_ledger (version) VALUES (1)",
        """CREATE TABLE erp_entries (
            account TEXT NOT NULL, stream TEXT NOT NULL, key TEXT NOT NULL,
            digest TEXT NOT NULL, mark TEXT NOT NULL, vendor_id TEXT, attempts INTEGER NOT NULL,
            run TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL, body TEXT,
            PRIMARY KEY (account, stream, key))""",
        """CREATE INDEX erp_open ON erp_entries (account, stream)
            WHERE mark IN ('intent', 'unknown')""",
        """CREATE TABLE erp_runs (
            run TEXT PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT, report TEXT)""",
        """INSERT INTO erp_entries VALUES ('acc', 's', 'k=1', '0102ff', 'accepted', 'V', 3, 'r1',
            '2026-01-02T03:04:05.678+00:00', '2026-02-03T04:05:06.789+00:00', NULL)""",
        """INSERT INTO erp_entries VALUES ('acc', 't', 'k=1', '03', 'unknown', NULL, 1, 'r1',
            '2026-01-02T03:04:05.678+00:00', '2026-02-03T04:05:06.789+00:00', '{}')""",
    ]
    connection: t.Any
    if "://" in setting:
        connection = pytest.importorskip("psycopg").connect(setting)
    else:
        pathlib.Path(setting).parent.mkdir()
        connection = sqlite3.connect(setting)
    for statement in v1:
        connection.execute(statement)
    connection.commit()
    connection.close()
    ledger = open_ledger(setting)
    entry = ledger.look("acc", "s", "k=1")
    assert entry == LedgerRecord(
        key="k=1",
        digest=b"\x01\x02\xff",
        status=RecordStatus.ACCEPTED,
        vendor_id="V",
        attempts=3,
        run="r1",
        first_at="2026-01-02T03:04:05.678+00:00",
        last_at="2026-02-03T04:05:06.789+00:00",
    )
    assert [line.body for line in ledger.unsettled("acc", "t")] == ["{}"]
    ledger.close()
    open_ledger(setting).close()


def test_the_version_that_the_vendor_holds_outlives_a_refusal(ledger: Ledger) -> None:
    def note(digest: bytes, status: RecordStatus) -> t.Any:
        ledger.write("acc", "s", [LedgerRecord("k=1", digest, status, vendor_id="V")])
        return ledger.look_many("acc", "s", ["k=1"])["k=1"]

    assert note(b"a", RecordStatus.INTENT).held is None
    assert note(b"a", RecordStatus.ACCEPTED).is_there
    refused = note(b"b", RecordStatus.REFUSED)
    assert (refused.held, refused.is_there) == (b"a", True)
    since = refused.failed_at
    assert since is not None
    assert note(b"c", RecordStatus.INTENT).failed_at == since
    assert note(b"c", RecordStatus.REFUSED).failed_at == since
    accepted = note(b"c", RecordStatus.ACCEPTED)
    assert (accepted.held, accepted.failed_at) == (None, None)
    gone = note(b"deleted", RecordStatus.DELETED)
    assert (gone.is_there, gone.vendor_id) == (False, None)
    assert list(ledger.names_of("acc", "s")) == []


def test_rows_that_do_not_go_into_one_statement_are_written(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erp_ledger.store._VARIABLES", 25)  # room for three lines
    ledger = open_ledger(str(tmp_path / "ledger.sqlite"))
    marks = (RecordStatus.ACCEPTED, RecordStatus.REFUSED)
    entries = [LedgerRecord(f"k={n}", b"%d" % n, marks[n % 2], run=f"r{n % 3}") for n in range(40)]
    ledger.write("acc", "s", entries)
    found = {line.entry.key: line.entry for line in ledger.find()}
    assert len(found) == 40
    for entry in entries:
        line = found[entry.key]
        assert (line.digest, line.status, line.run) == (entry.digest, entry.status, entry.run)


def test_many_are_looked_up_at_once_and_strange_keys_are_found(ledger: Ledger) -> None:
    keys = [f"k={n}" for n in range(1000)] + ["k=a\0b", "k=%", "k='", "k=Zoë 🤖", "k="]
    ledger.write("acc", "s", [LedgerRecord(key, b"d", RecordStatus.ACCEPTED) for key in keys])
    found: dict[str, t.Any] = {}
    for start in range(0, len(keys), 500):
        found |= ledger.look_many("acc", "s", [*keys[start : start + 500], "k=none"])
    assert sorted(found) == sorted(keys)
    assert ledger.look_many("acc", "other", keys[:5]) == {}
    assert [line.entry.key for line in ledger.find("s", "%")] == ["k=%"]


def test_threads_share_commits_and_each_line_is_there(ledger: Ledger) -> None:
    def work(number: int) -> None:
        for n in range(20):
            key = f"k={number}-{n}"
            intent = ledger.intend("acc", f"s{number % 3}", "r", {key: b"d"})
            ledger.write(
                "acc", f"s{number % 3}", [LedgerRecord(key, b"d", RecordStatus.ACCEPTED)], [intent]
            )
            assert (
                ledger.look_many("acc", f"s{number % 3}", [key])[key].status
                is RecordStatus.ACCEPTED
            )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work, number) for number in range(8)]:
            future.result()
    assert sum(len(list(ledger.names_of("acc", f"s{n}"))) for n in range(3)) == 160


def test_calls_of_a_dead_run_are_noted_record_by_record(setting: str) -> None:
    first = open_ledger(setting)
    first.write(
        "acc", "s", [LedgerRecord("k=1", b"old", RecordStatus.ACCEPTED, vendor_id="V", attempts=1)]
    )
    batch = first.intend("acc", "s", "r1", {"k=1": b"new", "k=2": b"d2", "k=a\0": b"d3"})
    first.intend("acc", "another", "r1", {"k=1": b"x"})
    first.write(
        "acc", "s", [LedgerRecord("k=2", b"d2", RecordStatus.ACCEPTED, attempts=1)], [batch]
    )
    # It is not among the lines yet, but whoever asks is told.
    assert ledger_marks(first, "k=1", "k=2") == {
        "k=1": RecordStatus.ACCEPTED,
        "k=2": RecordStatus.ACCEPTED,
    }
    (open_line,) = (line.entry for line in first.find("s", "1"))
    assert (open_line.status, open_line.digest) == (RecordStatus.INTENT, b"new")
    assert (open_line.vendor_id, open_line.attempts) == ("V", 2)
    assert {line.entry.key for line in first.find("s", status=RecordStatus.INTENT)} == {
        "k=1",
        "k=a\\0",
    }
    first.close()
    second = open_ledger(setting)
    second.recover("acc", "s")
    assert ledger_marks(second, "k=1", "k=2", "k=a\0") == {
        "k=1": RecordStatus.INTENT,
        "k=2": RecordStatus.ACCEPTED,
        "k=a\0": RecordStatus.INTENT,
    }
    known = second.look_many("acc", "s", ["k=1"])["k=1"]
    assert (known.digest, known.held, known.vendor_id) == (b"new", b"", "V")
    assert [line.key for line in second.unsettled("acc", "s")] == ["k=1", "k=a\\0"]
    assert second.intents("acc", "s") == []
    assert [list(intent.lines) for intent in second.intents("acc", "another")] == [["k=1"]]
    second.close()


def test_a_record_that_was_not_sent_after_all_leaves_no_doubt(ledger: Ledger) -> None:
    batch = ledger.intend("acc", "s", "r1", {"k=1": b"d1", "k=2": b"d2"})
    ledger.withdraw(batch, ["k=1"])
    assert [list(intent.lines) for intent in ledger.intents("acc", "s")] == [["k=2"]]
    ledger.withdraw(batch, ["k=2"])
    assert ledger.intents("acc", "s") == []
    assert ledger.find("s") == []


def ledger_marks(ledger: Ledger, *keys: str) -> dict[str, RecordStatus]:
    return {key: known.status for key, known in ledger.look_many("acc", "s", keys).items()}


def test_a_store_that_fails_ends_the_run_with_one_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = open_ledger(str(path))
    other = sqlite3.connect(path)
    other.execute("DROP TABLE erp_records")
    other.commit()
    other.close()
    with pytest.raises(LedgerError, match=r"'ledger'.*erp_records"):
        ledger.write("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.INTENT)])


def test_a_thread_that_comes_late_finds_the_ledger_closed(ledger: Ledger) -> None:
    ledger.write("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.ACCEPTED)])
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.write("acc", "s", [LedgerRecord("k=1", b"d", RecordStatus.ACCEPTED)])
    with pytest.raises(LedgerError, match="closed"):
        ledger.look("acc", "s", "k=1")


def test_a_newer_ledger_is_left_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ledger.sqlite"
    open_ledger(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE erp_ledger SET version = 99")
    connection.commit()
    connection.close()
    with pytest.raises(ConfigError, match="newer"):
        open_ledger(str(path))


def test_a_ledger_that_cannot_be_opened_names_the_setting(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="'ledger'"):
        open_ledger(str(tmp_path / "file" / "ledger.sqlite"))
