"""The command `erp`: its subcommands, their help, completion, and what is imported."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from erp_cli.erp import SUBCOMMANDS, erp, main
from erp_vendors.vendors import VENDORS

SCREEN = 24
"""Lines of a small terminal."""
AIMSIO = {"username": "u", "password": "p"}
ROOT = pathlib.Path(__file__).resolve().parents[2]
SLOW = ("erp_cli.streams", "erp_sandbox", "tap_erp.tap", "target_erp.target", "rich")


pytestmark = pytest.mark.usefixtures("alone")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out.splitlines()


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_help_lists_the_subcommands_on_one_screen(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert main(arguments) == 0
    shown = lines(capsys)
    assert len(shown) <= SCREEN
    assert [line.split()[0] for line in shown[-len(SUBCOMMANDS) :]] == sorted(SUBCOMMANDS)


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_each_subcommand_is_there_and_its_help_fits_a_screen(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main([name, "--help"]) == 0
    shown = lines(capsys)
    assert shown[0].startswith(f"Usage: erp {name}")
    assert len(shown) <= SCREEN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "imported"),
    [
        (["--help"], set()),
        (["ledger", "--help"], set()),
        (["sandbox", "--help"], {"erp_sandbox"}),
    ],
    ids=str,
)
def test_a_subcommand_is_imported_when_it_is_called(
    arguments: list[str], imported: set[str]
) -> None:
    program = (
        "import sys, erp_cli.erp\n"
        "erp_cli.erp.main()\n"
        f"print(*{set(SLOW)} & sys.modules.keys(), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert set(done.stderr.split()) == imported


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing"], "No such command 'nothing'. (see erp --help)"),
        (["--nothing"], "No such option '--nothing'"),
        (["ledger", "rums"], "Did you mean 'runs'? (see erp ledger --help)"),
        (["ledger", "--config", "", "runs"], "'--config': it is empty"),
        (["--config", "missing.json", "streams"], "missing.json (--config)"),
        (["sandbox", "serve", "--size", "many"], "(see erp sandbox serve --help)"),
        (["streams", "--config", "ENV"], "no vendor is configured"),
    ],
    ids=str,
)
def test_wrong_usage_is_told_in_a_line_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert told in shown.err
    assert shown.err.startswith("erp: ")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], set(SUBCOMMANDS)),
        (["l"], {"ledger"}),
        (["--con"], {"--config"}),
        (["ledger", "re"], {"rejects", "replay", "report"}),
        (["--config", "x", "ledger", "ru"], {"runs"}),
        (["streams", "--al"], {"--all"}),
        (["sandbox", ""], {"serve"}),
    ],
)
def test_the_shell_completes_commands_and_options(words: list[str], found: set[str]) -> None:
    from click.shell_completion import ShellComplete  # noqa: PLC0415 - as the shell does

    *before, begun = words
    complete = ShellComplete(erp, {}, "erp", "_ERP_COMPLETE")
    assert {item.value for item in complete.get_completions(before, begun)} == found


@pytest.mark.parametrize("place", ["before", "behind"])
def test_the_streams_of_the_configured_vendors_are_listed(
    capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path, place: str
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"aimsio": AIMSIO, "dry_run": True, "start_date": "2026-01-01"}))
    option = ["--config", str(config)]
    assert main([*option, "streams"] if place == "before" else ["streams", *option]) == 0
    heads, *rows = lines(capsys)
    assert heads.split() == ["stream", "key", "bookmark", "is", "read"]
    assert {row.partition("_")[0] for row in rows} == {"aimsio"}
    (row,) = [row for row in rows if row.startswith("aimsio_employees ")]
    assert row.split()[1:] == ["employeeGuid", "employeeUpdatedAt", "changes", "only"]


@pytest.mark.parametrize("arguments", [[], ["--all"], ["--all", "--config", "ENV"]], ids=str)
@pytest.mark.parametrize("variable", ["TAP_ERP_AIMSIO_USERNAME", "TAP_ERP_RATE_LIMIT_STORE"])
def test_all_streams_are_listed_for_scripts(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variable: str,
) -> None:
    monkeypatch.setenv(variable, "x")
    assert main(["streams", "--json", *arguments]) == 0
    found = {one["stream"]: one for one in map(json.loads, lines(capsys))}
    assert {name.partition("_")[0] for name in found} == set(VENDORS)
    assert found["pentamic_customers"] == {
        "stream": "pentamic_customers",
        "key": ["id"],
        "bookmark": "",
        "is_read": "in full",
    }
