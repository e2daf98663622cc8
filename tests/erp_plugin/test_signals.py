"""What ends a run: SIGINT, SIGTERM, and SIGHUP unless the process was started to outlive it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import typing as t

import pytest

from tap_erp.tap import TapErp
from target_erp.target import TargetErp
from tests.support.signals import ENDING, signals_kept

if t.TYPE_CHECKING:
    import pathlib

CONFIG = {"aimsio": {"api_url": "http://127.0.0.1:1", "username": "ann", "password": "pass-w0rd"}}
PLUGINS = [TapErp, TargetErp]


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("number", ENDING)
def test_each_signal_ends_a_run_in_the_same_way(
    plugin: type[TapErp | TargetErp], number: signal.Signals
) -> None:
    with signals_kept():
        signal.signal(number, signal.SIG_DFL)
        made = plugin(config=CONFIG)
        assert signal.getsignal(number) == made._handle_termination  # noqa: SLF001 - the SDK's


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_hang_up_that_was_ignored_at_the_start_is_ignored(
    plugin: type[TapErp | TargetErp],
) -> None:
    with signals_kept():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        plugin(config=CONFIG)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def start(folder: pathlib.Path, *before: str) -> subprocess.Popen[str]:
    """A target that has taken its first message."""
    config = {**CONFIG, "checkpoint_seconds": 0}
    (folder / "config.json").write_text(json.dumps(config))
    # The tests themselves may run under nohup.
    with signals_kept():
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        process = _started(folder, *before)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write('{"type":"STATE","value":{"n":1}}\n')
    process.stdin.flush()
    assert json.loads(process.stdout.readline()) == {"n": 1}
    return process


def _started(folder: pathlib.Path, *before: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-m", "target_erp", "--config", "config.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


@pytest.mark.slow
def test_a_target_whose_terminal_goes_away_ends_with_its_report(tmp_path: pathlib.Path) -> None:
    process = start(tmp_path)
    process.send_signal(signal.SIGHUP)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped by signal 1; the next run continues from here" in log
    assert json.loads((tmp_path / "erp_run.json").read_text())["exit_code"] == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("nohup") is None, reason="needs nohup")
def test_a_target_under_nohup_goes_on(tmp_path: pathlib.Path) -> None:
    process = start(tmp_path, "nohup")
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate('{"type":"STATE","value":{"n":2}}\n', timeout=60)
    assert process.returncode == 0
    assert json.loads(out) == {"n": 2}
