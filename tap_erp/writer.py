"""Singer messages on stdout, whole lines only, from any thread."""

from __future__ import annotations

import threading
import time
import typing as t

from singer_sdk.contrib.msgspec import MsgSpecWriter
from typing_extensions import override

from erp_plugin import output
from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


_LONGEST = 32_768
"""Bytes of RECORD lines that wait for each other at most.

For speed, 20% (decision 0011): one write for many records of a stream that emits them one by one.
This may go when writing and flushing each line costs as little.
"""
_SOON = 0.05
"""Seconds after which the next RECORD line takes those before it along."""


class StdoutWriter(MsgSpecWriter):
    """Writes whole lines, in the order in which they come.

    RECORD lines are written many at a time. Every other message is written behind the lines that
    wait, so a STATE message never overtakes the records that it counts.

    Attributes:
        lock: Held while a message is written and while the state changes, so that no STATE message
            is made of a state that is changing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self._lines: list[bytes] = []
        self._size = 0
        self._written_at = 0.0

    @override
    def write_message(self, message: Message) -> None:
        """Write and flush one message, behind all lines that wait."""
        self.write_lines(codec.encode(message.to_dict()) + b"\n", now=True)

    def write_lines(self, lines: bytes, *, now: bool = False) -> None:
        """Write whole lines.

        Args:
            lines: Messages as JSON text, each with its line end.
            now: Write them before this returns; otherwise they may wait for others.
        """
        with self.lock:
            self._lines.append(lines)
            self._size += len(lines)
            if now or self._size >= _LONGEST or time.monotonic() - self._written_at >= _SOON:
                self.flush()

    def flush(self) -> None:
        """Write the lines that wait.

        Raises:
            OutputError: If stdout does not take them.
        """
        with self.lock:
            if self._lines:
                text = b"".join(self._lines)
                self._lines, self._size = [], 0
                output.write(text)
            self._written_at = time.monotonic()
