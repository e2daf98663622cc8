"""AIMS360: apparel ERP in the cloud (sheet: aims360.md)."""

from erp_vendors.aims360.client import AIMS360, Aims360Client
from erp_vendors.aims360.resources import Aims360Resource

__all__ = ["AIMS360", "Aims360Client", "Aims360Resource"]
