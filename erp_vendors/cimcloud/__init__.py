"""CIMcloud: B2B e-commerce beside an ERP (sheet: cimcloud.md)."""

from erp_vendors.cimcloud.client import CIMCLOUD, CimcloudClient
from erp_vendors.cimcloud.resources import CimcloudResource

__all__ = ["CIMCLOUD", "CimcloudClient", "CimcloudResource"]
