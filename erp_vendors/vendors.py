"""The vendors, in alphabetical order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erp_vendors.aim import AIM
from erp_vendors.aims360 import AIMS360
from erp_vendors.aimsio import AIMSIO
from erp_vendors.cimcloud import CIMCLOUD
from erp_vendors.pentamic import PENTAMIC

if TYPE_CHECKING:
    from erp_vendors.vendor import Vendor

VENDORS: dict[str, Vendor] = {
    vendor.name: vendor for vendor in (AIM, AIMS360, AIMSIO, CIMCLOUD, PENTAMIC)
}
