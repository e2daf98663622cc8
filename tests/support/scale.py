"""How large tests are: small for each change, full in `make nightly`."""

from __future__ import annotations

import os

NIGHTLY = os.environ.get("ERP_TESTS_PROFILE") == "nightly"


def full(small: int, nightly: int) -> int:
    """How many: records, kills, rounds, examples.

    Args:
        small: For each change.
        nightly: In `make nightly`.
    """
    return nightly if NIGHTLY else small
