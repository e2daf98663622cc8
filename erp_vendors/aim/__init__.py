"""AIM Web Services (active-e) by Tri-Tech: rental and retail shops (sheet: aim.md)."""

import typing as t

from erp_vendors.lazy import lazily

if t.TYPE_CHECKING:
    from erp_vendors.aim.answers import NotLicensedError, OperationError
    from erp_vendors.aim.client import AimClient
    from erp_vendors.aim.resources import AimResource, Parent
    from erp_vendors.aim.settings import AIM

__all__ = ["AIM", "AimClient", "AimResource", "NotLicensedError", "OperationError", "Parent"]

__getattr__ = lazily(
    __name__,
    NotLicensedError="answers",
    OperationError="answers",
    AimClient="client",
    AimResource="resources",
    Parent="resources",
    AIM="settings",
)
