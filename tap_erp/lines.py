"""RECORD lines without the detour over the SDK's message objects."""

from __future__ import annotations

import time
import typing as t

from singer_sdk.mapper import SameRecordTransform

from erp_vendors.http import codec

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Record
    from singer_sdk.mapper import StreamMap
    from singer_sdk.singerlib import SelectionMask

_FRESH = 0.01
"""Seconds for which a `time_extracted` is used again."""
_REMEMBERED = 2_000
"""Encoded records that may wait to be written."""
_NOTHING = (None, 0, b"")


class RecordLines:
    """Makes the lines of one stream, for one schema and selection.

    For speed (benchmark `raw_tap`): no message object is made for a record. This may go when the
    SDK writes records as fast.

    Attributes:
        plain: The stream has no map, no flattening and no selection inside of objects; otherwise
            the SDK has to make its messages.
    """

    def __init__(self, maps: t.Sequence[StreamMap], mask: SelectionMask) -> None:
        """Look at the stream's maps and its selection, once the catalog has been applied."""
        left_out = [place for place, selected in mask.items() if place and not selected]
        self.plain = (
            all(len(place) == len(("properties", "")) for place in left_out)
            and len(maps) == 1
            and type(maps[0]) is SameRecordTransform
            and not maps[0].flattening_enabled
        )
        self._left_out = [place[-1] for place in left_out]
        name = codec.encode(maps[0].stream_alias) if maps else b'""'
        self._head = b'{"type":"RECORD","stream":' + name + b',"record":'
        self._tail = b""
        self._tail_at = 0.0
        self._tail_version: int | None = None
        self._texts: dict[int, tuple[Record, int, bytes]] = {}

    def remember(self, record: Record, text: bytes) -> None:
        """Keep the JSON text of a record, so that `lines` need not encode the record again.

        For speed (benchmark `raw_tap`): a record whose content is fingerprinted is encoded once,
        not twice. This may go when fingerprints no longer need the text. The entry holds the
        record, so no other record can have its `id` meanwhile.
        """
        if len(self._texts) >= _REMEMBERED:
            self._texts.clear()
        self._texts[id(record)] = (record, len(record), text)

    def lines(self, records: t.Sequence[Record], version: int | None) -> bytes:
        """The RECORD lines of records, each with its line end.

        Args:
            records: The records; deselected properties are taken out of them.
            version: Version of the table that the records belong to, if there is one.
        """
        head, end = self._head, self._end(version)
        parts: list[bytes] = []
        for record in records:
            # A record that has got more properties since is not what was encoded.
            kept, size, text = self._texts.pop(id(record), _NOTHING)
            if self._left_out:
                for name in self._left_out:
                    record.pop(name, None)
            if self._left_out or kept is not record or size != len(record):
                text = codec.encode(record)
            parts += (head, text, end)
        return b"".join(parts)

    def _end(self, version: int | None) -> bytes:
        """The end of a line; for speed (benchmark `raw_tap`) records share it for a moment."""
        now = time.time()
        if now - self._tail_at >= _FRESH or version != self._tail_version:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
            self._tail = b',"time_extracted":"%b.%06dZ"}\n' % (stamp.encode(), now % 1 * 1_000_000)
            if version is not None:
                self._tail = b',"version":%d' % version + self._tail
            self._tail_at, self._tail_version = now, version
        return self._tail
