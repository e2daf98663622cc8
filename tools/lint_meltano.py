"""Check meltano.yml against Meltano's schema, and fail if it does not fit.

`meltano compile --lint` exits with 0 and only warns.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def problems() -> str:
    """What Meltano complains about; empty if all is well."""
    command = [sys.executable, "-m", "meltano.cli", "--environment", "dev", "compile", "--lint"]
    # In a copy: Meltano writes an id of the project into a file that has none.
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "meltano.yml", folder)
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    said = answer.stdout + answer.stderr
    return said if answer.returncode or "Failed to validate" in said else ""


if __name__ == "__main__":
    sys.exit(problems() or 0)
