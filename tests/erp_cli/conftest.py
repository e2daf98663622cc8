"""What a plugin does to the process when it is made is undone after each test."""

from __future__ import annotations

import logging
import os
import signal
import typing as t

import pytest


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    """No variable of a plugin or of Meltano is set, and log and signals are as before."""
    for name in os.environ:
        if name.startswith(("TAP_", "TARGET_", "MELTANO_")):
            monkeypatch.delenv(name)
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    loggers = [logging.root, *map(logging.getLogger, ("tap-erp", "target-erp", "singer_sdk"))]
    before = [(one, one.level, one.propagate, list(one.handlers)) for one in loggers]
    yield
    for logger, level, propagate, handlers in before:
        logger.level, logger.propagate, logger.handlers[:] = level, propagate, handlers
    for number, handler in signals.items():
        signal.signal(number, handler)
