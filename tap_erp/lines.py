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


class RecordLines:
    """Makes the lines of one stream, for one schema and selection.

    For speed: no message object is made for a record, which costs the plain SDK tap most of its
    time (benchmark `raw_tap` shows both). This may go when the SDK writes records as fast.

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

    def lines(self, records: t.Sequence[Record], version: int | None) -> bytes:
        """The RECORD lines of records, each with its line end.

        Args:
            records: The records; deselected properties are taken out of them.
            version: Version of the table that the records belong to, if there is one.
        """
        head, end = self._head, _end(version)
        parts: list[bytes] = []
        for record in records:
            for name in self._left_out:
                record.pop(name, None)
            parts += (head, codec.encode(record), end)
        return b"".join(parts)


def _end(version: int | None) -> bytes:
    """The end of a line, with the time at which the record was extracted."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    end = b',"time_extracted":"%b.%06dZ"}\n' % (stamp.encode(), now % 1 * 1_000_000)
    return end if version is None else b',"version":%d%b' % (version, end)
