"""The Pythons of this machine, and others that it can get."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

from tools.generated import ROOT

FOLDER = ROOT / ".venvs" / "pythons"
"""Where those are that `get` has brought."""
_UV = pathlib.Path(sys.executable).with_name("uv")
_ASK = "-c", "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.version.split()[0])"
_SECONDS = 900


class Python(t.NamedTuple):
    """An interpreter.

    Attributes:
        path: Where it is.
        version: Its whole version.
    """

    path: str
    version: str


class NotHereError(Exception):
    """There is no such Python; the text says why."""


def find(short: str) -> Python:
    """Look on the PATH, among pyenv's versions, and where `get` puts them.

    Args:
        short: A version such as 3.14.

    Raises:
        NotHereError: If there is none.
    """
    name = f"python{short}"
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    known = shutil.which(name)
    paths = [
        *([known] if known else []),
        *sorted(map(str, pyenv.glob(f"versions/{short}.*/bin/{name}"))),
        *sorted(map(str, FOLDER.glob(f"*/bin/{name}"))),
    ]
    for path in paths:
        done = subprocess.run([path, *_ASK], capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode == 0 and done.stdout.split()[0] == short:
            return Python(path, done.stdout.split()[1])
    msg = "not found"
    raise NotHereError(msg)


def get(short: str) -> Python:
    """Find it, or bring it into `FOLDER`: with uv, or out of Debian's packages.

    Args:
        short: A version such as 3.14.

    Raises:
        NotHereError: If neither way leads to it.
    """
    reasons = []
    ways: dict[str, list[str | pathlib.Path]] = {
        "uv": [_UV, "python", "install", "--no-bin", "--install-dir", FOLDER, short],
        "Debian": ["sh", ROOT / "tools" / "debian_python.sh", short, FOLDER / f"debian-{short}"],
    }
    with contextlib.suppress(NotHereError):
        return find(short)
    for way, command in ways.items():
        said = _said_in_vain(*command)
        if not said:
            return find(short)
        reasons.append(f"{way}: {said}")
    msg = f"not to be had ({'; '.join(reasons)})"
    raise NotHereError(msg)


def _said_in_vain(*command: str | pathlib.Path) -> str:
    """The last line of a command that fails; nothing if it does not."""
    words = list(map(str, command))
    try:
        done = subprocess.run(  # noqa: S603 - our own commands
            words, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines() or ["it says nothing"]
    return lines[-1].strip() if done.returncode else ""
