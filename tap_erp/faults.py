"""What a stream could not read."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    import logging

SHOWN_FAULTS = 20
"""Things that a stream could not read of which each is told; further ones are counted."""


class UnreadRecords:
    """Tells of the first records that could not be read, and counts all of them.

    Attributes:
        told: What was said of the first ones.
        count: Number of records that could not be read.
    """

    def __init__(self, stream: str, logger: logging.Logger) -> None:
        self._stream = stream
        self._logger = logger
        self.told: list[str] = []
        self.count = 0

    def note(self, what: str) -> None:
        """Note a record that could not be read.

        Args:
            what: The record and the reason, one line.
        """
        self.count += 1
        if self.count <= SHOWN_FAULTS:
            self._logger.warning("%s: %s", self._stream, what)
            self.told.append(what)
        elif self.count == SHOWN_FAULTS + 1:
            self._logger.warning(
                "%s: more could not be read; from here on it is counted", self._stream
            )

    def sum_up(self) -> None:
        """Say how many records could not be read, if not each was told."""
        if self.count > SHOWN_FAULTS:
            self._logger.warning(
                "%s: %d records could not be read, of which the first %d were told",
                self._stream,
                self.count,
                SHOWN_FAULTS,
            )
