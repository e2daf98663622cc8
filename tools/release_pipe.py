"""Reads the sandbox with an installed tap-erp, and writes what was read with target-erp.

`make release-check` runs it with each Python, outside of the checkout: `python -I release_pipe.py`.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile

from erp_sandbox.testing import running_sandbox

SIZE = 20
STREAM = "aimsio_employees"
BIN = pathlib.Path(sys.executable).parent


def main() -> None:
    """Read, write, and read again.

    Raises:
        SystemExit: If a command fails, or a record is missing.
    """
    with running_sandbox(size=SIZE, limits=False) as sandbox, tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        block = {
            "api_url": sandbox.vendor_url("aimsio"),
            "username": "sandbox-user",
            "password": "sandbox-password",
            "requests_per_second": 1000,
        }
        (folder / "tap.json").write_text(json.dumps({"aimsio": block}))
        target = {"aimsio": block, "ledger": str(folder / "ledger.sqlite")}
        (folder / "target.json").write_text(json.dumps(target))
        read = run(folder, "tap-erp", "tap.json")
        messages = [json.loads(line) for line in read.splitlines()]
        ours = [one for one in messages if one.get("stream") == STREAM]
        records = [one for one in ours if one["type"] == "RECORD"]
        if len(records) != SIZE:
            sys.exit(f"{len(records)} of {SIZE} employees were read")
        for one in records:
            one["record"]["employeeFirstName"] = "Changed"
        run(folder, "target-erp", "target.json", "".join(f"{json.dumps(one)}\n" for one in ours))
        names = [row["employeeFirstName"] for row in sandbox.rows("aimsio", "Employee")]
        if names != ["Changed"] * SIZE:
            sys.exit(f"{names.count('Changed')} of {SIZE} employees were written")


def run(folder: pathlib.Path, command: str, config: str, given: str = "") -> str:
    """Run an installed command.

    Args:
        folder: Where it runs.
        command: Its name.
        config: Its configuration.
        given: Its input.

    Raises:
        SystemExit: If it fails.
    """
    done = subprocess.run(  # noqa: S603
        [BIN / command, "--config", config],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
