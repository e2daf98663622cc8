"""Streams by vendor."""

from __future__ import annotations

import functools
import importlib
import typing as t

from erp_vendors.vendors import VENDORS

if t.TYPE_CHECKING:
    from tap_erp.base import BaseTap
    from tap_erp.stream import ErpStream


def _streams(vendor: str, tap: BaseTap) -> list[ErpStream]:
    streams: list[ErpStream] = importlib.import_module(f"{__name__}.{vendor}").streams(tap)
    return streams


STREAMS: dict[str, t.Callable[[BaseTap], list[ErpStream]]] = {
    vendor: functools.partial(_streams, vendor) for vendor in VENDORS
}
"""Makes the streams of each vendor, whose module is imported when they are made."""
