"""Keeps a run on one CPU, because its threads take turns anyway."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import typing as t

logger = logging.getLogger("target-erp")


@contextlib.contextmanager
def keep_to_one_cpu() -> t.Iterator[None]:
    """Keep this thread, and those that it starts meanwhile, on one of the CPUs they may use.

    Only one thread of a Python process runs at a time. On several CPUs, handing over from one to
    the next costs more than what they do (docs/decisions/0009-one-cpu.md). Which CPU it is depends
    on the process id, so that runs side by side spread; the system moves other programs away from
    it. Does nothing where threads really run at once, or where the system has no such call.

    For speed, 42% (decisions 0009 and 0011; benchmark `writes_speed`). This may go when
    Python runs threads at once by default.
    """
    if not hasattr(os, "sched_setaffinity") or not _takes_turns():
        yield
        return
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    except OSError as error:  # a sandbox may forbid it; the run is slower then, and no worse
        logger.debug("The run stays on all CPUs: %s", error)
        yield
        return
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _takes_turns() -> bool:
    """Whether Python runs one thread at a time."""
    asked: t.Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return asked()
