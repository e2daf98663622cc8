"""Build what would be published, check it, and try it with each Python that this machine has.

    python -m tools.release_check                    all of it
    python -m tools.release_check --tests smoke      a part of the fast tests (also: fast, none)
    python -m tools.release_check --get              bring those that are not there
    python -m tools.release_check --write            and put the result into docs/versions.md

With each Python: the wheel is installed into an environment of its own, `tools/release_pipe.py`
reads and writes with it away from the checkout, and then the tests run on the checkout's code,
which is the wheel's. A Python that is not there is named as not run, with the reason.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import typing as t

from tools import pythons, release
from tools.generated import ROOT
from tools.settings import filled

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
PAGE = "docs/versions.md"
_FOLDER = ROOT / ".venvs"
_DIST = ROOT / "dist"
_UV = pathlib.Path(sys.executable).with_name("uv")
_CONSTRAINTS = ROOT / "constraints.txt"
_SMOKE = ("tests/tap_erp/test_stream.py", "tests/target_erp/test_decide.py")
_FAST = "not serial and not slow and not nightly"


class Row(t.NamedTuple):
    """What came of one Python.

    Attributes:
        python: Its version.
        wheel: Whether the wheel could be installed.
        pipe: Whether reading and writing worked.
        tests: What pytest said at its end.
        ok: Nothing failed.
    """

    python: str
    wheel: str = "not run"
    pipe: str = "not run"
    tests: str = "not run"
    ok: bool = True


class StepError(Exception):
    """A command failed; the text says what it said."""


def build() -> pathlib.Path:
    """Make the source distribution and the wheel in dist/, and check both.

    Returns:
        The wheel.

    Raises:
        StepError: If one of them cannot be made, or is not fit to be published.
    """
    shutil.rmtree(_DIST, ignore_errors=True)
    python = _environment("release", sys.executable, "--group", f"{ROOT}/pyproject.toml:release")
    _run(python, "-m", "build", "--outdir", _DIST, ROOT)
    (wheel,) = _DIST.glob("*.whl")
    _run(python, "-m", "twine", "check", "--strict", *sorted(_DIST.iterdir()))
    _run(python.with_name("check-wheel-contents"), wheel)
    return wheel


def tried(wheel: pathlib.Path, one: pythons.Python, tests: str) -> Row:
    """Install the wheel for a Python, and use it.

    Args:
        wheel: The wheel.
        one: The interpreter.
        tests: Which tests: `fast`, `smoke` or `none`.
    """
    row = Row(one.version)
    try:
        python = _environment(
            one.version,
            one.path,
            *(f"{wheel}[sandbox,meltano,postgres,redis]", "--group", f"{ROOT}/pyproject.toml:dev"),
            *("--group", f"{ROOT}/pyproject.toml:docs"),
        )
        row = row._replace(wheel="installed")
        _run(python, "-I", ROOT / "tools" / "release_pipe.py", cwd=_FOLDER)
        row = row._replace(pipe="read and written")
        if tests != "none":
            some = _SMOKE if tests == "smoke" else ("-n", "2")
            said = _run(
                *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", _FAST, *some)
            )
            row = row._replace(tests=re.sub(r" in [\d.]+s.*", "", said.strip().splitlines()[-1]))
    except StepError as error:
        sys.stderr.write(f"Python {one.version}: {error}\n")
        return row._replace(ok=False)
    return row


def table(rows: t.Iterable[Row], tests: str) -> list[str]:
    """The result for people, with what was not run.

    Args:
        rows: A row for each Python.
        tests: Which tests there were.
    """
    names = {"fast": "all fast tests", "smoke": f"fast tests of {' and '.join(_SMOKE)}"}
    commit = _run("git", "describe", "--always", "--dirty", "--exclude=*").strip()
    return [
        "",
        f"`make release-check`, commit {commit}, {platform.system()} on {platform.machine()}.",
        "",
        f"| Python | Wheel | A pipe | Tests: {names.get(tests, 'none')} |",
        "|---|---|---|---|",
        *(
            f"| {row.python} | {row.wheel} | {row.pipe} | {row.tests if row.ok else 'FAILED'} |"
            for row in rows
        ),
        "",
        "Not run here: macOS, Meltano with each Python, and tests that are slow, serial or",
        "nightly.",
        "",
    ]


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Build, check, try, and report.

    Args:
        arguments: The command line without the program's name.

    Returns:
        Exit code: 1 if something failed; a Python that is not there is no failure.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tests", choices=("fast", "smoke", "none"), default="fast")
    parser.add_argument("--get", action="store_true", help="bring a Python that is not there")
    parser.add_argument("--write", action="store_true", help=f"put the result into {PAGE}")
    options = parser.parse_args(arguments)
    if release.main([]):
        return 1
    try:
        wheel = build()
    except StepError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    rows = []
    for short in PYTHONS:
        try:
            one = pythons.get(short) if options.get else pythons.find(short)
        except pythons.NotHereError as error:
            rows.append(Row(f"{short}: {error}"))
        else:
            rows.append(tried(wheel, one, options.tests))
        sys.stderr.write(f"{' | '.join(rows[-1][:-1])}\n")
    lines = table(rows, options.tests)
    sys.stdout.write("\n".join(lines))
    if options.write:
        page = ROOT / PAGE
        text = filled(page.read_text("utf-8"), {"release-check": lines}, PAGE)
        page.write_text(text, "utf-8")
    return int(not all(row.ok for row in rows))


def _environment(name: str, python: str, *what: str) -> pathlib.Path:
    """The interpreter of an environment that has been made anew."""
    folder = _FOLDER / name
    _run(_UV, "venv", "--quiet", "--clear", "--python", python, folder)
    made = folder / "bin" / "python"
    _run(_UV, "pip", "install", "--quiet", "--python", made, "-c", _CONSTRAINTS, *what)
    return made


def _run(*command: str | pathlib.Path, cwd: pathlib.Path = ROOT) -> str:
    left_out = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    env = {name: value for name, value in os.environ.items() if name not in left_out}
    words = list(map(str, command))
    done = subprocess.run(  # noqa: S603
        words, cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"{' '.join(words[:4])} … ended with {done.returncode}:\n"
        raise StepError(msg + (done.stdout + done.stderr)[-3000:])
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
