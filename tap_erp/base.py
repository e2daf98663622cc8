"""What the tap, its runner and its streams know of each other; no import goes in a circle."""

from __future__ import annotations

import functools
import sys
import typing as t

from singer_sdk import Tap
from typing_extensions import override

from erp_plugin import ErpPlugin
from erp_plugin.progress import ProgressLine
from erp_vendors.vendors import VENDORS
from tap_erp.call_meter import CallMeter
from tap_erp.writer import StdoutWriter

if t.TYPE_CHECKING:
    import logging


class TapStream(t.Protocol):
    """A stream, as far as the tap and the runner know it.

    Attributes:
        name: Stream name.
        vendor: Name of the block it belongs to: a vendor's, or `results`.
        turn: The streams of a vendor are read in this order; those of one turn may overlap.
        records_read: Records that were emitted so far.
        was_read: An earlier run has read the stream.
    """

    name: str
    vendor: t.ClassVar[str]
    turn: int
    records_read: int
    was_read: bool

    @property
    def primary_keys(self) -> t.Sequence[str]:
        """Key properties."""

    @property
    def replication_key(self) -> str | None:
        """The bookmark field."""

    @property
    def replication_method(self) -> str:
        """What the catalog asks for; without it, what the stream can."""

    @property
    def selected(self) -> bool:
        """Whether the catalog selects the stream."""

    @property
    def effective_schema(self) -> dict[str, t.Any]:
        """JSON schema of the records, as far as it is known by now."""

    @property
    def logger(self) -> logging.Logger:
        """The stream's logger."""

    def sync(self) -> None:
        """Emit the stream's messages."""

    def snapshot(self) -> None:
        """Put the bookmark into the state as it is now."""


class BaseTap(ErpPlugin, Tap):
    """The tap, as far as the runner and the streams know it."""

    message_writer_class = StdoutWriter
    message_writer: StdoutWriter

    @property
    def erp_streams(self) -> list[TapStream]:
        """All streams, in the order in which they are read."""
        streams = t.cast("list[TapStream]", list(self.streams.values()))
        return sorted(streams, key=lambda stream: stream.turn)

    def streams_at_once(self, block: str) -> int:
        """Number of streams that may be read at once.

        Args:
            block: Block of the configuration that they belong to; only a vendor's has a limit.
        """
        limit: int = self.block(block).get("max_concurrency") if block in VENDORS else sys.maxsize
        return limit

    @property
    def connected(self) -> list[str]:
        """Vendors that a client was made for."""
        return list(self._clients)

    @functools.cached_property
    def call_meter(self) -> CallMeter:
        """Counts the calls of each stream."""
        return CallMeter()

    @override
    def client(self, vendor: str) -> t.Any:
        """As in the plugin; its calls are counted.

        Raises:
            ConfigError: If its credentials are not set.
        """
        client = super().client(vendor)
        client.transport.observer = self.call_meter
        return client

    @functools.cached_property
    def progress(self) -> ProgressLine:
        """Shows how far the run is; streams that know how much is to come add their totals."""
        return ProgressLine(
            self.logger,
            rows=lambda: sum(stream.records_read for stream in self.erp_streams),
            budgets=lambda: {name: self.client(name).transport.budget for name in self.connected},
        )
