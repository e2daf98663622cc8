"""`python -m tests.fuzz [name ...]`: looks for inputs that a parser cannot take."""

from __future__ import annotations

import argparse
import base64
import importlib
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

NAMES = tuple(
    sorted(
        file.stem.removeprefix("fuzz_") for file in pathlib.Path(__file__).parent.glob("fuzz_*.py")
    )
)
_ROOT = pathlib.Path(__file__).parents[2]
_FOUND = ("crash-", "timeout-", "oom-")
"""How libFuzzer's names for the inputs that it stopped at begin."""
_PROGRESS = ("#", "INFO: ", "WARNING: Failed to find function")
_LOG_LINES = 40


def main(arguments: t.Sequence[str] | None = None) -> int:
    """Fuzz one target after the other.

    Args:
        arguments: Those of the command line.

    Returns:
        Exit code: 1 if an input is a fault, or nothing was tried.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(NAMES)}; all without")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--optional", action="store_true", help="without atheris, end with 0")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    if importlib.util.find_spec("atheris") is None:
        print(
            "Nothing was fuzzed: atheris is not installed. It has wheels for CPython on Linux "
            "(x86_64, glibc); elsewhere `pip install atheris` builds it with clang."
        )
        return 0 if given.optional else 1
    faults = [
        name for name in given.names or NAMES if not fuzz(f"tests.fuzz.fuzz_{name}", given.seconds)
    ]
    return 1 if faults else 0


def fuzz(module: str, seconds: int) -> bool:
    """Look for a fault, in a process of its own, and print what came of it.

    Args:
        module: Name of the module with `parse`, `SEEDS` and `WORDS`.
        seconds: How long.

    Returns:
        Whether there is none.
    """
    target = importlib.import_module(module)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        corpus, found = folder / "corpus", folder / "found"
        corpus.mkdir()
        found.mkdir()
        for number, seed in enumerate(target.SEEDS):
            (corpus / f"seed-{number}").write_bytes(seed)
        words = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"' for word in target.WORDS)
        (folder / "words").write_text("\n".join(words) + "\n")
        command = [sys.executable, "-m", "tests.fuzz.inside", module, str(corpus)]
        command += [f"-dict={folder / 'words'}", f"-artifact_prefix={found}/", "-max_len=6000"]
        command += [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096"]
        log = folder / "log"
        with log.open("wb") as file:
            code: int | None
            try:
                code = subprocess.run(
                    command, cwd=_ROOT, stdout=file, stderr=file, check=False, timeout=seconds + 120
                ).returncode
            except subprocess.TimeoutExpired:
                code = None
        said = log.read_text(errors="replace").splitlines()
        lines = [line for line in said if not line.startswith(_PROGRESS)]
        inputs = [path.read_bytes() for path in found.iterdir() if path.name.startswith(_FOUND)]
    done = next((match for line in lines if (match := re.match(r"Done (\d+) runs", line))), None)
    if code == 0 and done and not inputs:
        print(f"{module}: {int(done[1]):,} inputs in {seconds} s, no fault", flush=True)
        return True
    print(f"{module}: " + ("it did not end" if code is None else f"a fault, exit code {code}"))
    print("\n".join(f"    {line[:500]}" for line in lines[-_LOG_LINES:]))
    for data in inputs:
        print(f"    the input, in base64: {base64.b64encode(data).decode()}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
