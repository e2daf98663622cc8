"""Aimsio: an index of ids, and one GET per record."""

from __future__ import annotations

import typing as t

from erp_vendors.aimsio.client import PREFIX
from tools.coverage.calls import VendorCalls

if t.TYPE_CHECKING:
    from erp_vendors.aimsio import AimsioResource
    from target_erp.writers.aimsio import AimsioWriter


class AimsioCalls(VendorCalls):
    """Index and details below one prefix."""

    def reads(self, resource: AimsioResource) -> t.Iterator[str]:
        """The index first, then one record."""
        yield f"GET {PREFIX}{resource.path}"
        yield f"GET {PREFIX}{resource.path}/{{}}"

    def writes(self, writer: AimsioWriter) -> t.Iterator[str]:
        """A POST below the prefix."""
        yield f"POST {PREFIX}{writer.resource.write_path}"


CALLS = AimsioCalls()
