"""Pentamic Accounting: customers and their invoices (sheet: pentamic.md)."""

import typing as t

from erp_vendors.lazy import lazily

if t.TYPE_CHECKING:
    from erp_vendors.pentamic.client import PentamicClient
    from erp_vendors.pentamic.resources import PentamicResource
    from erp_vendors.pentamic.settings import PENTAMIC

__all__ = ["PENTAMIC", "PentamicClient", "PentamicResource"]

__getattr__ = lazily(
    __name__,
    PentamicClient="client",
    PentamicResource="resources",
    PENTAMIC="settings",
)
