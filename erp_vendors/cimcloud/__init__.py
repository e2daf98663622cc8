"""CIMcloud: B2B e-commerce beside an ERP (sheet: cimcloud.md)."""

import typing as t

from erp_vendors.lazy import lazily

if t.TYPE_CHECKING:
    from erp_vendors.cimcloud.client import CimcloudClient
    from erp_vendors.cimcloud.resources import CimcloudResource
    from erp_vendors.cimcloud.settings import CIMCLOUD

__all__ = ["CIMCLOUD", "CimcloudClient", "CimcloudResource"]

__getattr__ = lazily(
    __name__,
    CimcloudClient="client",
    CimcloudResource="resources",
    CIMCLOUD="settings",
)
