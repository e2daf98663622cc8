"""AIMS360: apparel ERP in the cloud (sheet: aims360.md)."""

import typing as t

from erp_vendors.lazy import lazily

if t.TYPE_CHECKING:
    from erp_vendors.aims360.client import Aims360Client
    from erp_vendors.aims360.resources import Aims360Resource
    from erp_vendors.aims360.settings import AIMS360

__all__ = ["AIMS360", "Aims360Client", "Aims360Resource"]

__getattr__ = lazily(
    __name__,
    Aims360Client="client",
    Aims360Resource="resources",
    AIMS360="settings",
)
