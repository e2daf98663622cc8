"""The streams of what the target has done: its runs, outcomes and dead letters."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import typing as t

import pytest

from erp_ledger import LedgerError, open_ledger, open_read_only
from erp_ledger.migrations import VERSION
from erp_vendors import schemas
from erp_vendors.http.redact import MASK, redact
from erp_vendors.masking import masked
from tests.support.plugins import record, run_target, schema
from tests.support.services import postgres_url
from tests.tap_erp.loader import Loader
from tests.tap_erp.running import aimsio, make_tap, run_tap

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox
    from tap_erp.streams import results
    from tests.support.plugins import TargetRun
    from tests.tap_erp.running import Config, Message

pytestmark = pytest.mark.slow

EMPLOYEES = "aimsio_employees"
STREAMS = ("erp_runs", "erp_outcomes", "erp_dead_letters")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[str]:
    """A ledger setting of each kind; nothing is there yet."""
    if request.param == "sqlite":
        yield str(tmp_path / "made" / "ledger.sqlite")
        return
    with postgres_url() as url:
        yield url


class Office:
    """A target that writes employees to the sandbox, and a tap that reads what came of it."""

    def __init__(self, sandbox: RunningSandbox, folder: pathlib.Path, ledger: str) -> None:
        self.sandbox = sandbox
        self.ledger = ledger
        self.letters = folder / "letters"
        self.loader = Loader()

    def write(self, **notes: str | None) -> TargetRun:
        """Write notes by employee code; None for a record that Aimsio refuses."""
        config = {
            **aimsio(self.sandbox.vendor_url("aimsio")),
            "ledger": self.ledger,
            "dead_letters": str(self.letters),
            "report_file": "none",
        }
        rows = [
            record(EMPLOYEES, **{**self.fields(code, note), "employeeCode": code})
            for code, note in notes.items()
        ]
        return run_target(config, [schema(EMPLOYEES, ["employeeCode"]), *rows])

    def fields(self, code: str, note: str | None) -> Message:
        if note is None:
            return {"employeeFirstName": code}
        row = self.sandbox.rows("aimsio", "employees")[0]
        required = schemas.load("aimsio", "write/employees")["required"]
        whole = {name: row[name] for name in (*required, "employeeTradeGuid")}
        return {**whole, "employeeFirstName": code, "employeeNotes": note}

    @property
    def config(self) -> Config:
        return {"results": {"ledger": self.ledger, "dead_letters": str(self.letters)}}

    def read(self, *streams: str, **settings: t.Any) -> dict[str, list[Message]]:
        """Read what is new, as a loader would take it; rows by stream."""
        run = run_tap({**self.config, **settings}, *streams, state=self.loader.state)
        assert (run.code, run.error) == (0, "")
        self.loader.load(run.messages)
        return {name: run.records(name) for name in STREAMS}

    def outcomes(self) -> dict[str, str]:
        """Outcome by key, as the loader has it."""
        return {row["key"]: row["outcome"] for row in self.loader.rows("erp_outcomes")}

    def sql(self, statement: str) -> None:
        """Change the ledger behind everyone's back."""
        if "://" in self.ledger:
            import psycopg  # noqa: PLC0415 - an extra

            with psycopg.connect(self.ledger) as connection:
                connection.execute(statement)
            return
        with contextlib.closing(sqlite3.connect(self.ledger)) as file, file:
            file.execute(statement)


@pytest.fixture
def office(sandbox: RunningSandbox, tmp_path: pathlib.Path, ledger: str) -> Office:
    return Office(sandbox, tmp_path, ledger)


@pytest.fixture
def small(sandbox: RunningSandbox, tmp_path: pathlib.Path) -> Office:
    """An office whose ledger is a file."""
    return Office(sandbox, tmp_path, str(tmp_path / "ledger.sqlite"))


