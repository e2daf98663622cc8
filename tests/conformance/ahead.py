"""Runs the marked tests of a module side by side: a target that tries again mostly waits.

The first of them starts all that are chosen, each on a thread, with a server and a folder of its
own; then each test waits for its own end.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import pathlib
import tempfile
import typing as t
from concurrent import futures

import pytest

from .adapter import load
from .running import Bench, RunningServer

MARK = "side_by_side"
AT_ONCE = 3 * (os.cpu_count() or 1)
"""Tests that run at the same time."""


class Ahead:
    """The marked tests that have been started."""

    def __init__(self, default: str) -> None:
        """Begin without any.

        Args:
            default: The adapter of tests that do not depend on the API.
        """
        self._default = default
        self._pool = futures.ThreadPoolExecutor(AT_ONCE)
        self._started: dict[str, futures.Future[None]] = {}

    def result(self, item: pytest.Function) -> None:
        """Wait for the end of a test.

        Args:
            item: The test.

        Raises:
            BaseException: What the test raises.
        """
        if item.nodeid not in self._started:
            for other in item.session.items:
                if isinstance(other, pytest.Function) and other.module is item.module:
                    self._start(other)
        self._started[item.nodeid].result()

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self, item: pytest.Function) -> None:
        if item.get_closest_marker(MARK) is not None:
            self._started[item.nodeid] = self._pool.submit(self._run, item)

    def _run(self, item: pytest.Function) -> None:
        given: dict[str, t.Any] = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        adapter = given.pop("bench", self._default)
        names = inspect.signature(item.function).parameters
        with contextlib.ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))

            def bench(adapter: str) -> Bench:
                server = stack.enter_context(contextlib.closing(RunningServer(adapter)))
                place = folder / "target"
                place.mkdir()
                return Bench(load(adapter), server, place)

            given |= {"tmp_path": folder, "benches": bench}
            for name in names.keys() & {"bench", "one_bench"}:
                given[name] = bench(adapter)
            item.function(**{name: given[name] for name in names})
