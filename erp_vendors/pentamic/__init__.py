"""Pentamic Accounting: customers and their invoices (sheet: pentamic.md)."""

from erp_vendors.pentamic.client import PENTAMIC, PentamicClient
from erp_vendors.pentamic.resources import PentamicResource

__all__ = ["PENTAMIC", "PentamicClient", "PentamicResource"]
