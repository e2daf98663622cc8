"""Waits for what other threads do; how long that takes says nothing about the code."""

from __future__ import annotations

import time
import typing as t


def wait_until(done: t.Callable[[], object], seconds: float = 90) -> None:
    """Return as soon as it is so; fail after a time that no healthy run needs."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"still not so after {seconds:g} s"
        time.sleep(0.005)