def test_what_came_of_each_record_is_read(office: Office) -> None:
    assert office.write(E1="a", E2="b", E3=None).code == 3
    rows = office.read()
    (run,) = rows["erp_runs"]
    assert (run["exit_code"], run["records_read"]) == (3, 3)
    assert run["started_at"] < run["ended_at"] == run["changed_at"]
    assert run["streams"][EMPLOYEES]["refused"] == 1
    employees = office.sandbox.rows("aimsio", "employees")
    there = {row["employeeCode"]: row["employeeGuid"] for row in employees}
    outcomes = {row["key"]: row for row in rows["erp_outcomes"]}
    assert sorted(outcomes) == [f"employeeCode=E{number}" for number in (1, 2, 3)]
    # Aimsio tells the id of what is written alone.
    assert outcomes["employeeCode=E2"]["vendor_id"] in {None, there["E2"]}
    assert outcomes["employeeCode=E3"]["vendor_id"] is None
    assert outcomes["employeeCode=E1"] == {
        "account": outcomes["employeeCode=E3"]["account"],
        "sink": EMPLOYEES,
        "key": "employeeCode=E1",
        "vendor_id": there["E1"],
        "outcome": "accepted",
        "run": run["run"],
        "first_at": outcomes["employeeCode=E1"]["last_at"],
        "last_at": outcomes["employeeCode=E1"]["last_at"],
        # A batch that is refused in part is sent again in halves.
        "attempts": outcomes["employeeCode=E1"]["attempts"],
    }
    assert outcomes["employeeCode=E1"]["attempts"] in {1, 2}
    assert outcomes["employeeCode=E3"]["attempts"] == 0
    assert outcomes["employeeCode=E3"]["outcome"] == "refused"
    (letter,) = rows["erp_dead_letters"]
    assert (letter["sink"], letter["key"]) == (EMPLOYEES, "employeeCode=E3")
    assert letter["account"] == outcomes["employeeCode=E3"]["account"]
    assert (letter["outcome"], letter["deletes"], letter["conflicts"]) == ("refused", False, None)
    assert letter["record"]["employeeFirstName"] == "E3"


def test_only_what_is_new_is_read_again(office: Office) -> None:
    office.write(E1="a", E2="b", E3=None)
    office.read()
    assert office.read() == {name: [] for name in STREAMS}
    assert office.write(E1="a", E2="changed", E3="c").code == 0
    rows = office.read()
    assert {row["key"]: row["attempts"] for row in rows["erp_outcomes"]} == {
        "employeeCode=E2": 2,
        "employeeCode=E3": 1,
    }
    assert [row["exit_code"] for row in rows["erp_runs"]] == [0]
    assert set(office.outcomes().values()) == {"accepted"}
    assert len(office.loader.rows("erp_runs")) == 2


def test_a_row_that_was_committed_late_is_not_lost(small: Office) -> None:
    """Receipts get their time before they are committed, so one may come below the bookmark."""
    small.write(E1="a", E2="b")
    small.read()
    small.sql(
        "UPDATE erp_records SET last_at = last_at - 1000, vendor_id = 'late' WHERE key LIKE '%E1'"
    )
    (row,) = small.read()["erp_outcomes"]
    assert row["vendor_id"] == "late"


def test_a_clock_ahead_does_not_hide_what_comes_after(small: Office) -> None:
    small.write(E1="a", E2="b")
    small.sql("UPDATE erp_records SET last_at = last_at + 86400000 WHERE key LIKE '%E1'")
    assert len(small.read()["erp_outcomes"]) == 2
    small.write(E2="changed")
    assert "employeeCode=E2" in {row["key"] for row in small.read()["erp_outcomes"]}


