"""Streams by vendor."""

from __future__ import annotations

import typing as t

from tap_erp.streams import aim, aims360, aimsio, cimcloud, pentamic

if t.TYPE_CHECKING:
    from tap_erp.stream import ErpStream
    from tap_erp.tap import TapErp

STREAMS: dict[str, t.Callable[[TapErp], list[ErpStream]]] = {
    "aim": aim.streams,
    "aims360": aims360.streams,
    "aimsio": aimsio.streams,
    "cimcloud": cimcloud.streams,
    "pentamic": pentamic.streams,
}
"""What makes the streams of each vendor."""
