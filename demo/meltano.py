"""Meltano runs of the demo."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

from demo.sandbox import block
from demo.warehouse import EDITS
from erp_vendors.vendors import VENDORS

ROOT = pathlib.Path(__file__).resolve().parent.parent

_LIMITS = {"requests_per_second", "calls_per_minute"}
_NEWS = re.compile(
    r"\]\s+(?:tap|target)-erp\S*\s+"
    r"(?:(?P<doing>Reading \S+)|(?P<done>\S+: \d+ accepted.*|Read \d+ records.*))"
)
"""Lines of the log that say how far a run has come."""


class Meltano:
    """Runs Meltano in this project with a state, a warehouse and dead letters of the demo's own.

    Args:
        folder: Where all that lies.
        sandbox: What the sandbox says of each vendor.
        scale: Factor on the calls per second that the vendors document.
    """

    def __init__(self, folder: pathlib.Path, sandbox: t.Mapping[str, t.Any], scale: float) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.db"
        self.dead_letters = folder / "dead_letters"
        self.ledger = folder / "erp_ledger.sqlite"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MELTANO_", "TAP_", "TARGET_"))
        }
        self._env = {
            **inherited,
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            "TAP_SQLITE_DATABASE": str(self.warehouse),
            "TARGET_SQLITE_DATABASE": str(self.warehouse),
            "TARGET_ERP_DEAD_LETTERS": str(self.dead_letters),
            "TARGET_ERP_LEDGER": str(self.ledger),
            "TAP_SQLITE_VIEWS": json.dumps({edit.view: [edit.key] for edit in EDITS}),
            "TARGET_ERP_STREAMS": json.dumps({edit.view: edit.sink for edit in EDITS}),
            **addresses(sandbox, scale),
        }

    def run(self, name: str, *blocks: str) -> int:
        """Run `meltano run` and show how it comes along.

        Args:
            name: Name of its log.
            *blocks: What to run.

        Returns:
            Meltano's exit code.
        """
        # No .env: its accounts are real ones.
        options = ["--environment", "sandbox", "--env-file", os.devnull]
        command = [sys.executable, "-m", "meltano.cli", *options, "run", *blocks]
        log = self.folder / f"{name}.log"
        say(f"  $ meltano run {' '.join(blocks)}")
        with (
            log.open("w", encoding="utf-8") as file,
            subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
            ) as process,
        ):
            try:
                for line in process.stdout or ():
                    file.write(line)
                    _show(_NEWS.search(line))
            except BaseException:
                process.terminate()
                raise
        return process.returncode

    def report(self) -> pathlib.Path:
        """Make the page that shows all runs.

        Returns:
            The file.

        Raises:
            subprocess.CalledProcessError: If it cannot be made.
        """
        page = self.folder / "erp_report.html"
        program = "import sys; from erp_cli.ledger import main; sys.exit(main())"
        options = {"ledger": self.ledger, "dead-letters": self.dead_letters, "output": page}
        given = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, "-c", program, "report", *given]
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)  # noqa: S603 - our own
        return page


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _show(news: re.Match[str] | None) -> None:
    """Show what is done; on a terminal also what is being done, in a line that is overwritten."""
    if news is None:
        return
    clear = "\r\033[K" if sys.stdout.isatty() else ""
    if news["done"]:
        say(f"{clear}    {news['done']}")
    elif clear:
        sys.stdout.write(f"{clear}    {news['doing']}")
        sys.stdout.flush()


def addresses(sandbox: t.Mapping[str, t.Any], scale: float) -> dict[str, str]:
    """Variables that lead both plugins to a sandbox; the credentials stand in meltano.yml.

    Args:
        sandbox: What it says of each vendor.
        scale: Factor on the calls per second that the vendors document.
    """
    found: dict[str, str] = {}
    for name, vendor in VENDORS.items():
        if name not in sandbox:
            continue
        given = block(vendor, sandbox[name])
        values = {key: value for key, value in given.items() if key.endswith("_url")}
        for setting in vendor.settings:
            if setting.name in _LIMITS and setting.default:
                values[setting.name] = str(round(setting.default * scale))
        for key, value in values.items():
            for plugin in ("TAP_ERP", "TARGET_ERP"):
                found[f"{plugin}_{name}_{key}".upper()] = value
    return found
