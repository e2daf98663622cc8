"""Peers: each in a virtual environment of its own, made when it is first needed."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import typing as t

from benchmarks.processes import Finished, ProcessError, execute

FOLDER = pathlib.Path(__file__).resolve().parent
ENVIRONMENTS = FOLDER / ".envs"
PINS = {
    "singer": "singer-sdk==0.54.9",
    "dlt": "dlt[postgres]==1.31.0",
    "drt": "drt-core==1.2.1",
    "target-postgres": "meltanolabs-target-postgres==0.8.1",
    "hotglue": "hotglue-singer-sdk==1.0.51",
}
"""Requirement by environment."""


class Peer(t.NamedTuple):
    """A program that uses a peer.

    Attributes:
        title: The peer's name and version.
        python: Interpreter of its environment.
        program: The program.
    """

    title: str
    python: pathlib.Path
    program: pathlib.Path

    def run(self, job: t.Mapping[str, t.Any], **options: t.Any) -> Finished:
        """Run it in a folder of its own; see `processes.execute`."""
        return execute([str(self.python), str(self.program)], job, inside=True, **options)


def peer(environment: str, program: str) -> Peer | str:
    """A peer, installed.

    Args:
        environment: Name of its environment.
        program: File in `peers/`, without its ending.

    Returns:
        The peer; or why there is none, in one line.
    """
    pin = PINS[environment]
    folder = ENVIRONMENTS / environment
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    try:
        if not stamp.exists() or stamp.read_text() != pin:
            print(f"Installing {pin} (once)", flush=True)
            base = getattr(sys, "_base_executable", None) or sys.executable
            execute([base, "-m", "venv", "--clear", str(folder)])
            execute([str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", pin])
            stamp.write_text(pin)
    except (ProcessError, OSError, subprocess.SubprocessError) as error:
        return f"{pin} cannot be installed: {error}"
    return Peer(pin.replace("==", " "), python, FOLDER / "peers" / f"{program}.py")
