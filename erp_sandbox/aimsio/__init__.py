"""Aimsio, played after the sheet ``aimsio.md``; section numbers in this package are the sheet's."""

from __future__ import annotations

from erp_sandbox.aimsio.vendor import AimsioVendor

VENDOR = AimsioVendor
