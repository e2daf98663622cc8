"""Streams by vendor."""

from __future__ import annotations

import typing as t

from tap_erp.streams import aimsio, cimcloud

if t.TYPE_CHECKING:
    from tap_erp.stream import ErpStream
    from tap_erp.tap import TapErp

STREAMS: dict[str, t.Callable[[TapErp], list[ErpStream]]] = {
    "aimsio": aimsio.streams,
    "cimcloud": cimcloud.streams,
}
"""What makes the streams of each vendor."""
