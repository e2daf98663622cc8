"""Fixtures for all tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts, and waits that the vendor did not ask for, take next to no time."""
    monkeypatch.setattr("erp_vendors.http.transport.backoff.full_jitter", lambda value: value / 500)
