"""The vendors, in alphabetical order: the one place that names them all."""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from erp_vendors.vendor import Vendor

_NAMES = (
    "aim",
    "aims360",
    "aimsio",
    "cimcloud",
    "pentamic",
)
RESULTS = "results"
"""The tap's block that is no vendor's: what the target has done."""


def _vendor(name: str) -> Vendor:
    """A vendor's definition: the constant in its settings that has its name, in capitals."""
    settings = importlib.import_module(f"erp_vendors.{name}.settings")
    return t.cast("Vendor", getattr(settings, name.upper()))


VENDORS: dict[str, Vendor] = {name: _vendor(name) for name in _NAMES}
"""What the tap and the target need to know of each vendor, by its name."""
