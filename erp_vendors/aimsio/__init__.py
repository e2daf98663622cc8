"""Aimsio: field service and job costing (sheet: aimsio.md)."""

from erp_vendors.aimsio.client import AIMSIO, AimsioClient, IndexEntry
from erp_vendors.aimsio.resources import AimsioResource

__all__ = ["AIMSIO", "AimsioClient", "AimsioResource", "IndexEntry"]
