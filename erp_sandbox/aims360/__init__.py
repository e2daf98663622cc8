"""AIMS360, played after the sheet ``aims360.md``; section numbers are the sheet's."""

from __future__ import annotations

from erp_sandbox.aims360.vendor import Aims360Vendor

VENDOR = Aims360Vendor
