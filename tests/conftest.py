"""Fixtures for all tests."""

from __future__ import annotations

import os
import threading
import typing as t

import pytest
from hypothesis import HealthCheck, settings

# Machines are noisy: how long an example takes says nothing about the code.
_PATIENT: dict[str, t.Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("change", derandomize=True, **_PATIENT)
settings.register_profile("nightly", print_blob=True, **_PATIENT)
settings.load_profile(os.environ.get("ERP_TESTS_PROFILE", "change"))
"""A change is judged by the same examples each time; `make nightly` looks for new ones."""


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts, and waits that the vendor did not ask for, take next to no time."""
    monkeypatch.setattr("erp_vendors.http.transport.backoff.full_jitter", lambda value: value / 500)


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> t.Iterator[None]:
    """A thread that goes on would keep the process from its end, which no failure tells of."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(30)
            assert not thread.is_alive(), f"{thread} outlives its test"
