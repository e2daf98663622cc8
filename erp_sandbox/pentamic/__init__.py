"""Pentamic Accounting, played after the sheet ``pentamic.md``; section numbers are the sheet's."""

from __future__ import annotations

from erp_sandbox.pentamic.vendor import PentamicVendor

VENDOR = PentamicVendor
