"""Taps of others, each in a virtual environment of its own, made when it is first needed."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import typing as t

import pytest

Message = dict[str, t.Any]

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "output" / "taps"
_SECONDS = 300


def tap(requirement: str, command: str) -> pathlib.Path:
    """The command of a tap, installed; the test is skipped where it cannot be."""
    folder = FOLDER / requirement.replace("==", "-")
    done = folder / "installed"
    if not done.exists():
        base = getattr(sys, "_base_executable", None) or sys.executable
        pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        for step in ([base, "-m", "venv", "--clear", str(folder)], [*pip, "install", requirement]):
            try:
                subprocess.run(step, check=True, capture_output=True, timeout=_SECONDS)
            except (subprocess.SubprocessError, OSError) as error:
                said = getattr(error, "stderr", b"") or str(error).encode()
                why = said.decode(errors="replace").strip().splitlines()[-1:]
                pytest.skip(f"{requirement} cannot be installed: {' '.join(why)}")
        done.touch()
    return folder / "bin" / command


def messages(command: pathlib.Path, config: Message, folder: pathlib.Path) -> list[str]:
    """All that a tap emits, with every stream and column selected."""
    settings, catalog = folder / "tap.json", folder / "catalog.json"
    settings.write_text(json.dumps(config))
    found = json.loads(_run(command, folder, "--config", settings, "--discover"))
    for stream in found["streams"]:
        stream["selected"] = True
        for one in stream["metadata"]:
            one["metadata"]["selected"] = True
    catalog.write_text(json.dumps(found))
    return _run(command, folder, "--config", settings, "--catalog", catalog).splitlines()


def _run(command: pathlib.Path, folder: pathlib.Path, *arguments: object) -> str:
    done = subprocess.run(
        [str(command), *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
