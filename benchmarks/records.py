"""Made-up records of 20 fields and 539 bytes, as every benchmark reads or writes them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import sys
import typing as t

SIZE = 539
"""Bytes of a record as compact JSON, without what a vendor's longer key names add."""
_BASE = dt.datetime(2020, 1, 1)  # noqa: DTZ001 - written with the zone that a vendor uses
_FIELDS = (
    '"%(key)s":%(value)s,"account":"C%%08d","%(stamp)s":%%b,'
    '"name":"Customer %%08d Trading Company","street":"%%d Long Harbour Road","city":"Springfield",'
    '"region":"Northern District","zip":"90210","country":"US","phone":"+1 555 0100 200",'
    '"email":"orders%%08d@example.com","note":"","currency":"USD",'
    '"creditLimit":25000.00,"balance":%%d.75,"discount":2.5,"orderCount":%%d,"active":true,'
    '"blocked":false,"terms":null'
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """How the records of one resource differ from those of others.

    Attributes:
        key: Name of the key property.
        stamp: Name of the property that says when a record changed.
        number: The key is a number; otherwise a GUID.
        step: Seconds between the stamps of two records.
        zone: What follows a stamp's time; None for epoch milliseconds in its place.
        more: JSON members behind the 20, the same for every record.
    """

    key: str = "id"
    stamp: str = "changedOn"
    number: bool = False
    step: int = 60
    zone: str | None = "Z"
    more: str = ""

    @functools.cached_property
    def _template(self) -> bytes:
        value = "%d" if self.number else '"%08d-0000-4000-8000-000000000000"'
        text = _FIELDS % {"key": self.key, "value": value, "stamp": self.stamp}
        template = b"{" + text.encode() + self.more.encode() + b"}"
        short = SIZE - len(_fill(template, 1, PLAIN.stamp_of(1), 1))
        return template.replace(b'"note":""', b'"note":"' + b"x" * max(0, short) + b'"')

    def key_of(self, number: int) -> str:
        """A record's key as text."""
        return str(number) if self.number else f"{number:08d}-0000-4000-8000-000000000000"

    def moment(self, number: int) -> dt.datetime:
        """When a record changed."""
        return _BASE + dt.timedelta(seconds=self.step * number)

    def after(self, moment: dt.datetime) -> int:
        """The first record whose stamp is not before a moment."""
        return max(0, -(-int((moment - _BASE).total_seconds()) // self.step))

    def stamp_of(self, number: int) -> bytes:
        """A record's stamp as JSON."""
        moment = self.moment(number)
        if self.zone is None:
            return b"%d" % (moment.replace(tzinfo=dt.timezone.utc).timestamp() * 1000)
        return b'"%b%b"' % (moment.isoformat().encode(), self.zone.encode())

    def render(self, number: int, version: int = 1) -> bytes:
        """A record as compact JSON."""
        return _fill(self._template, number, self.stamp_of(number), version)

    def schema(self) -> dict[str, t.Any]:
        """The JSON schema of the records, every property typed."""
        kinds = {str: "string", int: "integer", bool: "boolean", float: "number"}
        properties: dict[str, t.Any] = {
            name: {"type": [kinds.get(type(value), "string"), "null"]}
            for name, value in json.loads(self.render(1)).items()
        }
        properties[self.key] = {"type": "integer" if self.number else "string"}
        if self.zone:
            properties[self.stamp]["format"] = "date-time"
        return {"type": "object", "properties": properties, "additionalProperties": True}


PLAIN = Shape()
"""What peers read and write."""


def _fill(template: bytes, number: int, stamp: bytes, version: int) -> bytes:
    return template % (number, number, stamp, number, number, number, number, version)


def messages(
    shape: Shape, stream: str, numbers: t.Sequence[int], versions: int = 1, every: int = 0
) -> t.Iterator[bytes]:
    """Singer messages with records of a shape, one a line.

    Args:
        shape: The shape.
        stream: Stream name.
        numbers: The records.
        versions: How often each of them comes, with a higher `orderCount` each time.
        every: Records between two STATE messages; 0 for none but the last.

    Yields:
        SCHEMA, the RECORDs with STATE among them, and a STATE.
    """
    head = {"type": "SCHEMA", "stream": stream, "schema": shape.schema()}
    yield json.dumps({**head, "key_properties": [shape.key]}).encode() + b"\n"
    start = b'{"type":"RECORD","stream":"%b","record":' % stream.encode()
    for version in range(1, versions + 1):
        for place, number in enumerate(numbers, 1):
            yield start + shape.render(number, version) + b"}\n"
            if every and place % every == 0:
                yield b'{"type":"STATE","value":{"done":%d}}\n' % place
    yield b'{"type":"STATE","value":{"done":true}}\n'


if __name__ == "__main__":
    sys.stdout.buffer.writelines(messages(PLAIN, sys.argv[1], range(int(sys.argv[2]))))
