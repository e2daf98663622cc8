"""Keeps a run on one CPU, because its threads take turns anyway."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import sys
import typing as t

logger = logging.getLogger("target-erp")

_LOCK = "\0erp-singer/target-erp/cpu/{}"
"""An address of Linux's that is no file: one process alone has it, and it goes with the process."""


@contextlib.contextmanager
def keep_to_one_cpu() -> t.Iterator[None]:
    """Keep this thread, and those that it starts meanwhile, on one of the CPUs they may use.

    Only one thread of a Python process runs at a time. On several CPUs, handing over from one to
    the next costs more than what they do (docs/decisions/0009-one-cpu.md). It is a CPU that no
    other run on this machine keeps to; where each is taken, the run stays on all of them, and the
    system moves it to where there is room. Does nothing where threads really run at once, or where
    the system has no such call.

    For speed, 42% (decisions 0009 and 0011; benchmark `writes_speed`). This may go when
    Python runs threads at once by default.
    """
    if not hasattr(os, "sched_setaffinity") or not _takes_turns():
        yield
        return
    allowed = os.sched_getaffinity(0)
    with _free_one_of(allowed) as cpu:
        if cpu is None:
            yield
            return
        try:
            os.sched_setaffinity(0, {cpu})
        except OSError as error:  # a sandbox may forbid it; the run is slower then, and no worse
            logger.debug("The run stays on all CPUs: %s", error)
            yield
            return
        try:
            yield
        finally:
            os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def _free_one_of(cpus: t.Collection[int]) -> t.Iterator[int | None]:
    """A CPU that no other run keeps to, as long as the context is open; None if there is none."""
    with contextlib.ExitStack() as held:
        # At random, as containers do not see each other's locks and often have one process id.
        for cpu in random.sample(sorted(cpus), len(cpus)):
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                lock.bind(_LOCK.format(cpu))
            except OSError:
                lock.close()
                continue
            held.enter_context(lock)
            yield cpu
            return
        logger.debug("The run stays on all CPUs: other runs keep to each of them")
        yield None


def _takes_turns() -> bool:
    """Whether Python runs one thread at a time."""
    asked: t.Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return asked()
