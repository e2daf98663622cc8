"""AIM Web Services (active-e) by Tri-Tech: rental and retail shops (sheet: aim.md)."""

from erp_vendors.aim.answers import NotLicensedError, OperationError
from erp_vendors.aim.client import AIM, AimClient
from erp_vendors.aim.resources import AimResource, Parent

__all__ = ["AIM", "AimClient", "AimResource", "NotLicensedError", "OperationError", "Parent"]
