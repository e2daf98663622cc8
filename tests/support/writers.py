"""Writers without a target around them."""

from __future__ import annotations

import typing as t

from erp_vendors.settings import Block
from erp_vendors.vendor import Connection
from erp_vendors.vendors import VENDORS
from target_erp.delivery import Write, Writer
from target_erp.writers import WRITERS


class Account:
    """Stands in for the target: it has one vendor's client."""

    def __init__(self, vendor: str, block: dict[str, t.Any]) -> None:
        self.vendor = vendor
        definition = VENDORS[vendor]
        self._client = definition.client(Block(vendor, definition.settings, block), Connection())

    def client(self, _: str) -> t.Any:
        return self._client

    def writer(self, resource: str, keys: t.Sequence[str] = ()) -> Writer:
        """The writer of a sink that there must be."""
        writer = WRITERS[self.vendor](t.cast("t.Any", self), resource, keys)
        assert writer is not None
        return writer


def prepared(writer: Writer, record: dict[str, t.Any], **more: t.Any) -> Write:
    """A record as the delivery hands it to its writer."""
    done = writer.prepare(record)
    return Write(1, writer.stream, record, done.key, done.body, done.parents, **more)


def sent(writer: Writer, record: dict[str, t.Any], **more: t.Any) -> Write:
    """A record that was prepared and sent alone."""
    write = prepared(writer, record, **more)
    writer.send([write])
    return write
