"""The vendors, in alphabetical order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erp_vendors.aimsio import AIMSIO
from erp_vendors.cimcloud import CIMCLOUD

if TYPE_CHECKING:
    from erp_vendors.vendor import Vendor

VENDORS: dict[str, Vendor] = {vendor.name: vendor for vendor in (AIMSIO, CIMCLOUD)}