def test_pages_join(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("erp_ledger.read_only._AT_ONCE", 7)
    monkeypatch.setattr("tap_erp.streams.results._AT_ONCE", 3)
    small.write(**{f"E{n}": "x" if n % 3 else None for n in range(50)})
    rows = small.read()
    assert sorted(row["key"] for row in rows["erp_outcomes"]) == sorted(
        f"employeeCode=E{n}" for n in range(50)
    )
    assert len(rows["erp_dead_letters"]) == 17


def test_the_tap_reads_while_a_run_holds_the_ledger(small: Office) -> None:
    """The target may be in the middle of a commit; neither waits for the other."""
    small.write(E1="a")
    with contextlib.closing(sqlite3.connect(small.ledger, isolation_level=None, timeout=0)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        busy.execute("UPDATE erp_records SET vendor_id = 'not committed'")
        (row,) = small.read()["erp_outcomes"]
        assert row["vendor_id"] != "not committed"
        busy.execute("ROLLBACK")
        with contextlib.closing(open_read_only(small.ledger, "ledger")) as reader:
            found = reader.outcomes(None)
            assert next(found)
            busy.execute("BEGIN EXCLUSIVE")
            busy.execute("UPDATE erp_records SET vendor_id = 'committed'")
            busy.execute("COMMIT")
            assert not list(found)


def test_the_reader_of_the_ledger_cannot_write(office: Office) -> None:
    office.write(E1="a")
    with contextlib.closing(open_read_only(office.ledger, "results.ledger")) as reader:
        with pytest.raises(LedgerError, match=r"results\.ledger.*(readonly|ReadOnly)"):
            reader._read("DELETE FROM erp_records")  # noqa: SLF001 - nothing else would write
        assert list(reader.outcomes(None)), "an error must not keep the others from reading"


@pytest.mark.parametrize(("change", "word"), [(-1, "older"), (1, "newer")])
def test_a_ledger_of_another_version_is_left_as_it_is(
    office: Office, change: int, word: str
) -> None:
    office.write(E1="a")
    office.sql(f"UPDATE erp_ledger SET version = {VERSION + change}")  # noqa: S608 - a number
    run = run_tap(office.config, "erp_outcomes")
    assert run.code == 1
    assert word in run.error
    assert f"version {VERSION + change}" in run.error
    assert not run.records("erp_outcomes")
    again = run_tap(office.config, "erp_runs")
    assert again.error.partition("erp_runs")[2] == run.error.partition("erp_outcomes")[2]


def test_a_ledger_that_is_none_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / "text").write_text("no database at all, and rather long for a header")
    sqlite3.connect(tmp_path / "empty.sqlite").close()
    (tmp_path / "empty.sqlite").touch()
    for name, said in (
        ("absent", "there is no ledger at"),
        ("text", "there is no ledger"),
        ("empty.sqlite", "there is no ledger"),
    ):
        config = {"results": {"ledger": str(tmp_path / name)}}
        run = run_tap(config, "erp_runs")
        assert run.code == 1
        assert said in run.error
        assert "results.ledger" in run.error
    assert not (tmp_path / "absent").exists()
    assert not list(tmp_path.glob("*-wal"))


def test_a_password_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    password = "geheim-Wort-17"
    url = f"postgresql://somebody:{password}@127.0.0.1:1/nothing"
    run = run_tap({"results": {"ledger": url}}, "erp_runs")
    assert run.code == 1
    assert "results.ledger" in run.error
    assert password not in run.error + caplog.text
    assert password not in redact(f"x {password}")


def test_an_address_of_another_kind_is_a_config_error(tmp_path: pathlib.Path) -> None:
    run = run_tap({"results": {"ledger": "mysql://u:p@host/db"}}, "erp_runs")
    assert run.code == 1
    assert "setting 'results.ledger': the scheme 'mysql://' is not known" in run.error
    assert not list(tmp_path.iterdir())


class TestSettings:
    def test_the_block_alone_is_enough(self) -> None:
        tap = make_tap({"results": {"ledger": "somewhere"}})
        assert tuple(sorted(tap.streams)) == tuple(sorted(STREAMS))
        for stream in tap.streams.values():
            assert stream.replication_method == "INCREMENTAL"

    def test_the_block_of_results_stands_beside_a_vendor(self, sandbox: RunningSandbox) -> None:
        config = aimsio(sandbox.vendor_url("aimsio"))
        assert not set(STREAMS) & set(make_tap(config).streams)
        both = set(make_tap({**config, "results": {"ledger": "x"}}).streams)
        assert both > set(STREAMS)
        assert EMPLOYEES in both

    @pytest.mark.parametrize(
        ("block", "said"),
        [
            ({}, "'results.ledger' is missing"),
            ({"dead_letters": "x"}, "'results.ledger' is missing"),
            ({"ledgers": "x", "ledger": "y"}, "unknown setting 'results.ledgers'"),
        ],
    )
    def test_a_wrong_block_is_told(self, block: Message, said: str) -> None:
        run = run_tap({"results": block})
        assert run.code == 1
        assert said in run.error

    def test_its_connection_can_be_tested(self, small: Office) -> None:
        with pytest.raises(Exception, match="there is no ledger at"):
            make_tap(small.config).run_connection_test()
        small.write(E1="a")
        assert make_tap(small.config).run_connection_test()
        config = {"results": {**small.config["results"], "dead_letters": small.ledger}}
        with pytest.raises(Exception, match=r"results\.dead_letters.*is not a folder"):
            make_tap(config).run_connection_test()


class TestDeadLetters:
    def test_the_newest_letter_of_a_record_comes_last(self, small: Office) -> None:
        small.write(E1=None)
        lines = (small.letters / f"{EMPLOYEES}.jsonl").read_text()
        newer = {**json.loads(lines), "reason": "newer", "last_at": "2199-01-01T00:00:00.000+00:00"}
        (small.letters / f"{EMPLOYEES}.jsonl").write_text(f"{lines}{json.dumps(newer)}\n")
        rows = small.read("erp_dead_letters")["erp_dead_letters"]
        assert [row["reason"] == "newer" for row in rows] == [False, True]
        (kept,) = small.loader.rows("erp_dead_letters")
        assert kept["reason"] == "newer"

    def test_a_letter_that_is_being_written_is_left_to_the_next_run(self, small: Office) -> None:
        small.write(E1=None, E2=None)
        file = small.letters / f"{EMPLOYEES}.jsonl"
        whole = file.read_bytes()
        file.write_bytes(whole[:-5])
        assert len(small.read("erp_dead_letters")["erp_dead_letters"]) == 1
        file.write_bytes(whole)
        assert len(small.read("erp_dead_letters")["erp_dead_letters"]) == 1

    def test_a_conflict_shows_its_fields(self, small: Office) -> None:
        small.write(E1=None)
        file = small.letters / f"{EMPLOYEES}.jsonl"
        fields = {"lastName": {"base": "A", "theirs": "B", "ours": "C"}}
        letter = {**json.loads(file.read_text()), "class": "conflict", "conflicts": fields}
        file.write_text(f"{json.dumps(letter)}\n")
        (row,) = small.read("erp_dead_letters")["erp_dead_letters"]
        assert (row["class"], row["conflicts"]) == ("conflict", fields)

    def test_records_without_a_key_are_told_apart(self, small: Office) -> None:
        small.write(E1=None, E2=None)
        file = small.letters / f"{EMPLOYEES}.jsonl"
        letters = [{**json.loads(line), "key": {}} for line in file.read_text().splitlines()]
        file.write_text("".join(f"{json.dumps(letter)}\n" for letter in letters))
        small.read("erp_dead_letters")
        keys = [row["key"] for row in small.loader.rows("erp_dead_letters")]
        assert len(set(keys)) == 2
        assert all(key.startswith("record:") for key in keys)

    def test_what_got_through_is_gone_with_the_next_complete_reading(self, small: Office) -> None:
        small.write(E1=None, E2=None)
        small.read(reconcile_days=0)
        assert len(small.loader.rows("erp_dead_letters")) == 2
        small.write(E1="a", E2=None)
        small.read(reconcile_days=0)
        (left,) = small.loader.rows("erp_dead_letters")
        assert left["key"] == "employeeCode=E2"
        small.write(E2="b")
        small.read(reconcile_days=0)
        assert not small.loader.rows("erp_dead_letters")
        assert len(small.loader.rows("erp_outcomes")) == 2
        assert len(small.loader.rows("erp_runs")) == 3

    def test_a_folder_that_is_not_there_deletes_nothing(self, small: Office) -> None:
        small.write(E1=None)
        small.read(reconcile_days=0)
        small.letters.rename(small.letters.with_name("elsewhere"))
        small.read(reconcile_days=0)
        assert len(small.loader.rows("erp_dead_letters")) == 1


def test_a_run_that_was_killed_has_no_end(small: Office) -> None:
    with contextlib.closing(open_ledger(small.ledger)) as ledger:
        ledger.begin_run("20260131T000000.000000Z")
    (run,) = small.read("erp_runs")["erp_runs"]
    assert (run["ended_at"], run["exit_code"], run["streams"]) == (None, None, None)
    assert run["changed_at"] == run["started_at"]
    with contextlib.closing(open_ledger(small.ledger)) as ledger:
        ledger.end_run("20260131T000000.000000Z", json.dumps({"exit_code": 0, "seconds": 1.5}))
    (run,) = small.read("erp_runs")["erp_runs"]
    assert run["exit_code"] == 0
    assert run["ended_at"]


def test_secrets_of_records_stay_masked(small: Office) -> None:
    """The letters hold them masked, and this adds nothing to what they hold."""
    small.write(E1=None)
    file = small.letters / f"{EMPLOYEES}.jsonl"
    letter = json.loads(file.read_text())
    letter["record"] = masked({**letter["record"], "SSN": "123-45-6789"}, ["ssn"])
    file.write_text(f"{json.dumps(letter)}\n")
    (row,) = small.read("erp_dead_letters")["erp_dead_letters"]
    assert row["record"]["SSN"] == MASK


def test_each_column_is_announced() -> None:
    tap = make_tap({"results": {"ledger": "x"}})
    for name in STREAMS:
        stream = t.cast("results.ResultsStream", tap.streams[name])
        columns = stream.schema["properties"]
        assert {*stream.primary_keys, stream.replication_key} <= set(columns)
        assert all(column["description"] for column in columns.values())
