"""Leaves the signal handlers of the test process alone, which a plugin takes when it is made."""

from __future__ import annotations

import contextlib
import signal
import typing as t

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a run."""


@contextlib.contextmanager
def signals_kept() -> t.Iterator[None]:
    """Put the handlers back at the end of the context."""
    handlers = {number: signal.getsignal(number) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
