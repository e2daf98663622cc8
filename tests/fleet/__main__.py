"""`make fleet`: twenty accounts of five vendors, with Airflow's scheduler and LocalExecutor.

It prints what it has found and how long that took. Exit code 1 says that something is wrong.
"""

from __future__ import annotations

import shutil
import signal
import sys
import time
import typing as t

import pytest

from tests.fleet.accounts import READ, WHOLE, WRITE
from tests.fleet.engine import ROOT
from tests.fleet.story import Fleet, fleet

if t.TYPE_CHECKING:
    from types import FrameType

_FOLDER = ROOT / "output" / "fleet"


def _tell(one: Fleet) -> None:
    run = one.airflow.run
    with one.airflow.running():
        one.kill_a_reading()
        one.run(READ, run)
        one.check_tables()
        one.check_limit()
        one.revive()
        one.make_views()
        one.kill_a_write(whole=True)
        one.run(WRITE, run)
        one.check_writes()
        one.revive()
        one.run(WRITE, run)
        one.check_writes()
        one.run(READ, run)
        one.check_tables()
        one.check_limit()


def main() -> int:
    """Run the whole fleet.

    Returns:
        Exit code.
    """
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        with fleet(_FOLDER, WHOLE, retries=1) as one:
            _say(f"{len(WHOLE)} accounts; set up in {time.monotonic() - began:.0f} s")
            _tell(one)
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        _say(f"make fleet {error}")
        return 1
    one.figures["seconds in all"] = f"{time.monotonic() - began:.0f}"
    for name, figure in one.figures.items():
        _say(f"{name}: {figure}")
    for line in one.wrong:
        _say(f"WRONG: {line}")
    _say(f"The fleet is {'wrong' if one.wrong else 'right'}; its files and logs lie in {_FOLDER}.")
    return 1 if one.wrong else 0


def _stop(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    sys.exit(128 + signum)  # so that all that was started is ended


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
