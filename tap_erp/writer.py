"""Singer messages on stdout, whole lines only, from any thread."""

from __future__ import annotations

import sys
import threading
import typing as t

from singer_sdk.contrib.msgspec import MsgSpecWriter

from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from singer_sdk.singerlib.encoding.simple import Message


class StdoutWriter(MsgSpecWriter):
    """Writes one message per line and flushes it.

    Attributes:
        lock: Held while a message is written and while the state changes, so that a STATE line is
            a picture of one moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.RLock()

    def write_message(self, message: Message) -> None:
        """Write and flush one message."""
        with self.lock:
            sys.stdout.buffer.write(codec.encode(message.to_dict()) + b"\n")
            sys.stdout.buffer.flush()
