"""RECORD lines without the detour over the SDK's message objects."""

from __future__ import annotations

import time
import typing as t

from singer_sdk.mapper import SameRecordTransform

from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record

    from tap_erp.stream import ErpStream

_FRESH = 0.01
"""Seconds for which a `time_extracted` is used again."""
_REMEMBERED = 2_000
"""Encoded records that may wait to be written."""
_NOTHING = (None, 0, b"")


class RecordLines:
    """Makes the lines of one stream, for one schema and selection.

    Attributes:
        plain: The stream has no map, no flattening and no selection inside of objects; otherwise
            the SDK has to make its messages.
    """

    def __init__(self, stream: ErpStream) -> None:
        """Look at the stream's maps and its selection.

        Args:
            stream: The stream, with its catalog applied.
        """
        left_out = [place for place, selected in stream.mask.items() if place and not selected]
        maps = stream.stream_maps
        self.plain = (
            all(len(place) == len(("properties", "")) for place in left_out)
            and len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
        )
        self._left_out = [place[-1] for place in left_out]
        self._stream = stream
        name = codec.encode(maps[0].stream_alias) if maps else b'""'
        self._head = b'{"type":"RECORD","stream":' + name + b',"record":'
        self._tail = b""
        self._tail_at = 0.0
        self._tail_version: int | None = None
        self._texts: dict[int, tuple[Record, int, bytes]] = {}

    def remember(self, record: Record, text: bytes) -> None:
        """Keep the text of a record, which need not be encoded again unless it gets properties.

        Args:
            record: The record.
            text: Its JSON text.
        """
        if len(self._texts) >= _REMEMBERED:
            self._texts.clear()
        self._texts[id(record)] = (record, len(record), text)

    def lines(self, records: t.Sequence[Record]) -> bytes:
        """The RECORD lines of records, each with its line end.

        Args:
            records: The records; deselected properties are taken out of them.
        """
        head, end = self._head, self._end()
        parts: list[bytes] = []
        for record in records:
            kept, size, text = self._texts.pop(id(record), _NOTHING)
            if self._left_out:
                for name in self._left_out:
                    record.pop(name, None)
            if self._left_out or kept is not record or size != len(record):
                text = codec.encode(record)
            parts += (head, text, end)
        return b"".join(parts)

    def _end(self) -> bytes:
        now, version = time.time(), self._stream.version
        if now - self._tail_at >= _FRESH or version != self._tail_version:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            self._tail = b',"time_extracted":"%b.%06dZ"}\n' % (stamp.encode(), now % 1 * 1_000_000)
            if version is not None:
                self._tail = b',"version":%d' % version + self._tail
            self._tail_at, self._tail_version = now, version
        return self._tail
