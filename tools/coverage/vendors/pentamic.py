"""Pentamic: one address for a record's PUT and DELETE, its list's for the rest."""

from __future__ import annotations

import typing as t

from tools.coverage.calls import VendorCalls

if t.TYPE_CHECKING:
    from erp_vendors.pentamic import PentamicResource
    from target_erp.writers.pentamic import PentamicWriter


class PentamicCalls(VendorCalls):
    """The paths of the table below `/api`."""

    def reads(self, resource: PentamicResource) -> t.Iterator[str]:
        """The list."""
        yield f"GET /api{resource.path}"

    def writes(self, writer: PentamicWriter) -> t.Iterator[str]:
        """One method each for what is new, changed and gone."""
        yield f"POST /api{writer.resource.write_path}"
        yield f"PUT /api{writer.resource.write_path}/{{}}"
        yield f"DELETE /api{writer.resource.write_path}/{{}}"


CALLS = PentamicCalls()
