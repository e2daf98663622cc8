"""What a user says to `erp ledger` is not ignored: settings, variables, sinks, folders."""

from __future__ import annotations

import contextlib
import json
import shlex
import typing as t

import pytest

from erp_cli.erp import main as erp
from erp_cli.ledger import main as erp_ledger
from erp_ledger import LedgerRecord, RecordStatus, open_ledger
from tests.support.history import EMPLOYEES, letter

if t.TYPE_CHECKING:
    import pathlib

pytestmark = pytest.mark.usefixtures("alone")
ACCOUNT = "aimsio|u"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A folder with a ledger in which the outcome of a record is unknown, and a dead letter."""
    monkeypatch.chdir(tmp_path)
    unknown = LedgerRecord("employeeCode=1", b"x" * 32, RecordStatus.UNKNOWN, None, 0, "run")
    with contextlib.closing(open_ledger("erp_ledger.sqlite")) as ledger:
        ledger.write(ACCOUNT, EMPLOYEES, [unknown])
    dead = tmp_path / "dead_letters"
    dead.mkdir()
    (dead / f"{EMPLOYEES}.jsonl").write_text(json.dumps(letter()) + "\n")
    return tmp_path


def config(folder: pathlib.Path, **settings: t.Any) -> str:
    file = folder / "my config.json"
    file.write_text(json.dumps(settings))
    return str(file)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ledgr": "x"}, "unknown setting 'ledgr'; did you mean 'ledger'?"),
        ({"aimsio": {"user_name": "x"}}, "'aimsio.user_name'; did you mean 'aimsio.username'?"),
        ({"dry_run": "perhaps"}, "'dry_run' must be true or false"),
    ],
)
def test_a_configuration_is_checked_as_the_plugins_check_it(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], settings: t.Any, said: str
) -> None:
    assert erp(["ledger", "rejects", "--config", config(folder, **settings)]) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)


def test_the_keys_of_both_plugins_are_known(folder: pathlib.Path) -> None:
    whole = config(
        folder,
        start_date="2026-01-01",
        dry_run="true",
        stream_maps={EMPLOYEES: {"x": None}},
        flattening_enabled=True,
        validate_records=True,
        aimsio={"username": "u", "max_concurrency": "3", "password": " "},
    )
    assert erp(["ledger", "rejects", "--config", whole]) == 0


@pytest.mark.parametrize("name", ["ledger", "dead_letters"])
def test_a_variable_does_not_beat_a_file_in_silence(
    folder: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    places = {"ledger": "erp_ledger.sqlite", "dead_letters": "dead_letters"}
    file = config(folder, **{name: places[name]})
    variable, flag = f"TARGET_ERP_{name.upper()}", f"--{name.replace('_', '-')}"
    monkeypatch.setenv(variable, "elsewhere")
    assert erp(["ledger", "rejects", "--config", file]) == 1
    said = capsys.readouterr().err
    assert f"{variable} names another place" in said
    assert flag in said
    assert erp(["ledger", "rejects", "--config", file, flag, places[name]]) == 0
    monkeypatch.setenv(variable, places[name])
    assert erp(["ledger", "rejects", "--config", file]) == 0


@pytest.mark.parametrize("subcommand", ["rejects", "unknown", "replay --config ENV"])
def test_a_misspelt_sink_is_told(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    assert folder.is_dir()
    words = ["ledger", *subcommand.split(), "--stream"]
    assert erp([*words, "aimsio_employes"]) == 1
    said = capsys.readouterr().err
    assert "no sink is called aimsio_employes" in said
    assert "did you mean aimsio_employees?" in said
    if subcommand != "replay --config ENV":
        for known in (EMPLOYEES, "cimcloud_accounts"):
            assert erp([*words, known]) == 0


def test_a_sink_of_the_settings_is_known(folder: pathlib.Path) -> None:
    own = [{"name": "things", "path": "things", "schema": {"properties": {"a": {}}}}]
    block = {"username": "u", "password": "p", "resources": own}
    file = config(folder, aimsio=block)
    assert erp(["ledger", "rejects", "--stream", "aimsio_things"]) == 1
    assert erp(["ledger", "rejects", "--stream", "aimsio_things", "--config", file]) in {0, 1}


@pytest.mark.parametrize("subcommand", ["rejects", "unknown", "report", f"dismiss {EMPLOYEES}"])
def test_a_missing_folder_is_told(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    words = ["ledger", *subcommand.split()]
    assert erp([*words, "--dead-letters", "elsewhere"]) == 1
    assert "there is no folder elsewhere" in capsys.readouterr().err
    (folder / "dead_letters").rename(folder / "away")
    assert erp(words) == int("dismiss" in subcommand)
    assert "warning: there is no folder dead_letters" in capsys.readouterr().err


def commands(shown: str) -> list[list[str]]:
    return [
        shlex.split(line.partition(": ")[2])
        for line in shown.splitlines()
        if line.strip().startswith("If it is")
    ]


def test_the_commands_that_are_shown_are_those_that_were_called(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = ["--stream", EMPLOYEES, "--key", "employeeCode=1", "--account", ACCOUNT, "--settle"]
    options = ["--ledger", "erp_ledger.sqlite", "--dead-letters", "dead_letters"]
    options += ["--config", config(folder, ledger="x")]
    for main, called, program in (
        (erp, ["ledger", "unknown", *options], ["erp", "ledger", "unknown"]),
        (erp, ["ledger", *options, "unknown"], ["erp", "ledger", "unknown"]),
        (erp_ledger, ["unknown", *options], ["erp-ledger", "unknown"]),
    ):
        assert main(called) == 0
        for command, word in zip(
            commands(capsys.readouterr().out), ("accepted", "absent"), strict=True
        ):
            assert command == [*program, *options, *settle, word]
    monkeypatch.setenv("MELTANO_LOADER_NAME", "target-erp--aimsio")
    assert erp(["ledger", "unknown"]) == 0
    first, second = commands(capsys.readouterr().out)
    assert first == ["meltano", "invoke", "target-erp--aimsio:unknown", *settle, "accepted"]
    monkeypatch.delenv("MELTANO_LOADER_NAME")
    assert erp(["ledger", "unknown", *second[3:]]) == 0
    assert commands(capsys.readouterr().out) == []
    assert erp(["ledger", "unknown"]) == 0
    assert commands(capsys.readouterr().out) == []


def test_an_address_with_a_password_is_not_shown(
    folder: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert folder.is_dir()
    assert erp(["ledger", "unknown", "--ledger", "postgresql://ann:pass-w0rd@127.0.0.1:1/erp"]) == 1
    assert "pass-w0rd" not in "".join(capsys.readouterr())
