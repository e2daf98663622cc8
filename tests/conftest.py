"""Fixtures for all tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("erp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("erp")


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts, and waits that the vendor did not ask for, take next to no time."""
    monkeypatch.setattr("erp_vendors.http.transport.backoff.full_jitter", lambda value: value / 500)
