"""The wheel of this checkout, and environments to install it into."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import typing as t

from tests.support.shared import made_once

if t.TYPE_CHECKING:
    import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 300


def pip(*arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run this environment's pip."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def wheel_of(factory: pytest.TempPathFactory) -> pathlib.Path:
    """The wheel, which is made once."""

    def make(folder: pathlib.Path) -> None:
        answer = pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
        assert answer.returncode == 0, answer.stderr

    (path,) = made_once(factory, "wheel", make).glob("erp_singer-*.whl")
    return path
