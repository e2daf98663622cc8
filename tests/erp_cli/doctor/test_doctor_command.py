"""The subcommand `erp doctor`: what it shows, writes and keeps, and its exit codes."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import typing as t

import pytest

from demo.sandbox import DemoSandbox, block
from erp_cli.erp import main
from erp_sandbox.testing import running_sandbox
from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    import pathlib

    from erp_sandbox.testing import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("alone")]
Shown = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def sandbox() -> t.Iterator[RunningSandbox]:
    with running_sandbox(size=12) as found:
        yield found


def pentamic(sandbox: RunningSandbox, **more: t.Any) -> dict[str, t.Any]:
    played = DemoSandbox(sandbox.url).vendors()["pentamic"]
    return {"pentamic": {**block(VENDORS["pentamic"], played), **more}}


def written(folder: pathlib.Path, config: dict[str, t.Any]) -> str:
    file = folder / "config.json"
    file.write_text(json.dumps(config), "utf-8")
    return str(file)


def test_a_summary_comes_before_the_details(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    assert main(["doctor", "--config", written(tmp_path, pentamic(sandbox))]) == 0
    shown = capsys.readouterr()
    assert re.search(
        r"^Pentamic Accounting: at most \d+ calls, all of them reads$", shown.err, re.MULTILINE
    )
    lines = shown.out.splitlines()
    assert re.fullmatch(r"Pentamic Accounting: can be used \(\d+ of at most \d+ calls\)", lines[0])
    summary = shown.out.split("\n\n")[0]
    assert [line.split()[:2] for line in summary.splitlines()[1:6]] == [
        ["name", "ok"], ["login", "ok"], ["clock", "ok"], ["streams", "ok"], ["assumptions", "ok"],
    ]  # fmt: skip
    assert "order_by" in shown.out.removeprefix(summary)
    assert "\x1b" not in shown.out


def test_scripts_get_one_object_with_everything(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    file = written(tmp_path, pentamic(sandbox))
    assert main(["doctor", "--config", file, "--json", "--sinks"]) == 0
    (vendor,) = json.loads(capsys.readouterr().out)["vendors"]
    assert vendor["vendor"] == "pentamic"
    assert vendor["usable"] is True
    assert 0 < vendor["calls"] <= vendor["most_calls"]
    assert {one["stream"] for one in vendor["streams"]} == {
        "pentamic_customers", "pentamic_customer_invoices",
    }  # fmt: skip
    assert {one["state"] for one in vendor["assumptions"]} == {
        "holds", "cannot be told from reads",
    }  # fmt: skip
    opened = {one["name"] for one in vendor["sinks"] if one["about"] == "open"}
    assert "put_clears" in opened
    keys = [one["said"] for one in vendor["sinks"] if one["about"] == "keys"]
    assert "taxCode: 12 of 12 rows have it, all different" in keys
    assert vendor["kept"] == []


def test_only_reads_reach_the_vendor(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    before = sandbox.calls("pentamic")[-1:] or [{"number": 0}]
    file = written(tmp_path, pentamic(sandbox))
    assert main(["doctor", "--config", file, "--deep", "--sinks", "--json"]) == 0
    (vendor,) = json.loads(capsys.readouterr().out)["vendors"]
    made = sandbox.calls("pentamic", before[0]["number"])
    assert len(made) == vendor["calls"]
    assert {call["method"] for call in made if not call["path"].endswith("/connect/token")} == {
        "GET"
    }


def test_a_vendor_that_cannot_be_used_ends_the_doctor_with_1(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    config = pentamic(sandbox, client_secret="wrong-and-long")
    assert main(["doctor", "--config", written(tmp_path, config)]) == 1
    out = capsys.readouterr().out
    assert "Pentamic Accounting: cannot be used" in out
    assert re.search(r"^login +failed +.*invalid_client", out, re.MULTILINE)
    assert "wrong-and-long" not in out
    incomplete = {"pentamic": {"scope": "x"}}
    assert main(["doctor", "--config", written(tmp_path, incomplete)]) == 1
    assert "pentamic.client_id and pentamic.client_secret are not set" in capsys.readouterr().out


@pytest.fixture(scope="module")
def unordered() -> t.Iterator[RunningSandbox]:
    """A Pentamic whose paths end in a slash, which a setting makes up for."""
    with running_sandbox(size=12, options={"pentamic": {"slash": "required"}}) as found:
        yield found


def test_what_differs_is_written_and_then_differs_no_more(
    unordered: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    file = written(tmp_path, pentamic(unordered))
    arguments = ["doctor", "--config", file, "--detailed-exitcode"]
    assert main(arguments) == 2
    assert "pentamic.trailing_slash: true" in capsys.readouterr().out
    assert main([*arguments, "--write", file]) == 0
    assert '+    "trailing_slash": true' in capsys.readouterr().out
    assert main(arguments) == 0
    assert "trailing_slash" not in capsys.readouterr().out


def test_what_the_user_has_set_is_changed_only_if_told(
    unordered: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    entry = {"name": "customer_invoices", "primary_keys": ["mine"]}
    config = pentamic(unordered, trailing_slash=True, resources=[entry])
    file = written(tmp_path, config)
    arguments = ["doctor", "--config", file, "--detailed-exitcode", "--write", file]
    assert main(arguments) == 2
    assert 'the configuration says ["mine"] (--overwrite)' in " ".join(
        capsys.readouterr().out.split()
    )
    stated = json.loads((tmp_path / "config.json").read_text("utf-8"))["pentamic"]["resources"]
    assert stated[0]["primary_keys"] == ["mine"]
    assert main([*arguments, "--overwrite"]) == 0
    stated = json.loads((tmp_path / "config.json").read_text("utf-8"))["pentamic"]["resources"]
    assert stated[0]["primary_keys"] != ["mine"]


def test_a_new_file_is_a_configuration_that_the_tap_runs_with_alone(
    unordered: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    new = tmp_path / "new.json"
    file = written(tmp_path, pentamic(unordered))
    assert main(["doctor", "--config", file, "--write", str(new)]) == 0
    assert "new.json is new" in capsys.readouterr().out
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    run = subprocess.run(
        [sys.executable, "-m", "tap_erp", "--config", str(new)], capture_output=True, check=True
    )
    messages = [json.loads(line) for line in run.stdout.splitlines()]
    records = [m for m in messages if m["type"] == "RECORD" and m["stream"] == "pentamic_customers"]
    assert len(records) == len(unordered.rows("pentamic", "customers"))


def test_what_was_asked_and_answered_is_kept_without_secrets(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    kept = tmp_path / "kept.json"
    file = written(tmp_path, pentamic(sandbox))
    assert main(["doctor", "--config", file, "--save", str(kept)]) == 0
    assert "kept.json holds what was asked and answered" in capsys.readouterr().err
    text = kept.read_text("utf-8")
    assert "sandbox-secret" not in text
    (vendor,) = json.loads(text)["vendors"]
    assert len(vendor["calls_made"]) == vendor["calls"]
    assert any('"taxCode"' in call["answer"] for call in vendor["calls_made"])
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_no_more_calls_are_made_than_allowed(
    sandbox: RunningSandbox, tmp_path: pathlib.Path, capsys: Shown
) -> None:
    file = written(tmp_path, pentamic(sandbox))
    assert main(["doctor", "--config", file, "--json", "--max-calls", "2"]) == 0
    (vendor,) = json.loads(capsys.readouterr().out)["vendors"]
    assert vendor["calls"] == 2
    skipped = {one["stream"]: one["access"] for one in vendor["streams"]}
    assert skipped["pentamic_customer_invoices"] == "not looked at"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vendor", "aimsio"], "aimsio (--vendor) is not configured"),
        (["--vendor", "sap"], "'sap' is not one of"),
        (["--streams", "pentamic_invoices"], "there is no stream pentamic_invoices"),
        (["--streams", "aimsio_employees"], "has the stream aimsio_employees (--streams)"),
        (["--max-calls", "0"], "--max-calls"),
        (["--write", "no/such/folder/new.json"], "cannot write no/such/folder/new.json"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    sandbox: RunningSandbox,
    tmp_path: pathlib.Path,
    capsys: Shown,
    arguments: list[str],
    said: str,
) -> None:
    file = written(tmp_path, pentamic(sandbox))
    assert main(["doctor", "--config", file, *arguments]) == 1
    shown = capsys.readouterr()
    assert said in " ".join((shown.out + shown.err).split())
