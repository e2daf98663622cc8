"""`erp ledger`: runs, rejects, replay, unknown, report."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import shlex
import threading
import typing as t

import pytest

from erp_cli.ledger import main
from erp_ledger import RecordStatus, open_ledger
from erp_ledger.lease import leases
from erp_vendors.http.budget import Clock
from tests.support.plugins import record, run_target, schema
from tests.support.records import passing_order
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

pytestmark = pytest.mark.slow

EMPLOYEES = "aimsio_employees"
PASSTHROUGH = "cimcloud_order_passthrough"


class Tool:
    """The command, on one vendor's ledger and dead letters."""

    def __init__(self, vendor: Vendor, capsys: pytest.CaptureFixture[str]) -> None:
        self.vendor = vendor
        self.config = vendor.config()
        self._capsys = capsys
        self._file = pathlib.Path(self.config["ledger"]).with_name("config.json")

    def write(self, *messages: dict[str, t.Any]) -> int:
        return run_target(self.config, messages).code

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        places = ["--ledger", self.config["ledger"], "--dead-letters", self.config["dead_letters"]]
        code = main([*places, *arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def replay(self, *arguments: str) -> tuple[int, str, str]:
        self._file.write_text(json.dumps(self.config))
        return self("replay", "--config", str(self._file), *arguments)


@pytest.fixture
def tool(vendor: Vendor, capsys: pytest.CaptureFixture[str]) -> Tool:
    return Tool(vendor, capsys)


def refuse(*codes: str) -> t.Callable[[dict[str, t.Any]], str | None]:
    return lambda row: "bad trade" if row["employeeCode"] in codes else None


def staff(tool: Tool, *codes: str, **fields: t.Any) -> int:
    rows = [record(EMPLOYEES, employeeCode=code, **fields) for code in codes]
    return tool.write(schema(EMPLOYEES), *rows)


def cells(out: str) -> list[list[str]]:
    return [re.split(r" {2,}", line.strip()) for line in out.splitlines()]


def test_runs_are_listed_with_their_outcomes(tool: Tool) -> None:
    tool.vendor.judge = refuse("2")
    staff(tool, "1", "2")
    staff(tool, "1")
    code, out, _ = tool("runs")
    heads, *runs = cells(out)
    assert code == 0
    newest, oldest = (dict(zip(heads, run, strict=False)) for run in runs)
    assert (newest["end"], newest["exit"], newest["unchanged"]) == ("succeeded", "0", "1")
    assert (oldest["end"], oldest["exit"]) == ("rejected records", "3")
    names = ("deleted", "unchanged", "refused", "waiting", "unknown")
    written = sum(int(oldest[name]) for name in ("created", "updated", "written"))
    assert [oldest[name] for name in names] == ["0", "0", "1", "0", "0"]
    assert (written, oldest["read"], oldest["calls"]) == (1, "2", "3")
    assert "1 records were rejected" in oldest["error"]


def test_runs_for_scripts(tool: Tool) -> None:
    tool.vendor.judge = refuse("2")
    staff(tool, "1", "2")
    with contextlib.closing(open_ledger(tool.config["ledger"])) as ledger:
        ledger.begin_run("99999999T000000.000000Z")
    killed, report = (json.loads(line) for line in tool("runs", "--json")[1].splitlines())
    assert (killed["run"], killed["ended_at"]) == ("99999999T000000.000000Z", None)
    assert report["streams"][EMPLOYEES]["refused"] == 1
    assert report["vendors"]["aimsio"]["calls"] == 3
    assert cells(tool("runs")[1])[1][1] == "has not ended"


def test_a_record_is_shown_by_its_key(tool: Tool) -> None:
    staff(tool, "E-1")
    code, out, _ = tool("show", EMPLOYEES, "E-1")
    assert code == 0
    assert f"{EMPLOYEES} employeeCode=E-1" in out
    assert "accepted: the vendor has it" in out
    assert re.search(r"sent +once", out)
    line = json.loads(tool("show", EMPLOYEES, "E-1", "--json")[1])
    assert (line["key"], line["state"], line["letter"]) == ("employeeCode=E-1", "accepted", None)
    code, _, err = tool("show", EMPLOYEES, "E-2")
    assert (code, "E-2" in err) == (1, True)


def test_a_refused_record_is_shown_with_its_reason(tool: Tool) -> None:
    tool.vendor.judge = refuse("E-1")
    staff(tool, "E-1", employeeNotes="n")
    out = tool("show", EMPLOYEES, "E-1")[1]
    assert "refused: the vendor does not have this version" in out
    assert "bad trade" in out
    assert '{"employeeCode":"E-1","employeeNotes":"n"}' in out
    tool.vendor.judge = refuse()
    staff(tool, "E-1", employeeNotes="n")
    assert "bad trade" not in tool("show", EMPLOYEES, "E-1")[1]


def test_rejects_lists_what_has_not_got_through_since(tool: Tool) -> None:
    tool.vendor.judge = refuse("1", "2")
    staff(tool, "1", "2")
    assert "bad trade" in tool("rejects")[1]
    tool.vendor.judge = refuse("2")
    staff(tool, "1")
    _, out, err = tool("rejects")
    heads, only = cells(out)
    assert heads == ["first", "last", "attempts", "stream", "key", "why", "reason"]
    assert only[2:6] == ["1", EMPLOYEES, "employeeCode=2", "refused 400"]
    assert err == "1 records\n"
    letter = json.loads(tool("rejects", "--json")[1])
    assert letter["record"] == {"employeeCode": "2"}


def test_replay_sends_the_newest_version_through_the_same_engine(tool: Tool) -> None:
    tool.vendor.judge = refuse("1", "2")
    staff(tool, "1", "2", employeeNotes="old")
    staff(tool, "1", employeeNotes="new")
    tool.vendor.judge = refuse("2")
    code, _, err = tool.replay()
    assert code == 3
    assert "1 records were rejected" in err
    assert tool.vendor.taken == [{"employeeCode": "1", "employeeNotes": "new"}]
    tool.vendor.judge = lambda _: None
    assert tool.replay("--key", "2")[0] == 0
    assert tool.vendor.taken[-1] == {"employeeCode": "2", "employeeNotes": "old"}
    taken = len(tool.vendor.taken)
    assert tool.replay()[0] == 0
    assert len(tool.vendor.taken) == taken


def test_a_record_of_another_account_is_not_sent_to_this_one(
    tool: Tool, caplog: pytest.LogCaptureFixture
) -> None:
    tool.vendor.judge = refuse("1", "2")
    staff(tool, "1", "2")
    file = tool.vendor.dead_letters / f"{EMPLOYEES}.jsonl"
    first, second = map(json.loads, file.read_text().splitlines())
    first["account"] = "theirs"
    file.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    tool.vendor.judge = lambda _: None
    assert tool.replay()[0] == 0
    assert [row["employeeCode"] for row in tool.vendor.taken] == ["2"]
    assert f"employeeCode=1 of {EMPLOYEES} is of another account" in caplog.text
    assert [json.loads(line) for line in file.read_text().splitlines()] == [first]


def test_a_masked_secret_is_never_sent(tool: Tool, caplog: pytest.LogCaptureFixture) -> None:
    tool.vendor.judge = lambda _: "no"
    row = record("cimcloud_customers", username="ann", pw="hunter2-hunter2")
    tool.write(schema("cimcloud_customers"), row)
    tool.vendor.judge = lambda _: None
    caplog.clear()
    assert (tool.replay()[0], tool.vendor.taken) == (0, [])
    assert "username=ann of cimcloud_customers holds a masked secret" in caplog.text
    for listing in (("rejects",), ("rejects", "--json"), ("show", "cimcloud_customers", "ann")):
        code, out, _ = tool(*listing)
        assert (code, "ann" in out, "hunter2" in out) == (0, True, False)


@pytest.fixture
def lost(tool: Tool) -> Tool:
    """An order whose answer got lost, at a vendor that cannot be asked."""
    # What its answers look like no document says (cimcloud.md 11, UNK).
    success = {"name": "order_passthrough", "success": {"status": 200, "type": "object"}}
    tool.config["cimcloud"]["resources"] = [success]
    tool.vendor.script = lambda request: (
        Reply(cut="half", body={"ok": 1}) if "passthrough" in request.path else None
    )
    row = record(PASSTHROUGH, **passing_order("A-1"), pw="x", note="a b")
    tool.write(schema(PASSTHROUGH), row)
    tool.vendor.script = lambda _: None
    return tool


def test_an_unknown_record_is_shown_with_all_that_helps_to_decide(lost: Tool) -> None:
    code, out, err = lost("unknown")
    assert (code, err) == (0, "1 records\n")
    assert f"{PASSTHROUGH} order_number=A-1" in out
    assert "unknown: it was sent, and the answer was lost" in out
    assert re.search(r"sent +once, last on \d+ \w{3} \d{4} \d\d:\d\d UTC", out)
    assert re.search(r"payload +\{.*\"order_number\":\"A-1\"", out)
    assert re.search(r"look +in CIMcloud .* order passthrough whose order_number is A-1", out)
    line = json.loads(lost("unknown", "--json")[1])
    assert (line["state"], line["letter"]["payload"]["order_number"]) == ("unknown", "A-1")


@pytest.mark.parametrize(
    ("label", "state", "sent"),
    [("If it is there: ", "accepted", 1), ("If it is not: ", "refused", 2)],
)
def test_the_commands_that_are_shown_settle_an_unknown_record(
    lost: Tool, label: str, state: str, sent: int
) -> None:
    out = lost("unknown")[1]
    command = next(line for line in out.splitlines() if line.strip().startswith(label))
    program, *arguments = shlex.split(command.partition(label)[2])
    assert program == "erp-ledger"
    assert main(arguments) == 0
    assert json.loads(lost("show", PASSTHROUGH, "A-1", "--json")[1])["state"] == state
    assert "A-1" not in lost("unknown")[1]
    row = record(PASSTHROUGH, **passing_order("A-1"), pw="x", note="a b")
    assert lost.write(schema(PASSTHROUGH), row) == 0
    assert lost.vendor.writes.count("POST /site/orderpassthrough/") == sent


def test_settling_needs_one_record(lost: Tool) -> None:
    assert lost("unknown", "--settle", "accepted")[0] == 1
    with contextlib.closing(open_ledger(lost.config["ledger"])) as ledger:
        (line,) = ledger.find(PASSTHROUGH)
        ledger.write("another account", PASSTHROUGH, [line.entry])
    code, _, err = lost("unknown", "--key", "A-1", "--settle", "absent")
    assert (code, "2 match (--stream and --account tell them apart)" in err) == (1, True)
    settle = ("unknown", "--key", "A-1", "--account", "another account", "--settle", "absent")
    assert lost(*settle)[0] == 0
    assert "another account" not in lost("unknown")[1]
    assert "A-1" in lost("unknown")[1]


def test_a_record_of_a_run_that_was_cut_off_can_be_settled(lost: Tool) -> None:
    with contextlib.closing(open_ledger(lost.config["ledger"])) as ledger:
        account = ledger.find(PASSTHROUGH)[0].account
        lines = {"order_number=B-1": b"one", "order_number=B-2": b"two"}
        ledger.intend(account, PASSTHROUGH, "killed", lines)
    assert "B-1" in lost("unknown")[1]
    assert lost("unknown", "--key", "B-1", "--settle", "accepted")[0] == 0
    out = lost("unknown")[1]
    assert "B-1" not in out
    assert "B-2" in out
    with contextlib.closing(open_ledger(lost.config["ledger"])) as ledger:
        ledger.recover(account, PASSTHROUGH)  # as the next run does
        marks = {line.entry.key: line.entry.status for line in ledger.find(PASSTHROUGH)}
    assert marks["order_number=B-1"] is RecordStatus.ACCEPTED
    assert marks["order_number=B-2"] is RecordStatus.INTENT


def test_the_report_is_about_what_has_not_got_through_since(
    tool: Tool, tmp_path: pathlib.Path
) -> None:
    tool.vendor.judge = refuse("1", "2")
    staff(tool, "1", "2")
    tool.vendor.judge = refuse("2")
    staff(tool, "1")
    file = tmp_path / "report.html"
    assert tool("report", "--output", str(file))[:2] == (0, f"The report is in {file}\n")
    text = file.read_text(encoding="utf-8")
    assert "The last run succeeded." in text
    assert "Correct 1 record at the source" in text
    assert "employeeCode=2" in text
    assert "employeeCode=1" not in text


def test_a_report_that_cannot_be_written_is_named(tool: Tool, tmp_path: pathlib.Path) -> None:
    staff(tool, "1")
    code, _, err = tool("report", "--output", str(tmp_path / "no" / "report.html"))
    assert (code, "--output" in err, err.count("\n")) == (1, True, 1)


def test_a_missing_ledger_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    assert main(["--ledger", str(tmp_path / "none.sqlite"), "runs"]) == 1
    assert "none.sqlite" in capsys.readouterr().err


def test_who_is_dismissed_is_neither_listed_nor_replayed(tool: Tool) -> None:
    tool.vendor.judge = refuse("1", "2", "3")
    staff(tool, "1", "2", "3")
    tool.vendor.judge = lambda _: None
    assert tool("dismiss", EMPLOYEES, "2")[:2] == (0, f"1 of {EMPLOYEES} dismissed\n")
    assert [json.loads(line)["key"] for line in tool("rejects", "--json")[1].splitlines()] == [
        {"employeeCode": "1"},
        {"employeeCode": "3"},
    ]
    code, _, err = tool("dismiss", EMPLOYEES, "2")
    assert (code, "has the key 2" in err) == (1, True)
    assert tool("dismiss", EMPLOYEES)[0] == 0
    sent = len(tool.vendor.writes)
    assert tool.replay()[0] == 0
    assert len(tool.vendor.writes) == sent


def test_a_letter_whose_outcome_is_unknown_cannot_be_dismissed(lost: Tool) -> None:
    code, out, err = lost("dismiss", PASSTHROUGH, "A-1")
    assert (code, "1 with an unknown outcome stay" in err) == (0, True)
    assert out == f"0 of {PASSTHROUGH} dismissed\n"
    assert "A-1" in lost("unknown")[1]


def test_a_forgotten_record_is_sent_when_it_comes_again(tool: Tool) -> None:
    accounts = "cimcloud_accounts"
    rows = [record(accounts, ref_id=str(n), nm="Ann") for n in range(3)]
    assert tool.write(schema(accounts), *rows) == 0
    sent = len(tool.vendor.taken)
    code, out, _ = tool("forget", accounts, "1")
    assert (code, out) == (0, f"1 of {accounts} will be sent when they come again\n")
    assert tool.write(schema(accounts), *rows) == 0
    assert [row["ref_id"] for row in tool.vendor.taken[sent:]] == ["1"]
    assert tool("forget", accounts)[0] == 0
    assert tool.write(schema(accounts), *rows) == 0
    assert len(tool.vendor.taken) == sent + 4
    code, _, err = tool("forget", accounts, "99")
    assert (code, "no record 99 of" in err) == (1, True)


def test_resync_sends_what_is_unchanged(tool: Tool) -> None:
    accounts = "cimcloud_accounts"
    rows = [record(accounts, ref_id=str(n), nm="Ann") for n in range(3)]
    for resync, sent in ((False, 3), (False, 3), (True, 6), (False, 6)):
        tool.config["resync"] = resync
        assert tool.write(schema(accounts), *rows) == 0
        assert len(tool.vendor.taken) == sent


@pytest.mark.parametrize("command", ["settle", "forget"])
def test_who_changes_the_ledger_by_hand_waits_for_a_run(lost: Tool, command: str) -> None:
    arguments = {
        "settle": ("unknown", "--key", "A-1", "--settle", "accepted"),
        "forget": ("forget", PASSTHROUGH),
    }[command]
    if command == "forget":
        assert lost("unknown", "--key", "A-1", "--settle", "accepted")[0] == 0
    setting = lost.config["ledger"]
    with contextlib.closing(open_ledger(setting)) as ledger:
        (line,) = ledger.find(PASSTHROUGH)
        with leases(setting, ledger) as held:
            held.take(line.account, PASSTHROUGH, Clock())
            done = threading.Event()

            def work() -> None:
                main(["--ledger", setting, *arguments])
                done.set()

            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            assert not done.wait(0.6)
    assert done.wait(10)
    thread.join()


@pytest.mark.parametrize("sent_again", [False, True])
def test_what_a_run_has_gone_on_with_is_not_settled_by_hand(
    lost: Tool, capsys: pytest.CaptureFixture[str], *, sent_again: bool
) -> None:
    setting = lost.config["ledger"]
    codes: list[int] = []
    settle = ["--ledger", setting, "unknown", "--key", "A-1", "--settle", "absent"]
    with contextlib.closing(open_ledger(setting)) as ledger:
        (line,) = ledger.find(PASSTHROUGH)
        with leases(setting, ledger) as held:
            held.take(line.account, PASSTHROUGH, Clock())
            thread = threading.Thread(target=lambda: codes.append(main(settle)), daemon=True)
            thread.start()
            thread.join(0.6)
            assert thread.is_alive()
            status = RecordStatus.UNKNOWN if sent_again else RecordStatus.ACCEPTED
            went_on = line.entry._replace(status=status, attempts=1, run="another")
            ledger.write(line.account, PASSTHROUGH, [went_on])
        thread.join(10)
    assert codes == [1]
    assert "a run has gone on with it meanwhile" in capsys.readouterr().err
    state = json.loads(lost("show", PASSTHROUGH, "A-1", "--json")[1])["state"]
    assert state == status.value


def test_a_torn_letter_disturbs_no_command(tool: Tool, caplog: pytest.LogCaptureFixture) -> None:
    tool.vendor.judge = refuse("1")
    staff(tool, "1", "2")
    file = pathlib.Path(tool.config["dead_letters"]) / f"{EMPLOYEES}.jsonl"
    with file.open("a") as lines:
        lines.write('{"stream":"aimsio_em')
    for arguments in (("rejects",), ("show", EMPLOYEES, "1"), ("unknown",), ("report",)):
        more = ("--output", str(file.with_name("page.html"))) if arguments == ("report",) else ()
        assert tool(*arguments, *more)[0] == 0
    assert f"{file} line 2" in caplog.text
    tool.vendor.judge = lambda _: None
    assert tool.replay()[0] == 0
    assert tool("rejects")[2] == "0 records\n"
    assert file.read_text() == '{"stream":"aimsio_em\n'


def test_letters_of_records_that_got_through_are_gone_after_the_run(tool: Tool) -> None:
    tool.vendor.judge = refuse("1", "2")
    staff(tool, "1", "2")
    staff(tool, "1", "2", employeeNotes="x")
    assert len(tool.vendor.letters(EMPLOYEES)) == 2
    tool.vendor.judge = refuse("2")
    staff(tool, "1", "2")
    (left,) = tool.vendor.letters(EMPLOYEES)
    assert left["key"] == {"employeeCode": "2"}
    tool.vendor.judge = lambda _: None
    assert tool.replay()[0] == 0
    assert tool.vendor.letters(EMPLOYEES) == []
