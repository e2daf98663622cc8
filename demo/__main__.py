"""Run the demo: `make demo`, or `python -m demo`.

Exit code 0 means that every number came out as it had to.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
import typing as t

from demo import sandbox
from demo.meltano import Meltano, say
from demo.project import ROOT
from demo.story import Story

if t.TYPE_CHECKING:
    import pathlib
    from types import FrameType

OUTPUT = ROOT / "output" / "demo"
SIZE = 60
SCALE = 50


def main() -> int:
    """Run the demo.

    Returns:
        Exit code.
    """
    signal.signal(signal.SIGTERM, _stop)
    started = time.monotonic()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    try:
        with sandbox.running(
            OUTPUT / "sandbox.log", "--size", str(SIZE), "--limit-scale", str(SCALE)
        ) as vendors:
            say(f"The sandbox plays the vendors at {vendors.url}, {SIZE} rows per resource.")
            say(
                f"Its rate limits, and the plugins' own, are {SCALE} times the real ones: "
                "this is quick, a real account is not."
            )
            meltano = Meltano(OUTPUT, vendors.vendors(), SCALE)
            story = Story(vendors, meltano)
            story.tell()
    except KeyboardInterrupt:
        say("\nStopped; the sandbox has ended.")
        return 128 + signal.SIGINT
    say(f"\nWarehouse, dead letters, ledger and one log per run lie in {_relative(OUTPUT)}/.")
    for line in story.wrong:
        say(f"WRONG: {line}")
    seconds = time.monotonic() - started
    say(f"The demo {'failed' if story.wrong else 'went as it should'} ({seconds:.0f} s).")
    if meltano.ledger.exists():
        say(f"What was written, and what was refused and why: {_relative(meltano.report())}")
    return 1 if story.wrong else 0


def _relative(path: pathlib.Path) -> pathlib.Path:
    return path.relative_to(ROOT)


def _stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    sys.exit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())
