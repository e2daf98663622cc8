"""Meltano runs of the demo."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing as t

from demo.project import connection, write_project

if t.TYPE_CHECKING:
    import pathlib

_NEWS = re.compile(
    r"\]\s+(?:tap|target)-erp\S*\s+"
    r"(?:(?P<doing>Reading \S+)|(?P<done>\S+: \d+ accepted.*|Read \d+ records.*))"
)
"""Lines of the log that say how far a run has come."""


class Meltano:
    """Runs Meltano in a project of the demo's own.

    Args:
        folder: Where all that lies.
        sandbox: What the sandbox says of each vendor.
        scale: Factor on the calls per second that the vendors document.
    """

    def __init__(self, folder: pathlib.Path, sandbox: t.Mapping[str, t.Any], scale: float) -> None:
        self.folder = folder
        self.warehouse = folder / "warehouse.db"
        self.dead_letters = folder / "dead_letters"
        write_project(folder, self.warehouse)
        self.ledger = folder / "erp_ledger.sqlite"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MELTANO_", "TAP_", "TARGET_"))
        }
        self._env = {
            **inherited,
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            **connection(sandbox, scale),
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
        options = ["--env-file", os.devnull]
        command = [sys.executable, "-m", "meltano.cli", *options, "run", *blocks]
        log = self.folder / f"{name}.log"
        say(f"  $ meltano run {' '.join(blocks)}")
        with (
            log.open("w", encoding="utf-8") as file,
            subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=self.folder,
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
        options = {"ledger": self.ledger, "dead-letters": self.dead_letters, "output": page}
        given = [f"--{name}={value}" for name, value in options.items()]
        command = [str(self.folder / "bin" / "erp"), "ledger", "report", *given]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own
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
