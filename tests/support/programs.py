"""Taps and loaders of others, each in a virtual environment of its own, made when first needed."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import typing as t

import filelock

from tests.support.services import absent

Message = dict[str, t.Any]

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "output" / "programs"
_SECONDS = 300


def program(command: str, *requirements: str) -> pathlib.Path:
    """A command of others, installed; where it cannot be, the test is skipped, or fails in CI.

    Args:
        command: Its name; `python` for the environment's interpreter.
        *requirements: What pip installs, first of all the distribution that has the command.
    """
    mark = hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:8]
    folder = FOLDER / f"{requirements[0].partition('==')[0]}-{mark}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):  # tests of several workers may want it
        done = folder / "installed"
        if not done.exists():
            base = getattr(sys, "_base_executable", None) or sys.executable
            for step in ([base, "-m", "venv", "--clear", str(folder)], _install(folder)):
                try:
                    arguments = [*step, *requirements] if step[0] != base else step
                    subprocess.run(arguments, check=True, capture_output=True, timeout=_SECONDS)
                except (subprocess.SubprocessError, OSError) as error:
                    said = getattr(error, "stderr", b"") or str(error).encode()
                    why = said.decode(errors="replace").strip().splitlines()[-1:]
                    absent(f"{' '.join(requirements)} from a package index", " ".join(why))
            done.touch()
    return folder / "bin" / command


def _install(folder: pathlib.Path) -> list[str]:
    """The command that installs; with uv, which Meltano brings, it takes a tenth of the time."""
    uv = pathlib.Path(sys.executable).parent / "uv"
    python = str(folder / "bin" / "python")
    if uv.exists():
        return [str(uv), "pip", "install", "--quiet", "--python", python]
    return [python, "-m", "pip", "--disable-pip-version-check", "-q", "install"]


def messages(command: pathlib.Path, config: Message, folder: pathlib.Path) -> list[str]:
    """All that a tap emits, with every stream and column selected."""
    settings, catalog = folder / "tap.json", folder / "catalog.json"
    settings.write_text(json.dumps(config))
    found = json.loads(run(command, folder, "--config", settings, "--discover"))
    for stream in found["streams"]:
        stream["selected"] = True
        for one in stream["metadata"]:
            one["metadata"]["selected"] = True
    catalog.write_text(json.dumps(found))
    return run(command, folder, "--config", settings, "--catalog", catalog).splitlines()


def run(
    command: pathlib.Path, folder: pathlib.Path, *arguments: object, lines: bytes | None = None
) -> str:
    """Run a command to its end, which must be a good one, and return what it wrote to stdout.

    Args:
        command: Its path.
        folder: Where it runs.
        *arguments: Its arguments.
        lines: What it reads from stdin.
    """
    done = subprocess.run(
        [str(command), *map(str, arguments)],
        cwd=folder,
        input=lines,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
        # What a loader imports takes four seconds to compile.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()
