"""The runner of the fuzzer tells what it found, and whether it looked at all."""

from __future__ import annotations

import base64
import importlib.util
import re
import typing as t

import pytest

from tests.fuzz.__main__ import fuzz, main

if t.TYPE_CHECKING:
    import pathlib

has_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this platform"
)
TARGET = """
SEEDS = (b"begin",)
WORDS = (b"fault",)

def parse(data):
    if {trigger} in data:
        {act}
"""


@has_atheris
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "act"),
    [("raising", "raise ValueError(data)"), ("ending", "import os; os._exit(0)")],
)
def test_an_input_that_is_a_fault_is_printed(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    name: str,
    act: str,
) -> None:
    (tmp_path / f"{name}.py").write_text(TARGET.format(trigger=b"fault", act=act))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert not fuzz(name, 60)
    printed = capfd.readouterr().out
    assert f"{name}: a fault" in printed
    if name == "raising":
        assert "ValueError: b" in printed
        inputs = re.findall(r"in base64: (\S+)$", printed, re.MULTILINE)
        assert [b"fault" in base64.b64decode(text) for text in inputs] == [True]


@has_atheris
@pytest.mark.slow
def test_a_target_is_fuzzed_for_its_time(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["pentamic_json", "--seconds", "1"]) == 0
    assert re.search(r"pentamic_json: [\d,]+ inputs in 1 s, no fault", capfd.readouterr().out)


@pytest.mark.parametrize(("arguments", "code"), [(["--optional"], 0), ([], 1)])
def test_without_atheris_nothing_is_fuzzed_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert main(arguments) == code
    assert "atheris is not installed" in capsys.readouterr().out


def test_an_unknown_target_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "unknown: nothing; there are aim_xml, openapi" in capsys.readouterr().err
