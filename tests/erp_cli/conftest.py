"""What a plugin does to the process when it is made is undone after each test."""

from __future__ import annotations

import logging
import os
import typing as t

import pytest

from tests.support.signals import signals_kept


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    """No variable of a plugin or of Meltano is set, and log and signals are as before."""
    for name in os.environ:
        if name.startswith(("TAP_", "TARGET_", "MELTANO_")):
            monkeypatch.delenv(name)
    loggers = [logging.root, *map(logging.getLogger, ("tap-erp", "target-erp", "singer_sdk"))]
    before = [(one, one.level, one.propagate, list(one.handlers)) for one in loggers]
    with signals_kept():
        yield
    for logger, level, propagate, handlers in before:
        logger.level, logger.propagate, logger.handlers[:] = level, propagate, handlers
