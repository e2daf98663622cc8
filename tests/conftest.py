"""Fixtures for all tests."""

from __future__ import annotations

import gc
import logging
import os
import pathlib
import threading
import typing as t

import pytest
from hypothesis import HealthCheck, settings

from erp_ledger import open_ledger
from erp_vendors.http.redact import redact
from tests.support.scale import with_each_value
from tests.support.services import postgres_url

if t.TYPE_CHECKING:
    from erp_ledger import Ledger

# Machines are noisy: how long an example takes says nothing about the code.
_PATIENT: dict[str, t.Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("change", derandomize=True, max_examples=30, **_PATIENT)
settings.register_profile("nightly", print_blob=True, max_examples=100, **_PATIENT)
settings.load_profile(os.environ.get("ERP_TESTS_PROFILE", "change"))
"""A change is judged by the same few examples each time; `make nightly` looks for new ones."""


_CONFORMANCE = pathlib.Path(__file__).parent / "conformance"
_ONE_ADAPTER = {"test_write_modes.py", "test_lost_updates.py", "test_approved_plans.py"}
"""Its chapters that run with one adapter by day: what they ask is asked of each vendor's sandbox by
tests/target_erp, which start no processes."""


def pytest_ignore_collect(collection_path: pathlib.Path, config: pytest.Config) -> bool | None:
    """The serial part of `make test` imports no module without serial tests."""
    is_serial = config.option.markexpr.startswith("serial")
    if is_serial and collection_path.name.startswith("test_"):
        return "mark.serial" not in collection_path.read_text("utf-8") or None
    return None


def pytest_collection(session: pytest.Session) -> None:  # noqa: ARG001
    """Ten thousand tests, which stay to the end, are no matter for the garbage collector."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What the tests themselves leave is collected."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> t.Iterator[None]:
    """Mark the conformance tests; their folder is also copied elsewhere, and knows no marker.

    Each of several workers gets an equal share of the items, in their order. So each share begins
    with slow modules, whole ones because of their fixtures: a slow test that began last would be
    waited for by all.
    """
    _mark_conformance(items)
    yield  # some are left out by their marks
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    modules: dict[pathlib.Path, list[pytest.Item]] = {}
    quick = []
    for item in items:
        if item.get_closest_marker("slow"):
            modules.setdefault(item.path, []).append(item)
        else:
            quick.append(item)
    shares: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for module in sorted(modules.values(), key=len, reverse=True):
        min(shares, key=len).extend(module)
    size = -(-len(items) // workers)
    for share in shares:
        room = max(0, size - len(share))
        share.extend(quick[:room])
        del quick[:room]
    items[:] = [item for share in shares for item in share] + quick


def _mark_conformance(items: t.Iterable[pytest.Item]) -> None:
    """Each change runs a chapter with each adapter and each value of its tables; the night all."""
    tests: dict[tuple[pathlib.Path, str], list[pytest.Function]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and _CONFORMANCE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            if item.path.name in _ONE_ADAPTER and "[Cimcloud" not in item.name:
                item.add_marker(pytest.mark.nightly)
            elif hasattr(item, "callspec"):
                tests.setdefault((item.path, item.originalname), []).append(item)
    for found in tests.values():
        kept = with_each_value([tuple(item.callspec.params.values()) for item in found])
        for place, item in enumerate(found):
            if place not in kept:
                item.add_marker(pytest.mark.nightly)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts, and waits that the vendor did not ask for, take next to no time."""
    monkeypatch.setattr("erp_vendors.http.transport.backoff.full_jitter", lambda value: value / 500)


@pytest.fixture(autouse=True)
def no_secret_outlives_its_test() -> t.Iterator[None]:
    """The secrets of one test, which may be plain words, are not masked in another one."""
    before = dict(vars(redact))
    yield
    vars(redact).update(before)


def _erp_loggers() -> dict[str, logging.Logger]:
    return {
        name: logger
        for name, logger in logging.root.manager.loggerDict.items()
        if name.partition(".")[0] == "erp" and isinstance(logger, logging.Logger)
    }


@pytest.fixture(autouse=True)
def no_log_level_outlives_its_test() -> t.Iterator[None]:
    """What one test silences is heard in the next one."""
    before = {
        name: (logger.level, logger.disabled, logger.propagate)
        for name, logger in _erp_loggers().items()
    }
    yield
    for name, logger in _erp_loggers().items():
        level, logger.disabled, logger.propagate = before.get(name, (logging.NOTSET, False, True))
        if level != logger.level:  # each setLevel empties the caches of all loggers
            logger.setLevel(level)


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> t.Iterator[None]:
    """A thread that goes on would keep the process from its end, which no failure tells of."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(30)
            assert not thread.is_alive(), f"{thread} outlives its test"


@pytest.fixture(params=["sqlite", "postgresql"])
def setting(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> t.Iterator[str]:
    """A `ledger` setting of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "a folder" / "ledger.sqlite")
        return
    with postgres_url() as url:
        yield url


@pytest.fixture
def ledger(setting: str) -> t.Iterator[Ledger]:
    ledger = open_ledger(setting)
    yield ledger
    ledger.close()


@pytest.fixture
def postgres() -> t.Iterator[str]:
    """A `ledger` setting that leads to PostgreSQL."""
    with postgres_url() as url:
        yield url
