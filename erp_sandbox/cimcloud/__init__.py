"""CIMcloud, played after the sheet ``cimcloud.md``; section numbers are the sheet's."""

from __future__ import annotations

from erp_sandbox.cimcloud.vendor import CimcloudVendor

VENDOR = CimcloudVendor
