"""The vendors, in alphabetical order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from erp_vendors.aim.settings import AIM
from erp_vendors.aims360.settings import AIMS360
from erp_vendors.aimsio.settings import AIMSIO
from erp_vendors.cimcloud.settings import CIMCLOUD
from erp_vendors.pentamic.settings import PENTAMIC

if TYPE_CHECKING:
    from erp_vendors.vendor import Vendor

VENDORS: dict[str, Vendor] = {
    vendor.name: vendor for vendor in (AIM, AIMS360, AIMSIO, CIMCLOUD, PENTAMIC)
}
