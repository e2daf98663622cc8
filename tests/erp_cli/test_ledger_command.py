"""The command line of `erp ledger`: where options stand, usage errors, completion, wide tables."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import typing as t

import pytest

from erp_cli.ledger import main
from erp_ledger import open_ledger
from target_erp.report.past_runs import OUTCOMES
from tests.support.history import EMPLOYEES, letter
from tests.support.scale import mostly_nightly

if t.TYPE_CHECKING:
    import pathlib

COMMANDS = ["runs", "show", "rejects", "replay", "dismiss", "forget", "unknown", "report"]
COMMANDS += ["move", "prune"]
ERROR = "1,234 records were rejected and the outcome of 12 is unknown; aimsio: HTTP 503 everywhere"
PROGRAM = "import sys; from erp_cli.ledger import main; sys.exit(main())"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a ledger of two runs and one dead letter, in which the command is called."""
    monkeypatch.chdir(tmp_path)
    counts = {name: 1_234_567 + n for n, name in enumerate(OUTCOMES)}
    whole = {"exit_code": 3, "error": ERROR, "seconds": 12_345.6, "records_read": 9_999_999}
    vendors = {"aimsio": {"calls": 123_456, "seconds_waiting": 1}}
    with contextlib.closing(open_ledger("erp_ledger.sqlite")) as ledger:
        ledger.begin_run("1")
        report = {**whole, "streams": {EMPLOYEES: counts}, "vendors": vendors}
        ledger.end_run("1", json.dumps(report))
        ledger.begin_run("2")
    dead = tmp_path / "dead_letters"
    dead.mkdir()
    (dead / f"{EMPLOYEES}.jsonl").write_text(json.dumps(letter()) + "\n")
    return tmp_path


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("arguments", [[], ["--ledger", "none"], ["--help"], ["runs", "--help"]])
def test_without_a_subcommand_the_help_is_shown(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert "--dead-letters FOLDER" in shown.out
    if "runs" not in arguments:
        assert [line.split()[0] for line in shown.out.splitlines()[-10:]] == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["runs", "--nothing"], "No such option '--nothing'. (see erp-ledger runs --help)"),
        (["--nothing", "runs"], "No such option '--nothing'"),
        (["rums"], "No such command 'rums'"),
        (["runs", "--limit", "many"], "'many' is not a valid integer"),
        (["--limit", "many", "runs"], "'many' is not a valid integer"),
        (["unknown", "--settle", "maybe"], "'maybe' is not one of 'accepted', 'absent'"),
        (["show", EMPLOYEES], "Missing argument 'KEY'"),
        (["--json", "forget", EMPLOYEES], "No such option '--json'"),
        (["runs", "--ledger"], "requires an argument"),
        (["--ledger"], "requires an argument"),
        (["replay"], "--config FILE"),
        (["runs", "--limit", "0"], "is not in the range"),
        (["runs", "--limit", "-1"], "is not in the range"),
        (["runs", "--limit", "9" * 30], "is not in the range"),
        (["dismiss", ""], "'SINK': it is empty"),
        (["forget", " "], "'SINK': it is empty"),
        (["forget", EMPLOYEES, ""], "'[KEY]': it is empty"),
        (["show", "", "1"], "'SINK': it is empty"),
        (["show", EMPLOYEES, ""], "'KEY': it is empty"),
        *(
            ([command, flag, ""], f"'{flag}': it is empty")
            for command, flag in (
                ("rejects", "--stream"),
                ("rejects", "--key"),
                ("replay", "--stream"),
                ("unknown", "--account"),
                ("forget", "--account"),
                ("runs", "--ledger"),
                ("runs", "--dead-letters"),
                ("runs", "--config"),
            )
        ),
    ],
)
def test_wrong_usage_is_told_in_a_line_and_ends_with_1(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err
    assert shown.err.startswith("erp-ledger: ")
    assert shown.err.count("\n") == 1
    assert folder.is_dir()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ledger", "{}", "--dead-letters", "{}.d", "--json", "runs", "--limit", "1"],
        ["runs", "--ledger", "{}", "--json", "--dead-letters={}.d", "--limit", "1"],
        ["--limit=1", "--ledger={}", "runs", "--json"],
        ["--ledger", "none", "runs", "--ledger", "{}", "--json", "--limit", "1"],
    ],
)
def test_options_stand_before_or_behind_the_subcommand(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    elsewhere = folder / "elsewhere"
    (folder / "erp_ledger.sqlite").rename(elsewhere)
    assert main([part.format(elsewhere) for part in arguments]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["run"] == "2"


def test_the_ledger_is_what_option_variable_or_configuration_names(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = folder / "config.json"
    config.write_text('{"ledger": "configured"}')
    named = [["runs"], ["--config", str(config), "runs"], ["runs", "--config", str(config)]]
    (folder / "erp_ledger.sqlite").rename(folder / "configured")
    assert [main(arguments) for arguments in named] == [1, 0, 0]
    monkeypatch.setenv("TARGET_ERP_LEDGER", "said")
    assert main(["runs"]) == 1
    assert "no ledger at said" in capsys.readouterr().err
    assert main(named[1]) == 1
    assert "TARGET_ERP_LEDGER names another place" in capsys.readouterr().err
    assert main([*named[1], "--ledger", "configured"]) == 0


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_a_configuration_that_cannot_be_read_is_told_in_a_line(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    file = folder / "config.json"
    if text is not None:
        file.write_text(text)
    assert main(["replay", "--config", str(file)]) == 1
    shown = capsys.readouterr()
    assert f"{file} (--config)" in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "place", "found"),
    mostly_nightly(
        [
            ("erp-ledger re", "1", {"rejects", "replay", "report"}),
            ("erp-ledger --le", "1", {"--ledger"}),
            ("erp-ledger runs --", "2", {"--json", "--limit", "--ledger", "--dead-letters"}),
            ("erp-ledger --ledger x un", "3", {"unknown"}),
            ("erp-ledger unknown --settle a", "3", {"accepted", "absent"}),
        ],
        keep=(2,),
    ),
)
def test_the_shell_completes_commands_and_options(words: str, place: str, found: set[str]) -> None:
    asked = {"_ERP_LEDGER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place}
    done = call(**asked)
    assert found <= {line.partition(",")[2] for line in done.stdout.splitlines()}
    assert done.stderr == ""


def on_terminal(columns: int, *arguments: str) -> list[str]:
    """Lines of the command's output on a terminal of this width."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=end,
        env={**os.environ, "COLUMNS": str(columns)},
    )
    os.close(end)
    said = b""
    with contextlib.suppress(OSError):  # how the end is told on Linux
        while part := os.read(terminal, 65536):
            said += part
    os.close(terminal)
    assert process.wait(30) == 0
    return said.decode().splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("columns", mostly_nightly((80, 100, 120), keep=(0,)))
@pytest.mark.usefixtures("folder")
def test_runs_break_no_word_on_a_narrow_terminal(columns: int) -> None:
    lines = on_terminal(columns, "runs")
    assert max(map(len, lines)) <= columns
    text = " ".join(lines)
    for word in ("started", "seconds", "calls", "records", "12,345.6", "9,999,999", "123,456"):
        assert word in text.split()
    for n, name in enumerate(OUTCOMES):
        assert re.search(rf"{1_234_567 + n:,}\s.*\b{name}\b", text), name
    assert set(ERROR.split()) <= set(text.split())
    assert "…" not in text


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_wide_terminal_has_a_column_per_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    lines = on_terminal(400, "runs")
    assert lines[0].split() == [
        *("started", "end", "exit", "seconds", "read", *OUTCOMES, "calls", "error")
    ]
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_pipe_gets_a_row_in_one_line_however_long_it_is(tmp_path: pathlib.Path) -> None:
    reason = "no such job; " * 200
    file = tmp_path / "dead_letters" / f"{EMPLOYEES}.jsonl"
    file.write_text(json.dumps(letter(reason=reason + "[bold]\x1b[31m")) + "\n")
    done = call("rejects", COLUMNS="80")
    heads, row = done.stdout.splitlines()
    assert heads.split()[0] == "first"
    assert row.endswith(reason + "[bold]\\x1b[31m")


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_reader_that_has_ended_is_no_reason_for_a_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "runs"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "imported"),
    mostly_nightly(
        [
            ("erp_cli.ledger --help", set()),
            ("erp_cli.ledger runs --json", set()),
            ("erp_cli.ledger runs", {"rich"}),
            ("target_erp.target --version", {"target_erp.target"}),
            ("tap_erp.tap --version", set()),
        ],
        keep=(1, 3),
    ),
)
@pytest.mark.usefixtures("folder")
def test_a_command_imports_only_what_it_needs(arguments: str, imported: set[str]) -> None:
    module, *words = arguments.split()
    program = (
        f"import sys, {module} as module\n"
        "try:\n"
        "    module.main()\n"
        "finally:\n"
        "    print(*{'rich', 'target_erp.target'} & sys.modules.keys(), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stderr.splitlines()[-1].split()) == imported
