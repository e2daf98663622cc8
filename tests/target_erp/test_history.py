"""`erp-ledger`: runs, rejects, replay, unknown, report."""

from __future__ import annotations

import json
import pathlib
import typing as t
from html.parser import HTMLParser

import pytest

from target_erp.history.command import main
from tests.support.plugins import record, run_target, schema
from tests.support.stub import Reply

if t.TYPE_CHECKING:
    from tests.target_erp.conftest import Vendor

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


def test_runs_are_listed_with_their_outcomes(tool: Tool) -> None:
    tool.vendor.judge = refuse("2")
    staff(tool, "1", "2")
    staff(tool, "1")
    code, out, _ = tool("runs")
    lines = [line.split() for line in out.splitlines()]
    assert code == 0
    assert lines[0][3:7] == ["accepted", "unchanged", "refused", "unknown"]
    assert [line[3:7] for line in lines[1:]] == [["0", "1", "0", "0"], ["1", "0", "1", "0"]]
    reports = [json.loads(line) for line in tool("runs", "--json")[1].splitlines()]
    assert reports[1]["streams"][EMPLOYEES]["refused"] == 1
    assert reports[1]["vendors"]["aimsio"]["calls"] == 3


def test_a_record_is_shown_by_its_key(tool: Tool) -> None:
    staff(tool, "E-1")
    code, out, _ = tool("show", EMPLOYEES, "E-1")
    assert code == 0
    assert "employeeCode=E-1" in out
    assert "accepted" in out
    code, _, err = tool("show", EMPLOYEES, "E-2")
    assert (code, "E-2" in err) == (1, True)


def test_rejects_lists_what_has_not_got_through_since(tool: Tool) -> None:
    tool.vendor.judge = refuse("1", "2")
    staff(tool, "1", "2")
    assert "bad trade" in tool("rejects")[1]
    tool.vendor.judge = refuse("2")
    staff(tool, "1")
    _, out, err = tool("rejects")
    assert "employeeCode=2" in out
    assert "employeeCode=1" not in out
    assert err == "1 records\n"
    letter = json.loads(tool("rejects", "--full")[1])
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


def test_a_masked_secret_is_never_sent(tool: Tool) -> None:
    tool.vendor.judge = lambda _: "no"
    row = record("cimcloud_customers", username="ann", pw="hunter2-hunter2")
    tool.write(schema("cimcloud_customers"), row)
    tool.vendor.judge = lambda _: None
    code, _, err = tool.replay()
    assert (code, tool.vendor.taken) == (0, [])
    assert "username=ann" in err
    assert "masked" in err


def test_a_person_decides_what_nobody_knows(tool: Tool) -> None:
    tool.vendor.script = lambda request: (
        Reply(cut="half", body={"ok": 1}) if "passthrough" in request.path else None
    )
    tool.write(schema(PASSTHROUGH), record(PASSTHROUGH, order_number="A-1"))
    tool.vendor.script = lambda _: None
    assert "order_number=A-1" in tool("unknown")[1]
    assert tool("unknown", "--settle", "accepted")[0] == 1
    code, out, _ = tool("unknown", "--key", "A-1", "--settle", "absent")
    assert (code, "refused" in out) == (0, True)
    assert "A-1" not in tool("unknown")[1]
    assert tool.write(schema(PASSTHROUGH), record(PASSTHROUGH, order_number="A-1")) == 0
    assert tool.vendor.writes.count("POST /site/orderpassthrough/") == 2


def test_the_report_is_one_page_that_needs_nothing_else(tool: Tool, tmp_path: pathlib.Path) -> None:
    tool.vendor.judge = lambda row: "<script>" if row["employeeCode"] == "2" else None
    staff(tool, "1", "2")
    file = tmp_path / "report.html"
    assert tool("report", "--output", str(file))[:2] == (0, f"{file}\n")
    text = file.read_text(encoding="utf-8")
    tags: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not {"src", "href", "onclick"} & {name for name, _ in attrs}

    Parser().feed(text)
    assert "script" not in tags
    assert tags.count("svg") == 2
    assert "1 accepted" in text
    assert "1 refused" in text
    assert EMPLOYEES in text


def test_a_missing_ledger_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    assert main(["--ledger", str(tmp_path / "none.sqlite"), "runs"]) == 1
    assert "none.sqlite" in capsys.readouterr().err
