"""Aimsio: field service and job costing (sheet: aimsio.md)."""

import typing as t

from erp_vendors.lazy import lazily

if t.TYPE_CHECKING:
    from erp_vendors.aimsio.client import AimsioClient, IndexEntry
    from erp_vendors.aimsio.resources import AimsioResource
    from erp_vendors.aimsio.settings import AIMSIO

__all__ = ["AIMSIO", "AimsioClient", "AimsioResource", "IndexEntry"]

__getattr__ = lazily(
    __name__,
    AimsioClient="client",
    IndexEntry="client",
    AimsioResource="resources",
    AIMSIO="settings",
)
