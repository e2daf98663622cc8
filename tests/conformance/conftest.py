"""Fixtures: each test gets a server that knows nothing yet, and a folder for its target."""

from __future__ import annotations

import os
import typing as t

import pytest

from .adapter import load
from .running import Bench, RunningServer

if t.TYPE_CHECKING:
    import pathlib

_OURS = ("Aimsio", "Cimcloud", "Aims360", "Pentamic")
ADAPTERS = os.environ.get("CONFORMANCE_ADAPTERS", "").split() or [
    f"{__package__}.vendors:{name}" for name in _OURS
]
"""The adapters to run the suite with, as module:Class, separated by blanks."""

Benches = t.Callable[[str], Bench]


@pytest.fixture(scope="session")
def servers() -> t.Iterator[t.Callable[[str], RunningServer]]:
    """The server of an adapter, started once."""
    running: dict[str, RunningServer] = {}

    def server(adapter: str) -> RunningServer:
        if adapter not in running:
            running[adapter] = RunningServer(adapter)
        return running[adapter]

    yield server
    for one in running.values():
        one.close()


@pytest.fixture
def benches(servers: t.Callable[[str], RunningServer], tmp_path: pathlib.Path) -> Benches:
    """A bench for an adapter of a certain name."""

    def bench(adapter: str) -> Bench:
        server = servers(adapter)
        server.reset()
        return Bench(load(adapter), server, tmp_path)

    return bench


@pytest.fixture(params=ADAPTERS, ids=lambda name: name.rpartition(":")[2])
def bench(request: pytest.FixtureRequest, benches: Benches) -> Bench:
    """A bench for each adapter."""
    return benches(request.param)


@pytest.fixture
def one_bench(benches: Benches) -> Bench:
    """A bench for what does not depend on the API."""
    return benches(ADAPTERS[0])
