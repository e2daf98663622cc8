"""Streams by block of the configuration: those of each vendor, and what the target has done."""

from __future__ import annotations

import functools
import importlib
import typing as t

from erp_vendors.vendors import RESULTS, VENDORS

if t.TYPE_CHECKING:
    from tap_erp.base import BaseTap
    from tap_erp.stream import ErpStream


def _streams(block: str, tap: BaseTap) -> list[ErpStream]:
    streams: list[ErpStream] = importlib.import_module(f"{__name__}.{block}").streams(tap)
    return streams


STREAMS: dict[str, t.Callable[[BaseTap], list[ErpStream]]] = {
    block: functools.partial(_streams, block) for block in (*VENDORS, RESULTS)
}
"""Makes the streams of each block, whose module is imported when they are made."""
