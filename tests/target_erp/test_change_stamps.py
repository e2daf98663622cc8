"""What a change stamp proves: only an equal one proves anything."""

from __future__ import annotations

import pytest

from target_erp.delivery.change_stamps import is_same_stamp, is_same_version


@pytest.mark.parametrize(
    ("theirs", "ours", "same", "version"),
    [
        ("2026-05-04T10:00:00.25", "2026-05-04 10:00:00.250", True, True),
        ("2026-05-04T10:00:00", "2026-05-04T10:00:00", True, False),
        (1_780_000_000_123, "1780000000123", True, True),
        (1_780_000_000_000, 1_780_000_000_000, True, False),
        (1_780_000_000_123, "2026-05-28T20:26:40.123Z", True, True),
        ("2026-05-04T10:00:00.25+02:00", "2026-05-04T08:00:00.25Z", True, True),
        ("last week", "last week", True, False),
        # Another one, be it older or newer, or one of which nobody can tell.
        (1_780_000_000_123, 1_780_000_000_124, False, False),
        (1_780_000_000_124, 1_780_000_000_123, False, False),
        ("2026-05-04T10:00:00.25", "2026-05-04T10:00:00.25Z", False, False),
        ("2026-05-04T10:00:00.25", "2026-05-04T10:00:00.25-05:00", False, False),
        (1_780_000_000_123, "2026-05-28T20:26:40.123", False, False),
        (None, "2026-05-04T10:00:00", False, False),
        ("2026-05-04T10:00:00", None, False, False),
        (None, None, False, False),
    ],
)
def test_what_a_stamp_proves(theirs: object, ours: object, same: object, version: object) -> None:
    assert is_same_stamp(theirs, ours) is same
    assert is_same_version(theirs, ours) is version
