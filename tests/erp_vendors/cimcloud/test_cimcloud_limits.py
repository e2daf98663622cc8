"""CIMcloud's limits over several of its windows, on a virtual clock (cimcloud.md 5.1)."""

from __future__ import annotations

import pytest

from tests.support.quota import PER_SECOND, PER_WINDOW, use_cimcloud


@pytest.mark.parametrize("headers", [False, True], ids=["own count", "vendor's headers"])
@pytest.mark.parametrize("threads", [1, 4])
def test_the_windows_are_used_up_and_never_exceeded(headers: bool, threads: int) -> None:  # noqa: FBT001
    usage = use_cimcloud(4, headers=headers, threads=threads)
    assert usage.refused == 0
    assert usage.share >= 0.95
    assert usage.most_in_a_second <= PER_SECOND
    assert usage.most_in_a_window <= PER_WINDOW
