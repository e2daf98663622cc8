"""AIM Web Services, played after the sheet ``aim.md``; section numbers are the sheet's."""

from __future__ import annotations

from erp_sandbox.aim.vendor import AimVendor

VENDOR = AimVendor
